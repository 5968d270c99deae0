"""The instructor's page of a class, `OUT/index.html`: what to teach again, everybody's marks, mistakes, tasks and checks.

One file that works offline. A script in it sorts and searches the tables; without it, everything is still there to read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from autograder._words import counted
from autograder.gradebook.marks import CHANGED_SINCE, Mark
from autograder.records.results import INSTRUCTOR_PAGES, TopicResult
from autograder.reporting.charts import histogram, spread_plot, stacked_bar
from autograder.reporting.class_figures import (
    Again,
    CheckFigures,
    ClassFigures,
    Entry,
    Misconception,
    Student,
    TaskFigures,
    TopicFigures,
    Trouble,
)
from autograder.reporting.count_class import count_class
from autograder.reporting.labels import counted_points, points_text
from autograder.reporting.templating import page_path, script, write

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["class_view", "percent", "share_text", "why_text", "write_figures", "write_index"]

_FIRST_AGAIN = 6
_STYLES = {"unreadable": "failed", "crashed": "error", "time-out": "timeout", "cell failed": "error", "waiting": "pending"}
_WORDS = {"missing": "nothing handed in", "waiting": "not graded yet"}


def write_index(
    results: Iterable[TopicResult],
    out: Path,
    *,
    title: str = "The class",
    topics: Sequence[str] = (),
    people: Mapping[str, str] | None = None,
    marks: Mapping[tuple[str, str], Mark] | None = None,
    waiting: Collection[tuple[str, str]] = (),
) -> Path:
    """Write the instructor's page of a class to `out/index.html`, with links to the instructor's pages of its submissions.

    Args:
        results: the class's results. Only their figures are kept, so a class of any size can be passed lazily.
        out: the folder of all pages.
        title: the page's heading.
        topics: the order of the topics; any others follow in the order they come in.
        people: the names of all who should be there, by student.
        marks: by student and topic; each is looked up after its result has been taken.
        waiting: students and topics of submissions that may have no result yet.

    Raises:
        AutogradeError: if a student's or topic's name cannot be a file name.
    """
    figures = count_class(
        _with_file_names(results, out), title=title, order=topics, people=people, marks=marks, waiting=waiting
    )
    return write_figures(figures, out)


def write_figures(figures: ClassFigures, out: Path) -> Path:
    """Write the page of a class that has been counted."""
    return write(out / "index.html", "class.html.j2", class_view(figures))


def _with_file_names(results: Iterable[TopicResult], out: Path) -> Iterable[TopicResult]:
    for result in results:
        page_path(out, result.student, result.topic)
        yield result


# ---- what the template shows --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Link:
    """A student, with a link to their page of a topic, if there is one."""

    name: str
    href: str


@dataclass(frozen=True)
class _Tag:
    word: str
    style: str


@dataclass(frozen=True)
class _EntryView:
    label: str
    text: str
    href: str
    order: str
    tags: tuple[_Tag, ...]


@dataclass(frozen=True)
class _Row:
    name: str
    student: str
    entries: tuple[_EntryView, ...]
    total: str


@dataclass(frozen=True)
class _AgainView:
    headline: str
    is_quote: bool
    text: str
    who: tuple[_Link, ...]


@dataclass(frozen=True)
class _TroubleView:
    count: int
    text: str
    who: tuple[_Link, ...]


@dataclass(frozen=True)
class _TopicRow:
    topic: str
    points: str
    handed_in: str
    unreadable: int
    median: str
    half: str
    plot: Markup
    seconds: str
    longest: str
    longest_by: _Link | None


@dataclass(frozen=True)
class _MisconceptionRow:
    figures: Misconception
    names: str
    lost: str
    who: tuple[_Link, ...]


@dataclass(frozen=True)
class _TaskRow:
    figures: TaskFigures
    bar: Markup
    facility: str
    discrimination: str
    lost: str


@dataclass(frozen=True)
class _CheckRow:
    figures: CheckFigures
    share: str
    discrimination: str
    remark: str


@dataclass(frozen=True)
class _ClassView:
    title: str
    summary: str
    script: Markup
    script_source: str
    topics: tuple[_TopicRow, ...]
    many: bool
    points: str
    rows: tuple[_Row, ...]
    plot: Markup | None
    again: tuple[_AgainView, ...]
    more_again: tuple[_AgainView, ...]
    troubles: tuple[_TroubleView, ...]
    single_troubles: tuple[_TroubleView, ...]
    misconceptions: tuple[_MisconceptionRow, ...]
    tasks: tuple[_TaskRow, ...]
    checks: tuple[_CheckRow, ...]
    all_pass: tuple[CheckFigures, ...]
    none_passes: tuple[CheckFigures, ...]


def class_view(figures: ClassFigures, *, link_missing: bool = False) -> _ClassView:
    """What the template of the class's page shows.

    Args:
        figures: the class that has been counted.
        link_missing: link to the pages of submissions that are not there, too.
    """
    links = _Links(figures.students)
    text, source = script("class.js")
    again = tuple(_again_view(each, links) for each in figures.again)
    troubles = tuple(_trouble_view(each, links) for each in figures.troubles)
    handed_in = [each for each in figures.students if any(_is_there(entry) for entry in each.entries)]
    shares = [min(1.0, max(0.0, each.earned / each.points)) for each in handed_in if each.points]
    return _ClassView(
        title=figures.title,
        summary=_summary(figures),
        script=text,
        script_source=source,
        topics=tuple(_topic_row(each, len(figures.students), links) for each in figures.topics),
        many=len(figures.topics) > 5,
        points=points_text(sum(each.points for each in figures.topics)),
        rows=tuple(_row(each, link_missing=link_missing) for each in figures.students),
        plot=histogram(shares, "the total points") if shares else None,
        again=again[:_FIRST_AGAIN],
        more_again=again[_FIRST_AGAIN:],
        troubles=tuple(each for each in troubles if each.count > 1),
        single_troubles=tuple(each for each in troubles if each.count == 1),
        misconceptions=tuple(_misconception_row(each, links) for each in figures.misconceptions),
        tasks=tuple(_task_row(each) for each in figures.tasks),
        checks=tuple(_check_row(each) for each in figures.checks),
        all_pass=tuple(each for each in figures.checks if each.tells == "all pass"),
        none_passes=tuple(each for each in figures.checks if each.tells == "none passes"),
    )


class _Links:
    """Links to the instructor's pages, by the names of the class."""

    def __init__(self, students: Iterable[Student]) -> None:
        self._names = {each.student: each.name for each in students}

    def of(self, topic: str, students: Iterable[str]) -> tuple[_Link, ...]:
        return tuple(_Link(self._names.get(student, student), _href(student, topic)) for student in students)


