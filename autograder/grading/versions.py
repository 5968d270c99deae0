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

__all__ = ["files_digest", "seed_of_version", "version_of"]


class _Head(msgspec.Struct, kw_only=True):
    """The part of a result that says what was graded, and how."""

    submission: SubmissionFile
    seed: int
    version: int = 1
    problem: str = ""


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
    try:
        old = msgspec.json.decode(read_whole(result_path(out, submission.student, submission.topic)), type=_Head)
        data = submission.read()
    except (OSError, msgspec.MsgspecError, SubmissionError, UnicodeDecodeError, RecursionError):
        return 1
    if old.version < 1 or old.seed != seed_of_version(seed, old.version):
        return 1
    graded = old.submission
    files, _ = files_of(submission, data, course)
    same = (graded.sha256, graded.files) == (hashlib.sha256(data).hexdigest(), files_digest(files))
    return old.version if same or old.problem else old.version + 1
