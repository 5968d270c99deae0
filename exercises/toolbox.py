# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Toolbox
#
# A sensor is read every 0.1 seconds. You make the times of the readings with `arange` and put both into one tensor. That
# worked with 5 readings:

# %%
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

# %%
for n in (5, 6, 8, 12):
    readings = torch.randn(n)
    times = torch.arange(0, n * 0.1, 0.1)
    try:
        print(f"{n} readings:", torch.stack([times, readings]).shape)
    except RuntimeError as error:
        print(f"{n} readings: RuntimeError: {error}")

# %% [markdown]
# Small tools have edges like this one: they work in the example, and fail for the 6th reading, the last batch of an epoch, or
# the one entry that is 0. This notebook is about those edges.
#
# By the end of it you will be able to:
#
# * choose between `arange` and `linspace`, and get exactly as many numbers as you want;
# * add and remove exactly one axis, and move an axis somewhere and back;
# * join tensors with `cat` and `stack`, even if their lengths differ;
# * choose between two values with `where` without spoiling the gradient.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.
#
# ## 1. How many numbers?
#
# There are several ways to ask a tensor for its size. `size()` is another name for `shape`, and `numel()` tells how many
# elements there are in total. (NumPy uses the same word for something else: an array's attribute `size` is its number of
# elements.)

# %%
a = torch.randn(2, 3, 5)
print(a.shape, a.size(), a.size(2), a.numel())

# %% [markdown]
# `len` gives the size of the first axis. If there is no axis, it raises:

# %%
print(len(a))
try:
    print(len(torch.tensor(3.5)))
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# `arange(start, end, step)` counts from `start` in steps and stops *before* `end`, like Python's `range`.
# `linspace(start, end, steps)` divides an interval evenly and *includes* both ends; the third argument is how many numbers
# you get, not how far apart they are.

# %%
print(torch.arange(8))
print(torch.arange(3, 8, 2))
print(torch.linspace(1.0, 2.0, steps=5))

# %% [markdown]
# The first two are integer tensors because they were made from whole numbers; `linspace` is always floating.
#
# With a step like 0.1, the number of elements that `arange` makes depends on the last digit of `end`. 0.1 is not exactly one
# tenth, and 3 · 0.1 comes out a little larger than 0.3:

# %%
print(3 * 0.1)
for n in range(1, 8):
    print(f"asked for {n}, got {len(torch.arange(0, n * 0.1, 0.1))}")

# %% [markdown]
# Rounding errors in the *values* are harmless: they show up in the seventh digit. A rounding error in the *number of
# elements* is not: the next operation fails because two shapes do not fit, but only for some lengths.
#
# ### Task `sample_times`
#
# A sensor is read at regular intervals: at which times?


# %%
def sample_times(start: float, step: float, n: int) -> Tensor:
    """Return a float32 tensor of EXACTLY n numbers: start, start+step, ...,
    start+(n-1)*step.

    The relative error of each number is below 1e-5, as long as it is no closer
    to 0 than one step. n = 0 gives an empty tensor. start and step may be
    integers, and step may be negative. The result is float32, and as precise,
    whatever torch's default dtype is.

    Raise ValueError if n < 0.
    """
    raise NotImplementedError


# %% [markdown]
# ## 2. One axis more, one axis less
#
# `unsqueeze(dim)` adds an axis of size 1; the index says where it ends up in the result. A negative index counts from the
# end. `x[None]` and `x[..., None]` do the same at the front and at the end.

# %%
a = torch.tensor([1, 2, 3, 4])
print(a.unsqueeze(0).shape, a.unsqueeze(1).shape, a.unsqueeze(-1).shape)

# %% [markdown]
# `squeeze` removes axes of size 1: with an index, the one you name; without, every one it finds. All of these results
# share their memory with the original.
#
# ### Predict, then verify: squeeze, three times
#
# Which shapes do the three results have? Replace the dots with three tuples, as in
# `predicted_shapes = (2, 2), (2,), (1, 2)`. (A tuple with one element needs a comma.)

# %%
x = torch.zeros(1, 3, 1)
all_of_them, first, second = x.squeeze(), x.squeeze(0), x.squeeze(1)

# The shape of `all_of_them`, of `first`, and of `second`:
predicted_shapes = ...

# %%
if predicted_shapes is ...:
    print("Write down your prediction first, then run this cell.")
else:
    found = tuple(all_of_them.shape), tuple(first.shape), tuple(second.shape)
    print("You predicted", predicted_shapes, "and the shapes are", found)

