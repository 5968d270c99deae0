"""`autograde diff`: whose marks differ between two gradings, by how much and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CourseOption

__all__ = ["register"]


def diff(
    old: Annotated[Path, typer.Argument(help="A folder of results.")] = Path("grades/.runs/previous"),
    new: Annotated[Path, typer.Argument(help="Another one.")] = Path("grades"),
    course: CourseOption = Path("course.yml"),
) -> None:
    """Compare two folders of results: whose mark differs, by how much and why. Both get today's decisions and late policy.

    Example: autograde diff grades/.runs/previous grades
    """
    with one_line_mistakes():
        from rich.console import Console

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
                raise ResultError(f"{folder}: there is no such folder of results.")
        changes = tuple(
            changes_between(loaded, read_all(old), read_all(new), load_adjustments(loaded), handed_in=handed_in(new))
        )
        console = Console(markup=False, highlight=False, emoji=False)
        if changes:
            print_changes(changes, console)
        else:
            typer.echo("No mark differs.")


def register(app: typer.Typer) -> None:
    """Add this command to the instructor's."""
    app.command()(diff)
