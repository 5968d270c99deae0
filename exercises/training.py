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
# The two loops below train the same model on the same data, with the same learning rate. One reaches the answer; the other
# swings around it for ever. The second loop raises no error, and it looks complete. A single line is missing.

# %%
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


# %%
def two_loops(steps: int = 60) -> None:
    """Draw the losses of a complete loop, and of one that lacks a line."""
    torch.manual_seed(0)
    inputs = torch.randn(40, 3)
    targets = inputs @ torch.tensor([[1.0], [-2.0], [3.0]])
    _, axis = plt.subplots(figsize=(5.5, 2.8))
    for complete in (True, False):
        torch.manual_seed(1)
        learner, errors = nn.Linear(3, 1), []
        descent = torch.optim.SGD(learner.parameters(), lr=0.05)
        for _ in range(steps):
            error = F.mse_loss(learner(inputs), targets)
            if complete:
                descent.zero_grad()
            error.backward()
            descent.step()
            errors.append(error.item())
        axis.plot(errors, label="complete" if complete else "one line missing")
    axis.set(xlabel="step", ylabel="loss", title="The same model in two loops")
    axis.legend()
    plt.show()


two_loops()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * write the five lines of a training step, and say which of them may change places;
# * split a data set into batches that are reshuffled every epoch, keeping samples and labels together;
# * let a `DataLoader` do that, in an order that a seed decides;
# * train a small network on real data, and report an honest loss for each epoch;
# * compare the curves of several runs, and search for a good learning rate;
# * stop at the right moment, and keep the best weights rather than a view of the current ones.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.

# %% [markdown]
# ## 1. One step
#
# A training step has five lines. Here is a complete training run: a model with just two numbers finds the line y = 3x - 1:

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
# The forward pass must come before `backward()`, and `backward()` before `step()`. You may clear the gradients anywhere
# except between `backward()` and `step()`: at the very start of a step works as well as above. But somewhere you must, for
# `backward()` adds to whatever is in `.grad`, and the optimizer uses what it finds there.
#
# ### Predict, then verify: a loop without `zero_grad()`
#
# The loss is 2w, so its derivative is 2 everywhere. The learning rate is 0.1, and `w` starts at 1. What is `w` after two
# steps? Replace the dots with a number.

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
# Dropout and BatchNorm behave differently in training and in use. `model.train()` and `model.eval()` set a flag in the
# model *and in every module inside it*; each layer looks at its own flag. Neither call trains or evaluates anything. Anyone
# may have switched to `eval()` for an evaluation in between, so a training step should set the mode itself.

# %%
net = nn.Sequential(nn.Linear(4, 8), nn.Sequential(nn.ReLU(), nn.Dropout(0.5)))
net.eval()
print([module.training for module in net.modules()])
net.train()
print([module.training for module in net.modules()])

# %% [markdown]
# The loss is a tensor with a graph behind it. To remember its value, take the number out: `loss.item()`. A list of loss
# tensors keeps the graphs of all the steps in memory.
#
# ### Task `train_step`
#
# These lines are the core of every training script; the rest of this notebook calls them.


