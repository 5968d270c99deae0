# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Out of PyTorch and back
#
# You want to plot a layer's weights. For the plot, you take them to NumPy and scale them, so that the largest becomes 1. Then
# your model predicts something else:

# %%
import json

import numpy as np
import torch
from torch import Tensor

# %%
layer = torch.nn.Linear(3, 1)
sample = torch.tensor([1.0, 2.0, 3.0])
print("before the plot:", layer(sample).item())

heights = layer.weight.detach().numpy()
heights /= np.abs(heights).max()
print("after the plot: ", layer(sample).item())

# %% [markdown]
# No training step was made, and nothing was assigned to the layer. This notebook shows what happened, and how to move data
# out of PyTorch and back without surprises.
#
# By the end of it you will be able to:
#
# * turn any tensor into a NumPy array, even one that requires grad or is on a GPU;
# * say when a tensor and an array share memory, and what follows from that;
# * bring an array into PyTorch with the dtype that training needs;
# * collect numbers, not graphs, during training.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.
#
# ## 1. Two objects, one memory
#
# A tensor on the CPU and a NumPy array are built alike: a block of memory, a dtype, a shape and strides. So `t.numpy()`
# does not have to convert anything. It makes an array that uses the *same* memory, and `torch.from_numpy(a)` does the same
# in the other direction. That costs nothing, but it has a consequence:

# %%
t = torch.tensor([1, 2, 3])
a = t.numpy()
a[0] = 100
print(a, t)
print("one memory:", np.shares_memory(a, t.numpy()))

# %% [markdown]
# Write to one of the two, and you change both. A copy has its own memory; `t.clone()`, `a.copy()`, `np.array(a)` and
# `torch.tensor(a)` make one:

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(6, 1.9))
for left, numbers in ((0, (100, 2, 3)), (5, (100, 2, 3))):
    for i, number in enumerate(numbers):
        axis.add_patch(
            plt.Rectangle(
                (left + i, 0), 1, 1, facecolor="lightblue", edgecolor="black"
            )
        )
        axis.text(left + i + 0.5, 0.5, str(number), ha="center", va="center")
for name, x, target in (
    ("t", 0, 0.5),
    ("a = t.numpy()", 2.7, 2.2),
    ("b = a.copy()", 6.5, 6.5),
):
    axis.annotate(
        name,
        (target, 1.05),
        (x, 2.2),
        ha="center",
        arrowprops={"arrowstyle": "->"},
    )
axis.set(
    xlim=(-1, 9),
    ylim=(-0.1, 2.6),
    title="two memories for three names",
    aspect="equal",
)
axis.axis("off")
plt.show()

# %% [markdown]
# ### Predict, then verify: who notices what?
#
# One tensor, one array, and two ways to add 1. Which number does `a[0]` hold at the end? Replace the dots with a number.

# %%
t = torch.ones(3)
a = t.numpy()

t.add_(1)
t = t + 1

predicted_shared = ...

# %%
if predicted_shared is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_shared, "and a[0] is", a[0])

# %% [markdown]
# If you are surprised, ask of each line that adds: does it write to existing memory, or does it make a new tensor with an
# old name?

# %% [markdown]
# ## 2. Three reasons why numpy() refuses
#
# NumPy knows nothing about gradients, has no GPU, and lacks some of PyTorch's dtypes. In each of these cases `numpy()`
# raises, so that you have to say what to leave behind. (The device `meta`, whose tensors have no data, stands in for a GPU
# here.)

# %%
for tensor in (
    torch.ones(3, requires_grad=True),
    torch.ones(3, device="meta"),
    torch.ones(3, dtype=torch.bfloat16),
):
    try:
        tensor.numpy()
    except (RuntimeError, TypeError) as error:
        print(f"{type(error).__name__}: {error}")

# %% [markdown]
# * `t.detach()` gives you a tensor without history. It is another tensor on the *same memory*; the original keeps its
#   graph, its `requires_grad` and its `.grad`. (`detach_()`, with an underscore, would cut the original's own graph.)
# * `t.cpu()` copies a tensor from another device; a tensor that is already on the CPU is returned as it is.
# * `bfloat16` has the range of `float32`, but fewer digits. `float32` can hold every `bfloat16` value exactly.
#
# The usual chain is `t.detach().cpu().numpy()`; if you detach first, the copy to the CPU is not recorded. The chain does
# not promise you a copy: from a GPU you get one, from the CPU you do not.

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
array = w.detach().cpu().numpy()
array[0] = 50.0
print(w)

