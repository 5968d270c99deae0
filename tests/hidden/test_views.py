"""Checks of topic `views` that only grading runs: edge cases of the specification."""

import warnings

import torch
from torch import nn

from autograder import checks, only, raises


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


def gradient(given, result, x):
    """What reaches x when drawn numbers are sent back from the result."""
    upstream = given.normal(tuple(result.shape), dtype=result.dtype, name="upstream")
    return only(torch.autograd.grad(result, x, upstream)[0], "values")


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_shares_storage(code, given):
    """The result shares x's storage, whatever x's strides."""
    shape = sizes(given, 4)
    inputs = {
        "contiguous": given.normal(shape, name="contiguous"),
        "transposed": given.transposed(given.normal(shape, name="transposed")),
        "sliced": given.sliced(given.normal(shape, name="sliced")),
        "with gaps": given.non_contiguous(given.normal(shape, name="with gaps")),
    }
    return only({name: code.nhwc_to_nchw(x) for name, x in inputs.items()}, "aliasing")


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_of_other_strides(code, given):
    """The entries are right, whatever x's strides."""
    shape = sizes(given, 4)
    x = given.normal(shape, name="x")
    pixel = given.normal(shape[-1], name="pixel")
    return {
        "transposed": code.nhwc_to_nchw(given.transposed(x)),
        "with gaps": code.nhwc_to_nchw(given.non_contiguous(given.normal(shape))),
        "one pixel everywhere": code.nhwc_to_nchw(given.expanded(pixel, shape)),
    }


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_of_small_sizes_and_other_dtypes(code, given):
    """It works for one image or none, for one channel, and for whole numbers or float64, and keeps the dtype."""
    return {
        "one image": code.nhwc_to_nchw(given.normal(1, 4, 5, 3)),
        "no image": code.nhwc_to_nchw(given.normal(0, 4, 5, 3)),
        "one channel": code.nhwc_to_nchw(given.normal(2, 4, 5, 1)),
        "one pixel": code.nhwc_to_nchw(given.normal(2, 1, 1, 3)),
        "uint8": code.nhwc_to_nchw(given.integers(2, 4, 5, 3, high=256, dtype=torch.uint8)),
        "float64": code.nhwc_to_nchw(given.normal(2, 4, 5, 3, dtype=torch.float64)),
    }


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_gradient(code, given):
    """Gradients flow back to x."""
    x = given.normal(sizes(given, 4), dtype=torch.float64, requires_grad=True, name="x")
    return {"gradient": gradient(given, code.nhwc_to_nchw(x), x)}


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_refuses_other_numbers_of_dimensions(code, given):
    """Tensors with 5 or 2 dimensions raise a ValueError."""
    video, matrix = given.normal(2, 3, 4, 5, 3, name="video"), given.normal(4, 5, name="matrix")
    return {
        "5 dimensions": raises(lambda: code.nhwc_to_nchw(video)),
        "2 dimensions": raises(lambda: code.nhwc_to_nchw(matrix)),
    }


@checks("flatten_batch")
def test_flatten_batch_of_other_strides(code, given):
    """A non-contiguous tensor is flattened in the order of its own rows."""
    n, *rest = sizes(given, 4)
    images = given.normal(n, *rest, name="images")
    return {
        "transposed": code.flatten_batch(given.transposed(given.normal(n, *rest, dtype=torch.float64))),
        "permuted": code.flatten_batch(images.permute(0, 2, 3, 1)),
        "batch axis moved": code.flatten_batch(images.transpose(0, 2)),
        "with gaps": code.flatten_batch(given.non_contiguous(given.integers(n, *rest, high=100))),
    }


@checks("flatten_batch")
def test_flatten_batch_makes_no_needless_copy(code, given):
    """Where a view is possible, the result is not a copy, even if x is not contiguous."""
    n, *rest = sizes(given, 3)
    batch = given.normal(2 * n, *rest, name="batch")
    shifted = given.sliced(given.normal(n, *rest, name="shifted"))
    matrix = given.transposed(given.normal(n, rest[0], name="matrix"))
    vector = given.normal(n, name="vector")
    results = {
        "every other item": code.flatten_batch(batch[::2]),
        "sliced": code.flatten_batch(shifted),
        "transposed matrix": code.flatten_batch(matrix),
        "vector": code.flatten_batch(vector),
    }
    return only(results, "aliasing")


