"""What an instructor should know of a class's folder once downloads are in it: unknown times, and people under two names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from autograder.course.course_file import Course
from autograder.intake.collected import Collected, Row
from autograder.intake.nbgrader import TIMESTAMP

__all__ = ["late_without_time", "topics_without_times", "under_two_names"]

_TIMELESS = ("moodle", "github", "plain")
"""Formats that may say neither a time nor whether something is late."""
_MOST_NAMED = 5


def late_without_time(log: Collected, out: Path, students: Collection[str]) -> list[str]:
    """What the platform marks as late while nobody has said when it came, as STUDENT/TOPIC."""
    late = (row for row in _timeless(log, out) if row["late"] and row["student"] in students)
    return sorted(f"{row['student']}/{row['topic']}" for row in late)


def topics_without_times(course: Course, log: Collected, out: Path) -> list[str]:
    """The topics in which lateness would cost points, and some download does not say when anything came."""
    if course.late is None or course.late.policy == "none":
        return []
    unknown = {row["topic"] for row in _timeless(log, out) if row["who"].partition(" ")[0] in _TIMELESS}
    return [name for name, entry in course.topics.items() if entry.due and name in unknown]


def under_two_names(log: Collected, out: Path, students: Collection[str]) -> Iterator[str]:
    """A sentence if people's work was collected under other names before, as without the roster, and is still there."""
    now = {(row["who"], row["topic"]): row["student"] for row in log.counts.values() if row["student"] in students}
    pairs = {
        row["student"]: new
        for row in log.counts.values()
        if (new := now.get((row["who"], row["topic"]), row["student"])) != row["student"] and (out / row["file"]).exists()
    }
    if pairs:
        named = ", ".join(f"{old} is {new} now" for old, new in sorted(pairs.items())[:_MOST_NAMED])
        more = f", and {len(pairs) - _MOST_NAMED} more" if len(pairs) > _MOST_NAMED else ""
        yield (
            f"COLLECTED TWICE, under two names: {named}{more}. Delete {out} and collect again, or, if you have changed "
            "something in it, remove only the folders of the old names."
        )


def _timeless(log: Collected, out: Path) -> Iterator[Row]:
    """What counts, is in its topic's folder and has no time, neither from the platform nor from the instructor."""
    for row in log.counts.values():
        folder = f"{row['student']}/{row['topic']}/"
        if row["file"].startswith(folder) and not row["submitted_at"] and not (out / folder / TIMESTAMP).exists():
            yield row