# %%
def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    xb: Tensor,
    yb: Tensor,
) -> float:
    """Take one optimisation step on one batch, and return the loss before the
    update as a Python float.

    Put the model in train mode and leave it there; compute
    loss_fn(model(xb), yb); update the parameters with exactly one step of the
    optimizer, using the gradient of this loss only: whatever was in .grad
    before must not matter.

    Call model and loss_fn exactly once each.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. Batches
#
# The gradient of a few samples points in roughly the same direction as that of all samples, and costs far less. So you go
# through the data in *batches*, with one step for each; one complete pass is an *epoch*. The samples are shuffled for every
# epoch; otherwise the same samples would share a batch in every epoch.
#
# `torch.randperm(n)` gives the numbers 0 to n - 1 in random order. Indexing data with it gives *all* of the data in random
# order; a batch is a part of that:

# %%
data = torch.arange(10) * 11
order = torch.randperm(data.shape[0], generator=noise)
print(data[order])
print("one batch:", data[order[0:4]])

# %% [markdown]
# Samples and labels are two tensors. If you reorder one, reorder the other in the same way.
#
# The order should be reproducible, and drawing it should not disturb anyone else's random numbers. A `torch.Generator` has
# a state of its own; it continues from where it is, so the second order it gives differs from the first:

# %%
mine = torch.Generator().manual_seed(3)
print(torch.randperm(8, generator=mine))
print(torch.randperm(8, generator=mine))
print(
    torch.randperm(8, generator=torch.Generator().manual_seed(3)),
    "- the first one, from a new generator",
)

# %% [markdown]
# A function with `yield` in it is a *generator function* (which has nothing to do with random numbers): calling it returns
# an iterator, and its body runs up to the next `yield` whenever the next item is requested.


# %%
def countdown(n: int) -> Iterator[int]:
    while n > 0:
        yield n
        n -= 1


print(list(countdown(3)))

# %% [markdown]
# ### Predict, then verify: how many steps?
#
# There are 50 samples, in batches of 8; whatever remains at the end is a batch too. How many optimizer steps do 3 epochs
# take? Replace the dots with a number.

# %%
predicted_steps = ...

# %%
if predicted_steps is ...:
    print("Write down your prediction first, then run this cell.")
else:
    sizes = [
        len(batch)
        for _ in range(3)
        for batch in torch.randperm(50, generator=noise).split(8)
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
#
# Data that fits into one tensor needs nothing more than this, and a bug in it ruins every run without an error.


# %%
def minibatches(
    X: Tensor, y: Tensor, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Iterate once over a data set in random order: yield pairs
    (X[idx], y[idx]) of batch_size samples each.

    The last batch holds the rest: it may be smaller, but it is never empty and
    never dropped. Every sample occurs exactly once in a pass. A data set
    without samples yields nothing.

    The order is a fresh uniform random permutation for each call, drawn only
    from `generator`: equal seeds give equal orders, and the global random state
    is neither used nor changed. Do not modify X and y.

    Raise ValueError, at the call or at the first next(), if len(X) != len(y) or
    batch_size < 1.
    """
    raise NotImplementedError


# %% [markdown]
# ### The same with a `DataLoader`
#
# PyTorch has all this ready-made, in two parts. A *data set* knows how many samples there are and returns one of them by its
# number; `TensorDataset` makes one from tensors of equal length. A `DataLoader` picks the numbers, fetches the samples and
# stacks them into batches. You can iterate over it again and again: each `for` is one pass.

# %%
tens, places = torch.arange(0, 100, 10), torch.arange(10)
pairs = TensorDataset(tens, places)
print("sample 3:", pairs[3], "of", len(pairs))
for tb, pb in DataLoader(pairs, batch_size=4):
    print(tb, pb)

# %% [markdown]
# Its other options have defaults that you should know: `shuffle=False`, and `drop_last=False`, which keeps the smaller last
# batch. With `num_workers` above 0, other processes fetch the samples, which helps if each of them has to be read from a
# file.
#
# A loader takes random numbers from the global generator unless you pass it one as `generator`, and it takes one for every
# pass *even if it does not shuffle*:

# %%
loader = DataLoader(pairs, batch_size=4)
torch.manual_seed(0)
undisturbed = torch.rand(1)
torch.manual_seed(0)
for _ in loader:
    pass
print(
    "global numbers are the same as before:",
    torch.equal(torch.rand(1), undisturbed),
)

# %% [markdown]
# ### Task `seeded_loader`
#
# With a loader like this, a run can be repeated, and looking at the validation data in between does not change it.


