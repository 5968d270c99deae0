"""Guesses what went wrong from how the wrong numbers relate to the right ones.

A cause is named only if every element bears it out; otherwise nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from autograder.comparing.arrays import Array, epsilon_of, is_inexact

__all__ = ["likely_cause"]

# Above this a guess takes too long.
_MOST_ELEMENTS = 1 << 20
# A few numbers may fit a coarser dtype by chance.
_MANY = 8
# For a single number, larger factors mean nothing: too many pairs of numbers are multiples by chance.
_LARGEST_SINGLE_FACTOR = 64


def likely_cause(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> str:
    """One sentence on how `actual` relates to `expected`, or "" if no relation is evident.

    Args:
        expected: the right numbers.
        actual: the submission's numbers, in the same shape; they differ from the expected ones.
        dtypes: the names of their dtypes as observed, expected first (a bfloat16 tensor is decoded to float32).
        allowed: how far an element may be from the expected one.
    """
    if not 0 < expected.size <= _MOST_ELEMENTS:
        return ""
    if expected.dtype.kind == "b" and actual.dtype.kind == "b":
        return _cause_of_flags(expected, actual)
    if "c" in (expected.dtype.kind, actual.dtype.kind):
        return _first(_complex_causes(expected.astype(complex), actual.astype(complex), allowed))
    expected, actual = expected.astype(np.float64), actual.astype(np.float64)
    if not (np.isfinite(expected).all() and np.isfinite(actual).all()):
        return ""
    if np.array_equal(expected, actual):  # large whole numbers, whose last digits got lost
        return ""
    with np.errstate(all="ignore"):
        return _first(_real_causes(expected, actual, dtypes, allowed))


def _first(causes: Iterator[str]) -> str:
    return next(causes, "")


def _cause_of_flags(expected: Array, actual: Array) -> str:
    if expected.size == 1:
        return ""
    if (actual == ~expected).all():
        return "True and False are swapped."
    if (actual == actual.flat[0]).all():
        return f"All of your values are {bool(actual.flat[0])}."
    return _first(_places(expected, actual, expected != actual, lambda one, other: bool((one == other).all())))


def _complex_causes(expected: Array, actual: Array, allowed: float) -> Iterator[str]:
    def near(one: Array, other: Array) -> bool:
        return bool((np.abs(one - other) <= allowed).all())

    if near(actual, np.zeros_like(actual)):
        yield "All of your values are 0."
    if near(actual, expected.conj()):
        yield "Your values are the complex conjugates of the expected ones."
    if near(actual, expected.real):
        yield "The imaginary parts are missing."
    if near(actual, -expected):
        yield "The sign is flipped."


def _real_causes(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> Iterator[str]:
    slack = _slack(expected, actual, dtypes, allowed)

    def near(one: Array, other: Array) -> bool:
        return one.shape == other.shape and bool((np.abs(one - other) <= slack).all())

    if not actual.any():
        yield "All of your values are 0." if actual.size > 1 else ""
        return
    if not expected.any():
        return
    if near(actual, -expected):
        yield "The sign is flipped."
    if (expected < -slack).any() and near(actual, np.abs(expected)):
        yield "Your values are the absolute values of the expected ones: the signs are lost."
    yield from _orders(expected, actual, near)
    yield from _factors(expected, actual, near, slack)
    if expected.size > 1:
        yield from _offsets(expected, actual, near, slack)
    yield from _roundings(expected, actual, near)
    if precision := _lost_precision(expected, actual, dtypes):
        yield precision
    if expected.size > 1:
        yield from _overflows(expected, actual)
        yield from _functions(expected, actual, near)
        yield from _places(expected, actual, np.abs(expected - actual) > slack, near)
        yield from _same_numbers(expected, actual, near)


_Near = Callable[[Array, Array], bool]


def _slack(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> float:
    """The allowed distance, scaled up in proportion if the actual numbers are larger."""
    if not any(map(is_inexact, dtypes)):
        return 0.0
    largest = float(np.abs(expected).max())
    return allowed * max(1.0, float(np.abs(actual).max()) / largest) if largest else allowed


def _lost_precision(expected: Array, actual: Array, dtypes: tuple[str, str]) -> str:
    """A sentence if the numbers agree only to the precision of a coarser dtype, else ""."""
    fine = min(map(epsilon_of, dtypes))
    size = np.maximum(np.abs(expected), np.abs(expected).max() * 1e-2)
    worst = float((np.abs(actual - expected) / size).max()) if expected.any() else 1.0
    for name in ("float32", "bfloat16", "float16") if expected.size >= _MANY else ("float32",):
        if fine < epsilon_of(name) and worst <= 4 * epsilon_of(name) and _fits(actual, name):
            return f"The precision is only that of {name}: something was computed or stored in that dtype."
    return ""


def _fits(array: Array, dtype: str) -> bool:
    """Whether a dtype holds these numbers without rounding, as it must if they were ever stored in it."""
    if dtype == "bfloat16":
        single = array.astype(np.float32)
        return bool((single == array).all() and not (single.view(np.uint32) & 0xFFFF).any())
    return bool((array.astype(dtype) == array).all())


def _orders(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    if expected.size < 2:
        return
    for first in range(expected.ndim):
        for second in range(first + 1, expected.ndim):
            if expected.shape[first] < 2 or expected.shape[second] < 2:
                continue
            if near(actual, expected.swapaxes(first, second).reshape(expected.shape)):
                yield f"These are the right numbers in a different order: dimensions {first} and {second} look swapped."
    for axis in range(expected.ndim):
        if expected.shape[axis] > 1 and near(actual, np.flip(expected, axis)):
            yield f"These are the right numbers in reverse order along dimension {axis}."
    for axis in range(expected.ndim):
        for step, text in ((1, "one place later"), (-1, "one place earlier")):
            if expected.shape[axis] > 2 and near(actual, np.roll(expected, step, axis)):
                yield f"These are the right numbers, each {text} along dimension {axis}."


def _same_numbers(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    ordered = np.sort(expected, axis=None)
    if near(np.sort(actual, axis=None), ordered) and np.unique(ordered).size >= min(4, expected.size):
        yield "These are the right numbers in a different order."


def _factors(expected: Array, actual: Array, near: _Near, slack: float) -> Iterator[str]:
    factor = float((expected * actual).sum() / (expected * expected).sum())
    if not np.isfinite(factor) or factor == 0 or not near(actual, factor * expected):
        return
    if abs(factor - 1) * float(np.abs(expected).max()) <= 4 * slack:
        return
    for value, inverse in ((factor, False), (1 / factor, True)):
        whole = round(value)
        if whole < 2 or abs(value - whole) > 1e-4 * abs(value):
            continue
        if expected.size == 1 and whole > _LARGEST_SINGLE_FACTOR:
            continue
        text = f"Your values are {f'1/{whole} of' if inverse else f'{whole} times'} the expected ones"
        if expected.size == 1:
            text = text.replace("values are", "value is").replace("ones", "one")
        if whole > 2 and (whole == expected.size or whole in expected.shape):
            taken, right = ("mean", "sum") if inverse else ("sum", "mean")
            text += f": did you take the {taken} instead of the {right}?"
        yield text + ("" if text.endswith("?") else ".")
        return
    if expected.size > 1 and np.unique(np.abs(expected)).size > 1 and f"{factor:.4g}" != "1":
        yield f"Your values are {factor:.4g} times the expected ones."


def _overflows(expected: Array, actual: Array) -> Iterator[str]:
    gaps = expected - actual
    for modulus in (2.0**8, 2.0**16, 2.0**32):
        if (gaps % modulus == 0).all():
            yield f"Your values are off by multiples of {int(modulus)}: numbers did not fit into an integer dtype."
            return


def _roundings(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    if near(expected, np.round(expected)):
        wrong = np.abs(expected - actual)[expected != actual]
        if expected.size > 1 and (wrong == 1).all():
            yield "The wrong values are off by one: check the rounding, or where a range starts."
        return
    for rounded, text in (
        (np.trunc(expected), "The fractional parts are missing: was there an integer division or a conversion to integers?"),
        (np.floor(expected), "The numbers are rounded down: was there an integer division?"),
        (np.round(expected), "The numbers are rounded to whole numbers."),
    ):
        if near(actual, rounded):
            yield text


def _functions(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    candidates: tuple[tuple[Callable[[Array], Array], str], ...] = (
        (np.square, "Your values are the squares of the expected ones."),
        (lambda x: np.maximum(x, 0), "The values that should be negative are 0."),
        (lambda x: 1 / x, "Your values are the reciprocals of the expected ones."),
        (np.sqrt, "Your values are the square roots of the expected ones."),
        (np.log, "Your values are the logarithms of the expected ones."),
        (np.exp, "Your values are the exponentials of the expected ones."),
    )
    for function, text in candidates:
        image = function(expected)
        if np.isfinite(image).all() and near(actual, image):
            yield text


def _offsets(expected: Array, actual: Array, near: _Near, slack: float) -> Iterator[str]:
    offset = float((actual - expected).mean())
    if abs(offset) > 4 * slack and near(actual, expected + offset) and np.unique(expected).size > 1:
        yield f"All of your values are {abs(offset):.4g} too {'large' if offset > 0 else 'small'}."


def _places(expected: Array, actual: Array, different: Array, near: _Near) -> Iterator[str]:
    for axis, size in enumerate(expected.shape):
        if size < 3:
            continue
        lanes = different.any(axis=tuple(other for other in range(expected.ndim) if other != axis))
        wrong = np.flatnonzero(lanes)
        if wrong.size == 1 and wrong[0] in (0, size - 1):
            yield f"Only the {'first' if wrong[0] == 0 else 'last'} entry along dimension {axis} differs."
            return
    for axis, size in enumerate(expected.shape):
        if size < 2 or expected.size == size:
            continue
        first = np.take(actual, [0], axis)
        varies = not near(np.broadcast_to(np.take(expected, [0], axis), expected.shape), expected)
        if varies and near(np.broadcast_to(first, actual.shape), actual):
            yield f"Your values do not vary along dimension {axis}: was something broadcast, or reduced over it?"
            return