def _href(student: str, topic: str) -> str:
    return f"{INSTRUCTOR_PAGES}/{quote(student, safe='', errors='surrogateescape')}/{quote(topic, safe='')}.html"


def _is_there(entry: Entry) -> bool:
    return entry.state in ("graded", "unreadable")


def _summary(figures: ClassFigures) -> str:
    students = len(figures.students)
    parts = [f"{counted(students, 'student')}, {counted(sum(each.handed_in for each in figures.topics), 'submission')}"]
    if unreadable := sum(each.unreadable for each in figures.topics):
        parts.append(f"{unreadable} of them cannot be graded")
    waiting = sum(entry.state == "waiting" for each in figures.students for entry in each.entries)
    if waiting:
        parts.append(f"{waiting} not graded yet")
    if changed := sum(CHANGED_SINCE in entry.remarks for each in figures.students for entry in each.entries):
        parts.append(f"{changed} changed since, with the mark of the earlier file")
    if without := sum(all(entry.state == "missing" for entry in each.entries) for each in figures.students):
        parts.append(f"{counted(without, 'student')} without any")
    return "; ".join(parts) + "."


def percent(share: float | None) -> str:
    """A share (0 to 1) in percent, or a dash; only what is all or nothing says 100 or 0."""
    if share is None:
        return "–"
    return f"{round(share * 100) if share in (0, 1) else min(99, max(1, round(share * 100)))} %"


