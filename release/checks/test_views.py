"""Checks of topic `views` that students can run themselves."""

import warnings

import torch

from autograder import checks, only, raises, secret


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


def gradient(given, result, x):
    """What reaches x when drawn numbers are sent back from the result."""
    upstream = given.normal(tuple(result.shape), dtype=result.dtype, name="upstream")
    return only(torch.autograd.grad((result * upstream).sum(), x)[0], "values")


def truth(answer):
    """True or False; their names, 1 and 0 are fine, too."""
    if isinstance(answer, str):
        return {"True": True, "False": False}[answer]
    return bool(answer)


@checks("predicted_entries", gate=True, draws=1)
def test_predicted_entries(code, given):
    """The two predicted numbers are the entries of the regrouped and of the reordered tensor."""
    first, second = code.predicted_entries
    return {"the entry of viewed": secret(int(first)), "the entry of turned": secret(int(second))}


@checks("predicted_views", gate=True, draws=1)
def test_predicted_views(code, given):
    """The three answers say which of the calls work."""
    first, second, third = code.predicted_views
    # All three in one: with two possible answers, to say which one is wrong would give it away.
    return {"predicted_views": secret([truth(first), truth(second), truth(third)])}


@checks("nhwc_to_nchw", gate=True)
def test_nhwc_to_nchw_entries(code, given):
    """Each entry of the result is the right entry of x."""
    x = given.normal(sizes(given, 4), name="x")
    return {"nhwc_to_nchw(x)": code.nhwc_to_nchw(x)}


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_dtypes_and_small_sizes(code, given):
    """The dtype is kept, and sizes of 0 and 1 stay."""
    _, h, w, c = sizes(given, 4)
    return {
        "uint8": code.nhwc_to_nchw(given.integers(2, h, w, 3, high=256, dtype=torch.uint8)),
        "one image": code.nhwc_to_nchw(given.normal(1, h, w, c)),
        "no image": code.nhwc_to_nchw(given.normal(0, h, w, c)),
    }


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_is_a_view(code, given):
    """The result shares x's storage, contiguous or not."""
    shape = sizes(given, 4)
    inputs = {
        "contiguous": given.normal(shape, name="contiguous"),
        "transposed": given.transposed(given.normal(shape, name="transposed")),
    }
    return only({name: code.nhwc_to_nchw(x) for name, x in inputs.items()}, "shape", "aliasing")


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_gradient(code, given):
    """Gradients flow back to x."""
    x = given.normal(sizes(given, 4), dtype=torch.float64, requires_grad=True, name="x")
    return {"gradient": gradient(given, code.nhwc_to_nchw(x), x)}


@checks("nhwc_to_nchw", weight=0.5)
def test_nhwc_to_nchw_refuses_other_numbers_of_dimensions(code, given):
    """A tensor that does not have 4 dimensions raises a ValueError: a single image, a video, a matrix."""
    shapes = sizes(given, 3), sizes(given, 5), sizes(given, 2), [1, *sizes(given, 4)]
    inputs = {f"shape {shape}": given.normal(shape) for shape in shapes}
    return {name: raises(lambda x=x: code.nhwc_to_nchw(x)) for name, x in inputs.items()}


@checks("flatten_batch", gate=True)
def test_flatten_batch_values(code, given):
    """Row i holds the elements of x[i], in row-major order, whatever the strides."""
    n, *rest = sizes(given, 4)
    x = given.normal(n, *rest, name="x")
    return {
        "flatten_batch(x)": code.flatten_batch(x),
        "flatten_batch(x[:, 0])": code.flatten_batch(x[:, 0]),
        "flatten_batch(x.transpose(1, 3))": code.flatten_batch(x.transpose(1, 3)),
    }


@checks("flatten_batch")
def test_flatten_batch_shares_storage(code, given):
    """If a view is possible, the result shares x's storage, even if x is not contiguous."""
    n, *rest = sizes(given, 4)
    batch = given.normal(2 * n, *rest, name="batch")
    pair = given.normal(n, rest[0], name="matrix")
    results = {
        "contiguous": code.flatten_batch(given.normal(n, *rest, name="x")),
        "every other item": code.flatten_batch(batch[::2]),
        "sliced": code.flatten_batch(given.sliced(given.normal(n, *rest, name="sliced x"))),
        "transposed matrix": code.flatten_batch(given.transposed(pair)),
        "first numbers of the items": code.flatten_batch(batch[:, 0, 0, 0]),
    }
    return only(results, "shape", "aliasing")


@checks("flatten_batch")
def test_flatten_batch_of_empty_batches_and_vectors(code, given):
    """An empty batch gives no rows, but keeps its number of columns, and (N,) becomes (N, 1)."""
    n, a, b = sizes(given, 3)
    shapes = (0, a, b), (n,)
    return {f"shape {shape}": code.flatten_batch(given.normal(shape)) for shape in shapes}


