"""What the shell completes for instructors: names in the course at hand and in its results."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from autograder.course.course_file import Course

__all__ = ["formats", "students", "tasks", "topics"]


def topics(context: typer.Context, incomplete: str) -> list[str]:
    """The course's topics."""
    return _starting(incomplete, lambda: _course(context).topics)


def tasks(context: typer.Context, incomplete: str) -> list[str]:
    """The tasks of the topic that was named before, or of all topics."""

    def names() -> list[str]:
        course, chosen = _course(context), context.params.get("topic")
        return [task for name, topic in course.topics.items() if chosen in (None, name) for task in topic.tasks]

    return _starting(incomplete, names)


def students(context: typer.Context, incomplete: str) -> list[str]:
    """Everybody in the roster, in the results or in submitted/."""

    def names() -> list[str]:
        from autograder.course.roster import load_roster
        from autograder.grading.handed_in import handed_in

        course = _course(context)
        roster = load_roster(course)
        out = context.params.get("out") or context.params.get("results") or "grades"
        handed = (each.name for each in (course.root / "submitted").glob("[!.]*/"))
        listed = [person.student for person in roster.people] if roster else []
        return sorted({*listed, *(student for student, _ in handed_in(Path(out))), *handed})

    return _starting(incomplete, names)


def formats(incomplete: str) -> list[str]:
    """What `autograde export` writes."""

    def names() -> Iterable[str]:
        from autograder.exporting.formats import FORMATS

        return FORMATS

    return _starting(incomplete, names)


def _course(context: typer.Context) -> Course:
    from autograder.course.course_file import load_course

    return load_course(Path(context.params.get("course") or "course.yml"))


def _starting(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    try:
        return [name for name in names() if name.startswith(incomplete)]
    except Exception:  # whatever is wrong, the shell completes nothing, and the command will say it
        return []
