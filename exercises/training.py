# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The training loop
#
# When you have worked through this notebook you can
#
# * write the five lines of a training step, and say which of them may change places;
# * cut a data set into shuffled batches, with samples and labels together, every epoch anew;
# * train a small network on real data, and report a loss for each epoch that deserves its name;
# * stop at the right moment, and keep the best weights rather than a view of the current ones.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# %% [markdown]
# ## 1. One step
#
# A training step has five lines. Here is a whole training, of a model with two numbers, that finds the line
# y = 3x - 1:

# %%
noise = torch.Generator().manual_seed(0)
x = torch.rand(40, 1, generator=noise)
y = 3 * x - 1 + 0.05 * torch.randn(40, 1, generator=noise)

line = nn.Linear(1, 1)
optimizer = torch.optim.SGD(line.parameters(), lr=0.3)
line.train()
for step in range(201):
    prediction = line(x)  # 1. forward
    loss = F.mse_loss(prediction, y)  # 2. how wrong is it?
    optimizer.zero_grad()  # 3. forget the gradients of the step before
    loss.backward()  # 4. compute those of this step
    optimizer.step()  # 5. change the parameters
    if step % 50 == 0:
        print(f"step {step:3}: loss {loss.item():.4f}")
print(f"y = {line.weight.item():.2f} x + {line.bias.item():.2f}")

# %% [markdown]
# Some notes for readers of the tutorial:
#
# * It names three calls "in the following order": `zero_grad()`, `backward()`, `step()`. The forward pass must come before
#   `backward()`. Where gradients are cleared is free, as long as it is before `backward()` and not between `backward()` and
#   `step()`: first thing in the step is as good as above.
# * `backward()` does not compute gradients "with respect to the inputs". Data does not require a gradient, and gets none.
# * An optimizer looks at `.grad`, not at `requires_grad`: a frozen parameter whose `.grad` still holds an old gradient is
#   moved. And `backward()` adds to what is in `.grad`.
# * Its "putting it together" lacks the indentation below `for`, and makes one single step in an epoch, with all the data at
#   once. That is where batches come in, below.
#
# ### Predict, then verify: a loop without `zero_grad()`
#
# The loss is 2w, so its derivative is 2 everywhere. The learning rate is 0.1. Which number is `w` after two steps? Write a
# number in place of the dots.

# %%
predicted_weight = ...

# %%
if predicted_weight is ...:
    print("Write down your prediction first, then run this cell.")
else:
    w = torch.tensor(1.0, requires_grad=True)
    descent = torch.optim.SGD([w], lr=0.1)
    for _ in range(2):
        (2 * w).backward()
        descent.step()
    print(f"You predicted {predicted_weight}, and w is {w.item():.3f}.")

# %% [markdown]
# ### Modes
#
# Dropout and BatchNorm behave differently in training and in use. `model.train()` and `model.eval()` set a flag in the model
# *and in all modules inside it*; layers look at their own. They neither train nor evaluate anything. Whoever evaluates in
# between switches to `eval()`, so a training step had better make sure of its mode itself.

# %%
net = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Dropout(0.5)))
net.eval()
print([module.training for module in net.modules()])
net.train()
print([module.training for module in net.modules()])

# %% [markdown]
# The loss is a tensor with a graph behind it. To remember it, take the number out: `loss.item()`. A list of losses that are
# tensors keeps the graphs of all steps in memory.
#
# ### Task `train_step`


