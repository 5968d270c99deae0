"""Lets the trusted side inspect and remove folders that student code writes to, without coming to harm.

Such a folder may contain folders nested deeper than any path can name, and folders that nobody may list. If children have a
private root, the kernel limits all of it; otherwise it is inspected from time to time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

__all__ = ["MOST_ENTRIES", "excess", "remove"]

MOST_ENTRIES = 4096
"""How many files and folders there may be, even in a private root."""


def excess(folder: Path, megabytes: int) -> str:
    """What is too much below a folder, as the end of a sentence (`wrote more than 16 MB to files`); empty if nothing is.

    Files that were removed but are still open cannot be seen, so they do not count.
    """
    bytes_left, entries_left = megabytes << 20, MOST_ENTRIES
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    entries_left -= 1
                    if entries_left < 0:
                        return f"made more than {MOST_ENTRIES:,} files and folders"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        bytes_left -= _size(entry)
        except FileNotFoundError:
            continue  # removed in the meantime
        except OSError:  # nested so deeply that its path is too long, or closed to this user
            return "made folders that cannot be read"
        if bytes_left < 0:
            return f"wrote more than {megabytes} MB to files"
    return ""


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def remove(folder: Path) -> None:
    """Remove a folder and everything in it, once nothing writes there any more. What cannot be removed stays."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        with contextlib.suppress(OSError):
            _flatten(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path) -> None:
    """Make all folders below `folder` accessible and move them to its top level, so that no path is long."""
    folder.chmod(0o700)
    waiting = _folders_in(folder)
    while waiting:
        outer = waiting.pop()
        outer.chmod(0o700)
        for inner in _folders_in(outer):
            inner.chmod(0o700)  # a folder that is closed to this user cannot be moved
            waiting.append(inner.rename(folder / os.urandom(16).hex()))


def _folders_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
