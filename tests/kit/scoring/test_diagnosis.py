from __future__ import annotations

import pytest

from autograder.keys.key import AnswerKey
from autograder.records.observation import AtLeast, Observation, Policy, ValueFact
from autograder.scoring.diagnosis import diagnose

BOUND = Policy(judge=AtLeast(0.9))


def seen(check: str, value: float, policy: Policy = Policy()) -> list[Observation]:  # noqa: B008 (frozen)
    return [Observation(check=check, draw=0, returned=ValueFact(type="float", value=value, policy=policy))]


def key(**mistake: float) -> AnswerKey:
    """A right solution whose three checks see 0.5, 0.5 and an accuracy of 0.95, and one mistake."""
    right = {"first": 0.5, "second": 0.5, "accuracy": 0.95}

    def observed(values: dict[str, float]) -> dict[str, list[Observation]]:
        return {name: seen(name, value, BOUND if name == "accuracy" else Policy()) for name, value in values.items()}

    return AnswerKey(
        topic="t",
        seed=0,
        device="cpu",
        versions={},
        made_from="",
        reference=observed(right),
        misconceptions={"mistake": {**observed(right | mistake)}},
        tasks={"mistake": "task"},
        feedback={"mistake": "Look."},
    )


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ({"first": 0.1, "second": 0.2, "accuracy": 0.3}, False),  # only the accuracy is alike
        ({"accuracy": 0.3}, False),  # it explains one of three failing checks
        ({"first": 0.7, "accuracy": 0.3}, False),
        ({"first": 0.8, "second": 0.2, "accuracy": 0.3}, True),  # alike in most of what it fails, including exact numbers
    ],
)
def test_an_accuracy_that_is_alike_tells_no_mistake_by_itself(mistake: dict[str, float], told: bool) -> None:
    submission = {"first": seen("first", 0.8), "second": seen("second", 0.9), "accuracy": seen("accuracy", 0.31, BOUND)}
    diagnoses = diagnose("task", list(submission), submission, key(**mistake), {})
    assert [each.misconception for each in diagnoses] == (["mistake"] if told else [])


def test_an_accuracy_that_is_all_that_fails_tells_the_mistake_that_fails_nothing_else() -> None:
    submission = {"first": seen("first", 0.5), "second": seen("second", 0.5), "accuracy": seen("accuracy", 0.31, BOUND)}
    diagnoses = diagnose("task", ["accuracy"], submission, key(accuracy=0.3), {})
    assert [each.misconception for each in diagnoses] == ["mistake"]


def two_mistakes(*mistakes: dict[str, float]) -> AnswerKey:
    """A right solution whose four checks see 0, and mistakes."""
    reference = {name: seen(name, 0.0) for name in "abcd"}
    names = [f"mistake {number}" for number in range(len(mistakes))]
    return AnswerKey(
        topic="t",
        seed=0,
        device="cpu",
        versions={},
        made_from="",
        reference=reference,
        misconceptions={
            name: {check: seen(check, wrong.get(check, 0.0)) for check in reference}
            for name, wrong in zip(names, mistakes, strict=True)
        },
        tasks=dict.fromkeys(names, "task"),
        feedback={name: f"Look at {name}." for name in names},
    )


@pytest.mark.parametrize(
    ("mistakes", "told"),
    [
        (({"a": 1, "b": 1, "c": 1, "d": 7},), ["mistake 0"]),  # three of four
        (({"a": 1, "b": 1, "c": 7, "d": 7},), []),  # half, and it does something else in the rest
        (({"a": 1, "b": 1},), ["mistake 0"]),  # half, and that is all it fails
        (({"a": 1},), []),
        (({"a": 1, "b": 1}, {"c": 1, "d": 1}), ["mistake 0", "mistake 1"]),  # two halves
        (({"a": 1, "b": 1, "c": 1, "d": 7}, {"a": 1, "b": 1, "c": 7, "d": 7}), ["mistake 0"]),
    ],
)
def test_half_of_what_fails_is_enough_only_for_a_mistake_that_fails_nothing_else(
    mistakes: tuple[dict[str, float], ...], told: list[str]
) -> None:
    submission = {name: seen(name, 1.0) for name in "abcd"}
    diagnoses = diagnose("task", list(submission), submission, two_mistakes(*mistakes), {})
    assert [each.misconception for each in diagnoses] == told


@pytest.mark.parametrize(
    ("mistakes", "told"),
    [
        (({"b": 1, "c": 1, "d": 1},), []),  # three of four, but only small ones
        (({"a": 1},), ["mistake 0"]),  # one of four, but the only one that is not small
        (({"a": 1, "b": 7},), ["mistake 0"]),
        (({"a": 7, "b": 1, "c": 1, "d": 1},), []),
        (({"b": 1, "c": 1, "d": 1}, {"a": 1}), ["mistake 1"]),
        (({"a": 1}, {"a": 1, "d": 1}), ["mistake 1"]),
    ],
)
def test_while_another_check_fails_small_ones_prove_nothing(mistakes: tuple[dict[str, float], ...], told: list[str]) -> None:
    submission = {name: seen(name, 1.0) for name in "abcd"}
    known = two_mistakes(*mistakes)
    assert [each.misconception for each in diagnose("task", list("abcd"), submission, known, {}, first={"a"})] == told
    right = submission | {"a": seen("a", 0.0)}
    alone = diagnose("task", list("bcd"), right, two_mistakes({"b": 1, "c": 1, "d": 2}), {}, first=set("bcd"))
    assert [each.misconception for each in alone] == ["mistake 0"]
