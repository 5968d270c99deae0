"""Result files are whole, versioned and match their published schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from autograder import _files
from autograder.errors import ResultError
from autograder.grading.result_files import (
    GradingRecord,
    find_result,
    read_all,
    read_result,
    read_run,
    result_path,
    result_schema,
    write_result,
    write_run,
)
from autograder.records.jobs import CellReport, Outcome
from autograder.records.observation import ErrorFact, SourceLine
from autograder.records.results import CheckResult, Diagnosis, Difference, Lateness, SubmissionFile, TaskResult, TopicResult

SCHEMA = Path(__file__).parents[3] / "docs/result.schema.json"

RESULT = TopicResult(
    student="ann",
    topic="views",
    title="Views",
    submission=SubmissionFile(path="class/ann/views.ipynb", sha256="0" * 64, submitted_at="2027-01-01T00:00:00+00:00"),
    fingerprint="f",
    seed=3,
    device="cpu",
    versions={"torch": "2.13.0"},
    layers={"seccomp": "on"},
    points=4.0,
    earned=1.33,
    lateness=Lateness(days=1.5, penalty=0.2),
    cells=(CellReport(number=1, outcome=Outcome.FAILED, error=ErrorFact(type="NameError", at=SourceLine(1, 2, "x"))),),
    tasks=(
        TaskResult(
            task="flatten",
            points=4.0,
            earned=1.33,
            checks=(
                CheckResult(
                    name="test_values",
                    sentence="It is flat.",
                    visible=True,
                    outcome=Outcome.FAILED,
                    differences=(Difference(where="result", fact="dtype", sentence="`result` has dtype float64."),),
                ),
            ),
            diagnoses=(Diagnosis(misconception="m", feedback="Look.", exact=True, checks=("test_values",)),),
            source="def flatten(x):\n    return x  # ✓",
        ),
    ),
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = write_result(RESULT, tmp_path)
    assert path == result_path(tmp_path, "ann", "views") == find_result(tmp_path, "ann", "views")
    assert read_result(path) == RESULT
    assert [file.name for file in (tmp_path / "ann").iterdir()] == ["views.json"]
    assert path.read_text().startswith('{\n  "format_version": 1,\n  "student": "ann",\n')
    assert list(read_all(tmp_path)) == [RESULT]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_result(RESULT, tmp_path)

    def full(path: Path, data: bytes, mode: int) -> None:
        path.write_bytes(data[:10])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(_files, "_write", full)
    with pytest.raises(OSError, match="No space"):
        write_result(RESULT, tmp_path)
    assert read_result(path) == RESULT
    assert [file.name for file in (tmp_path / "ann").iterdir()] == ["views.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"is damaged \(.*\); delete it and grade again\."),
        ('{"format_version": 1}', r"is damaged \(.*\); delete it and grade again\."),
        ('{"format_version": 1, "stu', r"is damaged \(.*\); delete it and grade again\."),
        ('{"format_version": 2}', r"has format 2, but this autograde reads format 1; update autograde\."),
        ('{"format_version": 0}', r"has format 0, but this autograde reads format 1; delete it and grade again\."),
    ],
)
def test_damaged_and_foreign_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "ann/views.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ResultError, match=message):
        read_result(path)
    assert list(read_all(tmp_path)) == []


def test_missing_results_say_what_is_there(tmp_path: Path) -> None:
    write_result(RESULT, tmp_path)
    for student, topic, message in [
        ("anne", "views", r"^anne: no results in .*; did you mean 'ann'\?$"),
        ("zzz", "views", r"^zzz: no results in .*; run `autograde grade` first\.$"),
        ("ann", "autograd", r"^ann has no result for autograd; there are results for views\.$"),
        ("ann", "vews", r"^ann has no result for vews; did you mean 'views'\?$"),
    ]:
        with pytest.raises(ResultError, match=message):
            find_result(tmp_path, student, topic)
    with pytest.raises(ResultError, match=r"there is no such folder; run `autograde grade` first"):
        find_result(tmp_path / "none", "ann", "views")


def test_the_record_of_a_run(tmp_path: Path) -> None:
    assert read_run(tmp_path) is None
    record = GradingRecord(course="A course", seed=5, device="cpu")
    write_run(record, tmp_path)
    assert read_run(tmp_path) == record
    (tmp_path / "run.json").write_text("?")
    with pytest.raises(ResultError):
        read_run(tmp_path)


def test_the_published_schema_is_true() -> None:
    published = json.loads(SCHEMA.read_text())
    assert published == result_schema(), "run: python -m autograder.grading.result_files > docs/result.schema.json"
    jsonschema.Draft202012Validator.check_schema(published)


def test_results_fit_the_schema(tmp_path: Path) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    written = json.loads(write_result(RESULT, tmp_path).read_text())
    validator.validate(written)
    del written["student"]
    assert not validator.is_valid(written)
