# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Start here
#
# This course is about building neural networks in PyTorch, training them, and finding out what is wrong when they do not
# learn. By the end of it you will be able to:
#
# * build a model, train it on real data, and report honestly how good it is;
# * take a model that somebody else has trained, and teach it something new;
# * save a model, load it elsewhere, and run it on a GPU;
# * track down the mistake when the loss does not fall, or turns into `nan`.
#
# You need to know Python, its functions, loops and classes, but no PyTorch.
#
# This notebook has no tasks, and nobody grades it. Run its cells from top to bottom: click on the first one and press
# Shift+Enter until you reach the end. You do not have to understand the code yet.

# %% [markdown]
# ## 1. A model that reads handwriting
#
# Before any theory, train a model. Here are 1,797 digits that people wrote by hand. Each picture has 8 by 8 pixels, and
# beside each one is the digit that it shows:

# %%
import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import cross_entropy

data = load_digits()
# Each picture is 64 numbers from 0 to 1.
pictures = torch.tensor(data.data / 16, dtype=torch.float32)
digits = torch.tensor(data.target)


def show(numbers, titles):
    """Draw some of the pictures side by side, each with a title."""
    axes = plt.figure(figsize=(8, 1.3)).subplots(1, len(numbers))
    for axis, number, title in zip(axes, numbers, titles, strict=True):
        axis.imshow(pictures[number].view(8, 8).numpy(), cmap="gray_r")
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()


show(range(8), digits[:8].tolist())

# %% [markdown]
# The model gets 1,400 of them to learn from. The others are held out: it never sees them while it learns, so they show
# whether it has learned to read, or only knows its own pictures by heart.

# %%
torch.manual_seed(0)
shuffled = torch.randperm(len(pictures))
train, held_out = shuffled[:1400], shuffled[1400:]

# %% [markdown]
# Now the model and its training: look at all the pictures, see how wrong the answers are, and improve each weight a
# little, 60 times.

# %%
model = torch.nn.Sequential(
    torch.nn.Linear(64, 64),  # from 64 pixels to 64 numbers
    torch.nn.ReLU(),  # negative ones become 0
    torch.nn.Linear(64, 10),  # to 10 scores, one for each digit
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for step in range(1, 61):
    scores = model(pictures[train])
    loss = cross_entropy(scores, digits[train])  # how wrong are they?
    optimizer.zero_grad()
    loss.backward()  # which way should each weight go?
    optimizer.step()  # and there they go, a little
    if step % 20 == 0:
        print(f"step {step}: loss {loss.item():.2f}")

# %% [markdown]
# Those few lines are all of it. Now the exam, on the pictures that were held out:

# %%
with torch.no_grad():
    scores = model(pictures[held_out])
answers = scores.argmax(dim=1)  # the digit with the highest score
right = answers == digits[held_out]
print(f"{right.sum()} of {len(held_out)} are right: {right.float().mean():.1%}")

# %% [markdown]
# A few of its answers, first some right ones, then some that it got wrong. Would you have known?

# %%
good, bad = right.nonzero().flatten(), (~right).nonzero().flatten()
some = [*good[:4].tolist(), *bad[:4].tolist()]
titles = [
    f"says {answers[i]}" + ("" if right[i] else f", is {digits[held_out[i]]}")
    for i in some
]
show(held_out[some], titles)

# %% [markdown]
# **Play with it.** Change something in the last cells, and run them again, from the one that you changed. What happens
# with 5 steps instead of 60? With only 100 pictures to learn from, `train = shuffled[:100]`? With 2 numbers in the middle
# instead of 64?
#
# By the end of the course, each of those lines will be yours: the numbers' type (`dtypes`), the weights inside a `Linear`
# (`parameters`) and where they start (`initialization`), the loss (`losses`), what `backward()` does (`autograd`), what
# the optimizer does (`optimizers`), the loop (`training`), and `no_grad()` (`modes`).

# %% [markdown]
# ## 2. How the notebooks answer you
#
# The other notebooks have tasks: a function to write, say, with a description of what it should do. `check` tells you at
# once what is right and what is not. Here is an attempt at `scale_pixels`, a task of the first notebook: turn a picture
# of whole numbers from 0 to 255 into one from 0 to 1. It looks fine, but it is wrong.

# %%
from autograder import check, hint, progress


def scale_pixels(img):
    return img / img.max()


check("scale_pixels")

# %% [markdown]
# The first line says how the task stands. Each line below it is one check: what it looks at, whether it passed, and if
# not, how your result differs from the right one. Your points depend on such checks, and on some that you do not see.
#
# Stuck? `hint` gives a hint, and one more each time you run it. Hints cost nothing:

# %%
hint("scale_pixels")

# %% [markdown]
# If you like, improve the attempt above and run its cell again. Nothing counts here; the task waits for you in its own
# notebook.
#
# `progress` shows how far you are, in one topic and in the whole course:

# %%
progress("dtypes")

# %% [markdown]
# In a topic's own notebook you need no names: `check()` checks all its tasks, and `progress()` shows how they stand.

# %% [markdown]
# ## 3. The map of the course
#
# Take the notebooks from top to bottom. Everybody does the required ones; each optional one stands where it fits best.
#
# <!-- topics -->
#
# Before you hand in a notebook, choose *Kernel*, *Restart Kernel and Run All Cells*: grading runs it from top to bottom,
# too. What else counts is in `README.md`, in the same folder.
#
# Now open the first notebook. Good luck, and have fun!
