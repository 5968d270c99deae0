"""A class on several machines: each grades its share of the students, and the folders of results become one.

autograde grade submitted/ --shard 2/5 --seed 7 -o part-2      on the second of five machines
autograde merge part-1 part-2 part-3 part-4 part-5 -o grades   on one
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.course.course_file import Course
from autograder.errors import AutogradeError, ResultError
from autograder.gradebook.adjustments import load_adjustments
from autograder.gradebook.marks import mark_of
from autograder.grading.handed_in import record_all
from autograder.grading.marks import refresh
from autograder.grading.result_files import GradingRecord, read_result, read_run, write_result, write_run
from autograder.grading.submissions import Discovery
from autograder.records.results import TopicResult
from autograder.reporting import topic_page

__all__ = ["Shard", "merge", "parse_shard", "share"]


@dataclass(frozen=True)
class Shard:
    """Which of how many shares, counted from 1."""

    number: int
    of: int

    def __contains__(self, student: object) -> bool:
        """Whether a student is in this share. Only the name decides, so all machines agree, whatever else is there."""
        digest = hashlib.blake2b(str(student).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number - 1


def parse_shard(text: str) -> Shard:
    """A share like `2/5`.

    Raises:
        AutogradeError: if it is none.
    """
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise AutogradeError(f"--shard {text}: write which share of how many, like 2/5.")
    return Shard(int(match[1]), int(match[2]))


def share(discovery: Discovery, shard: Shard) -> Discovery:
    """The submissions and students of one share."""
    return replace(
        discovery,
        submissions=tuple(each for each in discovery.submissions if each.student in shard),
        students=tuple(student for student in discovery.students if student in shard),
    )


def merge(course: Course, folders: Sequence[Path], out: Path) -> int:
    """Copy all results to `out`, write their pages anew, and return their number. All is read before anything is written.
    What any of the machines found and none of these has graded stays known as not graded.

    Of two results for the same submission, one that was graded is taken before one that the machine failed at, then the one
    with fewer pending points, then the newer one.

    Raises:
        ResultError: if the folders are of different courses, seeds or devices, or hold results of different files for the
            same student and topic, or one that cannot be read.
    """
    record = _common(folders)
    chosen: dict[tuple[str, str], tuple[Path, TopicResult]] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*/*.json"))):
        result = read_result(path)
        key = (result.student, result.topic)
        chosen[key] = _better(chosen[key], (path, result)) if key in chosen else (path, result)
    write_run(record, out)
    record_all(folders, out)
    adjustments = load_adjustments(course)
    for _, result in chosen.values():
        mark = mark_of(course, result.student, result.topic, result, adjustments.get(result.student, ()))
        topic_page.write_pages(result, out, mark=mark)
        write_result(result, out)
    refresh(course, out)
    return len(chosen)


def _common(folders: Iterable[Path]) -> GradingRecord:
    records: dict[Path, GradingRecord] = {}
    for folder in folders:
        record = read_run(folder) if folder.is_dir() else None
        if record is None:
            raise ResultError(f"{folder}: there are no results; name folders that `autograde grade -o` has written.")
        records[folder] = record
    (first, one), *others = records.items()
    for folder, other in others:
        for name in ("course", "seed", "device"):
            if getattr(one, name) != getattr(other, name):
                raise ResultError(
                    f"{first} and {folder} do not belong together: {name} is {getattr(one, name)!r} and "
                    f"{getattr(other, name)!r}; grade all shares with the same --{name}."
                )
    return one


def _better(one: tuple[Path, TopicResult], other: tuple[Path, TopicResult]) -> tuple[Path, TopicResult]:
    (path, result), (other_path, other_result) = one, other
    if result.fingerprint != other_result.fingerprint:
        raise ResultError(
            f"{path} and {other_path} are results of different files or checks; delete the one that does not count."
        )
    return max(one, other, key=lambda each: (not each[1].not_graded, -each[1].pending, each[1].graded_at))
