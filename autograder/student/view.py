"""What a student is shown, as plain records; `as_text.show` turns them into HTML or text. Colour never stands alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec

from autograder._words import counted
from autograder.records.course_card import TaskCard
from autograder.records.jobs import Outcome
from autograder.records.results import CheckResult, TaskResult, told_checks
from autograder.reporting.labels import Label, points_text, readable
from autograder.reporting.task_view import CheckView, DiagnosisView, TaskView, task_view
from autograder.reporting.told import told
from autograder.scoring.common_slips import Slip
from autograder.scoring.score import differing
from autograder.student.answer import Answer
from autograder.student.released import Release, ReleasedTopic
from autograder.student.store import Store, TaskRecord

__all__ = [
    "AnswerView",
    "CheckAnswer",
    "HintView",
    "Note",
    "ProgressRow",
    "ProgressView",
    "SolutionView",
    "TaskAnswer",
    "TopicRow",
    "answer_view",
    "answer_view_of",
    "hint_view",
    "progress_view",
    "record_of",
    "state_of",
]

_PRINTED_SHOWN = 1000
_WAYS_OUT = {
    "never": "",
    "after_due": " `{}` shows a worked solution once your instructor has published the passphrase.",
    "after_pass": " `{}` shows a worked solution once your own passes all visible checks.",
}
_WARNINGS_SHOWN = 3
_OFTEN = "A common prediction. Something to think about:"
_DIFFERENCES_SHOWN = 2
_STATES = {
    "complete": Label("complete", "✓", "passes"),
    "partial": Label("partial", "◐", "partly right"),
    "none": Label("none", "✗", "not right yet"),
    "untouched": Label("untouched", "○", "not attempted"),
    "idle": Label("idle", "○", "not checked"),
    "undefined": Label("undefined", "○", "not defined yet"),
    "": Label("idle", "○", "not checked yet"),
}
_MEASURED = ("complete", "partial", "none")
_ANSWERED = Label("complete", "✓", "answered")
_PROBLEM = Label("problem", "!", "cannot be checked")


@dataclass(frozen=True)
class Note:
    """A sentence on its own: about a mistake in a call or in the release, or (not a `problem`) some news."""

    text: str
    problem: bool = True


@dataclass(frozen=True)
class CheckAnswer:
    """One check: its state, what it looks at, what is told of it, and what is folded: `more` things that differ, too."""

    state: Label
    sentence: str
    told: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    more: int = 0
    line: str = ""


@dataclass(frozen=True)
class TaskAnswer:
    """One task: its state, what is behind its failures (`boxes`), and what its checks found."""

    name: str
    state: Label
    summary: str
    problem: str
    boxes: tuple[DiagnosisView, ...]
    checks: tuple[CheckAnswer, ...]
    warnings: tuple[str, ...]
    printed: str

    @property
    def telling(self) -> bool:
        """Whether there is more to say than the summary."""
        quiet = ("complete", "untouched", "undefined", "idle")
        return bool(self.warnings or self.boxes) or self.state.style not in quiet


@dataclass(frozen=True)
class AnswerView:
    """The answer to `check`: one task in full, or all of a topic, in full where there is something to say."""

    title: str
    tasks: tuple[TaskAnswer, ...]
    single: bool
    summary: str
    footer: tuple[str, ...]


@dataclass(frozen=True)
class HintView:
    """The hints of a task that have been read, the newest last."""

    task: str
    hints: tuple[str, ...]
    total: int
    note: str


@dataclass(frozen=True)
class SolutionView:
    """A worked solution: its source, and a sentence on each common wrong way."""

    task: str
    source: str
    mistakes: tuple[str, ...]


@dataclass(frozen=True)
class ProgressRow:
    """A task in the table of progress."""

    name: str
    state: Label
    checks: str
    hints: str
    points: str


@dataclass(frozen=True)
class TopicRow:
    """A topic in the table of topics: how many of its tasks passed when last checked; `here` if it is the one shown."""

    title: str
    done: int
    total: int
    here: bool

    @property
    def words(self) -> str:
        """What the bar shows, in words."""
        return f"{self.done} of {counted(self.total, 'task')}"


@dataclass(frozen=True)
class ProgressView:
    """A topic's tasks, and how far each topic of the course is, this one included."""

    title: str
    rows: tuple[ProgressRow, ...]
    summary: str
    topics: tuple[TopicRow, ...]


