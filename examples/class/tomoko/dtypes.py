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
# When you have worked through this notebook you can
#
# * choose between `torch.tensor`, which looks at your numbers, and `torch.Tensor`, which does not;
# * convert a tensor to another dtype without losing values, precision or gradients by accident;
# * say when `.to()` makes a copy and when it hands back the same tensor;
# * change the default dtype, which belongs to the whole process, and put it back.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line by your own code;
# where it says `...`, write down what you expect *before* you run the next cell. What counts is the text under each
# task's name: any way of fulfilling it is as good as another.

# %%
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# %% [markdown]
# ## 1. What a tensor holds
#
# All elements of a tensor have one type, its `dtype`. `torch.tensor` infers it from the numbers that you give:

# %%
print(torch.tensor([[1, 2], [3, 4]]).dtype)
print(torch.tensor([[1.0, 2.0], [3.0, 4.0]]).dtype)
print(torch.tensor([True, False]).dtype)
print(torch.tensor([1, 2.5]).dtype)

# %% [markdown]
# Whole numbers become `int64`, numbers with a point become the default floating type (usually `float32`), and one number
# with a point is enough to make all of them floating. The tutorial's comments say "FloatTensor" for the first line as
# well; the output shows that they are wrong there.
#
# `torch.Tensor`, with a capital T, is the class itself. Calling it does not infer anything: it stores your numbers in
# the default floating type. It also has a trap: a single whole number is taken for a *size*.

# %%
print(torch.Tensor([[1, 2], [3, 4]]).dtype)
print(torch.Tensor(3).shape, "but", torch.tensor(3).shape)

# %% [markdown]
# Use `torch.tensor`, and add `dtype=...` where you want something other than what it would infer.
#
# | dtype | bytes | holds | met as |
# |---|---|---|---|
# | `torch.bool` | 1 | False, True | masks |
# | `torch.uint8` | 1 | 0 … 255 | images |
# | `torch.int64` (`torch.long`) | 8 | whole numbers up to about 9·10¹⁸ | class labels, indices |
# | `torch.float16` | 2 | about 3 decimal digits, up to 65504 | mixed precision |
# | `torch.float32` (`torch.float`) | 4 | about 7 decimal digits | weights, activations |
# | `torch.float64` (`torch.double`) | 8 | about 16 decimal digits | NumPy's default, checking gradients |
#
# ## 2. Arithmetic chooses a dtype too
#
# If two tensors differ in dtype, the result takes the "larger" kind: bool, then integer, then floating. Two floating
# types give the wider one. A plain Python number, and a tensor without dimensions beside one that has some, has a say about
# the kind only, not about the width.

# %%
counts = torch.tensor([1, 2, 3])
print((counts * 2).dtype, (counts * 0.5).dtype, (counts / 2).dtype)
print((torch.ones(2) * torch.ones(2, dtype=torch.float64)).dtype)
print(
    (torch.ones(2) * 0.5).dtype, (torch.ones(2) * torch.tensor(0.5, dtype=torch.float64)).dtype
)

# %% [markdown]
# Two exceptions are worth knowing. `/` never divides integers as integers: it converts both sides to the default
# floating type first (`//` stays with integers). And an operation *in place* cannot change the type of the tensor
# it writes to:

# %%
pixels = torch.tensor([0, 51, 255], dtype=torch.uint8)
try:
    pixels /= 255
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# ### Predict, then verify: two bright pixels
#
# Two images are added, pixel by pixel. In one place the first image holds 200 and the second holds 100. Which number
# stands there in the sum? Write a number in place of the dots.

# %%
first = torch.tensor([200], dtype=torch.uint8)
second = torch.tensor([100], dtype=torch.uint8)

predicted_pixel = 44

# %%
if predicted_pixel is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_pixel, "and PyTorch computes", first + second)


# %% [markdown]
# If you are surprised, compare `first + second` with `torch.cat([first, second]).sum()` and look at the dtype of each.

# %% [markdown]
# ### Task `scale_pixels`
#
# Images come as `uint8`, models want `float32` between 0 and 1.

