"""course.json of a release: what students' commands need to know about a course. `autograde release` writes it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from autograder.records.worked_solutions import SolutionsPolicy

__all__ = ["COURSE_FILE", "FORMAT_VERSION", "CourseCard", "TaskCard", "TaskKind", "TopicCard", "digest"]

COURSE_FILE = "course.json"
FORMAT_VERSION = 1

TaskKind = Literal["function", "class", "variable", "range"]


class TaskCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task: its points and level, what the exercise defines under its name, and the arguments of the function or class.

    `side_effects` is the weight of that check among the task's. With `only_form`, the visible checks look at the form of an
    answer, and not whether it is right. `arguments` is written as in Python, `f, x, *, steps=…`, without annotations; None
    if the exercise does not say them. `returns` is what the function is annotated to return, if it is written there. `stub`
    is its digest where the text tells that it is one (see `autograder.course.stubs`).
    """

    points: float
    kind: TaskKind
    level: str = "medium"
    side_effects: float = 1.0
    arguments: str | None = None
    returns: str = ""
    only_form: bool = False
    stub: str = ""


class TopicCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A topic. `version` belongs to the notebook and the key; `checks` is the digest of the checks file.

    `notebook` is the notebook's file name in the release, where that is not TOPIC.ipynb. `data` are the paths of the
    course's data that it gets; all if None.
    """

    title: str
    number: int
    tasks: dict[str, TaskCard]
    version: str
    checks: str
    required: bool = True
    due: datetime | None = None
    solutions: SolutionsPolicy = "never"
    cell_seconds: float = 20.0
    check_seconds: float = 5.0
    topic_seconds: float = 120.0
    notebook: str = ""
    data: tuple[str, ...] | None = None


class CourseCard(msgspec.Struct, frozen=True, kw_only=True):
    """A course, with its topics in teaching order, and the paths of its public data in the release."""

    format_version: int = FORMAT_VERSION
    title: str
    tolerances: dict[str, float]
    topics: dict[str, TopicCard]
    data: tuple[str, ...] = ()


def digest(data: bytes) -> str:
    """The digest of a checks file, whatever its line endings: 32 hexadecimal digits."""
    return hashlib.blake2b(data.replace(b"\r\n", b"\n"), digest_size=16).hexdigest()