def share_text(number: float | None) -> str:
    """A correlation with two decimals, or a dash."""
    return "–" if number is None else f"{number:.2f}".replace("-", "−")


def why_text(again: Again) -> str:
    """How many points were lost in a task, by whom, and whether anything explains it."""
    lost = f"{counted_points(again.lost)} lost by {len(again.students)} of {counted(again.of, 'student')}"
    return {
        "misconception": f"{lost}, by a known mistake",
        "unexplained": f"{lost}; no known mistake explains it",
        "stopped": f"{lost}, whose answer is there but out of reach",
        "untouched": f"{lost}, who did not attempt it",
    }[again.why]


def _again_view(again: Again, links: _Links) -> _AgainView:
    text = again.text
    if again.why == "unexplained" and text:
        text = f"Most of them fail: {text}" if len(again.students) > 1 else f"What fails: {text}"
    return _AgainView(
        headline=f"`{again.task}` in {again.topic}: {why_text(again)}.",
        is_quote=again.why == "misconception",
        text=text,
        who=links.of(again.topic, again.students),
    )


def _trouble_view(trouble: Trouble, links: _Links) -> _TroubleView:
    who = tuple(link for student, topic in trouble.where for link in links.of(topic, (student,)))
    stopped = f"; {counted(trouble.tasks, 'task')} could not be judged" if trouble.tasks else ""
    return _TroubleView(len(trouble.where), f"{trouble.text}{stopped}", who)


def _topic_row(topic: TopicFigures, students: int, links: _Links) -> _TopicRow:
    spread = topic.spread
    return _TopicRow(
        topic=topic.topic,
        points=points_text(topic.points),
        handed_in=f"{topic.handed_in} of {students}",
        unreadable=topic.unreadable,
        median=percent(spread.middle if spread else None),
        half=f"{percent(spread.lower)} to {percent(spread.upper)}" if spread else "–",
        plot=spread_plot(spread),
        seconds=f"{topic.seconds:.1f} s",
        longest=f"{topic.longest_seconds:.1f} s",
        longest_by=links.of(topic.topic, (topic.longest_student,))[0] if topic.longest_student else None,
    )


def _row(student: Student, *, link_missing: bool) -> _Row:
    return _Row(
        name=student.name,
        student=student.student if student.student != student.name else "",
        entries=tuple(_entry_view(student, entry, link_missing=link_missing) for entry in student.entries),
        total=points_text(student.earned),
    )


def _entry_view(student: Student, entry: Entry, *, link_missing: bool) -> _EntryView:
    there = _is_there(entry)
    decided = there or (entry.state == "missing" and bool(entry.remarks))
    tags = [_Tag(word, _STYLES.get(word, "pending")) for word in entry.remarks]
    if entry.state == "waiting":
        tags.insert(0, _Tag("not graded yet", "pending"))
    words = f"{points_text(entry.earned)} of {points_text(entry.points)}" if decided else _WORDS[entry.state]
    linked = there or link_missing
    return _EntryView(
        label=f"{student.name}, {entry.topic}: {words}" if decided or linked else words,
        text=points_text(entry.earned) if decided else "–",
        href=_href(student.student, entry.topic) if linked else "",
        order=f"{entry.earned:g}" if decided else "",
        tags=tuple(tags),
    )


def _misconception_row(each: Misconception, links: _Links) -> _MisconceptionRow:
    return _MisconceptionRow(each, ", ".join(each.names), points_text(each.lost), links.of(each.topic, each.students))


def _task_row(task: TaskFigures) -> _TaskRow:
    parts = (("complete", task.complete), ("partial", task.partial), ("none", task.none), ("untouched", task.untouched))
    return _TaskRow(
        figures=task,
        bar=stacked_bar(parts),
        facility=percent(task.facility),
        discrimination=share_text(task.discrimination),
        lost=points_text(task.lost),
    )


def _check_row(check: CheckFigures) -> _CheckRow:
    against = check.discrimination is not None and check.discrimination < 0
    return _CheckRow(
        figures=check,
        share=percent(check.share),
        discrimination=share_text(check.discrimination),
        remark=check.tells or ("stronger students fail it more often" if against else ""),
    )