# %% [markdown]
# A bare `squeeze()` is a bug waiting to happen. With a batch of 32 it does what you want; but if the last batch of an epoch
# happens to hold one sample, it loses its batch axis. And a model with a single output loses *that* axis, with every batch.
#
# Models are written for batches, but often you have just one sample: one picture, one sentence.

# %%
layer = nn.Conv2d(1, 2, kernel_size=3)
print(layer(torch.zeros(5, 1, 8, 8)).shape)

# %% [markdown]
# ### Task `predict_one`
#
# A web page sends one picture, and the model wants a batch.


# %%
def predict_one(model: nn.Module, x: Tensor) -> Tensor:
    """Apply a model that expects batches to ONE sample x, which has no batch
    dimension.

    Call the model once, with x as a batch of one: a tensor of shape
    (1, *x.shape), with x's dtype and device. Return its output without the
    batch dimension, but with all its other dimensions, even those of size 1.

    The result is differentiable with respect to x and to the model's
    parameters. Hooks registered on the model run, as in any call. x and the
    modes of the model's parts are unchanged.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. Joining
#
# `cat` joins tensors end to end along an existing axis; `stack` puts them side by side along a new one.

# %%
u, v = torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6])
print(torch.cat([u, v]))
print(torch.stack([u, v]))
print(torch.stack([u, v], dim=1))

# %% [markdown]
# All sizes have to agree, except, for `cat`, the one it joins along. There is one more exception, for tensors of shape (0,);
# any other empty tensor has to fit like the rest:

# %%
matrix = torch.ones(2, 3)
print(torch.cat([torch.empty(0), matrix]).shape)
try:
    torch.cat([torch.empty(0, 4), matrix])
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Sentences and recordings have different lengths, and a batch has to be a rectangle. So the short ones are padded, and a
# *mask* tells real entries from padding. Everything that follows needs that mask: a loss or a mean that counts the padding
# is wrong.

# %%
import matplotlib.pyplot as plt

batch = torch.tensor([[5, 8, 6, 0], [7, 0, 0, 0], [4, 9, 5, 8]])
mask = torch.tensor(
    [
        [True, True, True, False],
        [True, False, False, False],
        [True, True, True, True],
    ]
)
print(
    "mean with padding:",
    batch.double().mean(),
    "- without:",
    batch[mask].double().mean(),
)

figure, axes = plt.subplots(1, 2, figsize=(6, 2.2))
for axis, table, title in zip(
    axes, (batch, mask), ("batch", "mask"), strict=True
):
    axis.imshow(mask.numpy(), cmap="Blues", vmin=0, vmax=2.5)
    for i in range(3):
        for j in range(4):
            axis.text(
                j,
                i,
                str(table[i, j].item()),
                ha="center",
                va="center",
                fontsize=9,
            )
    axis.set(
        title=title,
        xlabel="position",
        ylabel="sequence",
        xticks=range(4),
        yticks=range(3),
    )
figure.tight_layout()
plt.show()

# %% [markdown]
# A mask comes from a comparison. If two shapes differ, PyTorch repeats the axes of size 1 (`[:, None]` adds one);
# comparing a column with a row gives a table:

# %%
column = torch.tensor([3, 1, 2])[:, None]
row = torch.tensor([1, 2, 3, 4])
print(column.shape, row.shape)
print(column == row)

# %% [markdown]
# A new tensor needs the dtype and the device of the tensors it is joined with. `x.new_full(shape, value)` and
# `torch.full(shape, value, dtype=x.dtype, device=x.device)` take care of that:

# %%
print(u.new_full((2,), 9).dtype, torch.zeros(2).dtype)

# %% [markdown]
# ### Task `pad_sequences`
#
# This is the collate function of most data loaders for text and audio.


# %%
def pad_sequences(
    seqs: Sequence[Tensor], pad_value: float = 0
) -> tuple[Tensor, Tensor]:
    """Batch B 1-d tensors of different lengths, and return (batch, mask).

    The sequences all have the same dtype and device; any of them may have
    length 0.

    * batch has the dtype of the sequences and shape (B, T), where T is the
      greatest length. Row i is seqs[i] followed by pad_value.
    * mask is a bool tensor of shape (B, T). In row i, exactly the len(seqs[i])
      real entries are True.

    Both are on the device of the sequences. batch is differentiable with
    respect to the sequences, which are not modified.

    Raise ValueError for an empty list.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. There and back again
#
# Many functions work on the last axis, or have a `dim` that you would have to pass on. To use such a function along another
# axis, move that axis to the end. `movedim` (or `moveaxis`) takes one axis out and inserts it elsewhere; the others close
# ranks and keep their order. With `permute` you would have to name all of them.