# %%
def scale_pixels(img: Tensor) -> Tensor:
    """Turn a uint8 image of any shape into input for a model.

    Return a new float32 tensor on img's device, of the same shape, with the values img/255: 0
    becomes 0.0 and 255 becomes 1.0. The shape may be anything, also () and shapes without
    elements such as (0, 3, 4).

    The result is float32 even if torch.get_default_dtype() is something else. img is not
    modified.

    Raise TypeError if img.dtype is not torch.uint8; bool, int64 and floating images are refused
    too.
    """
    # first I make room for the result, then I fill it in place (img itself stays as it is)
    if img.dtype is not torch.uint8:
        raise TypeError("img has to be uint8")
    out = torch.empty(img.shape, dtype=torch.float32, device=img.device)
    out.copy_(img)
    out.div_(255.0)
    return out


# %% [markdown]
# ## 3. Converting a tensor
#
# `.to(dtype)` converts; `.float()`, `.double()`, `.half()`, `.long()` and `.bool()` are short forms of it. (The
# tutorial's `.type('torch.DoubleTensor')` still works and is out of fashion.) A conversion changes the numbers
# where the new type cannot hold them:

# %%
a = torch.tensor([[1, 2], [3, 4]])
print(a.double())  # same values, and dtype=torch.float64 is shown because it is not the default
print(torch.tensor([0.0, 0.5, 2.0]).bool())  # everything but zero is True
print(torch.tensor(16_777_217).float().long())  # float32 has 24 bits for the digits of a number
# Digits that are lost do not come back:
print(torch.tensor(1 / 3, dtype=torch.float64).float().double())

# %% [markdown]
# If there is nothing to convert, `.to()` returns the tensor that you gave, not a copy. Writing to one then writes to the
# other:

# %%
x = torch.tensor([1.0, 2.0, 3.0])
same = x.to(torch.float32)
other = x.to(torch.float64)
print("same tensor:", same is x, "- other dtype:", other is x)

same[0] = 100.0
print(x, other)

# %% [markdown]
# Two tensors share memory when they look at the same *storage*. Its address tells, also where the two are different
# Python objects:

# %%
print(x.view(3, 1).untyped_storage().data_ptr() == x.untyped_storage().data_ptr())
print(x.clone().untyped_storage().data_ptr() == x.untyped_storage().data_ptr())

# %% [markdown]
# `.to()` also moves a tensor to another device (`x.to("cuda")`), and it is an operation like any other for automatic
# differentiation: gradients flow back through a conversion from one floating type to another. Without a GPU you can
# practise with the device `meta`, on which tensors have a shape and a dtype, but no data.

# %%
w = torch.tensor([1.0, 2.0], requires_grad=True)
(w.to(torch.float64) * 3).sum().backward()
print(w.grad, w.grad.dtype)
print(x.to("meta"))


# %% [markdown]
# ### Task `match`

# %%
def match(x: Tensor, like: Tensor) -> Tensor:
    """Return x with the dtype and the device of `like`. The shape of `like` does not matter.

    * No needless copy: if dtype and device agree already, the result shares x's storage.
    * Differentiable: if x requires grad and both dtypes are floating, gradients flow from the
      result back to x.
    * The values are those of PyTorch's own conversion; from floating to integer it truncates
      toward zero.

    Neither input is modified.
    """
    same_dtype = x.dtype == like.dtype
    same_device = x.device == like.device
    if same_dtype and same_device:
        return x
    return x.to(like)


# %% [markdown]
# ## 4. From floating to whole numbers
#
# There are several ways from 1.7 to a whole number, and they disagree most on negative numbers and on *ties*, numbers
# half-way between two neighbours.

# %%
import matplotlib.pyplot as plt

numbers = torch.linspace(-2.6, 2.6, 261)
figure, axis = plt.subplots(figsize=(5, 3))
axis.plot(numbers, numbers.long(), label="x.long()", linewidth=5, alpha=0.3)
axis.plot(numbers, numbers.floor(), label="x.floor()", linestyle="--")
axis.plot(numbers, numbers.round(), label="x.round()")
axis.set(xlabel="x", ylabel="whole number")
_ = axis.legend()

