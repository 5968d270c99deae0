"""A task's result in words: its state, notes, diagnoses, checks and source.

What a student may see of a hidden check is decided before a template gets anything (`autograder.reporting.told`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from autograder._words import counted
from autograder.records.jobs import Outcome
from autograder.records.observation import SourceLine
from autograder.records.results import CheckResult, Diagnosis, TaskResult, told_checks
from autograder.reporting.labels import OUTCOMES, Label, checks_passed, counted_points, points_text, task_state, wrong_values
from autograder.reporting.told import told, unavailable_sentence

__all__ = ["CheckView", "CodeLine", "DiagnosisView", "TaskView", "outcome_label", "task_view"]

_NOT_YET = "What this task must do first does not work yet. Until it does"


@dataclass(frozen=True, eq=False)
class CheckView:
    """One check: its state and sentence, where it runs (`label`), what happened, what differs, and where it stopped."""

    state: Label
    sentence: str
    label: str
    details: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    line: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to say beyond the state."""
        return not (self.details or self.sentences or self.line)


@dataclass(frozen=True)
class DiagnosisView:
    """A misconception's sentence, and the line above it."""

    kicker: str
    feedback: str


@dataclass(frozen=True)
class CodeLine:
    """A line of the task's source; `marked` if the code stopped there."""

    text: str
    marked: bool


@dataclass(frozen=True)
class TaskView:
    """A task and everything said about it. `points_made` says how its checks make its points. `checks` are those of
    `told_checks`. If they are not worth reading, `folded` is shown in their place. `missing`: the file does not define the
    task at all.
    """

    name: str
    state: Label
    points: str
    earned: str
    passed: str
    points_made: str
    notes: tuple[str, ...]
    diagnoses: tuple[DiagnosisView, ...]
    checks: tuple[CheckView, ...]
    source: tuple[CodeLine, ...]
    open: bool
    folded: str
    missing: bool


@cache
def outcome_label(outcome: Outcome) -> Label:
    """How a check or a cell ended, as a label."""
    symbol, word = OUTCOMES[outcome]
    return Label(str(outcome), symbol, word)


def task_view(task: TaskResult, *, instructor: bool) -> TaskView:
    """A task's result for a student, or for an instructor, who may see names and text of hidden checks."""
    task = task if instructor else told(task)
    state = task_state(task)
    lines = task.source.splitlines()
    stopped = {check.at.text.strip() for check in task.checks if check.at and task.attempted and check.at.text.strip()}
    marked = {text for text in stopped if sum(line.strip() == text for line in lines) == 1}
    checks = tuple(_check_view(check, task, marked, instructor=instructor) for check in told_checks(task))
    return TaskView(
        name=task.task,
        state=state,
        points=points_text(task.points),
        earned=points_text(task.earned),
        passed=checks_passed(task),
        points_made=_points_made(task),
        notes=tuple(_task_notes(task)),
        diagnoses=tuple(_diagnosis_view(diagnosis, task, instructor=instructor) for diagnosis in task.diagnoses),
        checks=checks,
        source=tuple(CodeLine(line, line.strip() in marked) for line in lines),
        open=task.attempted and state.style != "complete",
        folded=_folded(task, state.style),
        missing=task.standing == "missing",
    )


def _folded(task: TaskResult, style: str) -> str:
    """What to show in place of a list of checks that is not worth reading; empty to show the list."""
    count = 0 if task.prediction else len(task.checks)
    if style == "complete" and count:
        return f"All {count} checks passed" if not task.untold else f"All {count} checks shown passed"
    return f"What the {count} checks will look at" if (style == "untouched" or task.standing) and count else ""


def _points_made(task: TaskResult) -> str:
    """How the task's checks make its points, in words."""
    checks, points = task.checks, points_text(task.points)
    if task.prediction:
        return ""
    if task.untold and task.points:
        shown = sum(check.weight for check in checks)
        worth = points_text(task.points * shown / (shown + task.untold))
        part = f"Those shown are worth {worth} of {points} points." if checks else f"They are worth {points} points."
        return f"{'Not all' if checks else 'None'} of this task's checks are shown. {part}"
    if not checks or not task.points:
        return ""
    if _has_equal_weights(task):
        each = points_text(task.points / len(checks))
        text = f"Each of the {len(checks)} checks is worth {each} of {points} points."
    else:
        text = f"The {len(checks)} checks share the {points} points as shown beside each."
    gates = [f"“{check.sentence}”" for check in checks if check.gate]
    rules = sum(check.rule for check in checks)
    last = f"“{checks[-1].sentence.rstrip('.')}”" if any(check.small for check in checks[:-1]) else "the last"
    if not gates or len(gates) == len(checks) - rules - 1 > 1:
        besides = f"{last} and the rules on the source" if rules else last
        return f"{text} None counts until at least one passes besides {besides}." if len(checks) > 1 else text
    which = "this one passes" if len(gates) == 1 else "one of these passes"
    return f"{text} None counts until {which}: {', '.join(gates)}"


