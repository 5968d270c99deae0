"""Results on disk: OUT/STUDENT/TOPIC.json, one file per submission, and OUT/run.json, which records the run's seed.

The form of the files is published as docs/result.schema.json; `python -m autograder.grading.result_files` prints it.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from autograder._files import write_whole
from autograder.errors import ResultError
from autograder.records.results import FORMAT_VERSION, TopicResult

__all__ = [
    "RunRecord",
    "find_result",
    "read_all",
    "read_result",
    "read_run",
    "result_path",
    "result_schema",
    "write_result",
    "write_run",
]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all results of a folder: the course's title, the seed of the run and the device."""

    format_version: int = FORMAT_VERSION
    course: str
    seed: int
    device: str


class _Version(msgspec.Struct, frozen=True):
    format_version: int


R = TypeVar("R", TopicResult, RunRecord)


def result_path(out: Path, student: str, topic: str) -> Path:
    """Where the result of a submission stands."""
    return out / student / f"{topic}.json"


def write_result(result: TopicResult, out: Path) -> Path:
    """Write a result below `out`, replacing an older one in one step; returns its path."""
    path = result_path(out, result.student, result.topic)
    _write(path, msgspec.json.encode(result))
    return path


def read_result(path: Path) -> TopicResult:
    """Read a result file.

    Raises:
        ResultError: if the file is missing, damaged, or of another version; the text says what to do.
    """
    return _read(path, TopicResult)


def find_result(out: Path, student: str, topic: str) -> Path:
    """The path of a result that is there.

    Raises:
        ResultError: if it is not; the text names similar students, or the student's topics.
    """
    path = result_path(out, student, topic)
    if path.is_file():
        return path
    if not out.is_dir():
        raise ResultError(f"{out}: there is no such folder; run `autograde grade` first, or name the folder with -o.")
    students = sorted(folder.name for folder in out.iterdir() if folder.is_dir())
    if student not in students:
        close = difflib.get_close_matches(student, students, n=3)
        raise ResultError(
            f"{student}: no results in {out}; " + (f"did you mean {' or '.join(close)}?" if close else "grade first.")
        )
    topics = sorted(file.stem for file in (out / student).glob("*.json"))
    raise ResultError(f"{student} has no result for {topic}; there are {', '.join(topics) or 'none'}.")


def read_all(out: Path) -> Iterator[TopicResult]:
    """All results of a folder that can be read, by student and topic, one at a time."""
    for path in sorted(out.glob("*/*.json")):
        try:
            yield read_result(path)
        except ResultError:
            continue


def write_run(record: RunRecord, out: Path) -> None:
    """Record a run in OUT/run.json."""
    _write(out / "run.json", msgspec.json.encode(record))


def read_run(out: Path) -> RunRecord | None:
    """The record of the run that filled a folder; None if the folder has none.

    Raises:
        ResultError: if there is one that cannot be read.
    """
    path = out / "run.json"
    return _read(path, RunRecord) if path.exists() else None


def result_schema() -> dict[str, Any]:
    """The JSON schema of a result file."""
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
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ResultError(f"{path}: there is no such file; run `autograde grade` first.") from error
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        version = msgspec.json.decode(data, type=_Version).format_version
        if version == FORMAT_VERSION:
            return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ResultError(f"{path}: is damaged ({error}); delete it and grade again.") from error
    age = "a newer" if version > FORMAT_VERSION else "an older"
    remedy = "update autograde" if version > FORMAT_VERSION else "grade again"
    raise ResultError(f"{path}: has format {version}, of {age} autograde than this one (format {FORMAT_VERSION}); {remedy}.")


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(result_schema()), indent=2).decode() + "\n")