# %%
def seeded_loader(
    X: Tensor, y: Tensor, batch_size: int, seed: int, train: bool = True
) -> DataLoader:
    """Return a torch.utils.data.DataLoader over the samples in X and their
    labels in y.

    Each pass over it yields pairs (xb, yb) of batch_size samples each, with the
    dtypes of X and y. Every sample occurs exactly once in a pass. The last
    batch holds the rest: it may be smaller, but it is never dropped. X has at
    least one sample.

    With train=True, each pass has a new random order. The seed alone decides
    these orders: two loaders with the same seed give the same batches, pass for
    pass, and with other seeds (below 2**32) others. With train=False, each pass
    is in the order of X. In both cases the global random state is neither used
    nor changed, when the loader is made or in a pass.

    Raise ValueError if len(X) != len(y).
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. A complete training run
#
# What should last for the whole training run, and what for only one step? Many optimizers have a memory: SGD with momentum
# keeps a running direction for each parameter, Adam keeps two running averages. A new optimizer starts without them:

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
# For a classifier, the loss is the *cross-entropy*. `F.cross_entropy(logits, labels)` takes the model's raw outputs, of
# shape (samples, classes), and integer labels; it applies the softmax itself. A second softmax before it squeezes the
# outputs into numbers between 0 and 1, and then the loss can never become small:

# %%
logits, label = torch.tensor([[30.0, 0.0, 0.0]]), torch.tensor([0])
print("right and sure:", F.cross_entropy(logits, label).item())
print("softmax twice: ", F.cross_entropy(logits.softmax(dim=1), label).item())

# %% [markdown]
# What is the loss of an epoch? Each batch has its mean loss; the mean over the *samples* weights each of these by the size
# of its batch. With batches of 4, 4 and 2, the two samples in the last one would otherwise count twice as much as the
# others:

# %%
each = torch.tensor([1.0, 1, 1, 1, 1, 1, 1, 1, 6, 6])
batches = each.split(4)
print("mean over samples:", each.mean().item())
print(
    "mean of means:    ",
    torch.stack([batch.mean() for batch in batches]).mean().item(),
)
print(
    "weighted means:   ",
    sum(len(batch) * batch.mean() for batch in batches).item() / len(each),
)

# %% [markdown]
# (The parameters change from batch to batch, so this number does not belong to any single state of the model. You get it
# for free; for the loss of the trained model, evaluate the model afterwards.)
#
# ### Task `fit`
#
# This is a whole training script in one function, the part that you will write again in every project.


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
    """Train a classifier, and return a list with one Python float per epoch:
    its loss.

    Make `epochs` passes over shuffled minibatches: a new order every epoch,
    from one torch.Generator seeded with `seed`. The loss is the cross-entropy
    of the model's raw outputs (logits, of shape (B, C)) and the integer labels
    y. Use ONE torch.optim.SGD(lr=lr, momentum=0.9) over all parameters for the
    whole run, and take one step per batch, including the smaller last one. The
    model is in train mode during training.

    The loss of an epoch is the mean over its N samples of the loss each had
    when its batch was processed; so a smaller last batch counts less.

    The same model state and the same seed give an identical result. The global
    random state stays unchanged (for a model without dropout).
    """
    raise NotImplementedError


# %% [markdown]
# ### Try it on real data
#
# scikit-learn comes with 1,797 handwritten digits of 8 × 8 pixels:

# %%
from sklearn.datasets import load_digits

images, labels = (torch.tensor(array) for array in load_digits(return_X_y=True))
images = images.float() / 16  # from 0 to 1
figure, axes = plt.subplots(1, 8, figsize=(7, 1.3))
for axis, image, label in zip(axes, images, labels, strict=False):
    axis.imshow(image.reshape(8, 8).numpy(), cmap="gray_r")
    axis.set(title=str(label.item()), xticks=[], yticks=[])
plt.show()

# %%
order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
train, test = order[:1400], order[1400:]
reader = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
try:
    history = fit(
        reader,
        images[train],
        labels[train],
        epochs=10,
        batch_size=32,
        lr=0.05,
        seed=0,
    )
except NotImplementedError:
    print("Write fit first, then run this cell.")
else:
    print("losses:", [round(loss, 3) for loss in history])
    reader.eval()
    right = reader(images[test]).argmax(dim=1) == labels[test]
    share = right.float().mean()
    print(f"{share:.1%} of the digits that it has never seen are recognised")

# %% [markdown]
# About 95 % should be right. If it is 10 %, the model learned nothing, and the losses will tell you more: do they fall at
# all?
#
# ### Comparing experiments
#
# Is a learning rate good? To find out, run the same experiment with several and draw their curves into one picture. Change
# one thing at a time: all runs start from the same weights and see the batches in the same order. Rates differ by factors, so
# try 0.001, 0.1 and 5 rather than 0.09, 0.1 and 0.11, and refine around the best.


# %%
def experiment(rate: float, epochs: int = 12) -> tuple[list[float], float]:
    """Learn which points lie in a circle: the losses, and the share of new
    points right."""
    chance = torch.Generator().manual_seed(0)
    spots = 4 * torch.rand(500, 2, generator=chance) - 2
    inside = (spots.square().sum(dim=1) < 2).long()
    torch.manual_seed(0)
    candidate = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
    descent = torch.optim.SGD(candidate.parameters(), lr=rate, momentum=0.9)
    curve = []
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(300, generator=chance).split(30):
            error = F.cross_entropy(candidate(spots[chosen]), inside[chosen])
            descent.zero_grad()
            error.backward()
            descent.step()
            total += len(chosen) * error.item()
        curve.append(total / 300)
    right = candidate(spots[300:]).argmax(dim=1) == inside[300:]
    return curve, right.float().mean().item()


def compare(rates: tuple[float, ...]) -> None:
    _, axis = plt.subplots(figsize=(5.5, 3.2))
    for rate in rates:
        curve, right = experiment(rate)
        axis.semilogy(
            curve, "o-", markersize=4, label=f"lr {rate}: {right:.0%} right"
        )
    axis.set(
        xlabel="epoch",
        ylabel="loss (log scale)",
        title="One experiment, three learning rates",
    )
    axis.legend(title="held-out data")
    plt.show()


compare((0.001, 0.1, 5.0))

# %% [markdown]
# Too small a rate gets nowhere, too large a rate makes the loss jump or explode. Batch size, weight decay or the width of
# the network can be searched in the same way. With two or more such *hyperparameters* at once, draw random combinations
# instead of going through a grid: a grid with five values each tries only five learning rates in its 25 runs, random
# combinations try 25.
#
# Choose by data that the model was not trained on, here 200 of the 500 points. They are then used up: the best of many runs
# looks better on them than it is. So a third part of the data, the test set, waits until the choice is made, and is looked at
# once.
#
# ## 4. When to stop
#
# A large model can memorise a small data set. Its loss then keeps falling on the data it is trained on, but rises on data
# it has not seen. Here is a network with far too many parameters for 20 noisy points:

# %%
points = torch.linspace(-1, 1, 40)[:, None]
curve = torch.sin(2 * points) + 0.5 * torch.randn(
    40, 1, generator=torch.Generator().manual_seed(1)
)
torch.manual_seed(1)
large = nn.Sequential(
    nn.Linear(1, 100),
    nn.Tanh(),
    nn.Linear(100, 100),
    nn.Tanh(),
    nn.Linear(100, 1),
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
axis.legend()
plt.show()

# %% [markdown]
# *Early stopping* keeps an eye on the second curve. It waits a number of epochs, its *patience*, for the loss to improve
# again; if it does not, it stops and goes back to the best weights.
#
# For that, the best weights must have been saved. `model.state_dict()` holds what you need to save a model: its parameters,
# and buffers like the running statistics of BatchNorm. (A buffer registered with `persistent=False` is the exception: it is
# part of the model's state, but not of `state_dict()`.)
#
# ### Predict, then verify: saved weights
#
# Someone saves a layer's state, and training continues. What number is in `best` afterwards? Replace the dots with it.

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
# Losses have two pitfalls. First, a loss that is not a number compares as false with everything: `nan < 1`, `nan > 1` and
# `nan == nan` are all false. Second, at the start there is nothing to compare with yet; `float("inf")` is larger than every
# finite number.

# %%
nan, inf = float("nan"), float("inf")
print(nan < 1, nan > 1, nan == nan, inf > 1e300, inf < inf)

# %% [markdown]
# ### Task `fit_early_stopping`
#
# It saves the hours after the best moment, and you keep the best model rather than the last.


# %%
def fit_early_stopping(
    model: nn.Module,
    train_epoch: Callable[[], Any],
    val_loss: Callable[[], float],
    *,
    max_epochs: int,
    patience: int,
) -> tuple[int, float]:
    """Train until the validation loss stops falling, and return (best_epoch,
    best_loss).

    In each epoch (numbered from 0), call train_epoch() once, which changes the
    model, and then val_loss() once, which returns a float.

    An epoch is an improvement if its loss is STRICTLY smaller than the best so
    far. The best loss starts at infinity; nan is never an improvement. Stop
    after `patience` epochs in a row without improvement, or after max_epochs.

    At the end, the model holds all its parameters AND buffers exactly as they
    were after the best epoch, including buffers that are not in state_dict().
    If no epoch improved, return (-1, inf) and leave the model as it is. The
    Parameter objects stay the same objects.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Optimizing model parameters](https://docs.pytorch.org/tutorials/beginner/basics/optimization_tutorial.html) in
#   PyTorch's tutorials: the same loop with a `DataLoader`.
# * [torch.utils.data](https://docs.pytorch.org/docs/stable/data.html): data sets that do not fit into one tensor.
# * Prechelt, [Early stopping - but when?](https://doi.org/10.1007/3-540-49430-8_3): a comparison of stopping rules.
# * In this course, `modes` evaluates a model without changing it, and `metrics` counts what it gets right.

# %% [markdown]
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * It names three calls "in the following order": `zero_grad()`, `backward()`, `step()`, and leaves out the forward pass
#   before `backward()`. There is more than one right place for `zero_grad()`.
# * `backward()` does not compute gradients "with respect to the inputs". Data does not require a gradient, and gets none.
# * An optimizer looks at `.grad`, not at `requires_grad`: it moves a frozen parameter whose `.grad` still holds an old
#   gradient.
# * Its "putting it together" is not indented under the `for`, and it takes a single step per epoch, with all the data at
#   once.
# * It calls data indexed with `torch.randperm` mini-batches. That is all of the data in random order, and its first
#   dimension counts samples.
