# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # view, reshape, permute
#
# A picture has its colours last: its shape is (height, width, colour). Your model wants them first, so you reshape it to
# (colour, height, width). The model accepts the shape, no error is raised, and it learns next to nothing. This is what it
# gets to see:

# %%
import torch
from torch import Tensor

# %%
import matplotlib.pyplot as plt

rows, columns = torch.meshgrid(
    torch.linspace(-1, 1, 48), torch.linspace(-1.5, 1.5, 72), indexing="ij"
)
disc = (rows**2 + columns**2 < 0.6).float()
picture = torch.stack([disc, (columns + 1.5) / 3, 1 - disc], dim=-1)
regrouped = picture.reshape(3, 48, 72)

figure, axes = plt.subplots(1, 4, figsize=(8, 1.9))
axes[0].imshow(picture.numpy())
axes[0].set_title("your picture")
for axis, channel, name in zip(
    axes[1:], regrouped, ("red", "green", "blue"), strict=True
):
    axis.imshow(channel.numpy(), cmap="gray")
    axis.set_title(f"the model's {name}")
for axis in axes:
    axis.axis("off")
plt.show()

# %% [markdown]
# By the end of this notebook you will be able to:
#
# * tell regrouping from reordering: `view` and `reshape` split the same row of numbers differently, `permute` and
#   `transpose` change the order of the axes;
# * predict when a result shares its memory with the input, and when it has to be a copy;
# * split an axis in two and merge two axes into one, in the right order;
# * find out whether two tensors use the same memory.
#
# Run the cells from top to bottom. Where a cell says `raise NotImplementedError`, replace that line with your own code;
# where it says `...`, write down what you expect *before* you run the next cell. You are graded on what the docstring asks
# for; any implementation that does it is fine.
#
# ## 1. A row of numbers, and a rule for reading it
#
# Memory has no rows and columns. A tensor's numbers follow one another in its *storage*; shape and *strides* say how to
# read them. The stride of an axis is how many places in memory one step along that axis moves you forward.

# %%
a = torch.arange(6).view(2, 3)
print(a)
print(
    "in memory:",
    a.untyped_storage().nbytes() // a.element_size(),
    "numbers; strides:",
    a.stride(),
)

# %% [markdown]
# The next row is 3 places further on, the next column 1 place. This order is called *row-major*: the last index runs
# fastest. A tensor stored in exactly this order, without gaps, is called *contiguous*.
#
# `transpose` swaps two axes. It does not touch the storage at all; it only swaps two sizes and two strides:

# %%
turned = a.transpose(0, 1)
print(turned)
print("strides:", turned.stride(), "contiguous:", turned.is_contiguous())

# %% [markdown]
# Both tensors read the same memory, so changing one changes the other. Such a tensor is called a *view*.

# %%
turned[2, 0] = 100
print(a)

# %% [markdown]
# ## 2. Regrouping is not reordering
#
# Two families of functions change a shape, and they do different things.
#
# | | what stays | what changes |
# |---|---|---|
# | `view`, `reshape`, `flatten`, `unflatten` | the order in which the numbers are read, row by row | where it is split |
# | `permute`, `transpose`, `movedim`, `.T`, `.mT` | which numbers belong together along an axis | the order of the axes |
#
# Six numbers show the difference. Both results have shape (3, 2), but they agree in only two entries:

# %%
a = torch.tensor([[1, 2, 3], [4, 5, 6]])
print(a.view(3, 2))
print(a.permute(1, 0))

# %% [markdown]
# A line through the numbers, in memory order, shows the difference. All three tensors read the same row of numbers. With
# `view` the line still runs row by row; `permute` turns the table, and the line with it:


# %%
def draw_memory_order(axis, tensor, title):
    rows, columns = tensor.shape
    places = torch.empty(rows, columns, dtype=torch.int64)
    for i in range(rows):
        for j in range(columns):
            places[i, j] = i * tensor.stride(0) + j * tensor.stride(1)
            axis.text(
                j,
                i,
                tensor[i, j].item(),
                ha="center",
                va="center",
                bbox={"facecolor": "white"},
            )
    order = places.flatten().argsort()
    axis.plot(
        order % columns,
        order // columns,
        color="tab:orange",
        linewidth=3,
        zorder=0,
    )
    axis.set(
        title=f"{title}\nstrides {tensor.stride()}",
        xlim=(-0.6, 2.6),
        ylim=(2.6, -0.6),
        aspect="equal",
    )
    axis.axis("off")


figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.6))
for axis, title, tensor in zip(
    axes,
    ("a", "a.view(3, 2)", "a.permute(1, 0)"),
    (a, a.view(3, 2), a.permute(1, 0)),
    strict=True,
):
    draw_memory_order(axis, tensor, title)
plt.show()

# %% [markdown]
# `permute` takes the order of the axes: output axis 0 is the input axis that comes first in the list, and so on.
# `transpose(i, j)` swaps two axes; `movedim(i, j)` moves one axis and keeps the others in order.

# %%
x = torch.randn(2, 3, 5)
print(x.permute(2, 0, 1).shape)
print(x.transpose(0, -1).shape)
print(x.movedim(0, -1).shape)

# %% [markdown]
# `swapaxes` and `swapdims` are other names of `transpose`. NumPy knows `swapaxes`, too, so code written with it runs on
# arrays and on tensors. (NumPy's `transpose` is PyTorch's `permute`.)

# %%
swapped = x.swapaxes(0, -1)
print(swapped.shape, "equal:", torch.equal(swapped, x.transpose(0, -1)))
print("a NumPy array:", x.numpy().swapaxes(0, -1).shape)

swapped[4, 2, 1] = 7.0  # a view, like every transpose
print(x[1, 2, 4])

# %% [markdown]
# ### Predict, then verify: one entry, two ways
#
# `viewed` and `turned` both have shape (4, 3). Which numbers are `viewed[1, 2]` and `turned[1, 2]`? Replace the dots with
# two numbers, as in `predicted_entries = 0, 11`.

# %%
a = torch.arange(12).view(3, 4)
print(a)

viewed = a.view(4, 3)
turned = a.permute(1, 0)

# The entry of `viewed`, and the entry of `turned`:
predicted_entries = ...

# %%
if predicted_entries is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print(
        "You predicted",
        predicted_entries,
        "and the entries are",
        (viewed[1, 2].item(), turned[1, 2].item()),
    )

# %% [markdown]
# No error tells you that you picked the wrong one: the shape is right, and a network can even learn something from
# scrambled pictures. So check entries, not shapes. Here is the picture from the start again, with its axes in another order:

# %%
reordered = picture.permute(2, 0, 1)
print("height, width, colour:", tuple(picture.shape))
print("colour, height, width:", tuple(reordered.shape), tuple(regrouped.shape))

figure, axes = plt.subplots(1, 3, figsize=(8, 2.2))
axes[0].imshow(picture.numpy())
axes[0].set_title("the picture")
axes[1].imshow(reordered[0].numpy(), cmap="gray")
axes[1].set_title("red channel, by permute")
axes[2].imshow(regrouped[0].numpy(), cmap="gray")
axes[2].set_title("red channel, by reshape")
for axis in axes:
    axis.axis("off")
plt.show()

# %% [markdown]
# `regrouped` takes the first third of the memory for the red channel: the top third of the picture, all colours mixed.
#
# ### Task `nhwc_to_nchw`
#
# Cameras, files and NumPy programs keep the colours last; PyTorch's convolutions want them before height and width.


# %%
def nhwc_to_nchw(x: Tensor) -> Tensor:
    """Turn images (N, H, W, C) into images (N, C, H, W):
    out[n, c, h, w] == x[n, h, w, c].

    It works for every dtype, and even if a size is 0 or 1. The result is a
    view: it has x's dtype and shares x's storage (no copy), whatever x's
    strides. If x requires grad, gradients flow back to it.

    Raise ValueError if x.dim() != 4.
    """
    raise NotImplementedError


# %% [markdown]
# ## 3. When there is no view
#
# The new axes of a view need strides, too: each must be readable with *one* step width. A tensor need not be contiguous for
# that. An axis can be split in two whatever its stride is; what may fail is merging two axes, because their numbers have to
# follow each other at equal steps.

# %%
turned = torch.arange(6).view(2, 3).t()
print(turned)
try:
    turned.view(6)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Read row by row, `turned` is 0, 3, 1, 4, 2, 5. Memory holds 0, 1, 2, 3, 4, 5, and no single step width reads it in that
