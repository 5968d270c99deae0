# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
# ---

# %% [markdown]
# # Tensors and dtype conversion
#
# You train on 5000 samples and count them along the way, to report an average in the end. To save memory, the counter is a
# `float16`. Nothing raises, nothing warns, and every average in the report is wrong. Run the next
# two cells to see why.

# %%
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# %%
samples_seen = torch.zeros((), dtype=torch.float16)
for _ in range(5000):
    samples_seen += 1
print("samples seen:", samples_seen.item())

# %% [markdown]
# The counter got stuck on the way: its type, `float16`, has no number between 2048 and 2050. A tensor's type decides what it
# can hold, what arithmetic does with it, and whether a conversion copies your data. This notebook shows how.
#
# By the end of it you will be able to:
#
# * choose between `torch.tensor`, which picks a dtype to suit your numbers, and `torch.Tensor`, which does not;
# * convert a tensor to another dtype without losing values, precision or gradients by accident;
# * say when `.to()` makes a copy and when it hands back the same tensor;
# * change the default dtype, which applies to the whole process, and put it back.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.
#
# ## 1. What a tensor holds
#
# All elements of a tensor have the same type, its `dtype`. `torch.tensor` infers it from the numbers you pass:

# %%
print(torch.tensor([[1, 2], [3, 4]]).dtype)
print(torch.tensor([[1.0, 2.0], [3.0, 4.0]]).dtype)
print(torch.tensor([True, False]).dtype)
print(torch.tensor([1, 2.5]).dtype)

# %% [markdown]
# Whole numbers become `int64`, numbers with a decimal point become the default floating type (usually `float32`;
# `torch.get_default_dtype()` tells), and a single number with a decimal point makes all of them floating.
#
# `torch.Tensor`, with a capital T, is the class itself. Calling it infers nothing: it stores your numbers in the default
# floating type. It also has a trap: it takes a single whole number as a *size*.

# %%
print(torch.Tensor([[1, 2], [3, 4]]).dtype)
print(torch.Tensor(3).shape, "but", torch.tensor(3).shape)

# %% [markdown]
# Use `torch.tensor`, and add `dtype=...` when you want something other than what it would infer. A tensor also has a
# `device`, where its numbers are: `cpu`, or a GPU such as `cuda:0`. What you compute from it is on the same device.
#
# | dtype | bytes | holds | used for |
# |---|---|---|---|
# | `torch.bool` | 1 | False, True | masks |
# | `torch.uint8` | 1 | 0 … 255 | images |
# | `torch.int64` (`torch.long`) | 8 | whole numbers up to about 9·10¹⁸ | class labels, indices |
# | `torch.float16` | 2 | about 3 decimal digits, up to 65504 | mixed precision |
# | `torch.float32` (`torch.float`) | 4 | about 7 decimal digits | weights, activations |
# | `torch.float64` (`torch.double`) | 8 | about 16 decimal digits | NumPy's default, checking gradients |
#
# A floating type has the same number of digits for every number. So the larger the number, the wider the gap to its
# neighbour. Where the gap is wider than 1, adding 1 can be lost. For `float16`, that is where the counter stopped:

# %%
import matplotlib.pyplot as plt

numbers = 2.0 ** torch.arange(0, 31)
figure, axis = plt.subplots(figsize=(7, 3))
for dtype in (torch.float16, torch.float32, torch.float64):
    held = numbers[numbers <= torch.finfo(dtype).max]
    axis.loglog(
        held,
        held * torch.finfo(dtype).eps,
        label=str(dtype),
        base=2,
        linewidth=2,
    )
axis.axhline(1, color="gray", linestyle="--", label="a gap of 1")
axis.set(xlabel="number", ylabel="gap to the next number")
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
figure.tight_layout()
plt.show()

