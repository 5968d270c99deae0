"""Things that are judged by a property instead of compared with the reference's values: bounds and distributions."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from autograder._words import counted
from autograder.comparing import wording as words
from autograder.comparing.arrays import Array, decode, epsilon_allowed, epsilon_of
from autograder.comparing.distributions import alike, judge_distribution, quantiles
from autograder.comparing.printed import difference_in_print
from autograder.comparing.tensors import compare_tensors
from autograder.comparing.values import number_of
from autograder.comparing.wording import Options, called, difference
from autograder.records.observation import (
    DEFAULT_FACTS,
    AtLeast,
    AtMost,
    AverageBetween,
    DistributedAs,
    Fact,
    Judge,
    MappingFact,
    MostlyEqual,
    PrintsAlike,
    SequenceFact,
    SketchFact,
    TensorFact,
    ValueFact,
)
from autograder.records.results import Difference

__all__ = ["compare_judged", "count_off", "similar_judged", "sketch"]

_FEW = 1000  # take no time
_NUMBERS = {"int", "float"}


def compare_judged(where: str, expected: Fact, actual: Fact, judge: Judge, how: Options) -> list[Difference]:
    """Judges what was observed; the expected fact gives the judge's parameters and the facts compared beside it."""
    facts = tuple(fact for fact in expected.policy.facts if fact not in ("values", "bits"))
    if "type" in facts and not _of_one_kind(expected, actual):
        yours, wanted = words.kind_text(actual, quote=how.quote), words.kind_text(expected, quote=True)
        return [difference(where, "type", f"{called(where)} is {yours}; it should be {wanted}.")]
    if off := count_off(expected, actual):
        return [difference(where, "values", f"{called(where)} {off}.")]
    expected_tensor, actual_tensor = _tensor_of(expected), _tensor_of(actual)
    if expected_tensor is not None and actual_tensor is not None:
        found = compare_tensors(where, expected_tensor, actual_tensor, how, facts)
        if found is not None:
            return [found]
    if isinstance(judge, PrintsAlike):
        sentence = difference_in_print(called(where), _text_of(expected), _text_of(actual), judge, quote=how.quote)
        return [difference(where, "values", sentence)] if sentence else []
    objection = _objection(actual, judge, expected_tensor)
    return [difference(where, "values", f"{called(where)} {objection}.")] if objection else []


def count_off(expected: Fact, actual: Fact) -> str:
    """What is wrong with far fewer or far more numbers than the reference's where shapes do not count; empty if nothing is.

    Few numbers fit any distribution, and many take long to judge.
    """
    if "shape" in expected.policy.facts:
        return ""
    wanted, given = _elements(expected), _elements(actual)
    off = 0 < 2 * given < wanted or given > 2 * wanted + _FEW
    return f"has {counted(given, 'element')}; about {wanted} are expected" if off else ""


def _elements(fact: Fact) -> int:
    """How many numbers there are in a fact's tensors."""
    if isinstance(fact, SequenceFact | MappingFact):
        return sum(map(_elements, fact.items))
    tensor = _tensor_of(fact)
    return math.prod(tensor.shape) if tensor is not None else 0


def _text_of(fact: Fact) -> str:
    return fact.value if isinstance(fact, ValueFact) and isinstance(fact.value, str) else ""


def _of_one_kind(expected: Fact, actual: Fact) -> bool:
    if isinstance(expected, ValueFact) and isinstance(actual, ValueFact):
        return expected.type == actual.type or {expected.type, actual.type} <= _NUMBERS
    return type(_tensor_of(expected) or expected) is type(_tensor_of(actual) or actual)


def _tensor_of(fact: Fact) -> TensorFact | None:
    """The tensor that a fact is, or is a sketch of."""
    if isinstance(fact, SketchFact):
        return fact.tensor
    return fact if isinstance(fact, TensorFact) else None


def sketch(fact: TensorFact) -> SketchFact:
    """What an answer key keeps of a tensor that a distribution judges."""
    assert fact.policy.judge is not None
    return SketchFact(
        tensor=msgspec.structs.replace(fact, values=b"", gradient_values=None),
        quantiles=_quantiles(fact).tobytes(),
        objection=_objection(fact, fact.policy.judge),
        policy=fact.policy,
    )


