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
def test_nhwc_to_nchw_refuses_a_single_image(code, given):
    """A tensor with 3 dimensions raises a ValueError."""
    x = given.normal(sizes(given, 3), name="x")
    return {"3 dimensions": raises(lambda: code.nhwc_to_nchw(x))}


@checks("flatten_batch", gate=True)
def test_flatten_batch_values(code, given):
    """Row i holds the elements of x[i], in row-major order."""
    n, *rest = sizes(given, 4)
    x = given.normal(n, *rest, name="x")
    return {"flatten_batch(x)": code.flatten_batch(x), "flatten_batch(x[:, 0, 0])": code.flatten_batch(x[:, 0, 0])}


@checks("flatten_batch")
def test_flatten_batch_shares_storage(code, given):
    """For a contiguous x, the result shares x's storage."""
    x = given.normal(sizes(given, 3), name="x")
    return {"flatten_batch(x)": only(code.flatten_batch(x), "aliasing")}


@checks("split_heads", gate=True)
def test_split_heads_entries(code, given):
    """Each entry of the result is the right entry of x."""
    batch, time, heads, features = sizes(given, 4)
    x = given.normal(batch, time, heads * features, name="x")
    return {"split_heads(x, num_heads)": code.split_heads(x, heads)}


@checks("split_heads")
def test_split_heads_refuses_indivisible_features(code, given):
    """A number of features that num_heads does not divide raises a ValueError."""
    x = given.normal(2, 3, 10, name="x")
    return {"10 features, 4 heads": raises(lambda: code.split_heads(x, 4))}


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
    """A p that divides neither the height nor the width raises a ValueError."""
    img = given.normal(2, 3, 5, 7, name="img")
    return {"5 x 7 pixels, p = 3": raises(lambda: code.patchify(img, 3))}


@checks("same_storage", gate=True)
def test_same_storage_of_views_and_copies(code, given):
    """A view uses the same storage, a copy does not."""
    a = given.normal(4, 6, name="a")
    return {
        "a and a.view(3, 8)": code.same_storage(a, a.view(3, 8)),
        "a and a.t()": code.same_storage(a, a.t()),
        "a and a.clone()": code.same_storage(a, a.clone()),
    }


@checks("same_storage")
def test_same_storage_of_slices(code, given):
    """Slices of one tensor use the same storage, even if they start at different places or have no element in common."""
    a = given.normal(4, 6, name="a")
    return {
        "a[1:] and a": code.same_storage(a[1:], a),
        "a[0] and a[1]": code.same_storage(a[0], a[1]),
        "a[::2] and a[1::2]": code.same_storage(a[::2], a[1::2]),
    }