@checks("flatten_batch")
def test_flatten_batch_of_an_empty_batch(code, given):
    """An empty batch gives a result without rows, but with the right number of columns."""
    return {
        "shape (0, 3, 4)": code.flatten_batch(given.normal(0, 3, 4)),
        "shape (0, 5)": code.flatten_batch(given.normal(0, 5)),
    }


@checks("flatten_batch")
def test_flatten_batch_without_columns(code, given):
    """Items without elements give rows without columns, even in an empty batch."""
    return {
        "shape (3, 0, 2)": code.flatten_batch(given.normal(3, 0, 2)),
        "shape (2, 4, 0)": code.flatten_batch(given.normal(2, 4, 0)),
        "shape (0, 0, 2)": code.flatten_batch(given.normal(0, 0, 2)),
    }


@checks("flatten_batch")
def test_flatten_batch_of_single_numbers(code, given):
    """A batch of single numbers, of shape (N,), becomes (N, 1)."""
    return {
        "shape (4,)": code.flatten_batch(given.normal(4)),
        "shape (1,)": code.flatten_batch(given.normal(1)),
        "shape (0,)": code.flatten_batch(given.normal(0)),
    }


@checks("flatten_batch")
def test_flatten_batch_of_one_item(code, given):
    """A batch of one keeps its batch dimension, and a matrix keeps its shape."""
    return {
        "one item": code.flatten_batch(given.normal(1, 3, 4, 2)),
        "a matrix": code.flatten_batch(given.normal(3, 5)),
        "a column": code.flatten_batch(given.normal(4, 1)),
    }


@checks("flatten_batch")
def test_flatten_batch_refuses_a_single_number(code, given):
    """A 0-dim tensor raises a ValueError."""
    x = given.normal((), name="x")
    return {"shape ()": raises(lambda: code.flatten_batch(x))}


@checks("split_heads")
def test_split_heads_of_small_sizes(code, given):
    """A single head, time step, sequence or feature per head keeps its axis."""
    return {
        "one head": code.split_heads(given.normal(2, 3, 4), 1),
        "one time step": code.split_heads(given.normal(2, 1, 6), 3),
        "one sequence": code.split_heads(given.normal(1, 3, 8), 2),
        "one feature per head": code.split_heads(given.normal(2, 3, 4), 4),
    }


@checks("split_heads")
def test_split_heads_of_other_strides(code, given):
    """It works whatever x's strides, and keeps the dtype."""
    batch, time, heads, features = sizes(given, 4)
    shape = batch, time, heads * features
    return {
        "transposed": code.split_heads(given.transposed(given.normal(shape, dtype=torch.float64)), heads),
        "time first in memory": code.split_heads(given.normal(time, batch, shape[2]).transpose(0, 1), heads),
        "with gaps": code.split_heads(given.non_contiguous(given.integers(shape, high=100)), heads),
    }


@checks("split_heads")
def test_split_heads_gradient(code, given):
    """Gradients flow back to x."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads * features, dtype=torch.float64, requires_grad=True, name="x")
    return {"gradient": gradient(given, code.split_heads(x, heads), x)}


@checks("split_heads")
def test_split_heads_refuses_more_heads_than_features(code, given):
    """Features that cannot be shared evenly raise a ValueError, even if the other sizes would make up for it."""
    x, y, z = given.normal(2, 3, 4, name="x"), given.normal(5, 4, 7, name="y"), given.normal(3, 5, 7, name="z")
    return {
        "4 features, 8 heads": raises(lambda: code.split_heads(x, 8)),
        "4 features, 6 heads": raises(lambda: code.split_heads(x, 6)),
        "7 features, 5 heads": raises(lambda: code.split_heads(y, 5)),
        "7 features, 2 heads": raises(lambda: code.split_heads(z, 2)),
    }


@checks("split_heads", device="second")
def test_split_heads_on_another_device(code, given):
    """The result is on x's device."""
    x = given.normal(2, 3, 8).to(given.second_device)
    return {"split_heads(x, 4)": only(code.split_heads(x, 4), "shape", "dtype", "device")}


