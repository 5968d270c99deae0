"""Compares two tensors' facts: the first of the facts asked for that differs, as a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from autograder.comparing import wording as words
from autograder.comparing.arrays import DTYPE_NAMES, Array, allowed_distance, decode, dtype_name, mismatches
from autograder.comparing.likely_causes import likely_cause
from autograder.comparing.wording import Options, called, difference, index_text, number_pair, places_text
from autograder.records.observation import FACT_NAMES, FactName, Policy, TensorFact
from autograder.records.results import Difference

__all__ = ["compare_arrays", "compare_tensors"]


@dataclass(frozen=True)
class _Pair:
    where: str
    expected: TensorFact
    actual: TensorFact
    policy: Policy
    how: Options


def compare_tensors(
    where: str, expected: TensorFact, actual: TensorFact, how: Options, facts: tuple[FactName, ...] | None = None
) -> Difference | None:
    """The first fact of the expected tensor's policy (or of `facts`) that differs."""
    if expected == actual:
        return None
    wanted = expected.policy.facts if facts is None else facts
    pair = _Pair(where, expected, actual, expected.policy, how)
    for fact in FACT_NAMES:
        if fact in wanted:
            sentence = _COMPARE[fact](pair)
            if sentence:
                return difference(where, fact, sentence)
    return None


def _type(pair: _Pair) -> str:
    if pair.expected.type == pair.actual.type:
        return ""
    yours, wanted = words.kind_text(pair.actual, quote=pair.how.quote), words.kind_text(pair.expected, quote=True)
    if yours == wanted:
        return f"{called(pair.where)} is {yours} of another kind."
    return f"{called(pair.where)} is {yours}; it should be {wanted}."


def _shape(pair: _Pair) -> str:
    if pair.expected.shape == pair.actual.shape:
        return ""
    yours = words.shape_text(pair.actual.shape, quote=pair.how.quote)
    return f"{called(pair.where)} has shape {yours}; it should be {pair.expected.shape}."


def _dtype(pair: _Pair) -> str:
    yours, wanted = dtype_name(pair.actual.dtype), dtype_name(pair.expected.dtype)
    return "" if yours == wanted else f"{called(pair.where)} has dtype {_plain(yours)}; it should be {wanted}."


def _device(pair: _Pair) -> str:
    yours, wanted = pair.actual.device, pair.expected.device
    return "" if yours == wanted else f"{called(pair.where)} is on device {_plain(yours)}; it should be on {wanted}."


def _layout(pair: _Pair) -> str:
    yours, wanted = pair.actual.layout, pair.expected.layout
    return "" if yours == wanted else f"{called(pair.where)} has layout {_plain(yours)}; it should be {wanted}."


def _plain(name: str) -> str:
    """A dtype's, device's or layout's name that a child sent, if it is one that PyTorch gives."""
    return name if name in DTYPE_NAMES or name in _LAYOUTS or _DEVICE.fullmatch(name) else "unknown"


_LAYOUTS = frozenset(
    ("strided", "jagged", "mkldnn", "sparse_coo", *(f"sparse_{kind}" for kind in ("csr", "csc", "bsr", "bsc")))
)
_DEVICE = re.compile(r"(cpu|cuda|meta|mps|xpu|hpu|mtia|xla|ipu|lazy|vulkan|privateuseone)(:\d{1,2})?")


def _requires_grad(pair: _Pair) -> str:
    yours, wanted = pair.actual.requires_grad, pair.expected.requires_grad
    return "" if yours == wanted else f"{called(pair.where)} has requires_grad={yours}; it should be {wanted}."


def _is_leaf(pair: _Pair) -> str:
    if pair.actual.is_leaf == pair.expected.is_leaf:
        return ""
    if pair.expected.is_leaf:
        return f"{called(pair.where)} is the result of a recorded operation; it should be a leaf."
    return f"{called(pair.where)} is a leaf; it should be the result of a recorded operation."


def _grad_fn(pair: _Pair) -> str:
    if pair.actual.has_grad_fn == pair.expected.has_grad_fn:
        return ""
    if pair.expected.has_grad_fn:
        return f"{called(pair.where)} has no grad_fn: it is cut off from the graph; it should be part of it."
    return f"{called(pair.where)} has a grad_fn: it is still part of the graph; it should be cut off from it."


def _values(pair: _Pair) -> str:
    expected, actual = pair.expected, pair.actual
    if expected.shape != actual.shape:
        return _shape(pair)
    if expected.values == actual.values and dtype_name(expected.dtype) == dtype_name(actual.dtype):
        return ""
    left, right = decode(expected), decode(actual)
    if left is None or right is None:
        return _values_missing(pair, left, right)
    return compare_arrays(
        pair.where,
        left,
        right,
        (expected.dtype, actual.dtype),
        pair.policy,
        pair.how,
    )


