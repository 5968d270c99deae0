"""What was handed in and never graded is not graded, wherever marks are shown: never missing, never zero."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from marked_class_example import result
from tiny_course import make_course
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.desk.books import Books
from autograder.grading.handed_in import handed_in, record, record_all
from autograder.grading.marks import figures_of, marks_in, refresh, students_of
from autograder.grading.result_files import GradingRecord, write_result, write_run
from autograder.grading.shards import merge
from autograder.grading.submissions import Discovery, find_submissions


def found(*students: str, topic: str = "views", looked_for: Iterable[str] = ()) -> Discovery:
    return Discovery((), tuple(looked_for or students), tuple((student, topic) for student in students))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A class of four: ann is graded, bo was not reached, cy's result is damaged, and di handed in nothing."""
    monkeypatch.chdir(make_course(tmp_path))
    (tmp_path / "roster.csv").write_text("student\nann\nbo\ncy\ndi\n")
    out = tmp_path / "grades"
    write_run(GradingRecord(course="A tiny course", seed=1, device="cpu"), out)
    write_result(result("ann", "views", double=4, guess=1), out)
    record(load_course(tmp_path), found("ann", "bo"), ["views"], out)
    (out / "cy").mkdir()
    (out / "cy/views.json").write_text('{"format_version": 1, "stu')
    return tmp_path


def test_marks_and_figures(root: Path) -> None:
    course, out = load_course(root), root / "grades"
    states = {mark.student: (mark.state, mark.undecided) for mark in marks_in(course, out)}
    expected = {"ann": ("graded", False), "bo": ("not_graded", True), "cy": ("not_graded", True), "di": ("missing", False)}
    assert states == expected
    assert [mark.flags for mark in marks_in(course, out, only="bo")] == [("not graded",)]
    figures = figures_of(course, out)
    entries = {each.student: (each.entries[0].state, each.points) for each in figures.students}
    assert entries == {"ann": ("graded", 5), "bo": ("waiting", 0), "cy": ("waiting", 0), "di": ("missing", 5)}
    assert figures_of(course, out, topics=["dtypes"]).topics == ()
    refresh(course, out)
    assert "2 not graded yet; 1 student without any." in (out / "index.html").read_text()
    assert students_of(course, out) == ["ann", "bo", "cy", "di"]
    books = Books(root, out)
    assert [books.entry(student, "views").mark.flags for student in ("bo", "di")] == [("not graded",), ("missing",)]


def test_exports_leave_it_empty_and_name_it(root: Path) -> None:
    run = CliRunner().invoke(app, ["export", "csv", "--zero-missing"])
    marks = {row["student"]: row["mark"] for row in csv.DictReader(io.StringIO(run.stdout))}
    assert marks == {"ann": "5", "bo": "", "cy": "", "di": "0"}
    assert "2 × has not been graded, and is left empty: bo (views), cy (views)." in run.stderr
    for form in ("canvas", "moodle", "nbgrader"):
        lines = CliRunner().invoke(app, ["export", form, "--zero-missing"]).stdout.splitlines()
        bo, di = (next(line for line in lines if student in line.split(",")) for student in ("bo", "di"))
        assert set(bo.split(",")) <= {"bo", "views", "", "5", "2027-03-01 12:00:00+00:00"}, form
        assert set(di.split(",")) - set(bo.split(",")) >= {"di", "0"}, form


def test_a_comparison_does_not_take_it_for_gone(root: Path) -> None:
    for student in ("ann", "bo", "di"):
        write_result(result(student, "views", double=4), root / "old")
    run = CliRunner().invoke(app, ["diff", "old", "grades"])
    said = " ".join(run.stdout.split())
    assert "bo, views: 4 -> not graded of 5 (0) not graded yet" in said
    assert "no longer there" in said.partition("di, views: 4")[2]


def test_shares_that_are_not_there_stay_known(root: Path) -> None:
    """Each machine finds the whole class; of two, one has ended early, and a third one's results are lost."""
    for number, student in enumerate(("ann", "bo"), start=1):
        share = root / f"part-{number}"
        write_run(GradingRecord(course="A tiny course", seed=1, device="cpu"), share)
        write_result(result(student, "views", double=4), share)
        record(load_course(root), found("ann", "bo", "eve"), ["views"], share)
    course, out = load_course(root), root / "all"
    assert merge(course, [root / "part-1", root / "part-2"], out) == 2
    assert {mark.student: mark.state for mark in marks_in(course, out)} == {
        "ann": "graded", "bo": "graded", "eve": "not_graded", "cy": "missing", "di": "missing",
    }  # fmt: skip


def test_later_runs_know_better_about_whom_they_looked_at(tmp_path: Path) -> None:
    course = load_course(make_course(tmp_path))
    record(course, found("ann", "bo"), ["views"], tmp_path)
    record(course, found("bo", topic="dtypes", looked_for=["ann", "bo"]), ["dtypes"], tmp_path)
    assert handed_in(tmp_path) == {("ann", "views"), ("bo", "views"), ("bo", "dtypes")}
    record(course, found(looked_for=["bo"]), ["views", "dtypes"], tmp_path)
    assert handed_in(tmp_path) == {("ann", "views")}
    assert json.loads((tmp_path / "submissions.json").read_text())["submissions"] == [["ann", "views"]]
    record_all([tmp_path, tmp_path / "older"], tmp_path / "all")
    assert handed_in(tmp_path / "all") == {("ann", "views")}


def test_all_of_a_topic_are_found_whoever_is_asked_for(root: Path) -> None:
    for student in ("ann", "bo"):
        (root / "class" / student).mkdir(parents=True)
        (root / "class" / student / "views.py").write_text("")
    discovery = find_submissions([root / "class"], load_course(root), students=["bo"])
    assert [each.student for each in discovery.submissions] == ["bo"]
    assert discovery.found == (("ann", "views"), ("bo", "views"))
