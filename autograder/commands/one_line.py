"""What both commands share: mistakes shown as one line, and output that never fails on a character."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import typer

from autograder._versions import require_supported
from autograder.commands.extras import missing_extra
from autograder.errors import AutogradeError

__all__ = ["one_line_mistakes", "require_supported_versions", "tolerant_output"]

_REMEDIES = {
    errno.ENOSPC: "free some space and run the same command again",
    errno.EDQUOT: "free some space and run the same command again",
    errno.EACCES: "change its permissions, or choose another path",
    errno.EROFS: "choose a path that can be written to",
    errno.EEXIST: "a folder was expected here; choose another path or move the file",
    errno.ENOTDIR: "a folder was expected here; choose another path or move the file",
    errno.EISDIR: "a file was expected here; choose another path or move the folder",
    errno.EINVAL: "choose another path, or put a file in its place",
    errno.ENXIO: "choose another path, or put a file in its place",
    errno.EMFILE: "allow more open files with `ulimit -n 4096`, or use fewer --jobs",
    errno.ENFILE: "close other programs, or use fewer --jobs",
    errno.ENOMEM: "close other programs, or use fewer --jobs",
    errno.EAGAIN: "close other programs, or use fewer --jobs",
    errno.EIO: "check the disk, and run the same command again",
}
_OTHER_REMEDY = "check the path, and run the same command again"
_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))


class _Ended(KeyboardInterrupt):
    """One of `_ENDING` has come."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Make signals that end a program raise what Ctrl-C does, once, so that everything is cleaned up.

    One that is ignored, as by `nohup`, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        for other in _ENDING:
            signal.signal(other, signal.SIG_IGN)
        raise _Ended(number)

    before = {number: signal.getsignal(number) for number in _ENDING}
    handled = [number for number, handler in before.items() if handler is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


@contextmanager
def one_line_mistakes(interrupted: str = "Interrupted.") -> Iterator[None]:
    """Turns the kit's own errors, missing extras, full disks, Ctrl-C and other signals to end into one plain line and an
    exit code."""
    try:
        with _ended_like_ctrl_c():
            yield
    except AutogradeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except ModuleNotFoundError as error:
        if not (sentence := missing_extra(error)):
            raise
        typer.echo(sentence, err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as interrupt:
        with suppress(OSError):  # the terminal may be gone
            typer.echo(f"\n{interrupted}", err=True)
        raise typer.Exit(128 + interrupt.number if isinstance(interrupt, _Ended) else 130) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is None and error.errno not in _REMEDIES:
            raise
        remedy = _REMEDIES.get(error.errno or 0, _OTHER_REMEDY)
        # Writing to a full disk fails without a file name.
        place = error.filename2 or error.filename or "A file could not be written"
        typer.echo(f"{place}: {error.strerror}; {remedy}.", err=True)
        raise typer.Exit(2) from None


def tolerant_output() -> None:
    """Write characters that the terminal's encoding lacks as `?`."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def require_supported_versions() -> None:
    """End with a line if Python or a library is older than what is supported."""
    try:
        require_supported()
    except AutogradeError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)
