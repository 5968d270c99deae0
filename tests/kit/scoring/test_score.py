from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from small_course import write_course

from autograder.course.course_file import Course, load_course
from autograder.course.make_job import make_job
from autograder.course.topic import Topic, load_topic
from autograder.keys.build import build_key
from autograder.keys.key import AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, NotObserved, Outcome, Replacement, Run
from autograder.records.observation import ErrorFact, Observation, SourceLine
from autograder.records.results import SIDE_EFFECTS, CheckResult, TaskResult
from autograder.scoring import score as score_module
from autograder.scoring.rules import rules_of
from autograder.scoring.score import NO_DEVICE, Scorer, score


class Class:
    """The small course, its key, and a way to grade code."""

    def __init__(self, root: Path, pool: Pool) -> None:
        self.course: Course = load_course(write_course(root))
        self.topic: Topic = load_topic(self.course, "small")
        self.pool = pool
        self.key: AnswerKey = build_key(self.course, self.topic, seed=11, pool=pool, cache=None)

    def run(self, source: str, replacement: Replacement | None = None) -> Run:
        cells = (Cell(0, textwrap.dedent(source).strip() + "\n"),) if source else self.topic.reference
        return self.pool.run(make_job(self.course, self.topic, cells, seed=11, replacement=replacement))

    def grade(self, source: str) -> dict[str, TaskResult]:
        return self.score(self.run(source))

    def score(self, run: Run, *, visible_only: bool = False) -> dict[str, TaskResult]:
        results = score(rules_of(self.course, self.topic, self.key.device), self.key, run, visible_only=visible_only)
        return {result.task: result for result in results}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Class:
    return Class(tmp_path_factory.mktemp("small"), pool)


def outcomes(result: TaskResult) -> dict[str, str]:
    return {check.name: check.outcome.value for check in result.checks}


def check(result: TaskResult, name: str) -> CheckResult:
    return next(each for each in result.checks if each.name == name)


RIGHT = """
import torch
def scale(x, by):
    if by == 0: raise ValueError
    return x * by
def noise(n): return torch.randn(n, 2)
guess = "int64"
"""


def test_the_reference_earns_everything_that_no_gpu_is_needed_for(small: Class) -> None:
    result = small.score(small.run(""))
    assert (result["scale"].earned, result["scale"].pending) == (3.2, 0.8)
    assert (result["noise"].earned, result["guess"].earned) == (2.0, 1.0)
    assert check(result["scale"], "test_scale_cuda").reason == NO_DEVICE
    assert all(each.diagnoses == () for each in result.values())
    assert list(result) == ["scale", "noise", "guess"]


def test_every_misconception_is_diagnosed_as_itself(small: Class) -> None:
    module = small.topic.misconception_module
    assert module is not None
    for spec in small.topic.misconceptions:
        replacement = Replacement(spec.task, spec.name, module.filename, module.source)
        result = small.score(small.run("", replacement))[spec.task]
        assert [(each.misconception, each.exact) for each in result.diagnoses] == [(spec.name, True)]
        assert result.diagnoses[0].feedback == spec.feedback


def test_partial_credit_is_the_share_of_checks(small: Class) -> None:
    result = small.grade(RIGHT.replace("if by == 0: raise ValueError", ""))["scale"]
    assert outcomes(result) == {
        "test_scale_values": "passed",
        "test_scale_zero": "failed",
        "test_scale_dtype": "passed",
        "test_scale_cuda": "not_run",
        SIDE_EFFECTS: "passed",
    }
    assert result.earned == 2.4
    assert [(each.misconception, each.exact) for each in result.diagnoses] == [("allows_zero", True)]
    assert check(result, "test_scale_zero").differences[0].sentence == (
        "`by = 0` raised nothing and returned a float32 tensor of shape (3,); it should raise ValueError."
    )


def test_weights_divide_the_points(small: Class) -> None:
    rules = rules_of(small.course, small.topic, small.key.device)
    weights = {"test_scale_values": 2.0, "test_scale_cuda": 0.5}
    checks = tuple(
        replace(each, spec=replace(each.spec, weight=weights.get(each.name, each.spec.weight))) for each in rules.checks
    )
    run = small.run(RIGHT.replace("if by == 0: raise ValueError", ""))
    weighted = replace(rules, checks=checks, side_effects={"scale": 0.0})
    (result,) = score(weighted, small.key, run, tasks=["scale"])
    assert [each.weight for each in result.checks] == [2.0, 1.0, 1.0, 0.5, 0.0]
    assert (result.earned, result.pending) == (round(4 * 3 / 4.5, 2), round(4 * 0.5 / 4.5, 2))
    (result,) = score(replace(rules, side_effects={"scale": 5.0}), small.key, run, tasks=["scale"])
    assert result.earned == round(4 * 7 / 9, 2)


