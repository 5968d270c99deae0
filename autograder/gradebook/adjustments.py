"""Reads and writes adjustments.yml beside course.yml: what people decided about marks, one entry for each decision.

- student: ada            # the name of the student's folder
  topic: autograd
  task: sign_ste          # without it, the entry is about the whole topic
  points: 3               # instead of the checks' points; `auto` takes those again, without earlier additions and comments
  add: 0.5                # in addition; several add up
  comment: Right idea.    # for the student
  excused: true           # does not count, neither for nor against
  extension: 48h          # after the due time: 90m, 48h, 2d, 1w; or the new due time, like 2027-03-03T23:59+01:00
  late_days: 3            # this student's budget of late days in the whole course; without a topic
  by: grace
  at: 2027-03-01T10:00+01:00

Later entries count over earlier ones. The file is only ever appended to, so comments and order stay as people wrote them.
"""

from __future__ import annotations

import getpass
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from autograder._files import locked, read_source, write_whole
from autograder._words import suggestion
from autograder._yaml import lines_of_items, read_yaml_with_text, yaml_text
from autograder.course.course_file import Course
from autograder.errors import CourseError

__all__ = [
    "ADJUSTMENTS_FILE",
    "Adjustment",
    "Adjustments",
    "extension_of",
    "load_adjustments",
    "signed",
    "write_adjustment",
    "write_adjustments",
]

ADJUSTMENTS_FILE = "adjustments.yml"
_MOST_POINTS = 1e6
_HEAD = """\
# What people decided about marks. Each entry is one decision; later ones count over earlier ones.
# `autograde adjust` and `autograde extend` add entries; you can also edit this file.
"""


class Adjustment(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. What it does not decide is None, "" where it names nothing."""

    student: str
    topic: str = ""
    task: str = ""
    points: float | Literal["auto"] | None = None
    add: float | None = None
    comment: str = ""
    excused: bool | None = None
    extension: str = ""
    late_days: int | None = None
    by: str = ""
    at: str = ""

    @property
    def gives_only_time(self) -> bool:
        """Whether it is an extension, with a comment perhaps, and decides nothing about points."""
        return bool(self.extension) and self.points is None and self.add is None and self.excused is None


Adjustments = Mapping[str, tuple[Adjustment, ...]]
"""Each student's decisions, in the order of the file."""


def load_adjustments(course: Course) -> Adjustments:
    """What people decided; empty if there is no adjustments.yml.

    Raises:
        CourseError: one line for each mistake, with file, line, key and remedy.
    """
    path = course.root / ADJUSTMENTS_FILE
    try:
        entries, text = read_yaml_with_text(path, CourseError)
    except FileNotFoundError:
        return {}
    if entries is None:
        return {}
    if not isinstance(entries, list):
        raise CourseError(f"{path}: write a list of entries, each with `- student: …`.")
    _, lines = lines_of_items(text)
    mistakes: list[str] = []
    decisions: dict[str, list[Adjustment]] = {}
    for line, entry in zip(lines, entries, strict=True):
        wrong, adjustment = _converted(entry, course)
        mistakes += [f"{path}:{line}: {each}" for each in wrong]
        if adjustment is not None:
            decisions.setdefault(adjustment.student, []).append(adjustment)
    if mistakes:
        raise CourseError("\n".join(mistakes))
    return {student: tuple(own) for student, own in decisions.items()}


def signed(adjustment: Adjustment) -> Adjustment:
    """A decision with the time now, and with this process's user if it does not say who decided it."""
    try:
        user = adjustment.by or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        user = ""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return msgspec.structs.replace(adjustment, by=user, at=now)


def write_adjustment(
    course: Course, adjustment: Adjustment, *, check: Callable[[Adjustments], None] = lambda decided: None
) -> Path:
    """Add a decision to the end of adjustments.yml; see `write_adjustments`."""
    return write_adjustments(course, [adjustment], check=check)


def write_adjustments(
    course: Course, adjustments: Sequence[Adjustment], *, check: Callable[[Adjustments], None] = lambda decided: None
) -> Path:
    """Add decisions to the end of adjustments.yml, all or none, and return the file's path. Two writers wait for each other.

    Args:
        course: the course.
        adjustments: the decisions, at least one.
        check: called with what has been decided so far while nobody else can write; if it raises, nothing is written.

    Raises:
        CourseError: if a decision, or the file as it is, has a mistake; nothing is written then.
    """
    entries = [_entry(course, each) for each in adjustments]
    path = course.root / ADJUSTMENTS_FILE
    with locked(course.root):
        check(load_adjustments(course))  # a file with mistakes is mended by hand first
        before = read_source(path) if path.exists() else _HEAD
        write_whole(path, _appended(before, yaml_text(entries), path).encode())
    return path


def _entry(course: Course, adjustment: Adjustment) -> dict[str, Any]:
    """A decision as it is written.

    Raises:
        CourseError: if it has a mistake.
    """
    entry = {name: value for name, value in msgspec.structs.asdict(adjustment).items() if value not in ("", None)}
    for name in ("points", "add"):
        if isinstance(entry.get(name), float) and entry[name].is_integer():
            entry[name] = int(entry[name])
    wrong, _ = _converted(entry, course)
    due = course.topics[adjustment.topic].due if adjustment.topic in course.topics else None
    if not wrong and adjustment.extension and not extension_of(adjustment.extension, due):
        when = due.isoformat(timespec="minutes") if due else "never"
        wrong = [f"extension is {_shown(adjustment.extension)}, but {adjustment.topic} is due {when}; write a later time."]
    if wrong:
        raise CourseError("\n".join(wrong))
    return entry


def _appended(before: str, entries: str, path: Path) -> str:
    column, lines = lines_of_items(before)
    if lines and column < 0:
        raise CourseError(
            f"{path}: the list is in brackets; write each entry on lines of its own, starting with `- student:`."
        )
    indented = "".join(f"{' ' * max(column, 0)}{line}\n" for line in entries.rstrip("\n").split("\n"))
    newline = "\n" if before and not before.endswith("\n") else ""
    return f"{before}{newline}{indented}"


def extension_of(text: str, due: datetime | None) -> timedelta:
    """How much later than `due` an extension lets hand in: `90m`, `48h`, `2d`, `1w`, or a new due time with its UTC offset.

    A new due time that is not after `due` (which may have moved since) is an extension of 0.

    Raises:
        ValueError: if the text is none of these; the text says what to write.
    """
    if match := _DURATION.fullmatch(text.strip()):
        if (given := timedelta(**{_UNITS[match[2]]: float(match[1])})) > _LONGEST:
            raise ValueError(f"give at most {_LONGEST.days // 7}w.")
        return given
    try:
        until = datetime.fromisoformat(text.strip())
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise ValueError("write 90m, 48h, 2d or 1w, or a new due time like 2027-03-03T23:59+01:00.")
    return max(timedelta(0), until - due) if due else timedelta(0)


_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*(m|h|d|w)")
_LONGEST = timedelta(weeks=520)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


# ---- checking -----------------------------------------------------------------------------------------------------------


def _converted(entry: Any, course: Course) -> tuple[list[str], Adjustment | None]:
    """The mistakes in an entry; if there are none, the decision."""
    if not isinstance(entry, dict):
        return ["an entry is a group of keys; write `- student: NAME` and the rest below it."], None
    wrong = list(_wrong_values(entry))
    values = {key: value for key, value in entry.items() if value is not None}
    if not wrong:
        wrong += _wrong_together(Adjustment(**values), course)
    return (wrong, None) if wrong else ([], Adjustment(**values))


def _wrong_values(entry: Mapping[Any, Any]) -> Iterable[str]:
    known = Adjustment.__struct_fields__
    for key, value in entry.items():
        if key not in known:
            yield f"{key} is not a valid key; {suggestion(str(key), known)}"
        elif value is not None and not _KINDS[key][0](value):
            yield f"{key} is {_shown(value)}; write {_KINDS[key][1]}."
    if not entry.get("student"):
        yield "student is missing; write the name of the student's folder."


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> bool:
    # `isfinite` cannot take an int of hundreds of digits.
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and math.isfinite(value))


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