# %% [markdown]
# ## 2. Arithmetic chooses a dtype too
#
# If two tensors differ in dtype, the result takes the "larger" kind: bool, then integer, then floating. Two floating
# types give the wider one. A Python number, or a 0-dim tensor next to one with dimensions, affects only the kind (bool,
# int, float) of the result, not its width.

# %%
counts = torch.tensor([1, 2, 3])
print((counts * 2).dtype, (counts * 0.5).dtype, (counts / 2).dtype)
print((torch.ones(2) * torch.ones(2, dtype=torch.float64)).dtype)
print(
    (torch.ones(2) * 0.5).dtype,
    (torch.ones(2) * torch.tensor(0.5, dtype=torch.float64)).dtype,
)

# %% [markdown]
# Two exceptions are worth knowing. `/` never divides integers as integers: it converts both sides to the default
# floating type first (`//` keeps them integers). And an *in-place* operation cannot change the dtype of the tensor it
# writes to:

# %%
pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
try:
    pixels /= 255
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# ### Predict, then verify: two bright pixels
#
# Two images are added pixel by pixel. In one place, the first image holds 200 and the second holds 100. What does the sum
# hold there? Replace the dots with a number.

# %%
first = torch.tensor([200], dtype=torch.uint8)
second = torch.tensor([100], dtype=torch.uint8)

predicted_pixel = 44

# %%
if predicted_pixel is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted", predicted_pixel, "and PyTorch computes", first + second
    )


# %% [markdown]
# If you are surprised, compare `first + second` with `torch.cat([first, second]).sum()` and look at the dtype of each.

# %% [markdown]
# ### Task `scale_pixels`
#
# Images come as `uint8`; models want `float32` between 0 and 1.

# %%
def scale_pixels(img: Tensor) -> Tensor:
    """Turn a uint8 image of any shape into input for a model.

    Return a new float32 tensor of the same shape, on img's device, with the
    values img/255: 0 becomes 0.0 and 255 becomes 1.0. img may have any shape,
    including () and empty shapes such as (0, 3, 4).

    The result is float32 even if torch.get_default_dtype() is something else.
    img is not modified.

    Raise TypeError if img.dtype is not torch.uint8; this includes bool, int64
    and floating images.
    """
    # first I make room for the result, then I fill it in place (img itself stays as it is)
    if img.dtype is not torch.uint8:
        raise TypeError("img has to be uint8")
    out = torch.empty(img.shape, dtype=torch.float32, device=img.device)
    out.copy_(img)
    out.div_(255.0)
    return out


# %% [markdown]
# ## 3. Conversions change numbers
#
# `.to(dtype)` converts; `.float()`, `.double()`, `.half()`, `.long()` and `.bool()` are short for it. A conversion changes
# every number that the new type cannot hold:

# %%
a = torch.tensor([[1, 2], [3, 4]])
# Same values, and dtype=torch.float64 is shown because it is not the default:
print(a.double())
print(torch.tensor([0.0, 0.5, 2.0]).bool())  # everything but zero is True
# float32 has 24 bits for the digits of a number:
print(torch.tensor(16_777_217).float().long())
# Lost digits do not come back:
print(torch.tensor(1 / 3, dtype=torch.float64).float().double())

# %% [markdown]
# ### From floating to whole numbers
#
# There are several ways to turn 1.7 into a whole number. They disagree most on negative numbers and on *ties*, numbers
# halfway between two whole numbers.

# %%
numbers = torch.linspace(-2.6, 2.6, 261)
figure, axis = plt.subplots(figsize=(5, 3))
axis.plot(numbers, numbers.long(), label="x.long()", linewidth=5, alpha=0.3)
axis.plot(numbers, numbers.floor(), label="x.floor()", linestyle="--")
axis.plot(numbers, numbers.round(), label="x.round()")
axis.set(xlabel="x", ylabel="whole number")
axis.legend()
plt.show()

