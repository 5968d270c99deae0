"""The command `autograde import`: topics from assignments of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands.one_line import one_line_mistakes

__all__ = ["register"]


def import_(
    source: Annotated[list[Path], typer.Argument(help="A notebook, or a folder with notebooks.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The course: the folder that contains course.yml.")] = Path(),
) -> None:
    """Make topics from assignments of nbgrader, otter-grader or OK, or from notebooks with asserts.

    Example: autograde import homework1.ipynb -o mycourse
    """
    with one_line_mistakes():
        from autograder.importing.write_topic import import_topic, topic_name

        for path in _notebooks(source):
            imported = import_topic(path, out, topic_name(path))
            typer.echo(imported.summary())
            for note in imported.notes:
                typer.echo(f"  {note}")
        typer.echo(
            "Read the checks, write hints, another right answer and known mistakes, and run `autograde verify`; "
            "docs/own-course.md says how."
        )


def _notebooks(sources: list[Path]) -> list[Path]:
    from autograder.errors import CourseError

    found = []
    for source in sources:
        inside = sorted(source.glob("*.ipynb")) if source.is_dir() else [source]
        if not inside:
            raise CourseError(f"{source}: there is no notebook in this folder; name a notebook (.ipynb) or Python file.")
        found += inside
    return found


def register(app: typer.Typer) -> None:
    """Add the command to a command line."""
    app.command("import")(import_)
