"""ILIAS: “Download all returned files” of an exercise, and its multi-feedback download.

`Lovelace_Ada_al12_501/autograd.ipynb` for each person, below `Team 7/` in teams, with or without folders like
`Exercise/Abgaben/` above. Names are spelt in ASCII (Müller is Mueller). A late file is called `Late Submission -
autograd.ipynb` or `Verspaetete Abgabe - …`, a second one of the same name `autograd (2).ipynb`. No times are in it. Source:
ILIAS, Modules/Exercise/classes/class.ilExSubmission.php, `downloadAllAssignmentFiles` and `getDirectoryNameFromUserData`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, Handin, Parts, Reading, share, without_common_folders

__all__ = ["TITLE", "read", "recognises"]

TITLE = "ILIAS's download of returned files"
_NAMED = re.compile(r"(?P<last>.+?)_(?P<first>.+)_(?P<login>[^_]+)_(?P<user>\d+)")
_LATE = re.compile(r"(?:Late Submission|Versp(?:ä|ae|a)tete Abgabe) - (?P<file>.+)")
_LISTS = re.compile(r"status\.(?:xlsx?|csv)|.*\.xlsx?", re.IGNORECASE)


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of such a download."""
    folders = [parts[:-1] for parts in names]
    people = {part for parts in folders for part in parts if _NAMED.fullmatch(part)}
    return len(people) > 0 and share(folders, _NAMED) >= 0.5


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a download."""
    reading = Reading()
    found: dict[Parts, list[tuple[Parts, Entry]]] = {}
    late: set[Parts] = set()
    place = _depth(source)
    for entry in source.entries:
        if len(entry.parts) < place + 2 or not _NAMED.fullmatch(entry.parts[place]):
            if not _LISTS.fullmatch(entry.name):
                reading.strays.append((entry, "it is in nobody's folder"))
            continue
        folder, inside = entry.parts[: place + 1], entry.parts[place + 1 :]
        marked = _LATE.fullmatch(inside[0])
        if marked:
            late.add(folder)
            inside = (marked["file"], *inside[1:])
        found.setdefault(folder, []).append((inside, entry))
    for folder, files in found.items():
        named = _NAMED.fullmatch(folder[-1])
        if named:
            who = Claim(named["login"], f"{named['first']} {named['last']}", login=named["login"])
            assignment = next((part for part in folder if not _NAMED.fullmatch(part)), source.name)
            reading.handins.append(Handin(who, without_common_folders(files), late=folder in late, assignment=assignment))
    return reading


def _depth(source: Source) -> int:
    """How deep the people's folders are: where first most of several folders fit, or all of one.

    An exercise may be called `Exercise_3_part_2`, and students may call folders of theirs as they like.
    """
    depths: dict[int, set[Parts]] = {}
    for entry in source.entries:
        for n in range(len(entry.parts) - 1):
            depths.setdefault(n, set()).add(entry.parts[: n + 1])
    fits = {n: [folder for folder in depths[n] if _NAMED.fullmatch(folder[-1])] for n in sorted(depths)}
    likely = [n for n, found in fits.items() if len(found) * 2 >= len(depths[n])]
    return next((n for n in likely if len(depths[n]) > 1), next(iter(likely), 0))
