"""What may have gone wrong, guessed from how wrong numbers relate to the right ones.

A cause is named only where the numbers bear it out element by element; otherwise nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from autograder.comparing.arrays import Array, epsilon_of, is_inexact

__all__ = ["likely_cause"]

# Above this nobody waits for a guess.
_MOST_ELEMENTS = 1 << 20
# A few numbers can well be short ones by chance.
_MANY = 8
# A single number is a multiple of another one too easily for larger factors to mean anything.
_LARGEST_SINGLE_FACTOR = 64


def likely_cause(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> str:
    """One sentence on how `actual` relates to `expected`, or "" where nothing is evident.

    Args:
        expected, actual: arrays of one shape that differ.
        dtypes: their dtypes' names as observed (a bfloat16 tensor is decoded to float32).
        allowed: by how much elements may differ.
    """
    if not 0 < expected.size <= _MOST_ELEMENTS:
        return ""
    if expected.dtype.kind == "b" and actual.dtype.kind == "b":
        return _cause_of_flags(expected, actual)
    if "c" in (expected.dtype.kind, actual.dtype.kind):
        return _first(_complex_causes(expected.astype(complex), actual.astype(complex), allowed))
    wanted, found = expected.astype(np.float64), actual.astype(np.float64)
    if not (np.isfinite(wanted).all() and np.isfinite(found).all()):
        return ""
    with np.errstate(all="ignore"):
        return _first(_real_causes(wanted, found, dtypes, allowed))


def _first(causes: Iterator[str]) -> str:
    return next(causes, "")


def _cause_of_flags(expected: Array, actual: Array) -> str:
    if expected.size == 1:
        return ""
    if (actual == ~expected).all():
        return "True and False are exchanged."
    if (actual == actual.flat[0]).all():
        return f"All of yours are {bool(actual.flat[0])}."
    return _first(_places(expected, actual, expected != actual, lambda left, right: bool((left == right).all())))


def _complex_causes(expected: Array, actual: Array, allowed: float) -> Iterator[str]:
    def near(left: Array, right: Array) -> bool:
        return bool((np.abs(left - right) <= allowed).all())

    if near(actual, np.zeros_like(actual)):
        yield "All of yours are 0."
    if near(actual, expected.conj()):
        yield "Yours are the complex conjugates."
    if near(actual, expected.real):
        yield "The imaginary parts are missing."
    if near(actual, -expected):
        yield "The sign is flipped."


def _real_causes(expected: Array, actual: Array, dtypes: tuple[str, str], allowed: float) -> Iterator[str]:
    slack = _slack(expected, actual, dtypes, allowed)

    def near(left: Array, right: Array) -> bool:
        return left.shape == right.shape and bool((np.abs(left - right) <= slack).all())

    if not actual.any():
        yield "All of yours are 0." if actual.size > 1 else ""
        return
    if not expected.any():
        return
    if near(actual, -expected):
        yield "The sign is flipped."
    if near(actual, np.abs(expected)):
        yield "The signs are lost: all of yours are positive."
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
    """The allowed distance, in proportion where yours are larger."""
    if not any(map(is_inexact, dtypes)):
        return 0.0
    largest = float(np.abs(expected).max())
    return allowed * max(1.0, float(np.abs(actual).max()) / largest) if largest else allowed


def _lost_precision(expected: Array, actual: Array, dtypes: tuple[str, str]) -> str:
    """Whether the numbers agree as far as a coarser dtype can hold them."""
    fine = min(map(epsilon_of, dtypes))
    size = np.maximum(np.abs(expected), np.abs(expected).max() * 1e-2)
    worst = float((np.abs(actual - expected) / size).max()) if expected.any() else 1.0
    for name in ("float32", "bfloat16", "float16") if expected.size >= _MANY else ("float32",):
        if fine < epsilon_of(name) and worst <= 4 * epsilon_of(name) and _fits(actual, name):
            return f"Yours are right to the precision of {name} only: something was computed or kept in that dtype."
    return ""


def _fits(array: Array, dtype: str) -> bool:
    """Whether a dtype holds these numbers without rounding, as it does if they ever were kept in it."""
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
                yield (
                    "They are the same numbers in another order: it looks as if "
                    f"dimensions {first} and {second} had been swapped."
                )
    for axis in range(expected.ndim):
        if expected.shape[axis] > 1 and near(actual, np.flip(expected, axis)):
            yield f"They are the same numbers in reverse order along dimension {axis}."
    for axis in range(expected.ndim):
        for step, text in ((1, "one place later"), (-1, "one place earlier")):
            if expected.shape[axis] > 2 and near(actual, np.roll(expected, step, axis)):
                yield f"They are the same numbers, each {text} along dimension {axis}."


def _same_numbers(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    ordered = np.sort(expected, axis=None)
    if near(np.sort(actual, axis=None), ordered) and np.unique(ordered).size >= min(4, expected.size):
        yield "They are the same numbers in another order."


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
        text = f"Yours are 1/{whole} of the expected ones" if inverse else f"Yours are {whole} times the expected ones"
        if expected.size == 1:
            text = text.replace("Yours are", "Yours is").replace("ones", "one")
        if whole > 2 and (whole == expected.size or whole in expected.shape):
            text += ": a mean where a sum belongs?" if inverse else ": a sum where a mean belongs?"
        yield text + ("" if text.endswith("?") else ".")
        return
    if expected.size > 1 and np.unique(np.abs(expected)).size > 1:
        yield f"Yours are {factor:.4g} times the expected ones."


def _overflows(expected: Array, actual: Array) -> Iterator[str]:
    gaps = expected - actual
    for modulus in (2.0**8, 2.0**16, 2.0**32):
        if (gaps % modulus == 0).all():
            yield f"Yours are off by multiples of {int(modulus)}: numbers did not fit into an integer dtype."
            return


def _roundings(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    if near(expected, np.round(expected)):
        wrong = np.abs(expected - actual)[expected != actual]
        if expected.size > 1 and (wrong == 1).all():
            yield "The wrong ones are off by one: is it the rounding, or where a range starts?"
        return
    for rounded, text in (
        (np.trunc(expected), "The fractional parts are missing: was something divided or converted as integers?"),
        (np.floor(expected), "The fractional parts are missing, rounded down: was something divided as integers?"),
        (np.round(expected), "Yours are rounded to whole numbers."),
    ):
        if near(actual, rounded):
            yield text


def _functions(expected: Array, actual: Array, near: _Near) -> Iterator[str]:
    candidates: tuple[tuple[Callable[[Array], Array], str], ...] = (
        (np.square, "Yours are the squares of the expected ones."),
        (lambda x: np.maximum(x, 0), "Where a number should be negative, yours is 0."),
        (lambda x: 1 / x, "Yours are the reciprocals of the expected ones."),
        (np.sqrt, "Yours are the square roots of the expected ones."),
        (np.log, "Yours are the logarithms of the expected ones."),
        (np.exp, "Yours are the exponentials of the expected ones."),
    )
    for function, text in candidates:
        image = function(expected)
        if np.isfinite(image).all() and near(actual, image):
            yield text


def _offsets(expected: Array, actual: Array, near: _Near, slack: float) -> Iterator[str]:
    offset = float((actual - expected).mean())
    if abs(offset) > 4 * slack and near(actual, expected + offset) and np.unique(expected).size > 1:
        yield f"Each of yours is off by {offset:.4g}."


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
        reference = np.take(actual, [0], axis)
        varies = not near(np.broadcast_to(np.take(expected, [0], axis), expected.shape), expected)
        if varies and near(np.broadcast_to(reference, actual.shape), actual):
            yield f"Yours do not vary along dimension {axis}: was something broadcast, or reduced over it?"
            return
