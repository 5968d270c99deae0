"""What both commands share: mistakes as one line, and output that never fails on a character."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from autograder.errors import AutogradeError

__all__ = ["one_line_mistakes", "tolerant_output"]


@contextmanager
def one_line_mistakes(interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turns the kit's own errors, full disks and Ctrl-C into plain lines and an exit code."""
    try:
        yield
    except AutogradeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        typer.echo(f"\n{interrupted}", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"{error.filename}: {error.strerror}.", err=True)
        raise typer.Exit(2) from None


def tolerant_output() -> None:
    """Write what a terminal's encoding does not have as `?`."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
