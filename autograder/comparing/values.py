"""Compares numbers, strings, None, dtypes and devices; and numbers with tensors of one element, where types do not count."""

from __future__ import annotations

import math

import numpy as np

from autograder.comparing import wording as words
from autograder.comparing.arrays import DTYPE_NAMES, Array, decode
from autograder.comparing.tensors import compare_arrays
from autograder.comparing.wording import Options, called, difference
from autograder.records.observation import Fact, TensorFact, ValueFact
from autograder.records.results import Difference

__all__ = ["compare_numbers", "compare_values", "number_of"]

# Python floats mostly come out of float32 tensors, by item() or tolist().
_FLOAT = "float32"


def compare_values(where: str, expected: ValueFact, actual: ValueFact, how: Options) -> Difference | None:
    """Compares type and value; a float has the tolerance of float32."""
    facts = expected.policy.facts
    if "type" in facts and expected.type != actual.type:
        yours, wanted = words.kind_text(actual, quote=how.quote), words.kind_text(expected, quote=True)
        return difference(where, "type", f"{called(where)} is {yours}; it should be {wanted}.")
    if "values" not in facts or expected.value == actual.value:
        return None
    if isinstance(expected.value, int | float) and isinstance(actual.value, int | float):
        return compare_numbers(where, expected, actual, how)
    yours = words.value_text(actual.value, quote=how.quote or _is_dtype(actual))
    wanted = words.value_text(expected.value, quote=True)
    return difference(where, "values", f"{called(where)} is {yours}; it should be {wanted}.")


def _is_dtype(fact: ValueFact) -> bool:
    """Whether it is one of the known dtypes, in which nobody can hide another text."""
    return fact.type == "dtype" and isinstance(fact.value, str) and fact.value.removeprefix("torch.") in DTYPE_NAMES


def compare_numbers(where: str, expected: Fact, actual: Fact, how: Options) -> Difference | None:
    """Compares a number with a number, or with a tensor of one element."""
    if "values" not in expected.policy.facts:
        return None
    left, right = _as_array(expected), _as_array(actual)
    if left is None or right is None or left.size != 1 or right.size != 1:
        yours, wanted = words.kind_text(actual, quote=how.quote), words.kind_text(expected, quote=True)
        return difference(where, "type", f"{called(where)} is {yours}; it should be {wanted}.")
    dtypes = _dtype_of(expected), _dtype_of(actual)
    sentence = compare_arrays(where, left.reshape(()), right.reshape(()), dtypes, expected.policy, how)
    return difference(where, "values", sentence) if sentence else None


def _as_array(fact: Fact) -> Array | None:
    if isinstance(fact, TensorFact):
        return decode(fact)
    return np.array(fact.value) if isinstance(fact, ValueFact) and isinstance(fact.value, int | float) else None


def _dtype_of(fact: Fact) -> str:
    if isinstance(fact, TensorFact):
        return fact.dtype
    return _FLOAT if isinstance(fact, ValueFact) and isinstance(fact.value, float) else "int64"


def number_of(fact: object) -> float | None:
    """The number that a fact holds, if it is a finite or infinite number or a tensor of one such; else None."""
    if isinstance(fact, ValueFact):
        value = fact.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return None if math.isnan(value) else float(value)
    if isinstance(fact, TensorFact):
        array = decode(fact)
        if array is None or array.size != 1 or array.dtype.kind not in "iuf" or np.isnan(array).any():
            return None
        return float(array.flat[0])
    return None