# %%
x = torch.randn(2, 3, 5, 7)
print(x.movedim(1, -1).shape)
print(x.permute(0, 2, 3, 1).shape)

# %% [markdown]
# That is not the same as swapping two axes. Nor is it the same as `reshape`, which gives the same shape but leaves the
# numbers in their reading order:

# %%
print(x.transpose(1, -1).shape)
print(torch.equal(x.movedim(1, -1), x.reshape(2, 5, 7, 3)))

# %% [markdown]
# ### Task `apply_along`
#
# A layer or a softmax that works on the last axis can then be used along any axis: over time, say, or over the channels.


# %%
def apply_along(fn: Callable[[Tensor], Tensor], x: Tensor, dim: int) -> Tensor:
    """Apply fn along axis `dim` of x (a negative dim counts from the end).

    fn works on the LAST axis of its argument, (..., K) -> (..., K'),
    independently for every position of the other axes. Call it once.

    The result has size K' at position dim; all other axes keep their sizes and
    their order. Its values and its dtype are what fn returns. x is not
    modified.
    """
    raise NotImplementedError


# %% [markdown]
# ## 5. Choosing with where
#
# `torch.where(condition, a, b)` takes from `a` where the condition is true, and from `b` elsewhere. All three are
# broadcast against each other, and `a` or `b` may be plain numbers.

# %%
a = torch.tensor([[-0.5, 0.3], [0.4, -0.7]])
print(torch.where(a > 0, a, 10.0))
print(torch.where(a > 0, a, -a))

# %% [markdown]
# It looks like an `if`, but it is not one. Python computes both arguments, for *all* elements, before `where` chooses. For
# the values that makes no difference: what is not chosen is dropped, even if it is `nan`.

# %%
x = torch.tensor([-1.0, 0.0, 4.0])
print(x.sqrt())
print(torch.where(x > 0, x.sqrt(), 0.0))

# %% [markdown]
# ### Predict, then verify: the gradient of a choice
#
# Now with a gradient. (If `backward()` and `x.grad` are new to you, work through `autograd` first, and come back.) The
# derivative of √x is 1/(2·√x). Which three numbers does `x.grad` hold at the end? Replace the dots with three numbers, as in
# `predicted_gradient = 1.0, 2.0, 3.0`. (Write infinity as `float("inf")` and "not a number" as `float("nan")`.)

# %%
x = torch.tensor([-1.0, 0.0, 4.0], requires_grad=True)
y = torch.where(x > 0, x.sqrt(), 0.0)
y.sum().backward()

predicted_gradient = ...

# %%
if predicted_gradient is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_gradient, "and x.grad is", x.grad)

# %% [markdown]
# If you are surprised: `backward()` sends a gradient into both arguments of `where`, and zeros into what was not chosen. On
# their way to `x`, these zeros are multiplied by the derivative. What is it at each of the three numbers, and what is zero
# times that?

# %% [markdown]
# A gradient goes into the optimizer, the optimizer puts it into the weights, and every later result is made from these. So
# what a function does at its edges matters in both directions, and a check of its values alone is not enough.
#
# ### Task `safe_log`
#
# Entropies, likelihoods and spectrograms in decibels take the logarithm of numbers that may be 0.


# %%
def safe_log(x: Tensor) -> Tensor:
    """Return log(x) where x > 0, and 0 elsewhere. nan is not > 0, so it gives
    0, too.

    x is a floating tensor; the result has its shape and dtype, and is on its
    device. The gradient is 1/x where x > 0, and exactly 0 elsewhere. It is
    never nan or inf for a normal positive x (any positive number that is not
    denormal: from about 1e-38 up in float32). x is not modified.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Indexing, slicing, joining](https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops) in
#   PyTorch's documentation: the other tools in the box.
# * [Broadcasting semantics](https://docs.pytorch.org/docs/stable/notes/broadcasting.html): which shapes fit together.
# * [`pad_sequence`](https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html): PyTorch's own
#   function for section 3, without a mask.
# * In this course, `views` comes next: which of these tools copy, and which only read the same memory differently.
#
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * The results of `arange` with a step like 0.1 "will often not be consistent": what differs is how many numbers you get.
# * For `cat`, tensors must have the same shape "or be empty": only shape (0,) is such an exception.
# * It warns that a bare `squeeze()` removes a batch axis of size 1. The output axis of a model with one output goes as well.
# * `len(tensor)` is the size of the first axis. A tensor without axes has no length.
