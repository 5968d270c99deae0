"""Lets the trusted side inspect folders that student code writes to, without coming to harm.

Such a folder may contain folders nested deeper than any path can name, and folders that nobody may list. If children have a
private root, the kernel limits all of it; otherwise it is inspected from time to time.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["MOST_ENTRIES", "excess"]

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
