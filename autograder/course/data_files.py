"""Reads a course's `data/`: files that code finds in its working folder, as students find them beside their notebook.

data/…          PUBLIC   released with the notebooks, and there whenever code runs
data/hidden/…   PRIVATE  never released, and there only while hidden checks run
data/answers/…  PRIVATE  never released, and there only where the course's own code runs, never beside a student's
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from autograder._files import read_whole
from autograder._words import counted
from autograder.errors import AuthoringError
from autograder.records.jobs import HelperFile

__all__ = [
    "ANSWERS",
    "FOLDER",
    "HIDDEN",
    "MOST_MEGABYTES",
    "CourseData",
    "data_names",
    "is_private",
    "named",
    "read_data",
    "topic_data",
]

FOLDER, HIDDEN, ANSWERS = "data", "data/hidden", "data/answers"
MOST_MEGABYTES = 64
_MOST_FILES = 1000
_IGNORED = ("__pycache__", "__MACOSX")


class CourseData(NamedTuple):
    """The files, public, hidden and those with answers, and a hash of all; each one's name is its path in the course, like
    `data/points.csv`."""

    public: tuple[HelperFile, ...] = ()
    hidden: tuple[HelperFile, ...] = ()
    answers: tuple[HelperFile, ...] = ()
    digest: str = ""


class _Found(NamedTuple):
    name: str
    size: int
    changed: int


def read_data(root: Path, names: Sequence[str] | None = None) -> CourseData:
    """The files below `data/` in a course's folder, without those whose name starts with a dot.

    Args:
        root: the course's folder.
        names: the files and folders below `data/` to take; all if None.

    Raises:
        AuthoringError: one line for each mistake: a link, a name that is not printable, a file that cannot be read.
    """
    problems = [
        f"{path.relative_to(root)} is a link; put the file itself there." for path in _paths(root) if path.is_symlink()
    ]
    for name in (FOLDER, HIDDEN, ANSWERS):
        if (root / name).is_file():
            place = f"{FOLDER}/files/{Path(name).name}.csv"
            problems.append(f"{name} is a file, where a folder of data is expected; move it, e.g. to {place}.")
    problems += [
        f"{name!a} needs a name of printable characters, without \\."
        for name in sorted(data_names(root))
        if not name.isprintable() or "\\" in name
    ]
    if problems:
        raise AuthoringError("\n".join(problems))
    wanted = sorted(data_names(root)) if names is None else _below(root, names)
    return _read(root, tuple(_looked_at(root, name) for name in wanted))


def topic_data(root: Path, topic: str, names: Sequence[str] | None) -> CourseData:
    """The data that one topic gets; see `read_data`.

    Raises:
        AuthoringError: also if they are more than each of its submissions can be given.
    """
    data = read_data(root, names)
    sizes = [len(file.content) for file in (*data.public, *data.hidden, *data.answers)]
    if len(sizes) <= _MOST_FILES and sum(sizes) <= MOST_MEGABYTES << 20:
        return data
    key = f"topics.{topic}.data"
    remedy = f"name those that it needs: {key}: [points.csv]" if names is None else f"name fewer of them under {key}"
    raise AuthoringError(
        f"{FOLDER}/: {topic} gets {counted(len(sizes), 'file')}, {sum(sizes) / 2**20:.0f} MB together, and every submission "
        f"has a copy; keep to {counted(_MOST_FILES, 'file')} and {MOST_MEGABYTES} MB, or in course.yml {remedy}."
    )


def _below(root: Path, names: Iterable[str]) -> list[str]:
    files = sorted(name.removeprefix(f"{FOLDER}/") for name in data_names(root))
    return [f"{FOLDER}/{name}" for name in named(files, names)]


def named(files: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of the files below `data/` that `names` stand for: files, and folders with or without a slash."""
    wanted = [name.removesuffix("/") for name in names]
    return [file for file in files if any(file == name or file.startswith(f"{name}/") for name in wanted)]


def data_names(root: Path) -> frozenset[str]:
    """The paths of all these files in the course's folder, with `/`."""
    return frozenset(path.relative_to(root).as_posix() for path in _paths(root) if path.is_file())


def is_private(name: str) -> bool:
    """Whether a file of this path in the course's folder is never released."""
    return name.startswith((f"{HIDDEN}/", f"{ANSWERS}/"))


@lru_cache(maxsize=2)
def _read(root: Path, found: tuple[_Found, ...]) -> CourseData:
    """The topics of a course share what is read, as long as no file changes."""
    files = []
    for name, _, _ in found:
        try:
            files.append(HelperFile(name, read_whole(root / name)))
        except OSError as error:
            raise AuthoringError(f"{name}: cannot be read ({error.strerror}).") from error
    return CourseData(
        tuple(file for file in files if not is_private(file.name)),
        tuple(file for file in files if file.name.startswith(f"{HIDDEN}/")),
        tuple(file for file in files if file.name.startswith(f"{ANSWERS}/")),
        _digest(files),
    )


def _digest(files: Sequence[HelperFile]) -> str:
    return hashlib.blake2b(msgspec.msgpack.encode(files), digest_size=20).hexdigest() if files else ""


def _paths(root: Path) -> Iterator[Path]:
    for path in (root / FOLDER).rglob("*"):
        parts = path.relative_to(root).parts
        if not any(part.startswith(".") or part in _IGNORED for part in parts):
            yield path


def _looked_at(root: Path, name: str) -> _Found:
    try:
        status = (root / name).stat()
    except OSError as error:
        raise AuthoringError(f"{name}: cannot be read ({error.strerror}).") from error
    return _Found(name, status.st_size, status.st_mtime_ns)
