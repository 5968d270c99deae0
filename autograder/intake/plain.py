"""No platform's layout: a folder for each student, or files that are named after them.

Folders  `ada/autograd.ipynb`, `ada/autograd/autograd.ipynb` with a timestamp.txt, `Ada Lovelace.zip`
Flat     `ada_autograd.ipynb`, `autograd - Ada Lovelace.ipynb`, `ada.ipynb`

What is left of a file's name without the topic says whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath

from autograder.course.file_names import START, is_start, name_span, split_duplicate, topic_in, topic_named
from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, File, Handin, Parts, Reading, without_common_folders
from autograder.intake.nbgrader import TIMESTAMP, says_time, time_in

__all__ = ["TITLE", "owner", "owners", "read", "recognises"]

TITLE = "folders or files named after students"


def recognises(names: Sequence[Parts]) -> bool:
    """Whether there are files at all."""
    return len(names) > 0


def read(source: Source, context: Context) -> Reading:
    """The hand-ins: one for each folder or zip at the top, and one for the files of each name there."""
    reading = Reading()
    above = _wrappers([entry.parts for entry in source.entries], context.topics)
    folders: dict[str, list[tuple[Parts, Entry]]] = {}
    files: dict[str, list[Entry]] = {}
    at_top = owners([entry.parts[above] for entry in source.entries if len(entry.parts) == above + 1], context.topics)
    for entry in source.entries:
        parts = entry.parts[above:]
        if len(parts) > 1:
            folders.setdefault(parts[0].removesuffix(".zip"), []).append((parts[1:], entry))
        elif whose := at_top[parts[0]]:
            files.setdefault(whose, []).append(entry)
        else:
            reading.strays.append((entry, "its name does not say whose it is; call it STUDENT_TOPIC.ipynb"))
    for whose, found in folders.items():
        reading.handins += _by_time(Claim(whose, guess=whose), found)
    for whose, entries in files.items():
        files_of = tuple(File(_path(each.name, context.topics), each) for each in entries)
        reading.handins.append(Handin(Claim(whose, guess=whose), files_of))
    return reading


def owner(name: str, topics: Collection[str]) -> str:
    """Who a file's name says it belongs to: what is left of it without the topic and its number; "" if nothing is left."""
    stem, _ = split_duplicate(PurePosixPath(name).stem)
    if span := name_span(stem, topics):
        stem = f"{stem[: span[0]]} {stem[span[1] :]}"
    return re.sub(r"^[\s_.-]+|[\s_.-]+$", "", split_duplicate(stem.strip(" _.-"))[0])


def owners(names: Collection[str], topics: Collection[str]) -> dict[str, str]:
    """Who each of the files in one folder belongs to, by the file's name; "" if its name does not say it.

    Where files for one topic differ in nothing but their numbers, `01_views.ipynb` and `02_views.ipynb`, these are people.
    """
    found = {name: owner(name, topics) for name in names}
    numbers: dict[str | None, dict[str, str]] = {}
    for name in names:
        stem = split_duplicate(PurePosixPath(name).stem)[0]
        if not found[name] and (number := re.match(r"(\d\d)_", stem)):
            numbers.setdefault(topic_named(stem, topics), {})[name] = number[1]
    for topic, by_name in numbers.items():
        if topic is not None and len(set(by_name.values())) > 1:
            found |= by_name
    return found


def _by_time(who: Claim, files: Sequence[tuple[Parts, Entry]]) -> Iterator[Handin]:
    """The hand-ins in a student's folder: one for each folder that has a timestamp.txt, and one for the rest.

    What a student zipped says nothing about the time.
    """
    times = {parts[0]: entry for parts, entry in files if parts[1:] == (TIMESTAMP,) and says_time(entry.parts)}
    for folder in (*times, None):
        inside = [(parts, entry) for parts, entry in files if (parts[0] if parts[0] in times else None) == folder]
        kept = [(parts, entry) for parts, entry in inside if entry not in times.values()]
        if kept:
            yield Handin(who, without_common_folders(kept), time_in(times[folder]) if folder else None)


def _path(name: str, topics: Collection[str]) -> PurePosixPath:
    """A file's name without its owner's, if it has a topic's."""
    path = PurePosixPath(name)
    stem, copy = split_duplicate(path.stem)
    topic = START if is_start(stem) else topic_in(stem, topics)
    return PurePosixPath(f"{topic}{f' ({copy})' if copy > 0 else ''}{path.suffix}") if topic else path


def _wrappers(names: Sequence[Parts], topics: Collection[str]) -> int:
    """How many folders all files are in together that are nobody's own: with several folders in them."""
    above = 0
    while len({parts[above] for parts in names}) == 1 and all(len(parts) > above + 2 for parts in names):
        below = {parts[above + 1].removesuffix(".zip") for parts in names}
        if len(below) < 2 or any(topic_named(each, topics) for each in below):
            break
        above += 1
    return above
