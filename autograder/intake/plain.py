"""No platform's layout: a folder for each student, or files that are named after them.

Folders  `ada/autograd.ipynb`, `ada/autograd/autograd.ipynb` with a timestamp.txt, `Ada Lovelace.zip`
Flat     `ada_autograd.ipynb`, `autograd - Ada Lovelace.ipynb`, `ada.ipynb`, `ada_autograd.zip`

What is left of a file's name without the topic says whose it is. Where several are called NAME_TOPIC, others are NAME_ANY:
`ada_work.zip`, `bo_report.pdf`. A folder called like one of a course, such as `images`, is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from autograder.course.file_names import START, is_course_folder, is_start, name_span, split_duplicate, topic_in, topic_named
from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, File, Handin, Parts, Reading, without_common_folders
from autograder.intake.nbgrader import TIMESTAMP, says_time, time_in

__all__ = ["TITLE", "owner", "owners", "read", "recognises"]

TITLE = "folders or files named after students"
_SIGN = re.compile(r"\s*[_.-]+\s*$|\s+$")  # between a name and a topic


def recognises(names: Sequence[Parts]) -> bool:
    """Whether there are files at all."""
    return len(names) > 0


def read(source: Source, context: Context) -> Reading:
    """The hand-ins: one for each folder or zip at the top, and one for the files of each name there."""
    reading = Reading()
    kept = _students(source.entries, 0)
    above = _wrappers([entry.parts for entry in kept], context.topics)
    kept = _students(kept, above)
    nobodys = set(source.entries).difference(kept)
    for entry in source.entries:
        if entry in nobodys:
            folder = entry.parts[above if entry.parts[:above] == kept[0].parts[:above] else 0]
            reading.strays.append((entry, f"{folder} is a course's folder, not a student's"))
    folders: dict[str, list[tuple[Parts, Entry]]] = {}
    files: dict[str, list[Entry]] = {}
    names = {entry.parts[above]: len(entry.parts) == above + 1 for entry in kept}
    at_top = owners([name for name, file in names.items() if file or name.lower().endswith(".zip")], context.topics)
    for entry in kept:
        parts = entry.parts[above:]
        if len(parts) > 1:
            folders.setdefault(at_top.get(parts[0]) or parts[0].removesuffix(".zip"), []).append((parts[1:], entry))
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
    return split_duplicate(_numbered_owner(name, topics))[0]


def owners(names: Collection[str], topics: Collection[str]) -> dict[str, str]:
    """Who each of the files in one folder belongs to, by the file's name; "" if its name does not say it.

    Where files for one topic differ in nothing but their numbers, `01_views.ipynb` and `02_views.ipynb`, these are people.
    Where a number follows each name, `team-1.zip` and `team-2.zip`, these are people, too, and no copies.
    Where all that end in a topic have the same sign before it, `ada_views.ipynb` and `bo_views.ipynb`, what others have
    before that sign is a name, `cy_work.zip`; so it is in `ada_work.zip`, `bo_work.zip`, `cy_work.zip`.
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
    return found | _numbered(found, topics) | _before_sign(found, topics)


def _numbered_owner(name: str, topics: Collection[str]) -> str:
    """Whose a file is by its name, with a number that follows theirs: `team-1` of `team-1_views` and `views_team-1`."""
    stem = PurePosixPath(name).stem
    if span := name_span(stem, topics):
        before, after = stem[: span[0]], stem[span[1] :]
        stem = f"{before} {'' if split_duplicate(f'x{after}')[0] == 'x' else after}"
    return re.sub(r"^[\s_.-]+|[\s_.-]+$", "", stem)


def _numbered(found: Mapping[str, str], topics: Collection[str]) -> dict[str, str]:
    """The owners of files that a number after the owner's name tells apart, while none has no number."""
    with_numbers: dict[str, dict[str, str]] = {}
    for name, whose in found.items():
        with_numbers.setdefault(whose, {})[name] = _numbered_owner(name, topics)
    several = [
        by_name
        for whose, by_name in with_numbers.items()
        if whose and len(set(by_name.values())) > 1 and all(each.startswith(f"{whose}-") for each in by_name.values())
    ]
    return {name: numbered for by_name in several for name, numbered in by_name.items()}


def _before_sign(found: Mapping[str, str], topics: Collection[str]) -> dict[str, str]:
    """The owners of files that name no topic, if the sign that ends an owner's name is certain."""
    stems = {name: split_duplicate(PurePosixPath(name).stem)[0] for name in found}
    spans = {name: name_span(stem, topics) for name, stem in stems.items()}
    rest = {name: stem for name, stem in stems.items() if spans[name] is None}
    at_end = {name: stem[: span[0]] for name, stem in stems.items() if (span := spans[name]) and span[1] == len(stem)}
    signs = {end[0] for before in at_end.values() if (end := _SIGN.search(before))}
    if len(at_end) > 1 and len(signs) == 1 and signs <= {"_", " - "}:
        sign = signs.pop()
        if any(sign in found[name] for name in at_end):
            return {}
    elif len(rest) == len(stems) > 2 and len({stem.partition("_")[2] for stem in rest.values()}) == 1:
        sign = "_"
    else:
        return {}
    parts = {name: stem.partition(sign) for name, stem in rest.items()}
    return {name: before for name, (before, found_sign, _) in parts.items() if found_sign and before}


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


def _students(entries: Sequence[Entry], level: int) -> list[Entry]:
    """The entries without those in a course's folder, if others are beside it: by its name, or what is in it."""
    folders = {each.parts[level] for each in entries if len(each.parts) > level + 1}
    courses = {each.parts[level] for each in entries if each.parts[level + 1 :] == ("course.yml",)}
    courses |= {name for name in folders if is_course_folder(name)}
    kept = [each for each in entries if each.parts[level] not in courses or len(each.parts) == level + 1]
    return kept or list(entries)


def _wrappers(names: Sequence[Parts], topics: Collection[str]) -> int:
    """How many folders all files are in together that are nobody's own: with several folders in them."""
    above = 0
    while len({parts[above] for parts in names}) == 1 and all(len(parts) > above + 2 for parts in names):
        below = {parts[above + 1].removesuffix(".zip") for parts in names}
        if len(below) < 2 or any(topic_named(each, topics) for each in below):
            break
        above += 1
    return above