# %% [markdown]
# Conversion to an integer type cuts the fraction off, `floor` goes down, `round` goes to the nearest. At a tie,
# `torch.round` chooses the *even* neighbour, as Python's `round` does: over many numbers the errors then cancel, whereas
# "always up" would shift the mean.
#
# No integer type can hold `nan` or an infinity. What a conversion makes of them is left to the processor, so it is better
# to look before converting:

# %%
readings = torch.tensor([1.5, float("nan"), float("inf")])
print(torch.isfinite(readings))


# %% [markdown]
# ### Task `round_to_int`

# %%
def round_to_int(x: Tensor) -> Tensor:
    """Round to the nearest integer and return int64 (torch.long), in the same shape.

    Ties go to the even neighbour, as in torch.round: 0.5 becomes 0, 1.5 becomes 2, -2.5 becomes
    -2. x may be floating, integer or bool; integer and bool inputs keep their values (True
    becomes 1). You may rely on |x| < 2**31. x is not modified.

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
# ## 5. Means need fractions
#
# The accuracy of a classifier is the mean of a bool mask, and the mean brightness of an image is the mean of `uint8`
# pixels. Both raise, because a mean is rarely a whole number and PyTorch does not guess the type that you want:

# %%
correct = torch.tensor([True, False, True, True])
try:
    correct.mean()
except RuntimeError as error:
    print("RuntimeError:", error)

print(correct.mean(dtype=torch.float32))

# %% [markdown]
# A *reduction* such as `mean()` or `sum()` over everything returns a tensor with no dimensions at all: its shape is `()`,
# and it holds one number. That is not the same as a tensor of shape `(1,)`.

# %%
total = torch.tensor([1.0, 2.0]).sum()
print(total, total.shape, total.ndim)
print(total.reshape(1), total.reshape(1).shape)


# %% [markdown]
# ### Task `mean_any`

# %%
def mean_any(x: Tensor) -> Tensor:
    """Mean over all elements of a bool, integer or floating tensor.

    The result is a 0-dim tensor on x's device. Its dtype is x.dtype if x is floating (float64
    stays float64, float16 stays float16), and otherwise whatever torch.get_default_dtype() is
    at the time of the call. For a floating x the result is differentiable.

    Raise ValueError if x has no elements.
    """
    if x.numel() == 0:
        raise ValueError("empty")
    return x.mean()


# %% [markdown]
# ## 6. The default dtype belongs to everybody
#
# "The default floating type" was mentioned several times. `torch.set_default_dtype` changes it - not for one tensor and
# not for one function, but for the whole process, until somebody changes it again.

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
# The layer was made while the default was `float64`, so its weights are; its input is not, and the two do not fit
# together. The tutorial sets the default and never puts it back, so in one session all its later examples print
# something other than it says.
#
# ### Predict, then verify: two ways of making a tensor
#
# The tutorial writes: "`torch.tensor()` infers the datatype automatically, while `torch.Tensor()` always returns a
# `torch.FloatTensor`", that is, `torch.float32`. Which dtypes do these two tensors have? Write two dtypes in place of the
# dots, as in `predicted_dtypes = torch.float16, torch.bool`.

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
        "You predicted", predicted_dtypes, "and PyTorch says", (inferred.dtype, capital.dtype)
    )


# %% [markdown]
# ### Task `with_default_dtype`
#
# A function that changes something global for a while has to put it back, whatever happens in between.

# %%
def with_default_dtype(dtype: torch.dtype, fn: Callable[[], Any]) -> Any:
    """Call fn() exactly once while torch's default floating dtype is `dtype`; return what fn
    returned.

    Afterwards the default dtype is again what it was before the call, which need not be
    float32, also if fn raises. An exception of fn reaches the caller unchanged.
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
# * [`Tensor.to`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.to.html): its other arguments, among them
#   `copy=True` for the case that you do want a copy.
# * In this course, the toolbox (`toolbox`) builds tensors in other ways, and `views` looks at tensors that share
#   storage. Gradients come in `autograd`.
