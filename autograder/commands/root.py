"""What `autograde` is without a command: its version, its help with the exit codes, and completion in the shell."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import metadata
from typing import Annotated

import typer

__all__ = ["EXIT_CODES", "new_app"]

EXIT_CODES = {
    0: "the command did its work, whatever the points",
    1: "marks would change and wait for --accept, or `verify`, `release --check` or `sync-nbgrader` found problems",
    2: "a mistake in the command line or in the course's files, or nothing to do",
    3: "grading ran, but the machine failed at some submissions: use --retry",
    130: "interrupted with Ctrl-C; after another signal that ends programs, 128 and its number (SIGTERM: 143)",
}
"""What a command's exit code says. docs/commands.md has the same table."""


def new_app(purpose: str, codes: Iterable[int] = EXIT_CODES) -> typer.Typer:
    """The command `autograde` without commands.

    Args:
        purpose: what it is for, in a sentence.
        codes: those of `EXIT_CODES` that its commands may have.
    """
    app = typer.Typer(
        name="autograde",
        help=purpose,
        epilog="\n\n".join(["Exit codes:", *(f"{code}  {EXIT_CODES[code]}" for code in codes)]),
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def root(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the versions and exit.")
        ] = False,
    ) -> None:
        pass

    return app


def _show_version(asked: bool) -> None:
    if asked:
        python = ".".join(map(str, sys.version_info[:3]))
        typer.echo(f"autograde {metadata.version('autograde-torch')} (Python {python}, torch {metadata.version('torch')})")
        raise typer.Exit
