"""What was handed in, whether or not it has been graded: OUT/submissions.json, which `grade` writes before it grades.

What is in it but has no result was never graded, because a run was interrupted or was about others: that is no zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from autograder._files import write_whole
from autograder.grading.submissions import Discovery
from autograder.records.results import FORMAT_VERSION

__all__ = ["SUBMISSIONS_FILE", "handed_in", "record", "record_all"]

SUBMISSIONS_FILE = "submissions.json"

Key = tuple[str, str]


class _SubmissionsFile(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    submissions: tuple[Key, ...]


def handed_in(out: Path) -> frozenset[Key]:
    """Student and topic of all submissions that are known to exist: those recorded, and those with a file of a result,
    whether or not it can be read."""
    results = (path for path in out.glob("*/*.json") if not path.parent.name.startswith("."))
    return _recorded(out) | {(path.parent.name, path.stem) for path in results}


def record(discovery: Discovery, topics: Collection[str], out: Path) -> None:
    """Record what a run has found, beside what runs about other students or topics had found before.

    Args:
        discovery: what was found.
        topics: the topics that were looked for.
        out: the folder of the results.
    """
    looked_for = set(discovery.students)
    others = {key for key in _recorded(out) if not (key[0] in looked_for and key[1] in topics)}
    _write(others.union(discovery.found), out)


def record_all(folders: Iterable[Path], out: Path) -> None:
    """Record in `out` what is recorded in any of several folders of results."""
    _write(_recorded(out).union(*map(_recorded, folders)), out)


def _recorded(out: Path) -> frozenset[Key]:
    try:
        return frozenset(msgspec.json.decode((out / SUBMISSIONS_FILE).read_bytes(), type=_SubmissionsFile).submissions)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return frozenset()  # folders of older versions have none


def _write(keys: Collection[Key], out: Path) -> None:
    data = msgspec.json.encode(_SubmissionsFile(submissions=tuple(sorted(keys))))
    write_whole(out / SUBMISSIONS_FILE, msgspec.json.format(data, indent=2) + b"\n")
