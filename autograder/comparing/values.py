"""Compares numbers, strings, None, dtypes and devices; where the type does not count, numbers with 1-element tensors."""

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

# Most Python floats come from float32 tensors, by item() or tolist().
_FLOAT = "float32"


def compare_values(where: str, expected: ValueFact, actual: ValueFact, how: Options) -> Difference | None:
    """The difference in type or value, or None; a float is compared with the tolerance of float32."""
    facts = expected.policy.facts
    if "type" in facts and expected.type != actual.type:
        actual_text, expected_text = words.kind_text(actual, quote=how.quote), words.kind_text(expected, quote=True)
        return difference(where, "type", f"{called(where)} is {actual_text}; it should be {expected_text}.")
    if "values" not in facts or expected.value == actual.value:
        return None
    if isinstance(expected.value, int | float) and isinstance(actual.value, int | float):
        return compare_numbers(where, expected, actual, how)
    actual_text = words.value_text(actual.value, quote=how.quote or _is_dtype(actual))
    expected_text = words.value_text(expected.value, quote=True)
    return difference(where, "values", f"{called(where)} is {actual_text}; it should be {expected_text}.")


def _is_dtype(fact: ValueFact) -> bool:
    """Whether it is one of the known dtypes, whose names cannot carry any other text."""
    return fact.type == "dtype" and isinstance(fact.value, str) and fact.value.removeprefix("torch.") in DTYPE_NAMES


def compare_numbers(where: str, expected: Fact, actual: Fact, how: Options) -> Difference | None:
    """The difference between a number and a number or 1-element tensor (either way round), or None."""
    if "values" not in expected.policy.facts:
        return None
    expected_array, actual_array = _as_array(expected), _as_array(actual)
    if expected_array is None or actual_array is None or expected_array.size != 1 or actual_array.size != 1:
        actual_text, expected_text = words.kind_text(actual, quote=how.quote), words.kind_text(expected, quote=True)
        return difference(where, "type", f"{called(where)} is {actual_text}; it should be {expected_text}.")
    dtypes = _dtype_of(expected), _dtype_of(actual)
    sentence = compare_arrays(where, expected_array.reshape(()), actual_array.reshape(()), dtypes, expected.policy, how)
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
    """The number in a fact that is a number or a 1-element tensor; None for anything else, for bool and for NaN."""
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