# %% [markdown]
# Converting to an integer type cuts off the fraction, `floor` goes down, and `round` goes to the nearest whole number. At
# a tie, `torch.round` picks the *even* neighbour, as Python's `round` does: over many numbers the errors then cancel out,
# whereas "always up" would shift the mean.
#
# No integer type can hold `nan` or an infinity. What a conversion turns them into depends on the processor, so look
# before you convert:

# %%
readings = torch.tensor([1.5, float("nan"), float("inf")])
print(torch.isfinite(readings))


# %% [markdown]
# ### Task `round_to_int`
#
# A model predicts 3.7 stars or 12.2 guests, and you want to report whole ones.

# %%
def round_to_int(x: Tensor) -> Tensor:
    """Round to the nearest integer: return int64 (torch.long), in x's shape and
    on x's device.

    Ties go to the even neighbour, as in torch.round: 0.5 becomes 0, 1.5 becomes
    2, -2.5 becomes -2. x may be floating, integer or bool; integer and bool
    inputs keep their values (True becomes 1). You may rely on |x| < 2**31. x is
    not modified.

    Raise ValueError if a floating x contains nan or an infinity.
    """
    if not x.is_floating_point():
        return x.long()
    if torch.isnan(x).any() or torch.isinf(x).any():
        raise ValueError("x contains nan or inf")
    x = x.double()
    down = torch.floor(x)
    rest = x - down
    odd = torch.remainder(down, 2) == 1
    up = (rest > 0.5) | ((rest == 0.5) & odd)
    return down.long() + up.long()


# %% [markdown]
# ## 4. Means need fractions
#
# The accuracy of a classifier is the mean of a bool mask, and the brightness of an image is the mean of its `uint8`
# pixels. Both calls raise, because a mean is rarely a whole number and PyTorch does not guess which type you want:

# %%
correct = torch.tensor([True, False, True, True])
try:
    correct.mean()
except RuntimeError as error:
    print("RuntimeError:", error)

print(correct.mean(dtype=torch.float32))

# %% [markdown]
# A *reduction* over all elements, such as `mean()` or `sum()`, returns a tensor with no dimensions at all: its shape is
# `()`, and it holds one number. That is not the same as a tensor of shape `(1,)`. And it stays *differentiable*: when you
# train, gradients flow back through it, until you take the bare number out with `item()`.

# %%
total = torch.tensor([1.0, 2.0]).sum()
print(total, total.shape, total.ndim)
print(total.reshape(1), total.reshape(1).shape)


# %% [markdown]
# ### Task `mean_any`
#
# One function for all the averages of a report: accuracy from a mask, brightness from an image, loss from floating numbers.

# %%
def mean_any(x: Tensor) -> Tensor:
    """Return the mean over all elements of a bool, integer or floating tensor.

    The result is a 0-dim tensor on x's device. Its dtype is x.dtype if x is
    floating (float64 stays float64, float16 stays float16), and otherwise
    whatever torch.get_default_dtype() is at the time of the call. For a
    floating x, the result is differentiable. x is not modified.

    Raise ValueError if x has no elements.
    """
    if x.numel() == 0:
        raise ValueError("empty")
    return x.mean()


# %% [markdown]
# ## 5. The same tensor or a copy?
#
# If there is nothing to convert, `.to()` returns the tensor itself, not a copy. Writing to one then writes to the other:

# %%
x = torch.tensor([1.0, 2.0, 3.0])
same = x.to(torch.float32)
other = x.to(torch.float64)
print("same tensor:", same is x, "- other dtype:", other is x)

same[0] = 100.0
print(x, other)

# %% [markdown]
# Two tensors share memory when they use the same *storage*. Its address gives that away, even when the two are different
# Python objects:

# %%
print(
    x.view(3, 1).untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
)
print(x.clone().untyped_storage().data_ptr() == x.untyped_storage().data_ptr())

# %% [markdown]
# `.to()` also moves a tensor to another device (`x.to("cuda")`). To automatic differentiation it is an operation like any
# other: gradients flow back through a conversion from one floating type to another. Without a GPU, you can practise with
# the device `meta`, where tensors have a shape and a dtype, but no data.

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w.to(torch.float64) * 3).sum().backward()
print(w.grad, w.grad.dtype)
print(x.to("meta"))


