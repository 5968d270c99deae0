"""A class in shares: every student is in one of them, and merging gives what one run would have given."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tiny_course import make_class, make_course
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import Course, load_course
from autograder.errors import AutogradeError, ResultError
from autograder.grading.result_files import GradingRecord, read_all, read_result, write_result, write_run
from autograder.grading.shards import Shard, merge, parse_shard
from autograder.processes import pool as pools
from autograder.processes.pool import Pool
from autograder.records.results import SubmissionFile, TopicResult, Usage


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(make_course(tmp_path_factory.mktemp("course")))


def result_of(student: str, **changes: Any) -> TopicResult:
    values = {
        "student": student, "topic": "views", "title": "Views", "fingerprint": "f", "seed": 3, "device": "cpu",
        "versions": {},
        "submission": SubmissionFile(path=f"{student}.py", sha256="0"), "points": 5.0, "earned": 5.0,
    }  # fmt: skip
    return TopicResult(**(values | changes))


def folder(path: Path, *results: TopicResult, **changes: Any) -> Path:
    write_run(GradingRecord(**({"course": "C", "seed": 3, "device": "cpu"} | changes)), path)
    for result in results:
        write_result(result, path)
    return path


def test_each_student_is_in_one_share() -> None:
    students = [f"student {number}" for number in range(1000)]
    shares = [[student for student in students if student in Shard(number, 5)] for number in range(1, 6)]
    assert sorted(student for each in shares for student in each) == sorted(students)
    assert all(150 < len(each) < 250 for each in shares)
    assert "ann" in Shard(1, 1)
    assert "\udc80" in Shard(1, 1)


@pytest.mark.parametrize("text", ["", "2", "0/5", "6/5", "1/0", "-1/5", "a/b", "1/5/5", "1/99999"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(AutogradeError, match="write which share of how many, like 2/5"):
        parse_shard(text)


def test_merging(course: Course, tmp_path: Path) -> None:
    one = folder(tmp_path / "1", result_of("ann"), result_of("bo", pending=2.0, graded_at="2027-01-02"))
    two = folder(tmp_path / "2", result_of("cy"), result_of("bo", graded_at="2027-01-01"))
    assert merge(course, [one, two], tmp_path / "out") == 3
    assert {each.student: each.pending for each in read_all(tmp_path / "out")} == {"ann": 0.0, "bo": 0.0, "cy": 0.0}
    assert (tmp_path / "out/ann/views.html").is_file()


def test_what_does_not_belong_together_is_refused(course: Course, tmp_path: Path) -> None:
    one = folder(tmp_path / "1", result_of("ann"))
    with pytest.raises(ResultError, match="seed is 3 and 4; grade all shares with the same --seed"):
        merge(course, [one, folder(tmp_path / "2", seed=4)], tmp_path / "out")
    with pytest.raises(ResultError, match="results of different files or checks"):
        merge(course, [one, folder(tmp_path / "3", result_of("ann", fingerprint="g"))], tmp_path / "out")
    with pytest.raises(ResultError, match="there are no results"):
        merge(course, [one, tmp_path / "gone"], tmp_path / "out")
    (tmp_path / "1/ann/views.json").write_text("{")
    with pytest.raises(ResultError, match="is damaged"):
        merge(course, [one], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_shares_on_the_command_line_make_the_class(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "Pool", lambda *_, **__: nullcontext(pool))
    monkeypatch.chdir(make_course(tmp_path))
    make_class(tmp_path / "class")
    lines = []
    for number in (1, 2):
        done = CliRunner().invoke(
            app, ["grade", "class", "--shard", f"{number}/2", "--seed", "5", "--json", "-o", f"part-{number}"]
        )
        assert done.exit_code == 0, done.output
        lines += [json.loads(line) for line in done.stdout.splitlines()]
        assert "Seed 5" in done.stderr
    assert (
        CliRunner()
        .invoke(app, ["merge", "part-1", "part-2", "-o", "merged"])
        .stdout.startswith("Merged 6 results of 2 folders.")
    )
    assert CliRunner().invoke(app, ["grade", "class", "--seed", "5", "-o", "whole"]).exit_code == 0
    for student in ("ann", "bo", "cy", "di", "ed", "fay"):
        one, other = (read_result(tmp_path / name / student / "views.json") for name in ("merged", "whole"))
        assert stable(one) == stable(other)
    assert {line["student"]: line["earned"] for line in lines} == {
        "ann": 5.0, "bo": 0.0, "cy": 0.0, "di": 0.0, "ed": 1.0, "fay": 2.5,
    }  # fmt: skip
    [di] = [line for line in lines if line["student"] == "di"]
    assert di == {
        "student": "di", "topic": "views", "earned": 0.0, "points": 5.0, "pending": 0.0, "late": 0.0, "attempted": False,
        "kept": False, "proposed": False, "not_graded": False,
        "problems": ["views.ipynb is not a notebook: line 1 is not valid JSON."],
    }  # fmt: skip
    kept = CliRunner().invoke(app, ["grade", "class", "--student", "ann", "--json", "-o", "whole"])
    assert json.loads(kept.stdout)["kept"]
    # A share may be empty, and can be merged all the same.
    other = 2 if "ann" in Shard(1, 2) else 1
    empty = ["grade", "class", "--student", "ann", "--shard", f"{other}/2", "--seed", "5", "-o", "empty"]
    assert CliRunner().invoke(app, empty).exit_code == 0
    assert CliRunner().invoke(app, ["merge", "whole", "empty", "-o", "all"]).stdout.startswith("Merged 6 results")
    # What was graded can be reported beside the students' lines.
    done = CliRunner().invoke(app, ["annotate", "--results", "whole", "-o", "reports"], env={"GITHUB_ACTIONS": "true"})
    assert done.exit_code == 0, done.output
    assert "::error file=class/bo/views.ipynb,line=1,title=double%3A Every element is doubled.::" in done.stdout
    (tmp_path / "class/bo/views.ipynb").unlink()
    assert (
        "bo/views.ipynb: has changed" in CliRunner().invoke(app, ["annotate", "--results", "whole", "-o", "reports"]).stderr
    )


def stable(result: TopicResult) -> TopicResult:
    return msgspec.structs.replace(result, graded_at="", usage=Usage())


def test_merging_takes_what_was_graded_before_what_the_machine_failed_at(course: Course, tmp_path: Path) -> None:
    failed = result_of("ann", earned=0.0, not_graded=True, problem="The disk was full.", graded_at="2027-01-02")
    one = folder(tmp_path / "1", result_of("ann", pending=2.0, graded_at="2027-01-01"))
    two = folder(tmp_path / "2", failed)
    for number, order in enumerate(([one, two], [two, one])):
        merge(course, order, tmp_path / f"out{number}")
        assert [each.not_graded for each in read_all(tmp_path / f"out{number}")] == [False]
