"""What was handed in, whether or not it has been graded: OUT/submissions.json, which `grade` writes before it grades.

What is in it but has no result was never graded, because a run was interrupted or was about others: that is no zero. Where
another file was handed in than the graded one, it says so: until the new one is graded, the mark is that of the old one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from autograder._files import write_whole
from autograder.course.course_file import Course
from autograder.grading.submissions import Discovery
from autograder.grading.versions import graded_before
from autograder.records.results import FORMAT_VERSION

__all__ = ["SUBMISSIONS_FILE", "handed_in", "outdated", "record", "record_all"]

SUBMISSIONS_FILE = "submissions.json"

Key = tuple[str, str]


class _SubmissionsFile(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int = FORMAT_VERSION
    submissions: tuple[Key, ...] = ()
    outdated: tuple[tuple[str, str, str], ...] = ()


def handed_in(out: Path) -> frozenset[Key]:
    """Student and topic of all submissions that are known to exist: those recorded, and those with a file of a result,
    whether or not it can be read."""
    results = (path for path in out.glob("*/*.json") if not path.parent.name.startswith("."))
    return _recorded(out)[0] | {(path.parent.name, path.stem) for path in results}


def outdated(out: Path) -> dict[Key, str]:
    """By student and topic, the content (see `SubmissionFile`) of graded files in whose place another one has been found.

    A mark is outdated only while its result is still about that content.
    """
    return _recorded(out)[1]


def record(course: Course, discovery: Discovery, topics: Collection[str], out: Path) -> None:
    """Record what a run has found, beside what runs about other students or topics had found before.

    Args:
        course: the course.
        discovery: what was found.
        topics: the topics that were looked for.
        out: the folder of the results.
    """
    looked_for = set(discovery.students)
    known, before = _recorded(out)
    others = {key for key in known if not (key[0] in looked_for and key[1] in topics)}
    now = {(each.student, each.topic): graded_before(course, each, out) for each in discovery.submissions}
    _write(others.union(discovery.found), before | now, out)


def record_all(folders: Iterable[Path], out: Path) -> None:
    """Record in `out` what is recorded in any of several folders of results."""
    keys, contents = _recorded(out)
    for more, other in map(_recorded, folders):
        keys, contents = keys | more, contents | other
    _write(keys, contents, out)


def _recorded(out: Path) -> tuple[frozenset[Key], dict[Key, str]]:
    try:
        file = msgspec.json.decode((out / SUBMISSIONS_FILE).read_bytes(), type=_SubmissionsFile)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        file = _SubmissionsFile()  # folders of older versions have none
    return frozenset(file.submissions), {(student, topic): content for student, topic, content in file.outdated}


def _write(keys: Collection[Key], contents: Mapping[Key, str], out: Path) -> None:
    changed = tuple(sorted((*key, content) for key, content in contents.items() if content))
    data = msgspec.json.encode(_SubmissionsFile(submissions=tuple(sorted(keys)), outdated=changed))
    write_whole(out / SUBMISSIONS_FILE, msgspec.json.format(data, indent=2) + b"\n")