# %% [markdown]
# ### Task `match`
#
# Data come as `float64` on the CPU, and the model's weights are `float32` on a GPU. This function makes one fit the other.

# %%
def match(x: Tensor, like: Tensor) -> Tensor:
    """Return x with the dtype and the device of `like`. The shape of `like`
    does not matter.

    * No needless copy: if dtype and device already agree, the result shares x's
      storage.
    * Differentiable: if x requires grad and both dtypes are floating, gradients
      flow from the result back to x.
    * The values are those of PyTorch's own conversion, which truncates toward
      zero from floating to integer.

    Neither input is modified.
    """
    same_dtype = x.dtype == like.dtype
    same_device = x.device == like.device
    if same_dtype and same_device:
        return x
    return x.to(like)


# %% [markdown]
# ## 6. Everybody shares the default dtype
#
# "The default floating type" has come up several times. `torch.set_default_dtype` changes it: not for one tensor, not for
# one function, but for the whole process, until somebody changes it again.

# %%
torch.set_default_dtype(torch.float64)
layer = torch.nn.Linear(2, 1)
torch.set_default_dtype(torch.float32)

print(layer.weight.dtype)
try:
    layer(torch.ones(1, 2))
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# The layer was made while the default was `float64`, so its weights are `float64`; its input is not, and the two do not
# fit together.
#
# ### Predict, then verify: two ways of making a tensor
#
# Which dtypes do these two tensors have? Replace the dots with two dtypes, as in
# `predicted_dtypes = torch.float16, torch.bool`.

# %%
torch.set_default_dtype(torch.float64)
inferred = torch.tensor([[1, 2], [3, 4]])
capital = torch.Tensor([[1, 2], [3, 4]])
torch.set_default_dtype(torch.float32)

# The dtype of `inferred`, and the dtype of `capital`:
predicted_dtypes = torch.int64, torch.float64

# %%
if predicted_dtypes is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_dtypes,
        "and PyTorch says",
        (inferred.dtype, capital.dtype),
    )


# %% [markdown]
# ### Task `with_default_dtype`
#
# A test wants `float64`, and everything after it wants the old default back. A function that changes something global has to
# put it back, whatever happens in between.

# %%
def with_default_dtype(dtype: torch.dtype, fn: Callable[[], Any]) -> Any:
    """Call fn() exactly once while torch's default floating dtype is `dtype`,
    and return what fn returned.

    Afterwards the default dtype is what it was before the call (not necessarily
    float32), even if fn raises. An exception raised in fn reaches the caller
    unchanged.
    """
    import contextlib

    @contextlib.contextmanager
    def default(dtype):
        saved = torch.get_default_dtype()
        try:
            torch.set_default_dtype(dtype)
            yield
        finally:
            torch.set_default_dtype(saved)

    with default(dtype):
        result = fn()
    return result

# %% [markdown]
# ## What to read next
#
# * [Type promotion](https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.dtype) in PyTorch's documentation:
#   the complete rules behind section 2.
# * [`Tensor.to`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.to.html): its other arguments, including
#   `copy=True` for when you do want a copy.
# * In this course, `toolbox` shows other ways to build tensors, and `views` looks at tensors that share storage. Gradients
#   follow in `autograd`.
#
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * Its comments say "FloatTensor" for `torch.tensor([[1, 2], [3, 4]])`. It is an `int64` tensor, as section 1 shows.
# * "`torch.Tensor()` always returns a `torch.FloatTensor`": it returns the default floating type, whichever that is.
# * `.type('torch.DoubleTensor')` still works, but is old-fashioned. Write `.to(torch.float64)` or `.double()`.
# * It sets the default dtype and never puts it back. Run it in one session, and its later examples do not print what it says.