# %% [markdown]
# ### Task `to_numpy`
#
# Plots, scikit-learn and files of results want arrays, and none of them should be able to change your model.


# %%
def to_numpy(t: Tensor) -> np.ndarray:
    """Return an independent NumPy copy of any tensor: on any device, requiring
    grad or not, with any strides.

    The array has the shape, values and dtype of t; only bfloat16, which NumPy
    lacks, becomes float32. It is an np.ndarray for every shape, including ()
    and shapes without elements. t is bool, integer, floating or complex; you
    can ignore sparse, quantized and lazily conjugated tensors, and float8.

    Writing to the array does not change t, and writing to t does not change the
    array. t keeps its requires_grad and its graph: backward() through t still
    works afterwards.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. From NumPy into training
#
# PyTorch and NumPy have different default floating types. A model notices:

# %%
try:
    layer(torch.from_numpy(np.ones((2, 3))))
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# ### Predict, then verify: the same numbers, two tensors
#
# Which dtypes do these two tensors have? Replace the dots with two dtypes, as in
# `predicted_dtypes = torch.float16, torch.bool`.

# %%
from_list = torch.tensor([0.5, 1.5])
from_array = torch.tensor(np.array([0.5, 1.5]))

# The dtype of `from_list`, and the dtype of `from_array`:
predicted_dtypes = ...

# %%
if predicted_dtypes is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_dtypes,
        "and PyTorch says",
        (from_list.dtype, from_array.dtype),
    )

# %% [markdown]
# If you are surprised, look at the dtype of the array. What does `torch.from_numpy` do with it?

# %% [markdown]
# Class labels and indices have to be `int64`, whatever small integer type they were stored in. The class `torch.Tensor`,
# with a capital T, is no help here: it makes everything floating.
#
# Arrays come in forms that tensors cannot have. A tensor's strides are never negative, so a reversed array has to be copied
# first; `np.ascontiguousarray` copies if it has to, and *only* then. Look at what else it does:

# %%
backwards = np.arange(4.0)[::-1]
print("strides:", backwards.strides)
try:
    torch.from_numpy(backwards)
except ValueError as error:
    print("ValueError:", error)

print("strides:", np.ascontiguousarray(backwards).strides)
forwards = np.arange(4.0)
print("copied:", np.ascontiguousarray(forwards) is not forwards)
print("shape () becomes", np.ascontiguousarray(np.array(5.0)).shape)

# %% [markdown]
# An array can also be read-only. A tensor cannot, so `torch.from_numpy` warns, but still lets you write to it. With a copy,
# the question does not arise.
#
# Every array has a `dtype.kind`, one letter for the family of its dtype:

# %%
for example in (
    np.float16(1),
    np.int8(1),
    np.uint8(1),
    np.bool_(True),
    np.complex64(1),
    np.str_("one"),
):
    print(example.dtype, "->", example.dtype.kind)

# %% [markdown]
# ### Task `from_numpy`
#
# Nearly every dataset comes as arrays: this is the function between the file and the model.


# %%
def from_numpy(a: np.ndarray) -> Tensor:
    """Return an independent tensor copy of a NumPy array, on the CPU, with a
    dtype fit for training.

    Floating arrays (float16, float32, float64) become float32, signed and
    unsigned integer arrays of every size become int64, and bool stays bool,
    whatever torch's default dtype is. The tensor has a's shape and values,
    including shape () and shapes without elements. It requires no grad. (You
    may rely on uint64 values being below 2**63, and on there being no
    longdouble.)

    a may have any strides, even negative ones, and may be read-only. No memory
    is shared, and a is not modified.

    Raise TypeError for arrays of any other dtype: complex numbers, objects,
    strings, dates.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. Numbers for Python
#
# `item()` returns the number in a one-element tensor of any shape. For a tensor with more elements it raises:

# %%
loss = torch.tensor([0.1], requires_grad=True)
print(loss.item())

scores = torch.tensor([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]])
try:
    scores.item()
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# `tolist()` returns all numbers: as lists of Python numbers, nested as deep as the tensor has dimensions, or as the bare
# number if it has none. That is what `json` and most code without PyTorch wants:

