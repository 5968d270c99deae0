"""Folders that student code writes to, looked at and removed by the trusted side, which they are not to harm.

Such a folder may hold folders nested deeper than any path is long, and folders that nobody may list. Where children have a
private root, the kernel bounds all of it; elsewhere it is looked at from time to time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

__all__ = ["MOST_ENTRIES", "excess", "remove"]

MOST_ENTRIES = 4096
"""How many files and folders there may be, in a private root too."""


def excess(folder: Path, megabytes: int) -> str:
    """What is too much beneath a folder, as a sentence's end (`wrote more than 16 MB to files`); empty if nothing is.

    Files that were removed but are still open cannot be seen and are not counted.
    """
    left, entries = megabytes << 20, MOST_ENTRIES
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries -= 1
                    if entries < 0:
                        return f"made more than {MOST_ENTRIES:,} files and folders"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        left -= _size(entry)
        except FileNotFoundError:
            continue  # removed meanwhile
        except OSError:  # nested so deep that its path is too long, or closed to this user
            return "made folders that cannot be looked into"
        if left < 0:
            return f"wrote more than {megabytes} MB to files"
    return ""


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, when nobody writes there any more. What cannot be removed is left."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        with contextlib.suppress(OSError):
            _flatten(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path) -> None:
    """Open all folders beneath `folder` up and bring them to its first level, so that no path is long."""
    folder.chmod(0o700)
    waiting = _folders_in(folder)
    while waiting:
        outer = waiting.pop()
        outer.chmod(0o700)
        for inner in _folders_in(outer):
            inner.chmod(0o700)  # it cannot be moved by whom it is closed to
            waiting.append(inner.rename(folder / os.urandom(16).hex()))


def _folders_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as found:
        return [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
