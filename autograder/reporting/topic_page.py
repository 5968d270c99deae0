"""The pages of one student and topic: `OUT/STUDENT/TOPIC.html` for the student, `OUT/instructor-pages/STUDENT/TOPIC.html`
for instructors. `class_page` writes the page of the class.

A page is one self-contained file without scripts. What its audience may see is decided here, in Python, before a template
gets anything: what of hidden checks, in `autograder.reporting.told`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from autograder._words import counted
from autograder.gradebook.marks import Mark, with_mark
from autograder.records.jobs import CellReport, Outcome
from autograder.records.observation import ErrorFact
from autograder.records.results import INSTRUCTOR_PAGES, TopicResult
from autograder.reporting.labels import Label, cause_sentence, counted_points, points_text, readable
from autograder.reporting.task_view import TaskView, outcome_label, task_view
from autograder.reporting.templating import page_path, render, write
from autograder.reporting.told import told_result

__all__ = ["Audience", "missing_pages", "student_page", "topic_view", "write_page", "write_pages"]

Audience = Literal["student", "instructor"]

_OUTPUT_SHOWN = 4000


@dataclass(frozen=True)
class _Warning:
    kicker: str
    text: str


@dataclass(frozen=True)
class _CellView:
    name: str
    state: Label
    note: str
    error: str
    line: str
    output: str
    cut: int


@dataclass(frozen=True)
class _TopicView:
    title: str
    student: str
    problem: bool
    instructor: bool
    points: str
    earned: str
    pending: str
    late: str
    decisions: tuple[str, ...]
    own_page: str
    warnings: tuple[_Warning, ...]
    facts: tuple[tuple[str, str], ...]
    cells: tuple[_CellView, ...]
    tasks: tuple[TaskView, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    machinery: tuple[tuple[str, str], ...]
    footer: tuple[str, ...]


def write_pages(result: TopicResult, out: Path, *, mark: Mark | None = None) -> None:
    """Write both pages of a result: the student's and the instructor's."""
    write_page(result, out, mark=mark)
    write_page(result, out, audience="instructor", mark=mark)


def missing_pages(out: Path, student: str, topic: str) -> bool:
    """Whether one of a result's two pages is not there."""
    return not (_path(out, student, topic, "student").exists() and _path(out, student, topic, "instructor").exists())


def write_page(result: TopicResult, out: Path, *, audience: Audience = "student", mark: Mark | None = None) -> Path:
    """Write one page of a result and return its path.

    Args:
        result: the graded submission.
        out: the folder of all pages; created if it does not exist.
        mark: what it is worth with lateness and people's decisions; the page shows the checks' points alone if None.
        audience: `student` leaves out everything that could give hidden checks away; `instructor` shows everything.

    Raises:
        AutogradeError: if the student's or topic's name cannot be a file name.
    """
    page = topic_view(result, mark, instructor=audience == "instructor")
    return write(_path(out, result.student, result.topic, audience), "topic.html.j2", page)


def student_page(result: TopicResult, *, mark: Mark | None = None) -> bytes:
    """A result's page as its student may see it, with its mark; see `write_page`."""
    return render("topic.html.j2", topic_view(result, mark, instructor=False))


def _path(out: Path, student: str, topic: str, audience: Audience) -> Path:
    return page_path(out / INSTRUCTOR_PAGES if audience == "instructor" else out, student, topic)


def topic_view(graded: TopicResult, mark: Mark | None, *, instructor: bool) -> _TopicView:
    """What the template of a result's page shows to its student, or to an instructor; see `write_page`."""
    result = with_mark(graded, mark) if mark else graded
    result = result if instructor else told_result(result)
    return _TopicView(
        title=result.title or result.topic,
        student=result.student,
        problem=bool(result.problem),
        instructor=instructor,
        points=points_text(result.points),
        earned="–" if (mark.undecided if mark else result.not_graded) else points_text(result.earned),
        pending="" if result.not_graded else _pending(result),
        late=_late(result),
        decisions=tuple(_decisions(mark)) if mark else (),
        own_page=f"../../{quote(result.student, safe='', errors='surrogateescape')}/{quote(result.topic, safe='')}.html",
        warnings=tuple(_warnings(result, outdated=mark is not None and mark.outdated)),
        facts=tuple(_facts(result, instructor=instructor)),
        cells=tuple(_cell_view(cell) for cell in result.cells if _worth_telling(cell)),
        tasks=tuple(task_view(task, instructor=instructor) for task in result.tasks),
        missing=() if result.problem else tuple(task.task for task in result.tasks if task.standing == "missing"),
        notes=tuple(readable(note) for note in result.notes) if instructor else (),
        machinery=tuple(_machinery(result)) if instructor else (),
        footer=_footer(result, instructor=instructor),
    )


def _pending(result: TopicResult) -> str:
    if not result.pending:
        return ""
    waiting = {bool(task.checks or task.untold) for task in result.tasks if task.pending}
    reasons = [*(["their checks need another device"] if True in waiting else ()),
               *(["your instructor has yet to give them"] if False in waiting else ())]  # fmt: skip
    more = counted_points(result.pending).replace(" ", " more ")
    return f"{more} {'is' if more.endswith('point') else 'are'} pending: {', or '.join(reasons)}."


