"""Checks of topic `views` that only grading runs: edge cases of the specification."""

import torch
from torch import nn

from autograder import checks, only


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


def gradient(given, result, x):
    """What reaches x when drawn numbers are sent back from the result."""
    upstream = given.normal(tuple(result.shape), dtype=result.dtype, name="upstream")
    return only(torch.autograd.grad(result, x, upstream)[0], "values")


@checks("nhwc_to_nchw", gate=True)
def test_nhwc_to_nchw_of_other_tensors(code, given):
    """Entries, dtype and storage are right for any strides, for sizes of 0 and 1, and for every dtype."""
    shape = sizes(given, 4)
    h, w, c = shape[1:]
    pixel = given.normal(c, name="pixel")
    results = {
        "transposed": code.nhwc_to_nchw(given.transposed(given.normal(shape))),
        "with gaps": code.nhwc_to_nchw(given.non_contiguous(given.normal(shape))),
        "one pixel everywhere": code.nhwc_to_nchw(given.expanded(pixel, shape)),
        "inside a larger tensor": code.nhwc_to_nchw(given.sliced(given.normal(shape))),
        "the last images": code.nhwc_to_nchw(given.normal(4, h, w, c, name="images")[2:]),
        "one image": code.nhwc_to_nchw(given.normal(1, h, w, c)),
        "no image": code.nhwc_to_nchw(given.normal(0, h, w, c)),
        "one channel": code.nhwc_to_nchw(given.normal(2, h, w, 1)),
        "one pixel": code.nhwc_to_nchw(given.normal(2, 1, 1, c)),
        "no channel": code.nhwc_to_nchw(given.normal(2, h, w, 0)),
        "square": code.nhwc_to_nchw(given.normal(h, h, h, h)),
        "uint8": code.nhwc_to_nchw(given.integers(2, h, w, 3, high=256, dtype=torch.uint8)),
        "bool": code.nhwc_to_nchw(given.bools(2, h, w, 3)),
        "float16": code.nhwc_to_nchw(given.normal(2, h, w, 3, dtype=torch.float16)),
        "float64": code.nhwc_to_nchw(given.normal(2, h, w, 3, dtype=torch.float64)),
        "bfloat16": code.nhwc_to_nchw(given.normal(2, h, w, 3, dtype=torch.bfloat16)),
        "complex64": code.nhwc_to_nchw(given.normal(2, h, w, 3, dtype=torch.complex64)),
        "int64": code.nhwc_to_nchw(given.integers(2, h, w, 3, low=2**60, high=2**61)),
        "requires grad": code.nhwc_to_nchw(given.non_leaf(given.normal(shape))),
        "a parameter": code.nhwc_to_nchw(given.module(lambda: nn.ParameterList([torch.ones(shape)]))[0]),
    }
    return only(results, "type", "shape", "dtype", "requires_grad", "values", "aliasing")


@checks("flatten_batch", gate=True)
def test_flatten_batch_of_other_strides(code, given):
    """A tensor with any strides and any dtype is flattened in the order of its own rows, even a single or empty item."""
    n, *rest = sizes(given, 4)
    images = given.normal(n, *rest, name="images")
    shared = {
        "contiguous bool": code.flatten_batch(given.bools(n, *rest)),
        "contiguous uint8": code.flatten_batch(given.integers(n, *rest, high=256, dtype=torch.uint8)),
        "contiguous complex64": code.flatten_batch(given.normal(n, *rest, dtype=torch.complex64)),
        "contiguous, requires grad": code.flatten_batch(given.normal(n, *rest, requires_grad=True)),
        # Its storage is as large as the result, so that resizing shows no memory that nobody has written.
        "one number for each item": code.flatten_batch(
            given.normal(n, rest[0] * rest[1], name="numbers")[:, :1, None].expand(n, *rest[:2])
        ),
    }
    return {
        "contiguous": only(shared, "values", "aliasing"),
        "transposed": code.flatten_batch(given.transposed(given.normal(n, *rest, dtype=torch.float64))),
        "permuted": code.flatten_batch(images.permute(0, 2, 3, 1)),
        "batch axis moved": code.flatten_batch(images.transpose(0, 2)),
        "with gaps": code.flatten_batch(given.non_contiguous(given.integers(n, *rest, high=100))),
        "items without elements": code.flatten_batch(given.normal(n, 0, rest[0])),
        "one item": code.flatten_batch(given.normal(1, *rest)),
        "a matrix": code.flatten_batch(given.normal(n, rest[0])),
        "a column": code.flatten_batch(given.normal(n, 1)),
        "an empty batch of vectors": code.flatten_batch(given.normal(0, rest[0])),
        "an empty batch of empty items": code.flatten_batch(given.normal(0, 0, rest[0])),
        "an empty batch of numbers": code.flatten_batch(given.normal(0)),
        "one number": code.flatten_batch(given.normal(1)),
        "bool": code.flatten_batch(given.bools(n, *rest)),
        "float16": code.flatten_batch(given.normal(n, *rest, dtype=torch.float16)),
        "bfloat16": code.flatten_batch(given.normal(n, *rest, dtype=torch.bfloat16)),
        "large int64, permuted": code.flatten_batch(given.integers(n, *rest, low=2**60, high=2**61).permute(0, 2, 3, 1)),
    }


