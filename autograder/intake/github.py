"""GitHub Classroom: the cloned repositories of an assignment, at any depth.

`autograd-submissions/autograd-adal/…`, as `gh classroom clone student-repos` clones them: a folder ASSIGNMENT-submissions
with a repository ASSIGNMENT-USER for each student; or such repositories side by side. The time of a commit is what the
student's machine says, so none is taken. Source: github/gh-classroom, cmd/gh-classroom/clone/student-repos/student-repos.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from autograder.intake.archive import Entry, Source
from autograder.intake.handin import Claim, Context, File, Handin, Parts, Reading

__all__ = ["TITLE", "read", "recognises"]

TITLE = "GitHub Classroom's repositories"
_ABOVE = "-submissions"


def recognises(source: Source, names: Sequence[Parts]) -> bool:
    """Whether these are the files of such clones."""
    return bool(_in_submissions(source, names)) or len(_cloned(source)) > 1


def read(source: Source, context: Context) -> Reading:
    """The hand-ins: one for each repository."""
    folders = _in_submissions(source, [entry.parts for entry in source.entries])
    for folder, prefix in _cloned(source).items():
        folders.setdefault(folder, prefix)
    reading = Reading()
    found: dict[Parts, list[Entry]] = {}
    for entry in source.entries:
        above = [entry.parts[:n] for n in range(1, len(entry.parts)) if entry.parts[:n] in folders]
        if above:
            found.setdefault(above[0], []).append(entry)
        else:
            reading.strays.append((entry, "it is in nobody's repository"))
    for folder, entries in found.items():
        prefix = folders[folder]
        user = folder[-1].removesuffix(".zip").removeprefix(prefix)
        files = tuple(File(PurePosixPath(*each.parts[len(folder) :]), each) for each in entries)
        reading.handins.append(Handin(Claim(user, login=user, guess=user), files, assignment=prefix.rstrip("-")))
    return reading


def _in_submissions(source: Source, names: Sequence[Parts]) -> dict[Parts, str]:
    """Folders ASSIGNMENT-submissions/ASSIGNMENT-USER, with what comes before the user's name."""
    found = {}
    for parts in names:
        for place, (above, below) in enumerate(pairwise((source.name, *parts[:-1]))):
            prefix = above.removesuffix(".zip").removesuffix(_ABOVE) + "-"
            same = below == above  # a zip is often called like the folder in it
            if above.removesuffix(".zip").endswith(_ABOVE) and below.startswith(prefix) and not same:
                found[parts[: place + 1]] = prefix
    return found


def _cloned(source: Source) -> dict[Parts, str]:
    """Repositories side by side, with what their names begin with alike, up to a hyphen."""
    repositories = source.repositories
    found: dict[Parts, str] = {}
    for above in {parts[:-1] for parts in repositories if parts}:
        beside = [parts for parts in repositories if parts and parts[:-1] == above]
        prefix = _common_prefix([parts[-1] for parts in beside])
        found.update({parts: prefix for parts in beside if prefix or len(beside) == 1})
    return found


def _common_prefix(names: Sequence[str]) -> str:
    """What all names begin with, up to and with a hyphen; of a single one, up to its last."""
    first = min(names)
    ends = [n + 1 for n, letter in enumerate(first) if letter == "-"]
    return next((first[:end] for end in reversed(ends) if all(name.startswith(first[:end]) for name in names)), "")