def _quantiles(fact: Fact) -> Array:
    if isinstance(fact, SketchFact):
        return np.frombuffer(fact.quantiles, "<f4")
    array = decode(fact) if isinstance(fact, TensorFact) else None
    return quantiles(np.empty(0) if array is None or array.dtype.kind not in "iufb" else array)


def _objection(actual: Fact, judge: Judge, expected: TensorFact | None = None) -> str:
    """What speaks against an observed thing; numbers coarser than those expected are judged like them."""
    if isinstance(actual, SketchFact):
        return actual.objection
    if isinstance(judge, DistributedAs):
        array = decode(actual) if isinstance(actual, TensorFact) else None
        if array is None or not isinstance(actual, TensorFact) or array.dtype.kind not in "iuf":
            return "is not a tensor of real numbers"
        epsilon = epsilon_of(actual.dtype) if expected is None else epsilon_allowed(expected.dtype, actual.dtype)
        return judge_distribution(array, judge, epsilon=epsilon)
    if isinstance(judge, AverageBetween | MostlyEqual):
        return _objection_to_all(actual, judge)
    number = number_of(actual)
    if number is None:
        return "is not a number"
    if isinstance(judge, AtLeast):
        return "" if number >= judge.bound else f"is {number:.4g}; it should be at least {judge.bound:.4g}"
    assert isinstance(judge, AtMost)  # things that must equal each other are compared, see `compare`
    return "" if number <= judge.bound else f"is {number:.4g}; it should be at most {judge.bound:.4g}"


def _objection_to_all(actual: Fact, judge: AverageBetween | MostlyEqual) -> str:
    array = decode(actual) if isinstance(actual, TensorFact) else None
    if array is None or array.dtype.kind not in "iufb":
        return "is not a tensor of real numbers"
    if isinstance(judge, MostlyEqual):
        if array.size != len(judge.labels):
            return f"has {array.size} elements; it should have {len(judge.labels)}"
        right = int((array.ravel() == np.array(judge.labels)).sum())
        least = math.ceil(judge.share * len(judge.labels))
        return "" if right >= least else f"is right in {right} of {array.size} places; it should be in at least {least}"
    if array.size == 0:
        return "has no elements"
    with np.errstate(invalid="ignore", over="ignore"):
        average = float(array.astype(np.float64).mean())
    fits = judge.low <= average <= judge.high
    return "" if fits else f"is {average:.4g} on average; it should be between {judge.low:.4g} and {judge.high:.4g}"


def similar_judged(left: Fact, right: Fact, judge: Judge, how: Options) -> bool:
    """Whether two judged things are alike enough to come from the same mistake; see `comparison.same`."""
    if left == right:
        return True
    if not _of_one_kind(left, right):
        return False
    left_tensor, right_tensor = _tensor_of(left), _tensor_of(right)
    if left_tensor is not None and right_tensor is not None:
        facts = tuple(fact for fact in DEFAULT_FACTS if fact != "values")
        if compare_tensors("", left_tensor, right_tensor, how, facts) is not None:
            return False
    if isinstance(judge, PrintsAlike):
        return not difference_in_print("", _text_of(left), _text_of(right), judge, quote=False)
    if isinstance(judge, AtLeast | AtMost):
        one, two = number_of(left), number_of(right)
        if one is None or two is None:
            return one is two
        near = how.between_machines or abs(one - two) <= 0.1 * max(abs(one), abs(two), abs(judge.bound))
        return near and bool(_objection(left, judge)) == bool(_objection(right, judge))
    if not isinstance(judge, DistributedAs):
        return bool(_objection(left, judge)) == bool(_objection(right, judge))
    if left_tensor is None or right_tensor is None:
        return False
    alike_in_numbers = alike(_quantiles(left), _quantiles(right), max(1, math.prod(left_tensor.shape)))
    return alike_in_numbers and bool(_objection(left, judge)) == bool(_objection(right, judge))
