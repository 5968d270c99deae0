"""Compares two tensors and says, in one sentence, which of the facts asked for differs first."""

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
    """The first fact that differs, of those in the expected tensor's policy (or in `facts`); None if all agree."""
    if expected == actual:
        return None
    chosen = expected.policy.facts if facts is None else facts
    pair = _Pair(where, expected, actual, expected.policy, how)
    for fact in FACT_NAMES:
        if fact in chosen:
            sentence = _COMPARE[fact](pair)
            if sentence:
                return difference(where, fact, sentence)
    return None


def _type(pair: _Pair) -> str:
    if pair.expected.type == pair.actual.type:
        return ""
    actual, expected = words.kind_text(pair.actual, quote=pair.how.quote), words.kind_text(pair.expected, quote=True)
    if actual == expected:
        return f"{called(pair.where)} is {actual} of a different kind."
    return f"{called(pair.where)} is {actual}; it should be {expected}."


def _shape(pair: _Pair) -> str:
    if pair.expected.shape == pair.actual.shape:
        return ""
    actual = words.shape_text(pair.actual.shape, quote=pair.how.quote)
    return f"{called(pair.where)} has shape {actual}; it should be {pair.expected.shape}."


def _dtype(pair: _Pair) -> str:
    actual, expected = dtype_name(pair.actual.dtype), dtype_name(pair.expected.dtype)
    return "" if actual == expected else f"{called(pair.where)} has dtype {_plain(actual)}; it should be {expected}."


def _device(pair: _Pair) -> str:
    actual, expected = pair.actual.device, pair.expected.device
    return "" if actual == expected else f"{called(pair.where)} is on device {_plain(actual)}; it should be on {expected}."


def _layout(pair: _Pair) -> str:
    actual, expected = pair.actual.layout, pair.expected.layout
    return "" if actual == expected else f"{called(pair.where)} has layout {_plain(actual)}; it should be {expected}."


def _plain(name: str) -> str:
    """The name of a dtype, device or layout that a child sent, if PyTorch uses it; else `unknown`."""
    return name if name in DTYPE_NAMES or name in _LAYOUTS or _DEVICE.fullmatch(name) else "unknown"


_LAYOUTS = frozenset(
    ("strided", "jagged", "mkldnn", "sparse_coo", *(f"sparse_{kind}" for kind in ("csr", "csc", "bsr", "bsc")))
)
_DEVICE = re.compile(r"(cpu|cuda|meta|mps|xpu|hpu|mtia|xla|ipu|lazy|vulkan|privateuseone)(:\d{1,2})?")


def _requires_grad(pair: _Pair) -> str:
    actual, expected = pair.actual.requires_grad, pair.expected.requires_grad
    return "" if actual == expected else f"{called(pair.where)} has requires_grad={actual}; it should be {expected}."


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
    expected_array, actual_array = decode(expected), decode(actual)
    if expected_array is None or actual_array is None:
        return _values_missing(pair, expected_array, actual_array)
    dtypes = (expected.dtype, actual.dtype)
    return compare_arrays(pair.where, expected_array, actual_array, dtypes, pair.policy, pair.how)


def _values_missing(pair: _Pair, expected: Array | None, actual: Array | None) -> str:
    if expected is None and actual is None and len(pair.expected.values) == len(pair.actual.values) == 0:
        return ""  # two meta tensors
    if actual is None and not pair.actual.values:
        return f"{called(pair.where)} has no values: it is on device {_plain(pair.actual.device)}."
    if expected is None and not pair.expected.values:
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
    """A sentence on how two arrays of the same shape differ, or "" if they agree within the tolerance.

    Args:
        where: the path of the thing they are the values of.
        expected: the right values.
        actual: the submission's values.
        dtypes: the names of their dtypes as observed, expected first.
        policy: may set tolerances of its own, and may leave the order of entries open.
        how: the course's tolerances, and what may be said.
    """
    allowed = allowed_distance(expected, dtypes, policy, how.tolerances)
    if policy.unordered and expected.ndim > 0:
        return _compare_rows(where, expected, actual, allowed)
    different, distance = mismatches(expected, actual, allowed)
    if not different.any():
        return ""
    if not how.explain:
        return f"{called(where)} has different values."
    return _values_sentence(where, expected, actual, different, distance, how) + _cause(expected, actual, dtypes, allowed)


