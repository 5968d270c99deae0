"""Files that appear at once: nobody reads half of one, and a run that is interrupted leaves none."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["PACKAGE", "write_whole"]

PACKAGE = Path(__file__).parent
"""The folder of the package `autograder`."""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name and rename it, so that it replaces an older one in one step.

    Its folder is made if it is missing.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            part.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