@checks("merge_heads")
def test_merge_heads_of_other_strides(code, given):
    """It works whether or not x is contiguous, and keeps the dtype."""
    shape = sizes(given, 4)
    return {
        "contiguous": code.merge_heads(given.normal(shape, name="x")),
        "transposed": code.merge_heads(given.transposed(given.normal(shape, dtype=torch.float64))),
        "with gaps": code.merge_heads(given.non_contiguous(given.integers(shape, high=100))),
    }


@checks("merge_heads")
def test_merge_heads_of_small_sizes(code, given):
    """A single head, time step, sequence or feature per head is merged like any other."""
    return {
        "one head": code.merge_heads(given.normal(2, 1, 3, 4)),
        "one time step": code.merge_heads(given.normal(2, 3, 1, 4)),
        "one sequence": code.merge_heads(given.normal(1, 2, 3, 4)),
        "one feature per head": code.merge_heads(given.normal(2, 3, 4, 1)),
    }


@checks("merge_heads")
def test_merge_heads_gradient(code, given):
    """Gradients flow back to x, contiguous or not."""
    shape = sizes(given, 4)
    x = given.normal(shape, dtype=torch.float64, requires_grad=True, name="x")
    return {
        "gradient": gradient(given, code.merge_heads(x), x),
        "gradient through a split tensor": gradient(given, code.merge_heads(x.transpose(1, 2)), x),
    }


@checks("merge_heads", device="second")
def test_merge_heads_on_another_device(code, given):
    """The result is on x's device."""
    x = given.normal(2, 4, 3, 5).to(given.second_device)
    return {"merge_heads(x)": only(code.merge_heads(x), "shape", "dtype", "device")}


@checks("patchify")
def test_patchify_of_small_sizes(code, given):
    """It works for patches of one pixel, a single patch, image or channel, and a single row or column of patches."""
    return {
        "one pixel per patch": code.patchify(given.normal(2, 3, 4, 5), 1),
        "one patch": code.patchify(given.normal(2, 3, 4, 4), 4),
        "one image": code.patchify(given.normal(1, 3, 4, 6), 2),
        "one channel": code.patchify(given.normal(2, 1, 6, 4), 2),
        "one row of patches": code.patchify(given.normal(2, 3, 3, 6), 3),
        "one column of patches": code.patchify(given.normal(2, 3, 6, 3), 3),
    }


@checks("patchify")
def test_patchify_of_other_strides(code, given):
    """It works for images stored with their channels last, and for any other strides, and keeps float64."""
    batch, channels, rows, columns, p = sizes(given, 5)
    pictures = given.normal(batch, rows * p, columns * p, channels, name="pictures")
    shape = batch, channels, rows * p, columns * p
    return {
        "channels last": code.patchify(pictures.permute(0, 3, 1, 2), p),
        "transposed": code.patchify(given.transposed(given.normal(shape, dtype=torch.float64)), p),
        "with gaps": code.patchify(given.non_contiguous(given.normal(shape)), p),
    }


@checks("patchify")
def test_patchify_gradient(code, given):
    """Gradients flow back to the images."""
    img = given.normal(2, 3, 4, 6, dtype=torch.float64, requires_grad=True, name="img")
    return {"gradient": gradient(given, code.patchify(img, 2), img)}


@checks("patchify")
def test_patchify_refuses_either_size(code, given):
    """A p that does not divide the height, or does not divide the width, raises a ValueError."""
    img, low = given.normal(1, 2, 4, 9, name="img"), given.normal(1, 2, 3, 3, name="low")
    return {
        "4 x 9 pixels, p = 2": raises(lambda: code.patchify(img, 2)),
        "4 x 9 pixels, p = 3": raises(lambda: code.patchify(img, 3)),
        "4 x 9 pixels, p = 6": raises(lambda: code.patchify(img, 6)),
        "3 x 3 pixels, p = 4": raises(lambda: code.patchify(low, 4)),
    }


@checks("patchify", device="second")
def test_patchify_on_another_device(code, given):
    """The result is on img's device."""
    img = given.normal(2, 3, 4, 6).to(given.second_device)
    return {"patchify(img, 2)": only(code.patchify(img, 2), "shape", "dtype", "device")}


