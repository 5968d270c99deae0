"""The folder of results belongs to one run at a time. The lock ends with the process, however that ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from autograder import _files
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
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_files.locked(out, wait=False))
        except BlockingIOError as error:
            raise ResultError(
                f"{out}: another autograde is grading into this folder; wait until it has ended, or choose another with -o."
            ) from error
        for part in (*out.glob(".*.part"), *out.glob("*/.*.part")):
            part.unlink(missing_ok=True)
        yield