def _values_missing(pair: _Pair, left: Array | None, right: Array | None) -> str:
    if left is None and right is None and len(pair.expected.values) == len(pair.actual.values) == 0:
        return ""  # two meta tensors
    if right is None and not pair.actual.values:
        return f"{called(pair.where)} has no values: it is on device {_plain(pair.actual.device)}."
    if left is None and not pair.expected.values:
        return f"{called(pair.where)} is on device {_plain(pair.actual.device)}; it should be on {pair.expected.device}."
    return f"The values of {called(pair.where)} cannot be read."


def compare_arrays(
    where: str,
    expected: Array,
    actual: Array,
    dtypes: tuple[str, str],
    policy: Policy,
    how: Options,
) -> str:
    """The sentence on what differs between two arrays of one shape, or ""."""
    allowed = allowed_distance(expected, dtypes, policy, how.tolerances)
    if policy.unordered and expected.ndim > 0:
        return _compare_rows(where, expected, actual, allowed)
    different, distance = mismatches(expected, actual, allowed)
    if not different.any():
        return ""
    if not how.explain:
        return f"{called(where)} has other values."
    return _values_sentence(where, expected, actual, different, distance) + _cause(expected, actual, dtypes, allowed)


def _cause(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> str:
    cause = likely_cause(expected, actual, dtypes, allowed)
    return f" {cause}" if cause else ""


def _values_sentence(where: str, expected: Array, actual: Array, different: Array, distance: Array) -> str:
    """How many elements differ, how far, and where; or where NaN and infinities stand that should not."""
    shape, count = expected.shape, int(np.count_nonzero(different))
    if expected.size == 1:
        yours, wanted = number_pair(actual.flat[0], expected.flat[0])
        return f"{called(where)} is {yours}; it should be {wanted}."
    odd = different & ~np.isfinite(distance)
    if odd.any():
        return _odd_sentence(where, expected, actual, odd)
    many = f"all {count} elements differ" if count == expected.size else f"{count} of {expected.size} elements differ"
    if count == 1:
        many = f"1 of {expected.size} elements differs"
    if expected.dtype.kind == "b" or actual.dtype.kind == "b":
        place = int(np.flatnonzero(different)[0])
        told = "" if count == 1 else "; the first is"
        yours, wanted = number_pair(actual.flat[place], expected.flat[place])
        return f"{called(where)}: {many}{told} at {index_text(place, shape)} (yours {yours}, expected {wanted})."
    place = int(np.argmax(np.where(different, distance, -1.0)))
    yours, wanted = number_pair(actual.flat[place], expected.flat[place])
    far = f"{float(distance.flat[place]):.4g}"
    told = f", by {far}" if count == 1 else f"; the largest difference is {far}"
    return f"{called(where)}: {many}{told} at {index_text(place, shape)} (yours {yours}, expected {wanted})."


def _odd_sentence(where: str, expected: Array, actual: Array, odd: Array) -> str:
    yours = odd & ~np.isfinite(actual)
    if yours.any():
        nan = yours & np.isnan(actual)
        kind, places = ("NaN", nan) if nan.any() else ("an infinity", yours)
        finite = np.isfinite(expected[places]).all()
        should = "the result there is finite" if finite else "something else is expected there"
        return f"{called(where)} has {kind} at {places_text(places, expected.shape)}; {should}."
    nan = odd & np.isnan(expected)
    kind, places = ("NaN", nan) if nan.any() else ("the infinity", odd)
    return f"{called(where)} lacks {kind} at {places_text(places, expected.shape)}."


def _compare_rows(where: str, expected: Array, actual: Array, allowed: float) -> str:
    """Entries along the first dimension, in any order: sorted and compared; what is left is matched one by one."""
    wanted, yours = _sorted_rows(expected), _sorted_rows(actual)
    wrong = mismatches(wanted, yours, allowed)[0].any(axis=1)
    left, right = wanted[wrong], list(yours[wrong])
    unmatched = len(right)
    if 0 < unmatched <= 1000:
        free = np.ones(len(left), bool)
        for row in right:
            fits = ~mismatches(left, np.broadcast_to(row, left.shape), allowed)[0].any(axis=1) & free
            if fits.any():
                free[int(np.argmax(fits))] = False
                unmatched -= 1
    if not unmatched:
        return ""
    verb = "is" if unmatched == 1 else "are"
    return (
        f"{called(where)}: {unmatched} of the {len(expected)} entries along dimension 0 {verb} not among those expected "
        "(their order does not matter)."
    )


def _sorted_rows(array: Array) -> Array:
    rows: Array = array.reshape(array.shape[0], -1)
    if rows.shape[1] == 0 or rows.shape[0] < 2:
        return rows
    return np.asarray(rows[np.lexsort(rows.T[::-1])])


def _gradient(pair: _Pair) -> str:
    expected, actual = pair.expected, pair.actual
    name = f"{called(pair.where)}"
    if "none" in (expected.gradient, actual.gradient) or "non-leaf" in (expected.gradient, actual.gradient):
        if expected.gradient == actual.gradient:
            return ""
        return f"{name} {_HAS[actual.gradient]}; it should {_SHOULD[expected.gradient]}."
    if expected.gradient_values == actual.gradient_values:
        return ""
    left = decode(expected, expected.gradient_values or b"")
    right = decode(actual, actual.gradient_values or b"")
    if left is None or right is None or left.shape != right.shape:
        return f"The gradient of {name} cannot be compared."
    dtypes = (expected.dtype, actual.dtype)
    policy = msgspec.structs.replace(pair.policy, unordered=False)
    return compare_arrays(f"{pair.where or 'result'}.grad", left, right, dtypes, policy, pair.how)


_HAS = {
    "none": "has no gradient (its .grad is None)",
    "zero": "has a gradient that is zero",
    "value": "has a gradient",
    "non-leaf": "is no leaf, so that it keeps no .grad",
}
_SHOULD = {
    "none": "have no gradient (its .grad should be None)",
    "zero": "have a gradient that is zero",
    "value": "have a gradient",
    "non-leaf": "be no leaf",
}


def _aliasing(pair: _Pair) -> str:
    yours, wanted = set(pair.actual.shares), set(pair.expected.shares)
    lost, gained = sorted(wanted - yours), sorted(yours - wanted)
    if gained:
        other = called(gained[0]) if pair.how.quote or _plain_path(gained[0]) else "something else"
        return f"{called(pair.where)} shares its storage with {other}; it should have its own."
    if lost:
        return f"{called(pair.where)} has a storage of its own; it should share that of {called(lost[0])}."
    return ""


def _plain_path(name: str) -> bool:
    return len(name) <= 20 and all(part.isidentifier() or part.isdigit() for part in name.split("."))


def _overlap(pair: _Pair) -> str:
    if pair.actual.overlap == pair.expected.overlap:
        return ""
    if pair.expected.overlap:
        return f"{called(pair.where)} has a place in memory for each element; several should share one (as after expand)."
    return f"{called(pair.where)} has elements that share a place in memory (as after expand); each should have its own."


def _stride(pair: _Pair) -> str:
    if pair.actual.stride == pair.expected.stride:
        return ""
    yours = words.shape_text(pair.actual.stride or (), quote=pair.how.quote)
    return f"{called(pair.where)} has stride {yours}; it should be {pair.expected.stride}."


def _bits(pair: _Pair) -> str:
    expected, actual = pair.expected, pair.actual
    for flag, word in (("conj", "conjugated"), ("neg", "negated")):
        yours, wanted = getattr(actual, flag), getattr(expected, flag)
        if yours != wanted:
            text = "is lazily" if yours else "is not lazily"
            return f"{called(pair.where)} {text} {word} (is_{flag}() is {yours}); it should be {wanted}."
    if expected.values == actual.values:
        return ""
    left, right = decode(expected), decode(actual)
    if left is None or right is None or left.shape != right.shape or left.dtype != right.dtype:
        return f"The bits of {called(pair.where)} differ."
    different = (
        left.view(np.uint8).reshape(*left.shape, -1) != right.view(np.uint8).reshape(*right.shape, -1)
        if left.ndim
        else np.asarray([left.tobytes() != right.tobytes()])
    )
    places = different.any(axis=-1).reshape(left.shape)
    if left.dtype.kind in "fc":
        places = places & ~(np.isnan(left) & np.isnan(right))
    if not places.any():
        return ""
    first = int(np.flatnonzero(places)[0])
    yours, wanted = number_pair(right.flat[first], left.flat[first])
    return (
        f"{called(pair.where)}: {int(places.sum())} of {left.size} elements differ in their bits; the first is at "
        f"{index_text(first, left.shape)} (yours {yours}, expected {wanted})."
    )


_COMPARE: dict[FactName, Callable[[_Pair], str]] = {
    "type": _type,
    "shape": _shape,
    "dtype": _dtype,
    "device": _device,
    "layout": _layout,
    "requires_grad": _requires_grad,
    "is_leaf": _is_leaf,
    "grad_fn": _grad_fn,
    "values": _values,
    "gradient": _gradient,
    "aliasing": _aliasing,
    "overlap": _overlap,
    "stride": _stride,
    "bits": _bits,
}
