"""The command `autograde desk`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.commands import extras
from autograder.commands.one_line import one_line_mistakes
from autograder.commands.options import CacheOption, CourseOption, ResultsOption

__all__ = ["desk"]


def desk(
    results: ResultsOption = Path("grades"),
    course: CourseOption = Path("course.yml"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port on this machine.", show_default="a free one")] = 0,
    by: Annotated[str, typer.Option(help="Who decides.", show_default="you")] = "",
    cache: CacheOption = None,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Grade again even without any confinement.")] = False,
) -> None:
    """Open a desk in the browser: the class's pages, where you give and change marks while you look at them.

    Manual tasks go through the class one by one. Decisions go to adjustments.yml, as those of `adjust` and `extend` do.

    Example: autograde desk --port 8899
    """
    with one_line_mistakes():
        extras.require("jinja2", "starlette", "uvicorn")
        from autograder.desk.app import Desk
        from autograder.desk.serve import serve

        opened = Desk(course, results, by=by, unsafe=unsafe, cache=cache)
        try:
            serve(opened, port, on_open=lambda address: typer.echo(f"The desk is open until Ctrl-C: {address}"))
        finally:
            opened.close()
        typer.echo("The desk is closed.")
