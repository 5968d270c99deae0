"""The command `autograde init`: a new course that works at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.one_line import one_line_mistakes

__all__ = ["register"]


def init(
    folder: Annotated[Path, typer.Argument(help="The new course's folder; it must be empty if it exists.")],
    title: Annotated[str, typer.Option(help="The course's title.", show_default="the folder's name")] = "",
) -> None:
    """Write a small, complete course: verify, grade and release it at once, then make it yours.

    Example: autograde init mycourse --title "Deep learning"
    """
    with one_line_mistakes():
        from autograder.course import new_course

        for path in new_course.create(folder, title):
            typer.echo(f"wrote {path}")
        typer.echo(new_course.next_steps(folder))


def register(app: typer.Typer) -> None:
    """Add the command to a command line."""
    app.command()(init)