@checks("same_storage")
def test_same_storage_of_other_views(code, given):
    """Views of all kinds, and the tensor itself, use the tensor's storage, in both orders of the arguments."""
    a = given.normal(4, 1, 6, name="a")
    views = {
        "a itself": a,
        "a.squeeze(1)": a.squeeze(1),
        "a[None]": a[None],
        "a.expand(4, 3, 6)": a.expand(4, 3, 6),
        "a view of a view": a.permute(2, 1, 0)[1:5].unflatten(0, (2, 2)),
        "a.reshape(24)": a.reshape(24),
        "a single element": a[3, 0, 5],
    }
    found = {f"a and {name}": code.same_storage(a, view) for name, view in views.items()}
    return found | {f"{name} and a": code.same_storage(view, a) for name, view in views.items()}


@checks("same_storage")
def test_same_storage_with_gradients(code, given):
    """Detached tensors and parameters use the storage of the tensor they were made from; results do not."""
    a = given.normal(4, 6, requires_grad=True, name="a")
    parameter = nn.Parameter(a.detach())
    return {
        "a and a.detach()": code.same_storage(a, a.detach()),
        "a.detach() and a[1:]": code.same_storage(a.detach(), a[1:]),
        "a and nn.Parameter(a.detach())": code.same_storage(a, parameter),
        "a and a * 1": code.same_storage(a, a * 1),
        "a and a.detach().clone()": code.same_storage(a, a.detach().clone()),
    }


@checks("same_storage")
def test_same_storage_of_copies(code, given):
    """Tensors with equal numbers use different storages if one is a copy."""
    a, b = given.normal(4, 6, name="a"), given.full(4, 6, value=2.0, name="b")
    return {
        "a and a + 0": code.same_storage(a, a + 0),
        "a and a.t().reshape(24)": code.same_storage(a, a.t().reshape(24)),
        "a and a.t().contiguous()": code.same_storage(a, a.t().contiguous()),
        "a and a[[0, 1, 2, 3]]": code.same_storage(a, a[[0, 1, 2, 3]]),
        "two tensors full of 2": code.same_storage(b, torch.full_like(b, 2.0)),
        "views of two tensors full of 2": code.same_storage(b[1:], torch.full_like(b, 2.0)[1:]),
        "a[1:] and a.clone()": code.same_storage(a[1:], a.clone()),
        "a[2:] and b[1:]": code.same_storage(a[2:], b[1:]),
        "b and a[3]": code.same_storage(b, a[3]),
    }


@checks("same_storage")
def test_same_storage_of_other_dtypes(code, given):
    """A view with another dtype uses the same storage; a conversion to another dtype does not."""
    a, z = given.normal(4, 6, name="a"), given.normal(3, dtype=torch.complex64, name="z")
    return {
        "a and a.view(torch.int32)": code.same_storage(a, a.view(torch.int32)),
        "a[1:] and a.view(torch.uint8)": code.same_storage(a[1:], a.view(torch.uint8)),
        "z.imag and z": code.same_storage(z.imag, z),
        "a and a.to(torch.float64)": code.same_storage(a, a.to(torch.float64)),
    }


@checks("same_storage")
def test_same_storage_of_empty_tensors(code, given):
    """A tensor without elements shares nothing, whatever it was cut from."""
    a, nothing = given.normal(4, 6, name="a"), given.normal(0, 3, name="nothing")
    return {
        "a[:0] and a": code.same_storage(a[:0], a),
        "a and a[:, 6:]": code.same_storage(a, a[:, 6:]),
        "two empty tensors": code.same_storage(nothing, torch.empty_like(nothing)),
        "an empty tensor and itself": code.same_storage(nothing, nothing),
    }


@checks("same_storage", device="second")
def test_same_storage_on_two_devices(code, given):
    """A copy on another device uses another storage."""
    a = given.normal(4, 6, name="a")
    moved = a.to(given.second_device)
    return {"a and its copy": code.same_storage(a, moved), "its copy and a": code.same_storage(moved, a)}


@checks("same_storage")
def test_same_storage_does_not_warn(code, given):
    """There is no warning, not even a deprecation warning."""
    a = given.normal(4, 6, name="a")
    others = a.view(24), a[1:], a.clone(), a[:0], given.non_leaf(given.normal(3))
    # PyTorch gives this warning once in a process, and a notebook may have had it already.
    torch.storage._set_always_warn_typed_storage_removal(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for other in others:
                code.same_storage(a, other)
    finally:
        torch.storage._set_always_warn_typed_storage_removal(False)
    return {"warnings": len(caught)}
