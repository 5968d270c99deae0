"""`autograde adjust` and `autograde extend`: what a person decides about a mark becomes an entry of adjustments.yml."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from autograder.commands import completion
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, ResultsOption, StudentArgument, TopicArgument

if TYPE_CHECKING:
    from autograder.course.course_file import Course
    from autograder.gradebook.adjustments import Adjustment

__all__ = ["register"]

CommentOption = Annotated[str, typer.Option(help="What the student is told.")]
ByOption = Annotated[str, typer.Option(help="Who decides.", show_default="you")]


def adjust(
    student: StudentArgument,
    topic: Annotated[
        str | None, typer.Argument(help="The topic; only --late-days does without.", autocompletion=completion.topics)
    ] = None,
    task: Annotated[
        str | None, typer.Argument(help="The task.", show_default="the whole topic", autocompletion=completion.tasks)
    ] = None,
    points: Annotated[
        str | None, typer.Option(help="Points instead of those of the checks; `auto` for theirs again.")
    ] = None,
    add: Annotated[float | None, typer.Option(help="Points in addition; may be negative.")] = None,
    comment: CommentOption = "",
    excused: Annotated[
        bool | None, typer.Option("--excused/--not-excused", help="Count neither for nor against.", show_default=False)
    ] = None,
    late_days: Annotated[
        int | None, typer.Option(min=0, max=1000, help="Days the student may be late in the whole course.")
    ] = None,
    by: ByOption = "",
    course: CourseOption = Path("course.yml"),
    results: ResultsOption = Path("grades"),
) -> None:
    """Change a mark by hand. The decision goes to adjustments.yml and survives every regrade.

    Example: autograde adjust ada autograd sign_ste --points 3 --comment "The idea is right."
    """
    with one_line_mistakes():
        from autograder.gradebook.adjustments import Adjustment

        entry = Adjustment(
            student=student,
            topic=topic or "",
            task=task or "",
            points=_points(points),
            add=add,
            comment=comment,
            excused=excused,
            late_days=late_days,
            by=by,
        )
        _decide(course, entry, results)


def extend(
    student: StudentArgument,
    topic: TopicArgument,
    until: Annotated[str, typer.Argument(help="How much later: 90m, 48h, 2d, 1w, or a new due time with its UTC offset.")],
    comment: CommentOption = "",
    by: ByOption = "",
    course: CourseOption = Path("course.yml"),
    results: ResultsOption = Path("grades"),
) -> None:
    """Give a student more time for a topic, counted from its due time. The last extension of a topic counts.

    Example: autograde extend ada autograd 48h --comment "Get well soon."
    """
    with one_line_mistakes():
        from autograder.gradebook.adjustments import Adjustment

        entry = Adjustment(student=student, topic=topic, extension=until, comment=comment, by=by)
        _decide(course, entry, results)


def register(app: typer.Typer) -> None:
    """Add these commands to the instructor's."""
    app.command()(adjust)
    app.command()(extend)


def _decide(path: Path, entry: Adjustment, results: Path) -> None:
    """Write a decision, and say what the mark was and is."""
    from autograder.course.course_file import load_course
    from autograder.gradebook.adjustments import load_adjustments, signed, write_adjustment
    from autograder.grading.marks import refresh, students_of

    course = load_course(path)
    _check_student(entry.student, students_of(course, results))
    before = _mark_text(course, entry, results)
    file = write_adjustment(course, signed(entry))
    typer.echo(f"Added to {file} (entry {len(load_adjustments(course)[entry.student])} about {entry.student}).")
    after = _mark_text(course, entry, results)
    if entry.extension:
        typer.echo(_due_text(course, entry))
    if entry.topic and after:
        change = after if not before else f"{after}, as before" if before == after else f"{before} -> {after}"
        typer.echo(f"{entry.student}, {entry.topic}: {change}")
    if (results / "run.json").exists():
        refresh(course, results)


def _points(text: str | None) -> float | Literal["auto"] | None:
    """Points as adjustments.yml has them."""
    if text is None or text == "auto":
        return None if text is None else "auto"
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a number; write a number of points, or auto.") from None


def _check_student(student: str, known: list[str]) -> None:
    from autograder._words import suggestion
    from autograder.errors import CourseError

    if known and student not in known:
        raise CourseError(f"{student}: neither roster.csv nor the results have such a student; {suggestion(student, known)}")


def _due_text(course: Course, entry: Adjustment) -> str:
    """When a topic is due for a student once an extension counts."""
    from autograder.gradebook.adjustments import extension_of

    due = course.topics[entry.topic].due
    if due is None:
        return f"{entry.topic} has no due time in course.yml, so more time changes nothing there."
    until = due + extension_of(entry.extension, due)
    return f"{entry.topic} is due on {until:%Y-%m-%d at %H:%M (UTC%z)} for {entry.student}."


def _mark_text(course: Course, entry: Adjustment, results: Path) -> str:
    from autograder.grading.marks import marks_in
    from autograder.reporting.labels import points_text

    for mark in marks_in(course, results, only=entry.student):
        if mark.topic == entry.topic:
            flags = f" ({', '.join(mark.flags)})" if mark.flags else ""
            return f"{points_text(mark.earned)} of {points_text(mark.points)}{flags}"
    return ""