@checks("flatten_batch", weight=0.5)
def test_flatten_batch_refuses_a_single_number(code, given):
    """A 0-dim tensor raises a ValueError, and a tensor with one element does not."""
    number, word = given.normal((), name="number"), given.integers((), name="word")
    vector = given.normal(1, name="vector")
    return {
        "shape ()": raises(lambda: code.flatten_batch(number)),
        "shape (), int64": raises(lambda: code.flatten_batch(word)),
        "shape (1,)": code.flatten_batch(vector),
    }


@checks("split_heads", gate=True)
def test_split_heads_entries(code, given):
    """Each entry of the result is the right entry of x."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads * features, name="x")
    return {
        "split_heads(x, num_heads)": code.split_heads(x, heads),
        "split_heads(x[:1], num_heads)": code.split_heads(x[:1], heads),
    }


@checks("split_heads", device="second")
def test_split_heads_dtype_and_device(code, given):
    """The result has x's dtype and is on x's device, whatever x's strides."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads * features, dtype=torch.float64)
    return {
        "float64, transposed": code.split_heads(given.transposed(x), heads),
        "on another device": only(
            code.split_heads(x.float().to(given.second_device), heads), "type", "shape", "dtype", "device"
        ),
    }


@checks("split_heads")
def test_split_heads_gradient(code, given):
    """Gradients flow back to x."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads * features, dtype=torch.float64, requires_grad=True, name="x")
    turned = given.non_leaf(given.normal(heads * features, time, batch, dtype=torch.float64)).permute(2, 1, 0)
    return {
        "gradient": gradient(given, code.split_heads(x, heads), x),
        "gradient of a permuted x": gradient(given, code.split_heads(turned, heads), turned),
        "gradient with one head": gradient(given, code.split_heads(x, 1), x),
    }


@checks("split_heads", weight=0.5)
def test_split_heads_refuses_indivisible_features(code, given):
    """A number of features that num_heads does not divide raises a ValueError."""
    heads = given.integer(3, 6)
    pairs = [
        (given.normal(2, 3, heads * 2 + given.integer(1, heads)), heads),
        (given.normal(2, 3, 4), 8),
        (given.normal(2, 3, 4), 6),
        (given.normal(5, 4, 7), 5),
        (given.normal(2, heads, 2 * heads + 1), heads),
        (given.normal(3, 5, 7), 2),
    ]
    return {
        f"{x.shape[2]} features, {heads} heads": raises(lambda x=x, h=heads: code.split_heads(x, h)) for x, heads in pairs
    }


@checks("merge_heads", gate=True)
def test_merge_heads_entries(code, given):
    """Heads split from (B, T, D) are put together again, each entry in its place; x may be contiguous, too."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads, features, name="x").transpose(1, 2)
    return {
        "merge_heads(x)": code.merge_heads(x),
        "merge_heads(x[:1])": code.merge_heads(x[:1]),
        "merge_heads(contiguous)": code.merge_heads(given.normal(batch, heads, time, features, name="contiguous")),
    }


@checks("merge_heads", device="second")
def test_merge_heads_dtype_and_device(code, given):
    """The result has x's dtype and is on x's device."""
    x = given.normal(sizes(given, 4), dtype=torch.float64)
    return {
        "float64": code.merge_heads(x),
        "on another device": only(code.merge_heads(x.float().to(given.second_device)), "type", "shape", "dtype", "device"),
    }


@checks("merge_heads")
def test_merge_heads_gradient(code, given):
    """Gradients flow back to x."""
    x = given.normal(sizes(given, 4), dtype=torch.float64, requires_grad=True, name="x")
    turned, single = x.permute(3, 2, 1, 0), x[:, :1]
    return {
        "gradient": gradient(given, code.merge_heads(x), x),
        "gradient of a permuted x": gradient(given, code.merge_heads(turned), turned),
        "gradient of one head": gradient(given, code.merge_heads(single), single),
    }


@checks("patchify", gate=True)
def test_patchify_entries(code, given):
    """Each entry of the result is the right pixel."""
    batch, channels, rows, columns, p = sizes(given, 5)
    img = given.normal(batch, channels, rows * p, columns * p, name="img")
    return {"patchify(img, p)": code.patchify(img, p)}


@checks("patchify", device="second")
def test_patchify_strides_dtype_and_device(code, given):
    """It works for images stored with their channels last; the result has img's dtype and is on img's device."""
    batch, channels, rows, columns, p = sizes(given, 5)
    pictures = given.normal(batch, rows * p, columns * p, channels, dtype=torch.float64, name="pictures")
    img = given.normal(batch, channels, 2 * p, p)
    return {
        "float64, channels last": code.patchify(pictures.permute(0, 3, 1, 2), p),
        "on another device": only(code.patchify(img.to(given.second_device), p), "type", "shape", "dtype", "device"),
    }