def _facts(result: TopicResult, *, instructor: bool) -> Iterable[tuple[str, str]]:
    """Facts for the top of the page. From the seed, whoever had the hidden checks could draw their inputs."""
    yield "Topic", result.topic
    yield "File", result.submission.path if instructor else Path(result.submission.path).name
    if result.submission.submitted_at:
        yield "Handed in", _moment(result.submission.submitted_at)
    yield "Graded", _moment(result.graded_at)
    if instructor:
        yield "Seed", str(result.seed)
    if result.version > 1:
        yield "Version", f"{result.version}, with inputs of its own"
    yield "Device", _devices(result)
    yield "Confinement", _confinement(result)


def _late(result: TopicResult) -> str:
    late = result.lateness
    if late is None or late.days <= 0:
        return ""
    days = f"{points_text(late.days)} day{'' if late.days == 1 else 's'}"
    return f"Handed in {days} late: {points_text(late.penalty * 100)} % of the points were deducted."


def _decisions(mark: Mark) -> Iterable[str]:
    """What people decided about a mark, in sentences."""
    if mark.excused:
        yield "Excused: this topic counts neither for nor against you."
    if mark.extension:
        yield f"You had {points_text(mark.extension)} hours more than the due time."
    if mark.lateness and mark.lateness.budget_days:
        yield f"{counted(mark.lateness.budget_days, 'late day')} of your budget used."
    for task in mark.tasks:
        if task.adjusted:
            points = f"{points_text(task.earned)} of {points_text(task.points)} points"
            yield f"`{task.task}`: {points}, decided by your instructor."
        elif task.excused:
            yield f"`{task.task}`: excused."
    yield from (f"`{task.task}`: {comment}" for task in mark.tasks for comment in task.comments)
    yield from mark.comments
    total = round(sum(task.earned for task in mark.tasks if not task.excused), 2)
    if mark.adjusted and not mark.excused and not mark.lateness and total != mark.earned:
        yield f"The points of the topic were changed to {points_text(mark.earned)} by your instructor."


def _warnings(result: TopicResult, *, outdated: bool) -> Iterable[_Warning]:
    if outdated:
        text = "This page is about an earlier file. Another one has been handed in since; it is not graded yet."
        yield _Warning("A newer file waits", text)
    if result.not_graded:
        yield _Warning("This file is not graded yet", f"{result.problem} It will be graded again; no points are lost.")
    elif result.problem:
        yield _Warning("This file could not be graded", result.problem)
    for cause in result.causes:
        yield _Warning("Start here", cause_sentence(cause))
    if result.unsafe:
        yield _Warning("Run without confinement", "The submission was run without protection (`--unsafe`).")


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text or "not recorded"
    return f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}".strip()


def _confinement(result: TopicResult) -> str:
    if not result.layers:
        return "none" if result.unsafe else "nothing was run"
    name = f"{result.sandbox}: " if result.sandbox else ""
    active = sum(state == "on" for state in result.layers.values())
    return name + (f"all {active} layers" if active == len(result.layers) else f"{active} of {len(result.layers)} layers")


def _machinery(result: TopicResult) -> Iterable[tuple[str, str]]:
    usage = result.usage
    yield "SHA-256 of the file", result.submission.sha256
    yield "Fingerprint", result.fingerprint
    yield from ((f"Version of {name}", version) for name, version in sorted(result.versions.items()))
    yield from ((f"Confinement: {name}", state) for name, state in sorted(result.layers.items()))
    yield "Wall and CPU time", f"{usage.wall_seconds:.2f} s, {usage.cpu_seconds:.2f} s"
    if result.tries > 1:
        yield "Tries", f"{result.tries}, the last one alone; it ended in the same way"
    yield "Peak memory", f"{usage.peak_mb:.0f} MB in one of {usage.children} processes"


def _footer(result: TopicResult, *, instructor: bool) -> tuple[str, ...]:
    lines = ["A tag shows how a check ended: passed, failed, error (the program died), time-out, or not run."]
    if not instructor and any(not check.visible for task in result.tasks for check in task.checks):
        lines.append("Checks marked “only in grading” are not in your notebook; this page shows what they look at, not how.")
    return tuple(lines)


def _worth_telling(cell: CellReport) -> bool:
    return cell.outcome is not Outcome.PASSED or cell.error is not None or bool(cell.note)


def _cell_name(number: int) -> str:
    return f"Cell {number}" if number else "Your file"


def _cell_view(cell: CellReport) -> _CellView:
    error = cell.error
    output = readable(cell.output)
    return _CellView(
        name=_cell_name(cell.number),
        state=outcome_label(cell.outcome),
        note=cell.note,
        error=_error_sentence(error) if error else "",
        line=error.at.text.strip() if error and error.at else "",
        output=output[:_OUTPUT_SHOWN],
        cut=_OUTPUT_SHOWN if len(output) > _OUTPUT_SHOWN else 0,
    )


def _error_sentence(error: ErrorFact) -> str:
    place = f" on line {error.at.line}" if error.at else ""
    message = error.message.replace("`", "'")
    return f"`{error.type}`{place}: {message}" if message else f"`{error.type}`{place}."


def _devices(result: TopicResult) -> str:
    if result.completed is None:
        return result.device
    gpu = result.completed.versions.get("gpu", result.completed.device)
    return f"{result.device}; checks that need a GPU ran later on {gpu}"
