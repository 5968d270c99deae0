"""Which version of a submission is graded, and the seed that it gets.

Everybody's first version gets the run's seed, so that a class shares one answer key. Whoever hands in a changed file has
read a page about the first one, numbers included; so the second versions share another seed, the third another one again.
All of them follow from the run's seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from autograder._files import read_whole
from autograder.course.course_file import Course
from autograder.errors import SubmissionError
from autograder.grading.result_files import result_path
from autograder.grading.submissions import Submission, files_of
from autograder.records.jobs import HelperFile
from autograder.records.results import SubmissionFile

__all__ = ["MOST_VERSIONS", "files_digest", "graded_before", "seed_of_version", "version_of"]


MOST_VERSIONS = 1000
"""More than a student hands in for a topic: each version needs an answer key, so a count that is not one is refused."""


class _Head(msgspec.Struct, kw_only=True):
    """The part of a result that says what was graded, and how."""

    submission: SubmissionFile
    seed: int
    version: int = 1
    problem: str = ""
    not_graded: bool = False


def seed_of_version(seed: int, version: int) -> int:
    """The seed of everybody's `version`-th file in a run with this seed: 1 ≤ it < 2**31 from the second version on."""
    if version == 1:
        return seed
    digest = hashlib.blake2b(f"autograde version {version} of {seed}".encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") % (2**31 - 1)


def files_digest(files: Iterable[HelperFile]) -> str:
    """A digest of the files beside a submission; empty if there are none."""
    files = tuple(files)
    return hashlib.blake2b(msgspec.json.encode(files), digest_size=20).hexdigest() if files else ""


def version_of(course: Course, submission: Submission, out: Path, seed: int) -> int:
    """Which version of its student's work a submission is: 1, or one more than the graded one that it differs from.

    Results of another run do not count, and neither does a file that could not be read: its page told nothing.
    """
    old = _graded(submission, out)
    if old is None or old.version < 1 or old.seed != seed_of_version(seed, old.version):
        return 1
    now = _content(course, submission)
    if not now:
        return 1
    return old.version if old.submission.content == now or old.problem else old.version + 1


def graded_before(course: Course, submission: Submission, out: Path) -> str:
    """The content (see `SubmissionFile`) of the graded file that a submission differs from; empty if there is none."""
    old = _graded(submission, out)
    if old is None or old.not_graded or old.submission.content == (_content(course, submission) or ":"):
        return ""
    return old.submission.content


def _graded(submission: Submission, out: Path) -> _Head | None:
    try:
        return msgspec.json.decode(read_whole(result_path(out, submission.student, submission.topic)), type=_Head)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _content(course: Course, submission: Submission) -> str:
    """The content of a submission as it is now; empty if it cannot be read."""
    try:
        data = submission.read()
    except SubmissionError:
        return ""
    files, _ = files_of(submission, data, course)
    return f"{hashlib.sha256(data).hexdigest()}:{files_digest(files)}"