def odd_numbers(given, *shape):
    """Numbers, among them nan and both infinities."""
    x = given.normal(*shape)
    x.view(-1)[:3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    return given.watch(x, f"numbers of shape {shape}, not all finite")


@checks("split_heads", gate=True)
def test_split_heads_of_other_tensors(code, given):
    """The entries are right for single heads, time steps, sequences and features, any strides, and every dtype."""
    batch, time, heads, features = sizes(given, 4)
    shape = batch, time, heads * features
    return {
        "one head": code.split_heads(given.normal(batch, time, features), 1),
        "one time step": code.split_heads(given.normal(batch, 1, heads * 2), heads),
        "one sequence": code.split_heads(given.normal(1, time, heads * 2), heads),
        "one feature per head": code.split_heads(given.normal(batch, time, heads), heads),
        "one of everything": code.split_heads(given.normal(1, 1, 1), 1),
        "as many heads as time steps": code.split_heads(given.normal(batch, heads, heads * features), heads),
        "transposed": code.split_heads(given.transposed(given.normal(shape, dtype=torch.float64)), heads),
        "time first in memory": code.split_heads(given.normal(time, batch, shape[2]).transpose(0, 1), heads),
        "with gaps": code.split_heads(given.non_contiguous(given.integers(shape, high=100)), heads),
        "expanded": code.split_heads(given.expanded(given.normal(batch, 1, shape[2]), shape), heads),
        "float16": code.split_heads(given.normal(shape, dtype=torch.float16), heads),
        "complex64": code.split_heads(given.normal(shape, dtype=torch.complex64), heads),
        "large int64": code.split_heads(given.integers(shape, low=2**60, high=2**61), heads),
        "nan and infinity": code.split_heads(odd_numbers(given, 1, 2, heads * 2), heads),
        "tiny, times 1e30": code.split_heads(given.normal(shape, std=1e-30), heads) * 1e30,
    }


@checks("merge_heads", gate=True)
def test_merge_heads_of_other_tensors(code, given):
    """It works for any strides and dtype, and for a single head, time step, sequence or feature per head."""
    shape = sizes(given, 4)
    a, b, c, _ = shape
    return {
        "one head": code.merge_heads(given.normal(a, 1, b, c)),
        "one time step": code.merge_heads(given.normal(a, b, 1, c)),
        "one sequence": code.merge_heads(given.normal(1, a, b, c)),
        "one feature per head": code.merge_heads(given.normal(a, b, c, 1)),
        "as many heads as time steps": code.merge_heads(given.normal(a, b, b, c)),
        "one of everything": code.merge_heads(given.normal(1, 1, 1, 1)),
        "of the result of an operation": code.merge_heads(given.non_leaf(given.normal(shape))),
        "transposed": code.merge_heads(given.transposed(given.normal(shape, dtype=torch.float64))),
        "with gaps": code.merge_heads(given.non_contiguous(given.normal(shape))),
        "float16": code.merge_heads(given.normal(shape, dtype=torch.float16)),
        "complex64": code.merge_heads(given.normal(shape, dtype=torch.complex64)),
        "large int64": code.merge_heads(given.integers(shape, low=2**60, high=2**61)),
        "tiny, times 1e30": code.merge_heads(given.normal(shape, std=1e-30)) * 1e30,
    }


@checks("patchify", gate=True)
def test_patchify_of_other_images(code, given):
    """It works for single patches, images, channels, rows, columns and pixels, for any strides, and keeps the dtype."""
    batch, channels, rows, columns, p = sizes(given, 5)
    pictures = given.normal(batch, rows * p, columns * p, channels, name="pictures")
    shape = batch, channels, rows * p, columns * p
    return {
        "one pixel per patch": code.patchify(given.normal(batch, channels, rows, columns), 1),
        "one patch": code.patchify(given.normal(batch, channels, p, p), p),
        "one image": code.patchify(given.normal(1, channels, 2 * p, 3 * p), p),
        "one channel": code.patchify(given.normal(batch, 1, 3 * p, 2 * p), p),
        "one row of patches": code.patchify(given.normal(batch, channels, p, 2 * p), p),
        "one column of patches": code.patchify(given.normal(batch, channels, 2 * p, p), p),
        "square": code.patchify(given.normal(batch, channels, 2 * p, 2 * p), p),
        "channels last": code.patchify(pictures.permute(0, 3, 1, 2), p),
        "transposed": code.patchify(given.transposed(given.normal(shape, dtype=torch.float64)), p),
        "with gaps": code.patchify(given.non_contiguous(given.normal(shape)), p),
        "float16": code.patchify(given.normal(batch, channels, 2 * p, p, dtype=torch.float16), p),
        "tiny, times 1e30": code.patchify(given.normal(shape, std=1e-30), p) * 1e30,
    }


@checks("same_storage", gate=True, device="second")
def test_same_storage_of_other_tensors(code, given):
    """Views of all kinds, parameters and tensors from one array use one storage; results and copies do not."""
    i = given.integer(1, 4)
    a = given.normal(6, 1, 6, name="a")
    views = {
        "a itself": a,
        "a.squeeze(1)": a.squeeze(1),
        "a[None]": a[None],
        "a.expand(6, 3, 6)": a.expand(6, 3, 6),
        "a view of a view": a.permute(2, 1, 0)[1:5].unflatten(0, (2, 2)),
        "a.reshape(36)": a.reshape(36),
        f"a[{i}, 0, {i + 1}]": a[i, 0, i + 1],
        "a.data": a.data,
        "a.view(torch.int32)": a.view(torch.int32),
        "a[1:].view(torch.uint8)": a[1:].view(torch.uint8),
    }
    copies = {
        "a.t() as a row": a.squeeze(1).t().reshape(36),
        "a[[0, 1, 2, 3, 4, 5]]": a[[0, 1, 2, 3, 4, 5]],
        "a.to(torch.float64)": a.to(torch.float64),
        f"a.clone()[{i}:]": a.clone()[i:],
        "a on another device": a.to(given.second_device),
    }
    found = {f"a and {name}": code.same_storage(a, other) for name, other in (views | copies).items()}
    found |= {f"{name} and a": code.same_storage(other, a) for name, other in (views | copies).items()}
    w = given.normal(4, 6, requires_grad=True, name="w")
    b = given.full(4, 6, value=2.0, name="b")
    z = given.normal(3, dtype=torch.complex64, name="z")
    array = given.watch(given.normal(4, 6).cpu().numpy().copy(), "array")
    return found | {
        "w and w.detach()": code.same_storage(w, w.detach()),
        f"w.detach() and w[{i}:]": code.same_storage(w.detach(), w[i - 1 :]),
        "w and nn.Parameter(w.detach())": code.same_storage(w, nn.Parameter(w.detach())),
        "w and w * 1": code.same_storage(w, w * 1),
        "w and w.detach().clone()": code.same_storage(w, w.detach().clone()),
        "z.imag and z": code.same_storage(z.imag, z),
        "z.conj() and z": code.same_storage(z.conj(), z),
        "two tensors full of 2": code.same_storage(b, torch.full_like(b, 2.0)),
        "slices of two tensors full of 2": code.same_storage(b[i - 1 :], torch.full_like(b, 2.0)[i - 1 :]),
        f"w[{i}] and b[{i - 1}:]": code.same_storage(w[i], b[i - 1 :]),
        "two tensors from one array": code.same_storage(torch.from_numpy(array), torch.from_numpy(array)),
        "a[:0] and a[6:]": code.same_storage(a[:0], a[6:]),
        "a[:0] and itself": code.same_storage(a[:0], a[:0]),
        "a and a new empty tensor": code.same_storage(a, torch.empty_like(a[:0])),
        "a part and all of a tensor from an array": code.same_storage(torch.from_numpy(array)[i:], torch.as_tensor(array)),
        "tensors from an array and its copy": code.same_storage(torch.from_numpy(array), torch.from_numpy(array.copy())),
    }