# order.
#
# ### Predict, then verify: which of them works?
#
# None of the tensors below is contiguous. Which of the three calls of `view` work? Replace the dots with three values, each
# `True` (it works) or `False` (it raises), as in `predicted_views = False, False, True`.

# %%
square = torch.arange(16).view(4, 4).t()
block = torch.arange(24).view(2, 3, 4).permute(2, 0, 1)
print("square:", square.shape, square.stride())
print("block: ", block.shape, block.stride())

calls = {
    "square.view(2, 2, 4)": lambda: square.view(2, 2, 4),
    "square.view(16)": lambda: square.view(16),
    "block.view(4, 6)": lambda: block.view(4, 6),
}

# The first call, the second, and the third:
predicted_views = ...

# %%
if predicted_views is ...:
    print("Write down your prediction first, then run this cell.")
else:
    print("You predicted", predicted_views)
    for name, call in calls.items():
        try:
            print(name, "works and has the strides", call().stride())
        except RuntimeError:
            print(name, "raises")

# %% [markdown]
# `reshape` returns a view if there is one, and a copy if there is none. So it always succeeds, but it does not promise which
# of the two you get: write to the result only if you are fine with either.
#
# `contiguous()` makes a copy, too; it returns the tensor itself if that is already contiguous.

# %%
print("reshape, a view: ", torch.arange(6).view(2, 3).reshape(6))
print("reshape, a copy: ", turned.reshape(6))
print("the same as:     ", turned.contiguous().view(6))

# %% [markdown]
# One of the sizes may be -1; it is then computed from the others. The computation is a division, and for an empty tensor it
# may have no answer:

# %%
print(torch.arange(6).view(2, -1).shape, torch.arange(6).view(-1).shape)
try:
    torch.empty(0, 5).reshape(0, -1)
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# Empty batches do occur: when a filter lets nothing through, say.
#
# ### Task `flatten_batch`
#
# Between the convolutions and the last linear layer of a classifier, each picture becomes one row of numbers.


# %%
def flatten_batch(x: Tensor) -> Tensor:
    """Flatten everything but the batch dimension: (N, d1, d2, ...) becomes
    (N, d1*d2*...), and (N,) becomes (N, 1).

    Row i holds the elements of x[i] in row-major order. It works for any dtype
    and any strides. It makes a copy only if no view is possible; for a
    contiguous x, say, the result shares x's storage. Empty batches work, too:
    (0, 3, 4) becomes (0, 12).

    Raise ValueError for a 0-dim tensor.
    """
    raise NotImplementedError


# %% [markdown]
# ## 4. One memory or two?
#
# Views save memory and time, but they can surprise you: you write to one tensor, and another one changes. To find out
# beforehand, compare memory, not numbers. A tensor has two addresses, and only one of them helps:

# %%
x = torch.zeros(4, 3)
for name, tensor in {"x": x, "x.t()": x.t(), "x[1:]": x[1:]}.items():
    element = tensor.data_ptr() - x.data_ptr()
    storage = (
        tensor.untyped_storage().data_ptr() - x.untyped_storage().data_ptr()
    )
    print(
        f"{name:6} first element {element:2} bytes further,"
        f" storage {storage:2} bytes further"
    )

# %% [markdown]
# A storage is just bytes; it knows no dtype. A view with another dtype reads the same bytes as other numbers. That is
# rarely useful, but it is a view like any other:

# %%
bits = x.view(torch.int32)
bits[0, 0] = 1_065_353_216
print(x[0])

# %% [markdown]
# A tensor without elements has no memory to speak of. Its address tells you nothing:

# %%
print(
    torch.empty(0).untyped_storage().data_ptr(),
    torch.empty(0, 3).untyped_storage().data_ptr(),
)

# %% [markdown]
# ### Task `same_storage`
#
# Ask this before you write to a tensor that somebody else may be reading.


# %%
def same_storage(a: Tensor, b: Tensor) -> bool:
    """Return True if a and b use the same underlying storage, and False
    otherwise.

    With one storage, writing to one tensor could be seen in the other. The two
    may start at different offsets, like two rows of one matrix, and may have
    different dtypes. The answer is False whenever a or b has no elements.

    What counts is the memory, not the objects that stand for it: two tensors
    made from the same NumPy array with torch.from_numpy use the same storage.

    Return a Python bool. Modify nothing, and emit no warning (not even a
    deprecation warning).
    """
    raise NotImplementedError


