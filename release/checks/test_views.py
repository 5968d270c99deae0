"""Checks of topic `views` that students can run themselves."""

import torch

from autograder import checks, only, raises, secret


def sizes(given, count):
    """Sizes from 2 to 6, all different."""
    return [2 + int(size) for size in torch.randperm(5, generator=given.generator())[:count]]


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
    return {"the first": secret(truth(first)), "the second": secret(truth(second)), "the third": secret(truth(third))}


@checks("nhwc_to_nchw", gate=True)
def test_nhwc_to_nchw_entries(code, given):
    """Each entry of the result is the right entry of x."""
    x = given.normal(sizes(given, 4), name="x")
    return {"nhwc_to_nchw(x)": code.nhwc_to_nchw(x)}


@checks("nhwc_to_nchw")
def test_nhwc_to_nchw_refuses_other_numbers_of_dimensions(code, given):
    """A tensor that does not have 4 dimensions raises a ValueError: a single image, a video, a matrix."""
    shapes = sizes(given, 3), sizes(given, 5), sizes(given, 2), [1, *sizes(given, 4)]
    inputs = {f"shape {shape}": given.normal(shape) for shape in shapes}
    return {name: raises(lambda x=x: code.nhwc_to_nchw(x)) for name, x in inputs.items()}


@checks("flatten_batch", gate=True)
def test_flatten_batch_values(code, given):
    """Row i holds the elements of x[i], in row-major order."""
    n, *rest = sizes(given, 4)
    x = given.normal(n, *rest, name="x")
    return {"flatten_batch(x)": code.flatten_batch(x), "flatten_batch(x[:, 0])": code.flatten_batch(x[:, 0])}


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
    return {"split_heads(x, num_heads)": code.split_heads(x, heads)}


@checks("split_heads")
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
    """Heads split from (B, T, D) are put together again, each entry in its place."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads, features, name="x").transpose(1, 2)
    return {"merge_heads(x)": code.merge_heads(x)}


@checks("patchify", gate=True)
def test_patchify_entries(code, given):
    """Each entry of the result is the right pixel."""
    batch, channels, rows, columns, p = sizes(given, 5)
    img = given.normal(batch, channels, rows * p, columns * p, name="img")
    return {"patchify(img, p)": code.patchify(img, p)}


@checks("patchify")
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
def test_same_storage_of_slices(code, given):
    """Slices of one tensor use the same storage, even if they start at different places or have no element in common."""
    a, i = given.normal(8, 6, name="a"), given.integer(1, 4)
    b = given.full(8, 6, value=2.0, name="b")
    return {
        f"a[{i}:] and a": code.same_storage(a[i:], a),
        f"a[{i - 1}] and a[{i + 3}]": code.same_storage(a[i - 1], a[i + 3]),
        "a[::2] and a[1::2]": code.same_storage(a[::2], a[1::2]),
        f"a[{i}:] and b[{i + 1}:]": code.same_storage(a[i:], b[i + 1 :]),
    }
