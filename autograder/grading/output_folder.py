"""The folder of results belongs to one run at a time. The lock ends with the process, however that ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.errors import ResultError

__all__ = ["locked"]


@contextlib.contextmanager
def locked(out: Path) -> Iterator[None]:
    """Have a folder of results to oneself, made if it is missing, without the half-written files of a run that was killed.

    Raises:
        ResultError: if another run has it.
        OSError: if it cannot be made or opened.
    """
    out.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResultError(
                f"{out}: another autograde is grading into this folder; wait until it has ended, or choose another with -o."
            ) from error
        except OSError:  # a file system without locks
            pass
        for part in (*out.glob(".*.part"), *out.glob("*/.*.part")):
            part.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)