def state_of(task: TaskResult, answer: Answer) -> Label:
    """The state of a task, as far as its visible checks show."""
    if task.task in answer.undefined:
        return _STATES["undefined"]
    if task.task in answer.problems:
        return _PROBLEM
    if not task.attempted:
        return _STATES["untouched"]
    if not task.checks or all(check.outcome is Outcome.NOT_RUN for check in task.checks):
        return _STATES["idle"]
    if all(check.outcome is Outcome.PASSED for check in task.checks):
        return _ANSWERED if task.task in answer.only_form else _STATES["complete"]
    return _STATES["partial" if task.earned else "none"]


def answer_view(topic: ReleasedTopic, answer: Answer) -> AnswerView:
    """The view of an answer to a student's own check."""
    return answer_view_of(topic.card.title, answer)


def answer_view_of(title: str, answer: Answer, *, hidden: bool = False) -> AnswerView:
    """The view of an answer.

    Args:
        title: the topic's title.
        answer: the results.
        hidden: whether it comes from grading, with hidden checks and points.
    """
    if hidden:
        return _graded_view(title, answer)
    tasks = tuple(_task_answer(task, answer) for task in answer.tasks)
    complete = [task for task in tasks if task.state.style == "complete"]
    lines = []
    if len(complete) == len(tasks) and not all(task.prediction for task in answer.tasks):
        lines.append("Grading also runs hidden checks, on other inputs.")
    if answered := [f"`{task.name}`" for task in tasks if task.state is _ANSWERED]:
        verb = "is" if len(answered) == 1 else "are"
        lines.append(
            f"Grading says whether {' and '.join(filter(None, (', '.join(answered[:-1]), answered[-1])))} {verb} right."
        )
    return AnswerView(
        title=title,
        tasks=tasks,
        single=len(tasks) == 1,
        summary=f"{len(complete)} of {counted(len(tasks), 'task')} pass all visible checks." if len(tasks) > 1 else "",
        footer=tuple(lines),
    )


def _graded_view(title: str, answer: Answer) -> AnswerView:
    tasks: list[TaskAnswer] = []
    notes: list[str] = []
    for task in answer.tasks:
        view = task_view(task, instructor=False)
        earned = f"{view.earned} of {view.points} points"
        passed = f"{view.passed} checks passed, {earned}" if view.passed else earned
        checks = tuple(
            _check_answer(one, check, len(one.sentences))
            for one, check in zip(view.checks, told_checks(told(task)), strict=True)
        )
        tasks.append(TaskAnswer(view.name, view.state, passed, "", view.diagnoses, checks, (), ""))
        notes += view.notes
    return AnswerView(title, tuple(tasks), len(tasks) == 1, "", tuple(notes))


def _task_answer(task: TaskResult, answer: Answer) -> TaskAnswer:
    state = state_of(task, answer)
    view = task_view(task, instructor=False)
    slip = answer.slips.get(task.task)
    warnings = answer.warnings.get(task.task, ())
    more = len(warnings) - _WARNINGS_SHOWN
    shown = (*warnings[:_WARNINGS_SHOWN], *((f"and {more} more",) if more > 0 else ()))
    printed = readable(answer.printed.get(task.task, "")).rstrip()
    return TaskAnswer(
        name=task.task,
        state=state,
        summary="" if task.prediction else _summary(task, state),
        problem=answer.problems.get(task.task, ""),
        boxes=_one_box(task, view, slip, answer.unread.get(task.task, "")),
        checks=tuple(_check_answers(task, view, slip.checks if slip is not None else ())),
        warnings=shown,
        printed=printed if len(printed) <= _PRINTED_SHOWN else printed[: _PRINTED_SHOWN - 1] + "…",
    )


def _one_box(task: TaskResult, view: TaskView, slip: Slip | None, unread: str) -> tuple[DiagnosisView, ...]:
    """The one thing to look at first: a cell that did not run, else a mistake that is known exactly, else an everyday slip,
    else what it could be, else whose line stopped."""
    if unread:
        return (
            DiagnosisView("Look at this first:", f"{unread} The `{task.task}` checked here is not the one in that cell."),
        )
    better = task.diagnoses if slip is not None and not slip.certain else [each for each in task.diagnoses if each.exact]
    if slip is not None and not better:
        return (DiagnosisView("Look at this first:", slip.feedback),)
    return tuple(replace(box, kicker=_OFTEN) if task.prediction else box for box in view.diagnoses[:1])


