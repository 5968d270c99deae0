"""What all formats export: a class's marks, with the people they belong to."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autograder.course.course_file import Course
from autograder.course.roster import Person, Roster
from autograder.gradebook.marks import Mark
from autograder.records.results import TopicResult
from autograder.reporting.labels import readable

__all__ = ["MarkedClass", "Submission", "identifiers", "marked_class", "name_key", "number", "remark"]


@dataclass(frozen=True)
class MarkedClass:
    """The marks of a class.

    Attributes:
        course: the course.
        topics: those to export, in the order of the course.
        people: everybody, by student; whoever is not in the roster has nothing but that name.
        marks: by student and topic.
        zero_missing: whether what was not handed in, or could not be read, is exported as 0. If not, it is left out. What
            the machine failed at is always left out.
        scale: whether points are converted where a platform counts to another maximum.
        notes: what somebody should know who sends these marks; formats add to it.
    """

    course: Course
    topics: tuple[str, ...]
    people: dict[str, Person]
    marks: dict[tuple[str, str], Mark]
    zero_missing: bool = False
    scale: bool = False
    notes: list[str] = field(default_factory=list)

    def points(self, topic: str) -> float:
        """What there is to earn in a topic."""
        return round(sum(task.points for task in self.course.topics[topic].tasks.values()), 2)

    def mark(self, student: str, topic: str) -> Mark | None:
        """The mark to export; None if there is nothing to say: not handed in, unreadable or not graded, and nobody has
        decided."""
        mark = self.marks.get((student, topic))
        if mark is None or mark.undecided:
            return None
        return mark if mark.state in ("graded", "not_graded") or mark.adjusted or self.zero_missing else None


@dataclass(frozen=True)
class Submission:
    """A graded submission and its mark: what formats for a single submission need."""

    course: Course
    result: TopicResult
    mark: Mark


def marked_class(
    course: Course,
    marks: Iterable[Mark],
    roster: Roster | None,
    *,
    topics: Sequence[str] = (),
    students: Sequence[str] = (),
    zero_missing: bool = False,
    scale: bool = False,
) -> MarkedClass:
    """Collect what to export.

    Args:
        course: the course.
        marks: everybody's.
        roster: who is in the class, if known.
        topics: only these; all with a mark if empty.
        students: only these; all if empty.
        zero_missing: see `MarkedClass`.
        scale: see `MarkedClass`.
    """
    chosen = {(m.student, m.topic): m for m in marks if not students or m.student in students}
    listed = {person.student: person for person in roster.people} if roster else {}
    names = dict.fromkeys((*(name for name in listed if not students or name in students), *(key[0] for key in chosen)))
    with_marks = {topic for _, topic in chosen}
    return MarkedClass(
        course=course,
        topics=tuple(t for t in course.topics if (t in topics if topics else t in with_marks)),
        people={name: listed.get(name, Person(name)) for name in names},
        marks=chosen,
        zero_missing=zero_missing,
        scale=scale,
    )


def number(value: float, *, comma: bool = False) -> str:
    """A number with at most two decimals, and no exponent: 3, 2.5, 1.33."""
    text = f"{round(value, 2):.2f}".rstrip("0").rstrip(".")
    return ("0" if text in ("-0", "") else text).replace(".", "," if comma else ".")


def remark(mark: Mark) -> str:
    """What must be said beside a mark's number: flags, why nothing could be graded, lateness, comments; one line each."""
    lines = [", ".join(mark.flags)] if mark.flags else []
    lines += [mark.problem] if mark.problem else []
    if mark.lateness and mark.lateness.penalty:
        days = f"{number(mark.lateness.days)} day{'' if mark.lateness.days == 1 else 's'}"
        lines.append(f"{days} late: {number(mark.lateness.penalty * 100)} % taken off")
    return readable("\n".join([*lines, *mark.all_comments]))


def identifiers(person: Person) -> set[str]:
    """Everything by which a platform's file may name a person, apart from their name; see `_key`."""
    return {_key(each) for each in (person.student, person.email, person.id, person.login, *person.also) if each}


def name_key(text: str) -> tuple[str, ...]:
    """The words of a name, in any order: `Lovelace, Ada` and `ada_lovelace` have the same."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("_", " ")
    return tuple(sorted(re.findall(r"[^\W_]+", plain)))


def _key(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
