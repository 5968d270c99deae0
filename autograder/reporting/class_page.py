"""The instructor's page of a class, `OUT/index.html`: who has what, the most frequent misconceptions, task by task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from autograder.gradebook.marks import Mark
from autograder.records.jobs import Outcome
from autograder.records.results import TopicResult
from autograder.reporting.labels import points_text, readable, task_state
from autograder.reporting.templating import page_path, write

__all__ = ["write_index"]

_STUDENTS_NAMED = 12


def write_index(
    results: Iterable[TopicResult],
    out: Path,
    *,
    title: str = "The class",
    topics: Sequence[str] = (),
    marks: Mapping[tuple[str, str], Mark] | None = None,
) -> Path:
    """Write the instructor's page of a class to `out/index.html`, with links to the students' pages.

    Results are read one at a time and only their figures are kept, so a class of any size can be passed lazily.

    Args:
        results: the class's results.
        out: the folder of all pages.
        title: the page's heading.
        topics: the order of the topics; any others follow in the order they come in.
        marks: those of the results, by student and topic; each is looked up after its result has been taken.

    Raises:
        AutogradeError: if a student's or topic's name cannot be a file name.
    """
    tally = _Tally({} if marks is None else marks)
    for result in results:
        page_path(out, result.student, result.topic)
        tally.add(result)
    return write(out / "index.html", "class.html.j2", tally.view(title, topics))


@dataclass(frozen=True)
class _Entry:
    topic: str
    href: str
    points: str
    remark: str
    style: str


@dataclass(frozen=True)
class _Row:
    student: str
    entries: tuple[_Entry | None, ...]
    total: str


@dataclass(frozen=True)
class _MisconceptionRow:
    topic: str
    task: str
    feedback: str
    count: int
    students: tuple[str, ...]
    others: int


@dataclass(frozen=True)
class _CauseRow:
    error: str
    count: int
    tasks: int
    students: tuple[str, ...]
    others: int


@dataclass(frozen=True)
class _TaskRow:
    topic: str
    task: str
    complete: int
    partial: int
    none: int
    untouched: int


@dataclass(frozen=True)
class _ClassView:
    title: str
    summary: str
    topics: tuple[str, ...]
    rows: tuple[_Row, ...]
    causes: tuple[_CauseRow, ...]
    misconceptions: tuple[_MisconceptionRow, ...]
    tasks: tuple[_TaskRow, ...]
    notes: tuple[tuple[str, str, str], ...]


class _Tally:
    """The figures of a class, collected result by result."""

    def __init__(self, marks: Mapping[tuple[str, str], Mark]) -> None:
        self._marks = marks
        self._topics: dict[str, None] = {}
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._earned: dict[str, float] = {}
        self._points: dict[str, float] = {}
        self._states: dict[tuple[str, str], Counter[str]] = {}
        self._seen: dict[tuple[str, str, str], list[str]] = {}
        self._notes: list[tuple[str, str, str]] = []
        self._causes: dict[str, list[tuple[str, int]]] = {}

    def add(self, result: TopicResult) -> None:
        self._topics.setdefault(result.topic)
        self._entries[result.student, result.topic] = _entry(result, self._marks.get((result.student, result.topic)))
        self._earned[result.student] = self._earned.get(result.student, 0.0) + result.earned
        self._points[result.topic] = max(self._points.get(result.topic, 0.0), result.points)
        self._notes += ((result.student, result.topic, readable(note)) for note in result.notes)
        for cause in result.causes:
            self._causes.setdefault(cause.error, []).append((result.student, len(cause.tasks)))
        for task in result.tasks:
            if not result.problem:
                self._states.setdefault((result.topic, task.task), Counter())[task_state(task).style] += 1
            for feedback in dict.fromkeys(diagnosis.feedback for diagnosis in task.diagnoses):
                self._seen.setdefault((result.topic, task.task, feedback), []).append(result.student)

    def view(self, title: str, order: Sequence[str]) -> _ClassView:
        topics = tuple(sorted(self._topics, key=lambda topic: order.index(topic) if topic in order else len(order)))
        # As in the terminal, missing submissions count as 0, so that totals can be compared.
        points = sum(self._points.values())
        students = sorted(self._earned, key=lambda name: (name.casefold(), name))
        frequent = sorted(self._seen.items(), key=lambda item: (-len(item[1]), item[0]))
        return _ClassView(
            title=title,
            summary=f"Students: {len(students)}. Submissions: {len(self._entries)}.",
            topics=topics,
            rows=tuple(
                _Row(
                    student,
                    tuple(self._entries.get((student, topic)) for topic in topics),
                    _of(self._earned[student], points),
                )
                for student in students
            ),
            causes=tuple(
                _cause_row(error, cases)
                for error, cases in sorted(self._causes.items(), key=lambda item: (-len(item[1]), item[0]))
            ),
            misconceptions=tuple(_misconception_row(key, sorted(who)) for key, who in frequent),
            tasks=tuple(
                _task_row(key, states)
                for key, states in sorted(self._states.items(), key=lambda item: topics.index(item[0][0]))
            ),
            notes=tuple(sorted(self._notes)),
        )


def _of(earned: float, points: float) -> str:
    return f"{points_text(earned)} of {points_text(points)}"


def _entry(result: TopicResult, mark: Mark | None) -> _Entry:
    remark, style = "", ""
    outcomes = {cell.outcome for cell in result.cells} | {check.outcome for task in result.tasks for check in task.checks}
    if result.not_graded:
        remark, style = "not graded", "pending"
    elif result.problem:
        remark, style = "unreadable", "failed"
    elif result.pending:
        remark, style = "pending", "pending"
    elif Outcome.ERROR in outcomes:
        remark, style = "crashed", "error"
    elif Outcome.TIMEOUT in outcomes:
        remark, style = "time-out", "timeout"
    elif any(cell.error is not None for cell in result.cells):
        remark, style = "error in a cell", "error"
    if result.lateness is not None and result.lateness.penalty:
        remark, style = (f"{remark}, late" if remark else "late"), style or "pending"
    by_hand = ("excused" if mark.excused else "adjusted") if mark is not None and mark.adjusted else ""
    if by_hand:
        remark, style = (f"{remark}, {by_hand}" if remark else by_hand), style or "idle"
    href = f"{quote(result.student, safe='', errors='surrogateescape')}/{quote(result.topic, safe='')}.html"
    points = "–" if result.not_graded else _of(result.earned, result.points)
    return _Entry(result.topic, href, points, remark, style)


def _cause_row(error: str, cases: Sequence[tuple[str, int]]) -> _CauseRow:
    students = sorted({student for student, _ in cases})
    named = tuple(students[:_STUDENTS_NAMED])
    return _CauseRow(readable(error), len(cases), sum(tasks for _, tasks in cases), named, len(students) - len(named))


def _misconception_row(key: tuple[str, str, str], students: Sequence[str]) -> _MisconceptionRow:
    topic, task, feedback = key
    named = tuple(students[:_STUDENTS_NAMED])
    return _MisconceptionRow(topic, task, feedback, len(students), named, len(students) - len(named))


def _task_row(key: tuple[str, str], states: Counter[str]) -> _TaskRow:
    known = states["complete"], states["partial"] + states["pending"], states["none"] + states["idle"], states["untouched"]
    return _TaskRow(*key, *known)