def _check_answers(task: TaskResult, view: TaskView, explained: Collection[str]) -> Iterator[CheckAnswer]:
    """What is told of the checks: once in full what ended several of them for the same reason."""
    told: set[tuple[str, ...]] = set()
    for check, one in zip(told_checks(task), view.checks, strict=True):
        reason = ("slip",) if check.name in explained else (one.line, *one.sentences) if one.sentences else ()
        if reason and reason in told:
            yield CheckAnswer(one.state, one.sentence, ("For the same reason as above.",))
        else:
            told.add(reason)
            yield _check_answer(one, check)


def _check_answer(view: CheckView, check: CheckResult, most: int = _DIFFERENCES_SHOWN) -> CheckAnswer:
    """What is told of a check: `most` of its differences, the rest folded."""
    shown, folded = view.sentences[:most], view.sentences[most:]
    more = differing(check.differences) - len(shown) if folded else 0
    return CheckAnswer(view.state, view.sentence, (*shown, *view.details), folded, more, view.line)


def _summary(task: TaskResult, state: Label) -> str:
    passed, count = sum(check.outcome is Outcome.PASSED for check in task.checks), len(task.checks)
    if not count:
        return "checked only in grading"
    if state.style in ("problem", "undefined", "idle"):
        return ""
    if state.style == "untouched":
        return f"{counted(count, 'visible check')} will look at it"
    return f"{passed} of {counted(count, 'visible check')} passed"


def hint_view(topic: ReleasedTopic, task: str, read: int, *, again: str, way_out: str) -> HintView:
    """The first `read` hints of a task; `again` is how to ask for the next one, `way_out` for the solution."""
    hints = topic.hints.get(task, [])
    unread = len(hints) - read
    note = f"{counted(unread, 'hint')} left. Show the next one: `{again}`." if unread else "This is the last hint."
    if not unread and topic.card.tasks[task].kind != "variable":
        note += _WAYS_OUT[topic.card.solutions].format(way_out)
    return HintView(task, tuple(hints[:read]), len(hints), note if hints else "There are no hints for this task.")


def progress_view(release: Release, name: str, store: Store) -> ProgressView:
    """The state of a topic's tasks when they were last checked, and a bar for each topic of the course."""
    card = release.card.topics[name]
    records = store.tasks(name)
    rows = tuple(_row(task, entry, records.get(task, TaskRecord())) for task, entry in card.tasks.items())
    incomplete = [row.name for row in rows if row.state.style != "complete"]
    summary = f"{len(rows) - len(incomplete)} of {counted(len(rows), 'task')} passed all visible checks when last checked."
    if incomplete:
        summary += f" Next: `{incomplete[0]}`."
    topics = tuple(
        TopicRow(each.title, _done(each.tasks, store.tasks(key)), len(each.tasks), here=key == name)
        for key, each in release.card.topics.items()
    )
    return ProgressView(card.title, rows, summary, topics)


def _row(name: str, card: TaskCard, record: TaskRecord) -> ProgressRow:
    state = _STATES.get(record.state, _PROBLEM)
    if card.only_form and state.style == "complete":
        state = _ANSWERED
    in_parts = card.kind != "variable" and record.checks and record.state in _MEASURED
    checks = f"{record.passed} of {record.checks}" if in_parts else "–"
    return ProgressRow(name, state, checks, str(record.hints or "–"), points_text(card.points))


def _done(tasks: Iterable[str], records: Mapping[str, TaskRecord]) -> int:
    return sum(records.get(name, TaskRecord()).state == "complete" for name in tasks)


def record_of(record: TaskRecord, task: TaskResult, answer: Answer) -> TaskRecord:
    """A task's record, updated from an answer."""
    return msgspec.structs.replace(
        record,
        state=state_of(task, answer).style,
        passed=sum(check.outcome is Outcome.PASSED for check in task.checks),
        checks=len(task.checks),
    )
