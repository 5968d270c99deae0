"""The figures that `autograde verify` prints, on the keys of a small course."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_course import write_course

from autograder.course.course_file import load_course
from autograder.course.declarations import VariantSpec
from autograder.course.topic import load_topic
from autograder.keys.build import build_key
from autograder.keys.key import AnswerKey
from autograder.records.jobs import Run
from autograder.records.results import TaskResult
from autograder.scoring.rules import Rules, rules_of
from autograder.scoring.score import score
from autograder.verifying.measures import Measures, measure


def result(rules: Rules, key: AnswerKey, spec: VariantSpec) -> TaskResult:
    known = key.misconceptions[spec.name]
    seen = {(check, draw): one for check, draws in known.items() for draw, one in enumerate(draws)}
    (scored,) = score(rules, key, Run(observations=seen), tasks=[spec.task])
    return scored


@pytest.fixture(scope="module")
def measured(tmp_path_factory, pool):
    """Measures the small course, its checks and misconceptions declared with other arguments."""
    course = load_course(write_course(tmp_path_factory.mktemp("course")))
    topic = load_topic(course, "small")
    key = build_key(course, topic, seed=1, device="cpu", pool=pool, cache=None, apart=True)
    rules = rules_of(course, topic, "cpu")

    def run(
        *, weights: dict[str, float] | None = None, gates: tuple[str, ...] = (), **variants: dict[str, object]
    ) -> Measures:
        specs = tuple(replace(spec, **variants.get(spec.name, {})) for spec in topic.misconceptions)
        checks = tuple(
            replace(
                check,
                spec=replace(
                    check.spec,
                    weight=(weights or {}).get(check.name, 1.0),
                    gate=check.spec.gate or check.name in gates,
                ),
            )
            for check in rules.checks
        )
        changed = Rules(rules.points, checks, rules.draws, rules.tolerances)
        return measure(changed, key, key, specs, {spec.name: result(changed, key, spec) for spec in specs})

    return run


def test_predictions_are_not_measured(measured):
    assert "float32" not in str(measured())


def test_misconceptions_that_keep_most_points_are_problems_unless_they_are_minor(measured):
    heavy = {"test_scale_values": 20.0}
    found = measured(weights=heavy)
    assert {name for name, _ in found.keep_most} == {"allows_zero", "always_float32", "in_place"}
    assert any("the misconception allows_zero keeps 9" in problem for problem in found.problems())
    minor = measured(weights=heavy, allows_zero={"minor": True})
    assert {name for name, _ in minor.keep_most} == {"always_float32", "in_place"}
    assert minor.minor == 1


def test_a_check_that_one_answer_passes_for_every_seed_is_named_and_a_gate_is_a_problem(measured):
    assert measured().constant == ("test_scale_zero", "test_noise")
    found = measured(gates=("test_scale_zero",))
    assert found.constant_gates == ("test_scale_zero",)
    assert any("the gate test_scale_zero sees the same" in problem for problem in found.problems())