def test_nothing_is_earned_while_no_gate_passes(small: Class) -> None:
    result = small.grade(RIGHT.replace("return x * by", "return x"))["scale"]
    assert outcomes(result)["test_scale_dtype"] == "passed"
    assert outcomes(result)[SIDE_EFFECTS] == "passed"
    assert (result.earned, result.pending, result.gated) == (0.0, 0.0, True)


def test_an_untouched_stub_is_not_attempted_and_earns_nothing(small: Class) -> None:
    run = small.pool.run(make_job(small.course, small.topic, small.topic.exercise, seed=11))
    for result in small.score(run).values():
        assert (result.attempted, result.earned, result.pending, result.diagnoses) == (False, 0.0, 0.0, ())
        assert check(result, SIDE_EFFECTS).outcome is Outcome.NOT_RUN
        sentences = [each.sentence for one in result.checks for each in one.differences]
        assert all("not attempted yet" in sentence for sentence in sentences)


def test_what_is_not_defined_is_told_by_name(small: Class) -> None:
    result = small.grade("x = 1")["noise"]
    assert check(result, "test_noise").differences[0].sentence == "`noise` is not defined in your file."
    assert result.earned == 0


def test_the_text_of_an_own_exception_does_not_hide_the_mistake(small: Class) -> None:
    source = RIGHT.replace("raise ValueError", "raise ValueError('by is zero')").replace("return x * by", "return -x * by")
    result = small.grade(source)["scale"]
    assert [(each.misconception, each.exact) for each in result.diagnoses] == [("negates", True)]


def test_side_effects_cost_their_share(small: Class) -> None:
    result = small.grade(RIGHT.replace("return x * by", "y = x * by; x.zero_(); return y"))["scale"]
    effects = check(result, SIDE_EFFECTS)
    assert effects.outcome is Outcome.FAILED
    assert effects.differences[0].sentence.startswith("The values of")
    assert effects.draws_passed < effects.draws
    assert result.earned == 2.4


def test_the_reference_may_have_side_effects_and_the_code_need_not(small: Class) -> None:
    """The reference of `noise` moves the global random state."""
    result = small.grade(RIGHT.replace("torch.randn(n, 2)", "torch.randn(n, 2, generator=torch.Generator().manual_seed(n))"))
    assert result["noise"].earned == 2.0


def test_two_mistakes_are_told(small: Class) -> None:
    result = small.grade(RIGHT.replace("return x", "return -x").replace("if by == 0: raise ValueError", ""))["scale"]
    assert {each.misconception for each in result.diagnoses} == {"negates", "allows_zero"}
    assert not any(each.exact for each in result.diagnoses)


def test_nothing_is_told_of_three_mistakes_that_each_explain_a_third(small: Class) -> None:
    source = RIGHT.replace("return x * by", "return -x.float() * by").replace("if by == 0: raise ValueError", "")
    assert small.grade(source)["scale"].diagnoses == ()


def test_a_mistake_under_another_one_is_told_by_what_the_check_compares(small: Class) -> None:
    """`test_scale_dtype` compares only the dtype; its values are wrong in a different way than the misconception's."""
    result = small.grade(RIGHT.replace("return x * by", "return x.float() * by + 1"))["scale"]
    assert [(each.misconception, each.checks) for each in result.diagnoses] == [("always_float32", ("test_scale_dtype",))]


def test_an_exception_is_no_known_mistake_by_its_type_alone(small: Class) -> None:
    result = small.grade(RIGHT.replace("return x * by", "return x.nonsense()"))["scale"]
    assert result.diagnoses == ()
    values = check(result, "test_scale_values")
    assert (values.error_type, values.at and values.at.text) == ("AttributeError", "return x.nonsense()")
    assert values.arguments


def test_hidden_checks_keep_messages_and_lines_to_themselves(small: Class) -> None:
    result = small.grade(RIGHT.replace("return x * by", "raise RuntimeError(str(x))"))["scale"]
    hidden = check(result, "test_scale_dtype")
    assert hidden.error_type == "RuntimeError"
    assert (hidden.error_message, hidden.arguments) == ("", "")
    assert hidden.at is not None
    assert (hidden.at.text, hidden.at.line) == ("", 4)


