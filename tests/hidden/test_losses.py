"""Checks for topic `losses` that only grading runs: edge cases of the specification."""

import torch
import torch.nn.functional as F

from autograder import checks, only

CROSS_ENTROPIES = (F.cross_entropy, F.nll_loss)
BINARY_CROSS_ENTROPIES = (
    F.binary_cross_entropy,
    F.binary_cross_entropy_with_logits,
    torch.binary_cross_entropy_with_logits,
    F.logsigmoid,
    F.softplus,
)


def cross_entropy(code, given, *arguments):
    with given.unavailable(*CROSS_ENTROPIES):
        return code.cross_entropy(*arguments)


def bce_with_logits(code, given, *arguments):
    with given.unavailable(*BINARY_CROSS_ENTROPIES):
        return code.bce_with_logits(*arguments)


DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def other_dtype(dtype):
    """A default dtype that is not this one."""
    return torch.float32 if dtype is torch.float64 else torch.float64


def one_nan(given, matrix):
    """The matrix with nan in a drawn place."""
    matrix[given.integer(0, len(matrix)), given.integer(0, matrix.shape[1])] = torch.nan
    return given.watch(matrix, "with nan")


@checks("cross_entropy", device="second")
def test_cross_entropy_dtype_layout_and_device(code, given):
    """The result has the dtype and device of the logits, and logits and labels may have any memory layout."""
    n, c, results = given.integer(4, 7), given.integer(3, 6), {}
    labels = given.integers(n, high=c)
    for dtype in DTYPES:
        logits = given.normal(n, c, dtype=dtype)
        with given.default_dtype(other_dtype(dtype)):
            for reduction in ("mean", "sum", "none"):
                results[f'{dtype}, "{reduction}"'] = cross_entropy(code, given, logits, labels, reduction)
    cases = {
        "transposed logits": (given.transposed(given.normal(n, c)), labels),
        "logits with gaps": (given.non_contiguous(given.normal(n, c)), labels),
        "labels with gaps": (given.normal(n, c), given.non_contiguous(given.integers(n, high=c))),
        "a slice of more labels": (given.normal(n, c), given.sliced(given.integers(n, high=c))),
        "logits with a graph": (given.non_leaf(given.normal(n, c)), labels),
        "another device": (given.normal(n, c).to(given.second_device), labels.to(given.second_device)),
        "nan in one sample": (one_nan(given, given.normal(n, c)), labels),
    }
    for name, case in cases.items():
        results |= {f'{name}, "{how}"': cross_entropy(code, given, *case, how) for how in ("mean", "none")}
    return only(results, "dtype", "device", "values")


@checks("bce_with_logits", device="second")
def test_bce_with_logits_dtype_layout_and_device(code, given):
    """The result has the dtype and device of its inputs, which may have any memory layout."""
    n, k, results = given.integer(4, 7), given.integer(3, 6), {}
    for dtype in DTYPES:
        pair = given.normal(n, dtype=dtype), given.uniform(n, dtype=dtype)
        with given.default_dtype(other_dtype(dtype)):
            results[str(dtype)] = bce_with_logits(code, given, *pair)
    large = given.full(3, value=-1e8 * given.number(4, 9)), given.full(3, value=1)
    results["logits of some hundred millions"] = bce_with_logits(code, given, *large)
    cases = {
        "transposed logits": (given.transposed(given.normal(n, k)), given.uniform(n, k)),
        "transposed targets": (given.normal(n, k), given.transposed(given.uniform(n, k))),
        "with gaps": (given.non_contiguous(given.normal(n)), given.non_contiguous(given.uniform(n))),
        "a slice of a tensor": (given.sliced(given.normal(n)), given.uniform(n)),
        "logits with a graph": (given.non_leaf(given.normal(n)), given.uniform(n)),
        "another device": (given.normal(n, k).to(given.second_device), given.uniform(n, k).to(given.second_device)),
        "a logit of nan": (one_nan(given, given.normal(n, k)), given.uniform(n, k)),
        "a target of nan": (given.normal(n, k), one_nan(given, given.uniform(n, k))),
    }
    results |= {name: bce_with_logits(code, given, *pair) for name, pair in cases.items()}
    return only(results, "dtype", "device", "values")


def some_true(given, *shape):
    """A mask with different numbers of True and False entries, in any places."""
    mask = given.bools(*shape, p=0.4)
    flat = mask.view(-1)
    flat[given.permutation(flat.numel())[:5]] = torch.tensor([True, False, False, False, True], device=mask.device)
    return given.watch(mask, f"mask of shape {shape}")


@checks("masked_mse", device="second")
def test_masked_mse_dtype_layout_and_device(code, given):
    """The result has the dtype and device of pred, and pred, target and mask may have any memory layout."""
    n, k, results = given.integer(4, 7), given.integer(3, 6), {}
    for dtype in DTYPES:
        triple = given.normal(n, k, dtype=dtype), given.normal(n, k, dtype=dtype), some_true(given, n, k)
        with given.default_dtype(other_dtype(dtype)):
            results[str(dtype)] = code.masked_mse(*triple)
    true = torch.tensor(True, device=given.device)
    results["0-dim"] = code.masked_mse(given.normal(mean=5), given.normal(), given.watch(true, "0-dim mask"))
    mask = some_true(given, n, k)
    cases = {
        "transposed pred": (given.transposed(given.normal(n, k)), given.normal(n, k), mask),
        "transposed mask": (given.normal(n, k), given.normal(n, k), given.transposed(some_true(given, n, k))),
        "with gaps": (given.non_contiguous(given.normal(n, k)), given.non_contiguous(given.normal(n, k)), mask),
        "pred with a graph": (given.non_leaf(given.normal(n, k)), given.normal(n, k), mask),
        "another device": tuple(one.to(given.second_device) for one in (given.normal(n, k), given.normal(n, k), mask)),
    }
    results |= {name: code.masked_mse(*case) for name, case in cases.items()}
    pair = [given.normal(n, k, std=1e-9, dtype=torch.float64) for _ in range(2)]
    results["tiny numbers, times 1e18"] = code.masked_mse(*pair, mask) * 1e18
    return only(results, "dtype", "device", "values")
