"""The figures of a class: marks, tasks, checks, misconceptions, troubles, what to teach again. `count_class` counts them."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Again",
    "CheckFigures",
    "ClassFigures",
    "Entry",
    "Misconception",
    "Spread",
    "State",
    "Student",
    "TaskFigures",
    "TopicFigures",
    "Trouble",
]

State = Literal["graded", "unreadable", "waiting", "missing"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a student has for a topic. `waiting`: not graded yet, or the machine failed. `remarks` are single words."""

    topic: str
    state: State
    earned: float = 0.0
    points: float = 0.0
    remarks: tuple[str, ...] = ()


class Student(msgspec.Struct, frozen=True, kw_only=True):
    """A student's entries, in the order of the topics. What is missing counts as 0, so that totals can be compared; what
    waits to be graded counts neither for nor against."""

    student: str
    name: str
    earned: float
    points: float
    entries: tuple[Entry, ...]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Five numbers that describe shares of points (0 to 1): the smallest, the quartiles, the largest."""

    least: float
    lower: float
    middle: float
    upper: float
    most: float


class TopicFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A topic: who handed in, how points are spread over readable submissions, and the seconds that grading took."""

    topic: str
    points: float
    handed_in: int
    unreadable: int
    spread: Spread | None
    seconds: float
    longest_seconds: float
    longest_student: str


class TaskFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A task, over all readable submissions: how many have all, some or no points, or did not try.

    `facility` and `discrimination` are those of item_analysis; `lost` is the sum of points that were not earned.
    """

    topic: str
    task: str
    points: float
    complete: int
    partial: int
    none: int
    untouched: int
    facility: float | None
    discrimination: float | None
    lost: float


class CheckFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A check, over the submissions that tried its task and in which it ran. `tells` says if all end the same."""

    topic: str
    task: str
    check: str
    sentence: str
    visible: bool
    ran: int
    passed: int
    share: float | None
    discrimination: float | None
    tells: Literal["", "all pass", "none passes"]


class Misconception(msgspec.Struct, frozen=True, kw_only=True):
    """A recognised mistake, all students behind it, and the points that it cost them. `exact`: of how many for certain."""

    topic: str
    task: str
    names: tuple[str, ...]
    feedback: str
    students: tuple[str, ...]
    exact: int
    lost: float


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """Something to teach again: why points were lost in a task, by whom, and how many.

    `why` is `misconception` (`text` is its feedback), `unexplained` (`text` is the sentence of the check that most of these
    students fail), `stopped` (an answer is there, but out of reach; `text` is what most of them are told) or `untouched`.
    """

    topic: str
    task: str
    why: Literal["misconception", "unexplained", "stopped", "untouched"]
    text: str
    students: tuple[str, ...]
    of: int
    lost: float


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What kept submissions from running, (student, topic) of each, and how many tasks could not be judged because of it."""

    text: str
    tasks: int = 0
    where: tuple[tuple[str, str], ...]


class ClassFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a class; misconceptions, troubles and what to teach again have the most important first."""

    title: str
    topics: tuple[TopicFigures, ...]
    students: tuple[Student, ...]
    again: tuple[Again, ...]
    troubles: tuple[Trouble, ...]
    misconceptions: tuple[Misconception, ...]
    tasks: tuple[TaskFigures, ...]
    checks: tuple[CheckFigures, ...]