def test_a_timeout_and_a_crash_are_told_and_the_rest_counts(small: Class) -> None:
    result = small.grade(RIGHT.replace("def noise(n):", "def noise(n):\n    import os; os._exit(0)\n   "))
    assert check(result["noise"], "test_noise").outcome is Outcome.ERROR
    assert check(result["noise"], "test_noise").reason
    assert result["scale"].earned == 3.2


def test_visible_checks_can_be_scored_alone(small: Class) -> None:
    result = small.score(small.run(RIGHT), visible_only=True)["scale"]
    assert list(outcomes(result)) == ["test_scale_values", "test_scale_zero", SIDE_EFFECTS]
    assert (result.earned, result.pending) == (4.0, 0.0)


def test_a_check_passes_only_on_evidence(small: Class) -> None:
    run = small.run(RIGHT)
    for seen in (
        None,
        NotObserved(Outcome.NOT_RUN, "Out of time."),
        NotObserved(Outcome.PASSED, "It says so itself."),
        Observation(check="test_scale_values", draw=1),
        Observation(check="test_scale_values", draw=1, error=ErrorFact(type="ValueError", at=SourceLine(1, 1, ""))),
    ):
        observations = dict(run.observations)
        del observations["test_scale_values", 1]
        if seen is not None:
            observations["test_scale_values", 1] = seen
        result = small.score(msgspec.structs.replace(run, observations=observations))["scale"]
        judged = check(result, "test_scale_values")
        assert judged.outcome is not Outcome.PASSED
        assert (judged.draws_passed, judged.draws) == (1, 2)
        assert result.earned == 0


def test_a_run_that_never_happened_earns_nothing(small: Class) -> None:
    for result in small.score(Run(problem="It is no notebook.")).values():
        assert result.earned == result.pending == 0
        assert {each.outcome for each in result.checks} == {Outcome.NOT_RUN}
        assert result.diagnoses == ()


def test_a_class_is_scored_as_each_submission_alone(small: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_module, "_MOST_REMEMBERED", 4)
    sources = ["", RIGHT, RIGHT.replace("x * by", "x + by"), RIGHT.replace("return x * by", "x.add_(1)\n    return x * by")]
    sources += [RIGHT.replace("return x * by", "return nothing"), f"\n\n{RIGHT.replace('return x * by', 'return nothing')}"]
    sources += [RIGHT.replace("return x * by", "import os; os._exit(1)")]
    runs = [small.run(source) for source in sources * 2]
    scorer = Scorer(rules_of(small.course, small.topic, small.key.device), small.key)
    for run in [*runs, *reversed(runs), *runs]:
        assert scorer.score(run) == score(rules_of(small.course, small.topic, small.key.device), small.key, run)
    assert len(scorer._known) == 4


def test_misconceptions_are_learnt_when_an_answer_is_wrong_for_the_first_time(small: Class) -> None:
    rules = rules_of(small.course, small.topic, small.key.device)
    learnt: list[str] = []

    def learn(key: AnswerKey, task: str) -> AnswerKey:
        learnt.append(task)
        known = {name: seen for name, seen in small.key.misconceptions.items() if small.key.tasks[name] == task}
        return msgspec.structs.replace(key, misconceptions={**key.misconceptions, **known})

    scorer = Scorer(rules, msgspec.structs.replace(small.key, misconceptions={}), learn)
    runs = [small.run(RIGHT), small.run(""), *(small.run(RIGHT.replace("x * by", wrong)) for wrong in ("x + by", "x - by"))]
    scorer.score(runs[0])
    scorer.score(runs[1])
    assert learnt == []  # all is right, or nothing was written
    assert [scorer.score(run) for run in runs] == [score(rules, small.key, run) for run in runs]
    assert learnt == ["scale"]


def test_a_task_of_which_the_same_was_seen_before_is_not_scored_again(small: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(rules_of(small.course, small.topic, small.key.device), small.key)
    first = scorer.score(small.run(RIGHT))
    scored = []
    score_task = score_module._score_task

    def recorded(*arguments: Any, **options: Any) -> TaskResult:
        scored.append(arguments[2])
        return score_task(*arguments, **options)

    monkeypatch.setattr(score_module, "_score_task", recorded)
    assert scorer.score(small.run(f"{RIGHT}\n# The end.")) == first
    assert scored == ["noise"]  # whose answers are too long to be remembered
    assert {task for task, _ in scorer._known} == {"scale", "guess"}