# %% [markdown]
# ## 5. Splitting an axis, merging two
#
# Splitting an axis of size 6 into (2, 3) gives each index i two names: i = 3·a + b, with a from 0 to 1 and b from 0 to 2.
# The second name runs faster. Split into (3, 2), the same axis gets other names: i = 2·a + b.

# %%
row = torch.arange(6)
print(row.view(2, 3))
print(row.view(3, 2))

# %% [markdown]
# Merging is the way back, and again the last of the merged axes runs fastest. Merge axes in a different order from the one
# you split them in, and you get different numbers:

# %%
cut = row.view(2, 3)
print(cut.reshape(6))
print(cut.transpose(0, 1).reshape(6))

# %% [markdown]
# Only neighbouring axes can be merged. If two axes that belong together are not neighbours, bring them together first.
# Three questions solve nearly every puzzle of this kind:
#
# 1. What is each axis called before, and what after?
# 2. Which axes have to be split so that every name has its own axis?
# 3. Which order of the names puts those you want to merge side by side, the slow one first?
#
# *Attention* in a transformer is such a puzzle. Each of its heads works on a slice of the D features of every token: head 0
# on the first D/H of them, head 1 on the next, and so on. To run all heads at once, they become an axis of their own,
# before time.
#
# ### Task `split_heads`


# %%
def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Split the features into attention heads: (B, T, D) becomes
    (B, H, T, D/H), with H = num_heads.

    out[b, h, t, j] == x[b, t, h * (D/H) + j]. It works for any strides of x and
    is differentiable. The result has x's dtype and is on x's device.

    Raise ValueError if D is not divisible by num_heads.
    """
    raise NotImplementedError


# %% [markdown]
# ### Task `merge_heads`
#
# After attention, the heads' results are put side by side again, so that the next layer gets D features per token.


# %%
def merge_heads(x: Tensor) -> Tensor:
    """Undo split_heads: (B, H, T, Dh) becomes (B, T, H*Dh).

    out[b, t, h * Dh + j] == x[b, h, t, j]. It works for contiguous and
    non-contiguous x and is differentiable. The result has x's dtype and is on
    x's device.
    """
    raise NotImplementedError


# %% [markdown]
# A vision transformer reads a picture as a sequence, too: it is cut into small squares, and each square becomes one long
# vector. This time you split two axes, then merge two into the sequence and three into the vector.

# %%
small = picture[::2, ::2]
figure, axes = plt.subplots(2, 3, figsize=(4.2, 2.9))
for number, axis in enumerate(axes.flat):
    i, j = divmod(number, 3)
    axis.imshow(small[i * 12 : (i + 1) * 12, j * 12 : (j + 1) * 12].numpy())
    axis.set_title(f"patch {number}", fontsize=9)
    axis.axis("off")
plt.show()

# %% [markdown]
# ### Task `patchify`


# %%
def patchify(img: Tensor, p: int) -> Tensor:
    """Cut images (B, C, H, W) into non-overlapping p x p patches: the result
    has shape (B, (H/p)*(W/p), C*p*p).

    Patches are ordered left to right, then top to bottom; within a patch the
    order is channel, row, column:
    out[b, i*(W/p)+j, c*p*p + r*p + s] == img[b, c, i*p + r, j*p + s].

    It works for any strides of img and is differentiable. The result has img's
    dtype and is on img's device.

    Raise ValueError if p does not divide both H and W.
    """
    raise NotImplementedError


# %% [markdown]
# ## What to read next
#
# * [Tensor views](https://docs.pytorch.org/docs/stable/tensor_view.html) in PyTorch's documentation: which operations
#   return a view, and which never do.
# * [`Tensor.view`](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html): the exact rule for strides
#   behind section 3.
# * [einops](https://einops.rocks) writes such puzzles with named axes: `"b t (h d) -> b h t d"`.
# * In this course, `interop` comes next: NumPy arrays are views of memory, too.
#
# ## Appendix: where the tutorial differs
#
# If you come from the [PyTorch tutorial](https://aman.ai/primers/pytorch/):
#
# * `view` "can only be performed on contiguous tensors": section 3 has a tensor that is not contiguous, and views of it.
# * A size of -1 "returns a flattened version": only a lone -1 does. Among other sizes, it is computed from them.
# * Its `x.storage()` still works, but warns, since it is deprecated. Use `x.untyped_storage()`.
