"""The formats of downloads, the most particular first: which one a download has, and whether `grade` should not read it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import cast

from autograder._words import suggestion
from autograder.course.file_names import topic_in
from autograder.errors import SubmissionError
from autograder.intake import (
    blackboard,
    brightspace,
    canvas,
    github,
    gradescope,
    ilias,
    moodle,
    nbgrader,
    plain,
)
from autograder.intake.archive import Source, read_source
from autograder.intake.collected import COLLECTED
from autograder.intake.handin import Context, Parts, Reading
from autograder.intake.names import topic_inside

__all__ = ["FORMATS", "download_at", "read_handins", "recognise", "title_of"]

FORMATS: dict[str, ModuleType] = {
    "gradescope": gradescope,
    "moodle": moodle,
    "blackboard": blackboard,
    "brightspace": brightspace,
    "github": github,
    "nbgrader": nbgrader,
    "canvas": canvas,
    "ilias": ilias,
    "plain": plain,
}
"""The formats by the names that --from takes."""

_FEWEST_OWNERS = 3  # of files for one topic, none of which is called as the topic is
_MANY_OWNERS = 6  # are several people, whatever else is there


def title_of(name: str) -> str:
    """What a format is called in a sentence."""
    return cast(str, FORMATS[name].TITLE)


def recognise(source: Source) -> str:
    """The name of a download's format.

    Raises:
        SubmissionError: if there is no file in it.
    """
    names = [entry.parts for entry in source.entries]
    if not names:
        raise SubmissionError(f"{source.path}: there is no file in it.")
    return next(name for name in FORMATS if _recognises(name, names, source))


def read_handins(source: Source, name: str, context: Context) -> Reading:
    """The hand-ins of a download in a format.

    Raises:
        SubmissionError: if there is no such format, or the download does not have it.
    """
    if name not in FORMATS:
        raise SubmissionError(f"--from {name}: there is no such format; {suggestion(name, FORMATS)}")
    return cast(Reading, FORMATS[name].read(source, context))


def download_at(path: Path, topics: Collection[str]) -> str | None:
    """The name of the format of a download that `grade` would take for something else; None if it may read the path."""
    if path.is_file() and path.suffix.lower() == ".zip":
        try:
            return recognise(_listed(path))
        except SubmissionError:
            return "plain"
    if not path.is_dir() or (path / COLLECTED).exists():
        return None
    source = _listed(path)
    names = [entry.parts for entry in source.entries]
    for name in FORMATS:
        if name == "nbgrader":
            found = nbgrader.is_exchange(names)
        elif name == "plain":
            found = _is_flat(source, topics)
        else:
            found = _recognises(name, names, source)
        if found:
            return name
    return None


def _recognises(name: str, names: Sequence[Parts], source: Source) -> bool:
    if not names:
        return False
    if name == "github":
        return github.recognises(source, names)
    return bool(FORMATS[name].recognises(names))


def _is_flat(source: Source, topics: Collection[str]) -> bool:
    """Whether the files at the top are those of several people for the same topic."""
    owners: dict[str, set[str]] = {}
    at_top = plain.owners([entry.name for entry in source.entries if len(entry.parts) == 1], topics)
    for entry in source.entries:
        if len(entry.parts) == 1 and entry.name.lower().endswith((".ipynb", ".py")):
            topic = topic_in(PurePosixPath(entry.name).stem, topics) or topic_inside(entry, topics)
            if topic:
                owners.setdefault(topic, set()).add(at_top[entry.name].lower())
    return any(len(each) >= (_MANY_OWNERS if "" in each else _FEWEST_OWNERS) for each in owners.values())


def _listed(path: Path) -> Source:
    """The files in a folder or zip, by name; zips in it are not opened."""
    with ExitStack() as stack:
        return read_source(path, stack, unpack=False)
