"""What both commands share: mistakes shown as one line, and output that never fails on a character."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from autograder.errors import AutogradeError

__all__ = ["one_line_mistakes", "tolerant_output"]

_REMEDIES = {
    errno.ENOSPC: "free some space and run the same command again",
    errno.EDQUOT: "free some space and run the same command again",
    errno.EACCES: "change its permissions, or choose another path",
    errno.EROFS: "choose a path that can be written to",
    errno.EEXIST: "a folder was expected here; choose another path or move the file",
    errno.ENOTDIR: "a folder was expected here; choose another path or move the file",
}


@contextmanager
def one_line_mistakes(interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turns the kit's own errors, full disks and Ctrl-C into one plain line and an exit code."""
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
        remedy = _REMEDIES.get(error.errno or 0, "")
        if error.filename is None and not remedy:
            raise
        # Writing to a full disk fails without a file name.
        place = "A file could not be written" if error.filename is None else error.filename
        typer.echo(f"{place}: {error.strerror}{f'; {remedy}' if remedy else ''}.", err=True)
        raise typer.Exit(2) from None


def tolerant_output() -> None:
    """Write characters that the terminal's encoding lacks as `?`."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