_KINDS = {
    "student": (_is_text, "the name of the student's folder, in quotes if it looks like a number"),
    "topic": (_is_text, "the name of a topic"),
    "task": (_is_text, "the name of a task"),
    "points": (
        lambda value: value == "auto" or (_is_number(value) and 0 <= value <= _MOST_POINTS),
        "a number of at least 0, or auto",
    ),
    "add": (lambda value: _is_number(value) and abs(value) <= _MOST_POINTS, "a number"),
    "comment": (_is_text, "some text, in quotes if it looks like a number"),
    "excused": (lambda value: isinstance(value, bool), "true or false"),
    "extension": (_is_text, "90m, 48h, 2d or 1w, or a new due time like 2027-03-03T23:59+01:00"),
    "late_days": (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1000,
        "a whole number of days of at least 0",
    ),
    "by": (_is_text, "who decided it"),
    "at": (_is_time, "a date and time, like 2027-03-01T10:00+01:00"),
}


def _wrong_together(entry: Adjustment, course: Course) -> Iterable[str]:
    """What is wrong with an entry whose values are right one by one."""
    of_topic = ("task", "points", "add", "comment", "excused", "extension")
    if not entry.topic:
        if misplaced := [name for name in of_topic if getattr(entry, name) not in ("", None)]:
            yield f"topic is missing, and {misplaced[0]} needs one; write the topic's name."
        elif entry.late_days is None:
            yield "the entry decides nothing; write points, add, comment, excused, extension or late_days."
        return
    if entry.topic not in course.topics:
        yield f"topic is {_shown(entry.topic)}, which the course does not have; {suggestion(entry.topic, course.topics)}"
        return
    topic = course.topics[entry.topic]
    if entry.late_days is not None:
        yield "late_days is a budget for the whole course; remove topic, or write extension instead."
    if entry.task and entry.task not in topic.tasks:
        yield f"task is {_shown(entry.task)}, which {entry.topic} does not have; {suggestion(entry.task, topic.tasks)}"
        return
    if entry.extension:
        if entry.task:
            yield "extension is for a whole topic; remove task."
        try:
            extension_of(entry.extension, topic.due)
        except (ValueError, OverflowError) as error:
            yield f"extension is {_shown(entry.extension)}; {error}"
    if all(getattr(entry, name) in ("", None) for name in (*of_topic[1:], "late_days")):
        yield "the entry decides nothing; write points, add, comment, excused or extension."
    most = topic.tasks[entry.task].points if entry.task else sum(task.points for task in topic.tasks.values())
    if isinstance(entry.points, int | float) and entry.points > most:
        what = entry.task or entry.topic
        yield f"points is {entry.points:g}, but {what} has {most:g}; write at most that, and `add` for more."


def _shown(value: object) -> str:
    text = "a list" if isinstance(value, list) else "a group of keys" if isinstance(value, dict) else repr(value)
    text = str(value).lower() if isinstance(value, bool) else text.replace("'", '"')
    return text if len(text) <= 60 else f"{text[:57]}…{text[-1]}"