def _cause(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> str:
    cause = likely_cause(expected, actual, dtypes, allowed)
    return f" {cause}" if cause else ""


def _values_sentence(where: str, expected: Array, actual: Array, different: Array, distance: Array, how: Options) -> str:
    """How many elements differ, by how much and where; or where there is a NaN or infinity that should not be."""
    shape, count = expected.shape, int(np.count_nonzero(different))
    if expected.size == 1:
        actual_text, expected_text = number_pair(actual.flat[0], expected.flat[0], quote=how.quote)
        return f"{called(where)} is {actual_text}; it should be {expected_text}."
    odd = different & ~np.isfinite(distance)
    if odd.any():
        return _odd_sentence(where, expected, actual, odd)
    many = f"all {count} elements differ" if count == expected.size else f"{count} of {expected.size} elements differ"
    if count == 1:
        many = f"1 of {expected.size} elements differs"
    if expected.dtype.kind == "b" or actual.dtype.kind == "b":
        place = int(np.flatnonzero(different)[0])
        more = "" if count == 1 else "; the first is"
    else:
        place = int(np.argmax(np.where(different, distance, -1.0)))
        size = f"{_apart(expected.flat[place], actual.flat[place], distance.flat[place]):.4g}"
        more = f", by {size}," if count == 1 else f"; the largest difference is {size}"
    actual_text, expected_text = number_pair(actual.flat[place], expected.flat[place], quote=how.quote)
    return f"{called(where)}: {many}{more} at {index_text(place, shape)} (yours {actual_text}, expected {expected_text})."


def _apart(expected: object, actual: object, distance: float) -> float:
    """How far apart two numbers are: of whole ones exactly, where the distance in floating point is not."""
    if isinstance(expected, np.integer) and isinstance(actual, np.integer):
        return abs(int(expected) - int(actual))
    return float(distance)


def _odd_sentence(where: str, expected: Array, actual: Array, odd: Array) -> str:
    not_finite = odd & ~np.isfinite(actual)
    if not_finite.any():
        nan = not_finite & np.isnan(actual)
        kind, places = ("NaN", nan) if nan.any() else ("an infinity", not_finite)
        finite = np.isfinite(expected[places]).all()
        should = "it should be finite there" if finite else "a different value is expected there"
        return f"{called(where)} has {kind} at {places_text(places, expected.shape)}; {should}."
    nan = odd & np.isnan(expected)
    kind, places = ("NaN", nan) if nan.any() else ("infinite", odd)
    return f"{called(where)} should be {kind} at {places_text(places, expected.shape)}."


def _compare_rows(where: str, expected: Array, actual: Array, allowed: float) -> str:
    """Entries along the first dimension, in any order: both are sorted and compared; the rest is matched one by one."""
    expected_rows, actual_rows = _sorted_rows(expected), _sorted_rows(actual)
    wrong = mismatches(expected_rows, actual_rows, allowed)[0].any(axis=1)
    expected_rows, actual_rows = expected_rows[wrong], actual_rows[wrong]
    unmatched = len(actual_rows)
    if 0 < unmatched <= 1000:
        free = np.ones(len(expected_rows), bool)
        for row in actual_rows:
            row_repeated = np.broadcast_to(row, expected_rows.shape)
            fits = ~mismatches(expected_rows, row_repeated, allowed)[0].any(axis=1) & free
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
    expected_array = decode(expected, expected.gradient_values or b"")
    actual_array = decode(actual, actual.gradient_values or b"")
    if expected_array is None or actual_array is None or expected_array.shape != actual_array.shape:
        return f"The gradient of {name} cannot be compared."
    dtypes = (expected.dtype, actual.dtype)
    policy = msgspec.structs.replace(pair.policy, unordered=False)
    return compare_arrays(f"{pair.where or 'result'}.grad", expected_array, actual_array, dtypes, policy, pair.how)


_HAS = {
    "none": "has no gradient (its .grad is None)",
    "zero": "has a gradient of zeros",
    "value": "has a gradient",
    "non-leaf": "is not a leaf, so it keeps no .grad",
}
_SHOULD = {
    "none": "have no gradient (its .grad should be None)",
    "zero": "have a gradient of zeros",
    "value": "have a gradient",
    "non-leaf": "not be a leaf",
}


def _aliasing(pair: _Pair) -> str:
    """Names are in order, inputs before other returned things: an input says best what is meant. Of two returned things that
    should share, either may be at fault, so the sentence is about both."""
    actual, expected = pair.actual.shares, pair.expected.shares
    lost = [called(name) for name in expected if name not in actual]
    gained = [name for name in actual if name not in expected]
    here = called(pair.where)
    if gained:
        other = called(gained[0]) if pair.how.quote or _plain_path(gained[0]) else "something else"
        should = f"share that of {lost[0]}" if lost else "not" if expected else "have its own"
        return f"{here} shares its storage with {other}; it should {should}."
    if not lost:
        return ""
    if next(name for name in expected if name not in actual) in pair.how.returned:
        return f"{here} and {lost[0]} share no storage; they should."
    if actual:
        return f"{here} shares no storage with {lost[0]}; it should."
    return f"{here} has its own storage; it should share that of {lost[0]}."


def _plain_path(name: str) -> bool:
    return len(name) <= 20 and all(part.isidentifier() or part.isdigit() for part in name.split("."))


def _overlap(pair: _Pair) -> str:
    if pair.actual.overlap == pair.expected.overlap:
        return ""
    if pair.expected.overlap:
        return f"{called(pair.where)} stores each element separately; several should share memory (as after expand)."
    return f"{called(pair.where)} has elements that share memory (as after expand); each should have its own."


def _stride(pair: _Pair) -> str:
    if pair.actual.stride == pair.expected.stride:
        return ""
    actual = words.shape_text(pair.actual.stride or (), quote=pair.how.quote)
    return f"{called(pair.where)} has stride {actual}; it should be {pair.expected.stride}."


def _bits(pair: _Pair) -> str:
    expected, actual = pair.expected, pair.actual
    for flag, word in (("conj", "conjugated"), ("neg", "negated")):
        actual_bit, expected_bit = getattr(actual, flag), getattr(expected, flag)
        if actual_bit != expected_bit:
            text = "is lazily" if actual_bit else "is not lazily"
            return f"{called(pair.where)} {text} {word} (is_{flag}() is {actual_bit}); it should be {expected_bit}."
    if expected.values == actual.values:
        return ""
    expected_array, actual_array = decode(expected), decode(actual)
    if (
        expected_array is None
        or actual_array is None
        or expected_array.shape != actual_array.shape
        or expected_array.dtype != actual_array.dtype
    ):
        return f"The bits of {called(pair.where)} differ."
    different = (
        expected_array.view(np.uint8).reshape(*expected_array.shape, -1)
        != actual_array.view(np.uint8).reshape(*actual_array.shape, -1)
        if expected_array.ndim
        else np.asarray([expected_array.tobytes() != actual_array.tobytes()])
    )
    places = different.any(axis=-1).reshape(expected_array.shape)
    if expected_array.dtype.kind in "fc":
        places = places & ~(np.isnan(expected_array) & np.isnan(actual_array))
    if not places.any():
        return ""
    first = int(np.flatnonzero(places)[0])
    actual_text, expected_text = number_pair(actual_array.flat[first], expected_array.flat[first], quote=pair.how.quote)
    return (
        f"{called(pair.where)}: {int(places.sum())} of {expected_array.size} elements differ in their bits; the first is at "
        f"{index_text(first, expected_array.shape)} (yours {actual_text}, expected {expected_text})."
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