@checks("patchify")
def test_patchify_gradient(code, given):
    """Gradients flow back to the images."""
    batch, channels, rows, columns = sizes(given, 4)
    img = given.normal(batch, channels, 2 * rows, 2 * columns, dtype=torch.float64, requires_grad=True, name="img")
    turned, single = img.transpose(2, 3), img[:, :, :2, :2]
    return {
        "gradient": gradient(given, code.patchify(img, 2), img),
        "gradient of transposed images": gradient(given, code.patchify(turned, 2), turned),
        "gradient of one patch": gradient(given, code.patchify(single, 2), single),
    }


@checks("patchify", weight=0.5)
def test_patchify_refuses_indivisible_sizes(code, given):
    """A p that does not divide the height, or does not divide the width, raises a ValueError."""
    times = given.integer(1, 4)
    pairs = [((5, 7), 3), ((4, 9), 2), ((4 * times, 9), 4), ((4, 9 * times), 3), ((4, 9), 6), ((3, 3), 4)]
    inputs = {f"{h} x {w} pixels, p = {p}": (given.normal(1, 2, h, w), p) for (h, w), p in pairs}
    return {name: raises(lambda img=img, p=p: code.patchify(img, p)) for name, (img, p) in inputs.items()}


@checks("same_storage", gate=True)
def test_same_storage_of_views_and_copies(code, given):
    """A view uses the same storage; a copy does not."""
    rows, columns = sizes(given, 2)
    a = given.normal(rows, columns, name="a")
    pairs = {"a.t()": a.t(), "a.clone()": a.clone()}
    for view, copy in (
        (f"a.view({columns}, {rows})", "a + 0"),
        ("a[None]", "a.t().contiguous()"),
        ("a itself", "a.double().float()"),
        ("a.view(-1)", f"a[{list(range(rows))}]"),
    ):
        chosen = given.choice([view, copy])
        made = {
            f"a.view({columns}, {rows})": lambda: a.view(columns, rows),
            "a + 0": lambda: a + 0,
            "a[None]": lambda: a[None],
            "a.t().contiguous()": lambda: a.t().contiguous(),
            "a itself": lambda: a,
            "a.double().float()": lambda: a.double().float(),
            "a.view(-1)": lambda: a.view(-1),
        }
        pairs[chosen] = made.get(chosen, lambda: a[list(range(rows))])()
    return {f"a and {name}": code.same_storage(a, other) for name, other in pairs.items()}


@checks("same_storage")
def test_same_storage_of_parts_and_other_objects(code, given):
    """What counts is the memory: slices share it, even without a common element, and so may other dtypes and objects."""
    a, i = given.normal(8, 6, name="a"), given.integer(1, 4)
    b = given.full(8, 6, value=2.0, name="b")
    w = given.normal(sizes(given, 2), requires_grad=True, name="w")
    array = given.watch(given.normal(4, 6).cpu().numpy().copy(), "array")
    return {
        f"a[{i}:] and a": code.same_storage(a[i:], a),
        f"a[{i - 1}] and a[{i + 3}]": code.same_storage(a[i - 1], a[i + 3]),
        "a[::2] and a[1::2]": code.same_storage(a[::2], a[1::2]),
        f"a[{i}:] and b[{i + 1}:]": code.same_storage(a[i:], b[i + 1 :]),
        "a and a.view(torch.int32)": code.same_storage(a, a.view(torch.int32)),
        "w.detach() and w": code.same_storage(w.detach(), w),
        "two tensors from one array": code.same_storage(torch.from_numpy(array), torch.from_numpy(array)),
        "tensors from an array and its copy": code.same_storage(torch.from_numpy(array), torch.from_numpy(array.copy())),
    }


@checks("same_storage")
def test_same_storage_without_elements(code, given):
    """A tensor without elements shares nothing, be it the first one, the second one or both."""
    rows, columns = sizes(given, 2)
    a, nothing = given.normal(rows, columns, name="a"), given.normal(0, 3, name="nothing")
    return {
        "a[:0] and a": code.same_storage(a[:0], a),
        f"a and a[:, {columns}:]": code.same_storage(a, a[:, columns:]),
        "two empty tensors": code.same_storage(nothing, torch.empty_like(nothing)),
        "a and a": code.same_storage(a, a),
    }


@checks("same_storage")
def test_same_storage_does_not_warn(code, given):
    """There is no warning, not even a deprecation warning."""
    a = given.normal(sizes(given, 2), name="a")
    others = a.view(-1), a[1:], a.clone(), a[:0], given.non_leaf(given.normal(3))
    answers = []
    # PyTorch gives this warning once in a process, and a notebook may have had it already.
    always = torch.storage._get_always_warn_typed_storage_removal()
    torch.storage._set_always_warn_typed_storage_removal(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.resetwarnings()  # a notebook has filters of its own
            warnings.simplefilter("always")
            for other in given.permutation(len(others)).tolist():
                answers.append(code.same_storage(a, others[other]))
            filters = [each[0] for each in warnings.filters]
    finally:
        torch.storage._set_always_warn_typed_storage_removal(always)
    return {"answers": answers, "warnings": [warning.category.__name__ for warning in caught], "filters": filters}