# %%
print(scores.tolist())
print(scores[0].tolist(), scores[0, 0].tolist())
print(loss.tolist(), loss.sum().tolist())
print(
    json.dumps(
        {"scores": scores.tolist(), "hits": (scores > 2).sum(dim=1).tolist()}
    )
)

# %% [markdown]
# Both fetch the tensor from its device and leave the graph behind.
#
# (Nothing is wrong with the digits of 0.1. A Python float has 16 of them, and the `float32` nearest to 0.1 is not quite 0.1.)
#
# For keeping records, numbers without a graph are what you want. A loss that you keep as a *tensor* keeps its graph
# alive, and with it everything the forward pass saved for the backward pass. Add up such losses, and you chain together the
# graphs of all batches:

# %%
w = torch.tensor(2.0, requires_grad=True)
as_tensor, as_number = 0.0, 0.0
for _ in range(3):
    loss = (w - 5) ** 2
    as_tensor += loss
    as_number += loss.item()
print(as_tensor)
print(as_number)

# %%
depth, node = 0, as_tensor.grad_fn
while node is not None:
    depth += 1
    node = node.next_functions[0][0] if node.next_functions else None
print(f"The sum is the end of a chain of {depth} recorded steps;")
print("the number is just a number.")

# %% [markdown]
# On a GPU, `item()` has a price: Python has to wait until the device has computed the number. Once per batch is fine; in an
# inner loop it is not.
#
# What are the numbers good for? The loss of a single batch jumps about; the average so far in an epoch is easier to read.
# The last batch is often smaller than the others, so each batch has to count once for each of its samples.

# %%
noise = torch.Generator().manual_seed(0)
batch_losses = (
    2 * torch.exp(-torch.arange(60) / 25)
    + 0.3 * torch.rand(60, generator=noise)
).tolist()
averages = [sum(batch_losses[: i + 1]) / (i + 1) for i in range(60)]
figure, axis = plt.subplots(figsize=(5, 2.6))
axis.plot(batch_losses, label="loss of each batch", alpha=0.5)
axis.plot(averages, label="average so far")
axis.set(xlabel="batch", ylabel="loss")
axis.legend()
plt.show()

# %%
print(
    "three samples with loss 1 and one with loss 5:",
    (3 * 1.0 + 1 * 5.0) / 4,
    "- not",
    (1.0 + 5.0) / 2,
)

# %% [markdown]
# ### Task `LossMeter`
#
# Every training loop has such a meter, to print one number per epoch.


# %%
class LossMeter:
    """The running average of batch losses.

    The meter holds no tensor at any time, so it keeps no graph alive. It never
    calls backward(), and it does not modify the caller's losses: backward()
    through them still works afterwards. Two meters are independent of each
    other.
    """

    def __init__(self) -> None:
        """Start a meter that has seen nothing."""
        raise NotImplementedError

    def reset(self) -> None:
        """Forget everything seen so far."""
        raise NotImplementedError

    def update(self, loss: Tensor | float, n: int = 1) -> None:
        """Record `loss`, the mean loss of n samples.

        It is a Python number, or a floating or integer tensor with one element:
        of shape () or another, on any device, with a graph or without. Its
        present value counts, even if the tensor changes later.
        """
        raise NotImplementedError

    def mean(self) -> float:
        """Return the average loss over all samples since the start or the last
        reset, as a Python float.

        Raise ValueError if there were none. Asking for the mean changes
        nothing.
        """
        raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [`Tensor.numpy`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.numpy.html): with `force=True`, it takes
#   several steps of section 2 at once.
# * [`torch.from_numpy`](https://docs.pytorch.org/docs/stable/generated/torch.from_numpy.html) and
#   [`torch.as_tensor`](https://docs.pytorch.org/docs/stable/generated/torch.as_tensor.html): which dtypes they accept, and
#   when they copy.
# * In this course, `autograd` comes next: what a graph is, and where `detach()` cuts it.
#
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * `numpy()` "converts" a tensor: it converts nothing. The array reads the tensor's own memory.
# * `torch.tensor([1, 2, 3], requires_grad=True)` raises: only floating and complex tensors can require gradients.
# * A tensor on the GPU has the type `torch.Tensor`, like any other. Only `numpy()` makes a `numpy.ndarray`.
# * That `item()` and `tolist()` are not differentiable is no flaw: for records, it is what you want.