def _has_equal_weights(task: TaskResult) -> bool:
    return len({check.weight for check in task.checks}) == 1 and not task.untold


def _task_notes(task: TaskResult) -> Iterable[str]:
    if task.note:
        yield task.note
    if not task.attempted and not task.standing:
        yield "You have not written this one yet. It does not count as wrong; it just earns nothing."
    elif task.gated and not task.prediction:
        what = "The values are not right yet. Until they are" if wrong_values(task) else _NOT_YET
        yield f"{what}, the task's other checks earn nothing."
    yield from map(unavailable_sentence, task.unavailable)
    pending = f"{counted_points(task.pending)} {'is' if task.pending == 1 else 'are'} pending"
    if task.pending and not task.checks and not task.untold:
        yield f"{pending}: your instructor reads this answer and decides."
    elif task.pending:
        yield f"{pending}: {'its' if task.pending == 1 else 'their'} checks need a device that was missing during grading."


def _diagnosis_view(diagnosis: Diagnosis, task: TaskResult, *, instructor: bool) -> DiagnosisView:
    count = len(diagnosis.checks)
    failing = sum(check.outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT) for check in task.checks)
    name = f" ({diagnosis.misconception})" if instructor else ""
    if diagnosis.exact or task.prediction:
        what = "Your answer is that of" if task.prediction else "Your code does the same as"
        return DiagnosisView(f"{what} a well-known mistake{name}:", diagnosis.feedback)
    kicker = (
        f"Could this be it? In {count} of {failing} failed checks your code does the same as a well-known mistake{name}:"
    )
    return DiagnosisView(kicker, diagnosis.feedback)


def _check_view(check: CheckResult, task: TaskResult, marked: set[str], *, instructor: bool) -> CheckView:
    label = _instructor_label(check) if instructor else _student_label(check)
    if not _has_equal_weights(task) and not task.prediction:
        everything = sum(each.weight for each in task.checks) + task.untold
        label += f" · {counted_points(task.points * check.weight / everything)}"
    if check.rule:
        label += " · rule on the source"
    if check.assertion:
        label += " · asserted beside the code"
    if not task.attempted or check.outcome is Outcome.PASSED:
        return _plain_view(task.attempted, check.sentence, label)
    return CheckView(
        state=outcome_label(check.outcome),
        sentence=check.sentence,
        label=label,
        details=tuple(_details(check)),
        sentences=tuple(difference.sentence for difference in check.differences),
        line=_unmarked_line(check.at, marked),
    )


def _student_label(check: CheckResult) -> str:
    if check.visible:
        return check.name
    return f"{check.name} · only in grading" if check.tells == "inputs" else "only in grading"


def _instructor_label(check: CheckResult) -> str:
    """A check's name, where it runs, what it decides, and in how many draws it passed."""
    parts = [check.name, "visible to students" if check.visible else "only in grading"]
    if check.gate:
        parts.append("gate")
    if check.draws:
        parts.append(f"{check.draws_passed} of {counted(check.draws, 'draw')} passed")
    return " · ".join(parts)


@lru_cache(maxsize=4096)
def _plain_view(attempted: bool, sentence: str, label: str) -> CheckView:
    """A check with nothing more to say: the same on every student's page."""
    state = outcome_label(Outcome.PASSED) if attempted else Label("untouched", "○", "to do")
    return CheckView(state, sentence, label)


def _unmarked_line(at: SourceLine | None, marked: set[str]) -> str:
    """The line where the code stopped, unless it is marked in the source."""
    text = at.text.strip() if at else ""
    return "" if text in marked else text


def _place(at: SourceLine | None) -> str:
    if at is None:
        return ""
    return f" in cell {at.cell}, line {at.line}" if at.cell else f" on line {at.line}"


def _details(check: CheckResult) -> Iterable[str]:
    """What happened, besides the differences."""
    if check.reason:
        yield check.reason
    elif check.outcome is Outcome.ERROR:
        yield "The program ended before it returned a result."
    if check.error_type and all(difference.fact != "error" for difference in check.differences):
        yield f"Your code raised {check.error_type}{_place(check.at)}."
    if check.error_message:
        yield f"The message is: {check.error_message}"
    if check.arguments:
        yield f"It was called with {check.arguments}."
    if 0 < check.draws_passed < check.draws:
        yield f"It passed on {check.draws_passed} of {check.draws} inputs."
