"""Finds the files beside a submission that it uses: modules and data of its own."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from autograder.course.cells import read_cells
from autograder.errors import SubmissionError
from autograder.records.jobs import HelperFile

__all__ = ["MOST_HELPERS", "find_helpers", "read_helpers"]

MOST_HELPERS = 64
_MOST_LOOKED_AT = 500
_DEEPEST = 3
_LARGEST_SEARCHED = 64 << 20
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))  # each where the system has it
_IGNORED = ("__pycache__", "__MACOSX", "node_modules", "timestamp.txt", "submission_secret.txt")


def find_helpers(
    submission: Path, is_topic: Callable[[str], bool], most_bytes: int, taken: Collection[str] = ()
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """The files in a submission's folder, or in folders in it, that it or one of its own modules mentions by name.

    Notebooks and other submissions are none, nor is anything behind a link, or in the place of the course's own data.

    Args:
        submission: the submission's file.
        is_topic: whether a name is a topic's.
        most_bytes: how large they may be together.
        taken: the paths of the course's data in the working folder.

    Returns:
        The files, and those that are too many or too large.
    """
    root = submission.parent
    beside = [path for path in _beside(root, is_topic, 1) if path != submission]
    beside = [path for path in beside if not _in_the_way(path.relative_to(root).as_posix(), taken)]
    if not beside:
        return (), ()
    texts, found = [_text(submission)], []
    while texts:
        text = texts.pop()
        for path in [path for path in beside if _mentions(text, path.relative_to(root))]:
            beside.remove(path)
            found.append(path)
            if path.suffix == ".py":
                texts.append(_text(path))
    kept: list[Path] = []
    left_out: list[Path] = []
    bytes_left = most_bytes
    for path in sorted(found):
        size = path.stat().st_size
        if size <= bytes_left and len(kept) < MOST_HELPERS:
            kept.append(path)
            bytes_left -= size
        else:
            left_out.append(path)
    return tuple(kept), tuple(left_out)


def read_helpers(submission: Path, helpers: tuple[Path, ...], most_bytes: int) -> tuple[HelperFile, ...]:
    """The files' contents. One that cannot be read is left out, and the code will say that it is not there."""
    files = []
    for path in helpers:
        try:
            content = _read(path, most_bytes)
        except OSError:
            continue
        most_bytes -= len(content)
        if most_bytes < 0:  # it has grown since it was found
            break
        files.append(HelperFile(path.relative_to(submission.parent).as_posix(), content))
    return tuple(files)


def _beside(folder: Path, is_topic: Callable[[str], bool], depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as listed:
            entries = [entry for _, entry in zip(range(_MOST_LOOKED_AT), listed, strict=False)]
    except OSError:
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith(".") or entry.name in _IGNORED or not entry.name.isprintable():
            continue
        if entry.is_file(follow_symlinks=False):
            if path.suffix.lower() != ".ipynb" and not (path.suffix.lower() == ".py" and is_topic(path.stem)):
                yield path
        elif entry.is_dir(follow_symlinks=False) and depth < _DEEPEST and not is_topic(entry.name):
            yield from _beside(path, is_topic, depth + 1)


def _in_the_way(name: str, taken: Collection[str]) -> bool:
    return any(name == other or name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in taken)


def _read(path: Path, most_bytes: int) -> bytes:
    """A regular file's bytes, one more than allowed at most; whatever took its place meanwhile is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return stream.read(most_bytes + 1)


def _text(path: Path) -> str:
    try:
        return "\n".join(cell.source for cell in read_cells(_read(path, _LARGEST_SEARCHED), path.name))
    except (OSError, SubmissionError):
        return ""


def _mentions(text: str, path: Path) -> bool:
    names = [path.stem if path.suffix == ".py" else path.name, *path.parts[:-1]]
    return f"*{path.suffix}" in text or any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in names)
