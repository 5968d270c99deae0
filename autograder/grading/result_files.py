"""Results on disk: OUT/STUDENT/TOPIC.json, one file per submission, and OUT/run.json, which records the run's seed.

Their format is published as docs/result.schema.json; `python -m autograder.grading.result_files` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from autograder._files import decode_versioned, read_whole, write_whole
from autograder._words import closest, suggestion
from autograder.errors import ResultError
from autograder.records.results import FORMAT_VERSION, INSTRUCTOR_PAGES, TopicResult

__all__ = [
    "GradingRecord",
    "find_result",
    "read_all",
    "read_result",
    "read_run",
    "result_path",
    "result_schema",
    "write_result",
    "write_run",
]


class GradingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What all results in a folder share: the course's title, the run's seed and the device."""

    format_version: int = FORMAT_VERSION
    course: str
    seed: int
    device: str


R = TypeVar("R", TopicResult, GradingRecord)


def result_path(out: Path, student: str, topic: str) -> Path:
    """The path of a submission's result."""
    return out / student / f"{topic}.json"


def write_result(result: TopicResult, out: Path) -> Path:
    """Write a result below `out`, replacing an older one in one step. Returns its path."""
    path = result_path(out, result.student, result.topic)
    _write(path, msgspec.json.encode(result))
    return path


def read_result(path: Path) -> TopicResult:
    """Read a result file.

    Raises:
        ResultError: if the file is missing, damaged or of another version; the message says what to do.
    """
    return _read(path, TopicResult)


def find_result(out: Path, student: str, topic: str, *, known: Collection[str] = ()) -> Path:
    """The path of an existing result.

    Args:
        out: the folder of results.
        student: the student.
        topic: the topic.
        known: students of the class, with a result or without.

    Raises:
        ResultError: if there is none; the message names similar students, or the student's topics.
    """
    path = result_path(out, student, topic)
    if path.is_file():
        return path
    if not out.is_dir():
        raise ResultError(f"{out}: there is no such folder; run `autograde grade` first, or name the folder with -o.")
    students = sorted(each.name for each in out.iterdir() if each.is_dir() and not _is_ours(each.name))
    if student not in students and student in known:
        raise ResultError(f"{student} has no result in {out}: nothing was handed in, or it has not been graded yet.")
    if student not in students:
        close = closest(student, students, most=3)
        raise ResultError(
            f"{student}: no results in {out}; "
            + (f"did you mean {' or '.join(map(repr, close))}?" if close else "run `autograde grade` first.")
        )
    topics = sorted(file.stem for file in (out / student).glob("*.json"))
    near = (
        suggestion(topic, topics) if closest(topic, topics) else f"there are results for {', '.join(topics) or 'no topic'}."
    )
    raise ResultError(f"{student} has no result for {topic}; {near}")


def _is_ours(name: str) -> bool:
    """Whether a folder beside the students' is that of other runs, or of pages for instructors."""
    return name.startswith(".") or name == INSTRUCTOR_PAGES


def read_all(out: Path, *, student: str | None = None) -> Iterator[TopicResult]:
    """All readable results in a folder, or one student's, by student and topic, one at a time."""
    paths = out.glob("*/*.json") if student is None else (out / student).glob("*.json")
    for path in sorted(paths):
        if path.parent.name.startswith("."):  # other runs of the class
            continue
        try:
            yield read_result(path)
        except ResultError:
            continue


def write_run(record: GradingRecord, out: Path) -> None:
    """Record a run in OUT/run.json."""
    _write(out / "run.json", msgspec.json.encode(record))


def read_run(out: Path) -> GradingRecord | None:
    """The record of the run that filled a folder; None if the folder has none.

    Raises:
        ResultError: if there is one but it cannot be read.
    """
    path = out / "run.json"
    return _read(path, GradingRecord) if path.exists() else None


def result_schema() -> dict[str, Any]:
    """The JSON Schema of a result file."""
    schema = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(TopicResult)))  # tuples as JSON has them
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Result of one submission, format {FORMAT_VERSION}",
        **schema,
    }


def _write(path: Path, data: bytes) -> None:
    write_whole(path, msgspec.json.format(data, indent=2) + b"\n")


def _read(path: Path, kind: type[R]) -> R:
    try:
        data = read_whole(path)
    except FileNotFoundError as error:
        raise ResultError(f"{path}: there is no such file; run `autograde grade` first.") from error
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror}).") from error
    return decode_versioned(
        data,
        kind,
        FORMAT_VERSION,
        codec=msgspec.json,
        path=path,
        error=ResultError,
        remedy="delete it and grade again",
    )


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(result_schema()), indent=2).decode() + "\n")