# %%
def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    xb: Tensor,
    yb: Tensor,
) -> float:
    """Take one optimisation step on one batch, and return the loss before the update as a
    Python float.

    Puts the model in train mode and leaves it there; computes loss_fn(model(xb), yb); updates
    the parameters by exactly one step of the optimizer, with the gradient of this loss only:
    what was in .grad before must not matter.

    model and loss_fn are called once.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. Batches
#
# The gradient of a few samples points roughly where that of all samples points, and costs far less. So one goes through the
# data in *batches*, one step each; a whole pass is an *epoch*. The samples are shuffled for each epoch, or else the
# model would meet them in the same company again and again.
#
# `torch.randperm(n)` gives the numbers 0 to n - 1 in random order. The tutorial indexes data with it and calls the result
# mini-batches; but this is *all* of the data in random order, and its first dimension is the sample, not the mini-batch:

# %%
data = torch.arange(10) * 11
order = torch.randperm(data.shape[0], generator=noise)
print(data[order])
print("one batch:", data[order[0:4]])

# %% [markdown]
# Samples and labels are two tensors. Whatever order one of them is put into, the other has to follow.
#
# The order should be reproducible, and it should not disturb anybody else's random numbers. A `torch.Generator` carries a
# state of its own; it goes on from where it is, so that the second order that it gives is not the first one again:

# %%
mine = torch.Generator().manual_seed(3)
print(torch.randperm(8, generator=mine))
print(torch.randperm(8, generator=mine))
print(
    torch.randperm(8, generator=torch.Generator().manual_seed(3)),
    "- the first one, from a new generator",
)

# %% [markdown]
# A function with `yield` in it is a *generator function* (which has nothing to do with random numbers): calling it gives an
# iterator, and its body runs as far as the next `yield` whenever somebody asks for the next item.


# %%
def countdown(n: int) -> Iterator[int]:
    while n > 0:
        yield n
        n -= 1


print(list(countdown(3)))

# %% [markdown]
# ### Predict, then verify: how many steps?
#
# There are 50 samples, in batches of 8; what remains at the end is a batch as well. How many optimizer steps do 3 epochs
# take? Write a number in place of the dots.

# %%
predicted_steps = ...

# %%
if predicted_steps is ...:
    print("Write down your prediction first, then run this cell.")
else:
    sizes = [
        len(batch) for _ in range(3) for batch in torch.randperm(50, generator=noise).split(8)
    ]
    print(
        "You predicted",
        predicted_steps,
        "and these are the sizes of",
        len(sizes),
        "batches:",
        sizes,
    )

# %% [markdown]
# ### Task `minibatches`


# %%
def minibatches(
    X: Tensor, y: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Iterate once over a data set in random order: yield (X[idx], y[idx]) with batch_size
    samples each.

    The last batch holds the rest: it may be smaller, it is never empty and never dropped. Every
    sample occurs exactly once in a pass. A data set without samples yields nothing.

    The order is a fresh uniform random permutation for each call, drawn only from `generator`:
    equal seeds give equal orders, and the global random state is neither used nor changed. X
    and y are not modified.

    Raise ValueError, at the call or at the first next(), if len(X) != len(y) or batch_size < 1.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. A whole training
#
# What lives for the whole training, and what for one step? Many optimizers remember: SGD with momentum keeps a running
# direction for each parameter, Adam two running averages. A new optimizer has forgotten them:

# %%
w = torch.tensor(10.0, requires_grad=True)
descent = torch.optim.SGD([w], lr=0.1, momentum=0.9)
for _ in range(4):
    before = w.item()
    descent.zero_grad()
    w.backward()  # the derivative of w is 1
    descent.step()
    print(f"a step of {w.item() - before:.3f}")

# %% [markdown]
# For a classifier the loss is the *cross-entropy*. `F.cross_entropy(logits, labels)` takes the model's raw outputs, of shape
# (samples, classes), and whole numbers as labels; it does the softmax itself. A second softmax before it confines the
# outputs to numbers between 0 and 1, and the loss can never become small:

# %%
logits, label = torch.tensor([[30.0, 0.0, 0.0]]), torch.tensor([0])
print("right and sure:", F.cross_entropy(logits, label).item())
print("softmax twice: ", F.cross_entropy(logits.softmax(dim=1), label).item())

# %% [markdown]
# What is the loss of an epoch? Each batch has its mean loss; the mean over the *samples* weights it with the batch's
# size. With batches of 4, 4 and 2, the two samples of the last one would otherwise count twice as much as the others:

# %%
each = torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 1, 6, 6])
batches = each.split(4)
print("mean over samples:", each.mean().item())
print("mean of means:    ", torch.stack([batch.mean() for batch in batches]).mean().item())
print(
    "weighted means:   ", sum(len(batch) * batch.mean() for batch in batches).item() / len(each)
)

# %% [markdown]
# (Since the parameters change from batch to batch, this number belongs to no single state of the model. It is what one
# gets for nothing; for a loss of the trained model one evaluates it afterwards.)
#
# ### Task `fit`


# %%
def fit(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    seed: int,
) -> list[float]:
    """Train a classifier, and return one Python float for each epoch: its loss.

    Make `epochs` passes of shuffled minibatches: a new order every epoch, from one
    torch.Generator seeded with `seed`. The loss is the cross-entropy of the model's raw outputs
    (logits, of shape (B, C)) and the integer labels y. ONE torch.optim.SGD(lr=lr, momentum=0.9)
    over all parameters serves for the whole run, with one step for each batch, the smaller last
    one included. The model is in train mode during training.

    The loss of an epoch is the mean over its N samples of the loss that each had when its batch
    was processed; so a smaller last batch counts less.

    The same model state and the same seed give an identical result. The global random state is
    unchanged (for a model without dropout).
    """
    raise NotImplementedError


# %% [markdown]
# ### Try it on real data
#
# scikit-learn brings 1,797 handwritten digits, of 8 × 8 pixels:

# %%
from sklearn.datasets import load_digits

images, labels = (torch.tensor(array) for array in load_digits(return_X_y=True))
images = images.float() / 16  # from 0 to 1
figure, axes = plt.subplots(1, 8, figsize=(7, 1.3))
for axis, image, label in zip(axes, images, labels, strict=False):
    axis.imshow(image.reshape(8, 8).numpy(), cmap="gray_r")
    axis.set(title=str(label.item()), xticks=[], yticks=[])

# %%
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, test = order[:1400], order[1400:]
reader = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
try:
    history = fit(
        reader, images[train], labels[train], epochs=10, batch_size=32, lr=0.05, seed=0
    )
except NotImplementedError:
    print("Write fit first, then run this cell.")
else:
    print("losses:", [round(loss, 3) for loss in history])
    reader.eval()
    right = reader(images[test]).argmax(dim=1) == labels[test]
    print(f"{right.float().mean():.1%} of the digits that it has never seen are recognised")

# %% [markdown]
# About 95 % should be right. If it is 10 %, nothing was learned, and the losses will tell you more: do they fall at all?
#
# ## 4. When to stop
#
# A large model can learn a small data set by heart. Then the loss goes on falling on the data that it is trained on, and
# rises on data that it has not seen. Here is a network with far too many parameters, for 20 noisy points:

# %%
points = torch.linspace(-1, 1, 40)[:, None]
curve = torch.sin(2 * points) + 0.5 * torch.randn(
    40, 1, generator=torch.Generator().manual_seed(1)
)
torch.manual_seed(1)
large = nn.Sequential(
    nn.Linear(1, 100), nn.Tanh(), nn.Linear(100, 100), nn.Tanh(), nn.Linear(100, 1)
)
optimizer = torch.optim.Adam(large.parameters(), lr=0.003)
seen, unseen = [], []
for _ in range(400):
    loss = F.mse_loss(large(points[::2]), curve[::2])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    seen.append(loss.item())
    with torch.no_grad():
        unseen.append(F.mse_loss(large(points[1::2]), curve[1::2]).item())

best = min(range(len(unseen)), key=unseen.__getitem__)
figure, axis = plt.subplots(figsize=(5.5, 3))
axis.plot(seen, label="trained on")
axis.plot(unseen, label="not seen in training")
axis.axvline(best, color="gray", linestyle="--", label="the best moment")
axis.set(xlabel="epoch", ylabel="loss", ylim=(0, 1))
_ = axis.legend()

# %% [markdown]
# *Early stopping* keeps an eye on the second curve. It waits for a number of epochs, its *patience*, whether another
# improvement comes; if none does, it stops and goes back to the best weights.
#
# Which requires that somebody has kept them. `model.state_dict()` holds everything that makes up a model's state: the
# parameters, and buffers like the running statistics of BatchNorm.
#
# ### Predict, then verify: kept weights
#
# Somebody keeps a layer's state, and training goes on. Which number stands in `best` afterwards? Write it in place of the
# dots.

# %%
layer = nn.Linear(1, 1, bias=False)
nn.init.constant_(layer.weight, 2.0)

best = layer.state_dict()
with torch.no_grad():
    layer.weight.mul_(10)

predicted_best = ...

# %%
if predicted_best is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_best, "and best is", best)

# %% [markdown]
# Two things can go wrong with losses. A loss that is not a number compares with nothing: each of `nan < 1`, `nan > 1` and
# `nan == nan` is false. And training may have begun with nothing to compare with; `float("inf")` is larger than every
# number.

# %%
nan, inf = float("nan"), float("inf")
print(nan < 1, nan > 1, nan == nan, inf > 1e300, inf < inf)

# %% [markdown]
# ### Task `fit_early_stopping`


# %%
def fit_early_stopping(
    model: nn.Module,
    train_epoch: Callable[[], Any],
    val_loss: Callable[[], float],
    *,
    max_epochs: int,
    patience: int,
) -> tuple[int, float]:
    """Train until the validation loss has stopped falling, and return (best_epoch, best_loss).

    In each epoch (they are numbered from 0), call train_epoch(), which changes the model, and
    then val_loss() once.

    An epoch is an improvement if its loss is STRICTLY smaller than the best so far. The first
    one improves on infinity; nan never improves. Stop after `patience` epochs in a row without
    improvement, or after max_epochs.

    At the end the model holds its parameters AND buffers exactly as they were after the best
    epoch. If no epoch improved, return (-1, inf); the model stays as it is. The Parameter
    objects stay the same objects.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Optimizing model parameters](https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html) in PyTorch's
#   tutorials: the same loop with a `DataLoader`.
# * [torch.utils.data](https://docs.pytorch.org/docs/stable/data.html): data sets that do not fit into one tensor.
# * Prechelt, [Early stopping - but when?](https://doi.org/10.1007/3-540-49430-8_3): rules for patience, compared.
# * In this course, `modes` evaluates a model without changing it, and `metrics` counts what it gets right.
