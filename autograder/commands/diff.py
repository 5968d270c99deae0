"""`autograde diff`: whose marks differ between two gradings, by how much and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption, JsonOption, console_of, print_json

if TYPE_CHECKING:
    from autograder.gradebook.changes import Change

__all__ = ["register"]


def diff(
    old: Annotated[Path, typer.Argument(help="A folder of results.")] = Path("grades/.runs/previous"),
    new: Annotated[Path, typer.Argument(help="Another one.")] = Path("grades"),
    course: CourseOption = Path("course.yml"),
    as_json: JsonOption = False,
) -> None:
    """Compare two folders of results: whose mark differs, by how much and why. Both get today's decisions and late policy.

    Example: autograde diff grades/.runs/previous grades
    """
    with one_line_mistakes():
        from autograder.course.course_file import load_course
        from autograder.errors import ResultError
        from autograder.gradebook.adjustments import load_adjustments
        from autograder.gradebook.changes import changes_between
        from autograder.grading.handed_in import handed_in
        from autograder.grading.result_files import read_all
        from autograder.reporting.terminal import print_changes

        loaded = load_course(course)
        for folder in (old, new):
            if not folder.is_dir():
                raise ResultError(f"{folder}: there is no such folder of results; name two that `autograde grade -o` wrote.")
            if not handed_in(folder):
                raise ResultError(f"{folder}: there are no results; name two folders that `autograde grade -o` wrote.")
        changes = tuple(
            changes_between(loaded, read_all(old), read_all(new), load_adjustments(loaded), handed_in=handed_in(new))
        )
        if as_json:
            for change in changes:
                print_json(_line(change))
        elif changes:
            print_changes(changes, console_of())
        else:
            typer.echo("No mark differs.")


def _line(change: Change) -> dict[str, object]:
    """A change as --json shows it: the marks, None where there is none or it is not graded."""
    before, after = (None if mark is None or mark.undecided else mark.earned for mark in (change.before, change.after))
    return {
        "student": change.student,
        "topic": change.topic,
        "before": before,
        "after": after,
        "difference": change.difference,
        "reasons": change.reasons,
    }


def register(app: typer.Typer) -> None:
    """Add this command to the instructor's."""
    app.command()(diff)
