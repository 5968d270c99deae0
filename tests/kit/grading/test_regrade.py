"""Grading again: whose mark would change, by how much and why; nothing is written unless it is accepted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
from tiny_course import make_class, make_course
from typer.testing import CliRunner, Result

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.grading.regrade import proposed_of, settle
from autograder.grading.result_files import read_result, write_result
from autograder.processes.pool import Pool


def autograde(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[Path]:
    """A course with a class that has been graded. All commands share one pool, which takes the longest to start."""
    root = make_course(tmp_path_factory.mktemp("course"))
    make_class(root / "submitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr("autograder.processes.pool.Pool", lambda *_, **__: nullcontext(pool))
        first = autograde("grade", "--seed", "3")
        assert first.exit_code == 0, first.output
        assert "would change" not in first.output
        yield root


def marks(root: Path, out: str = "grades") -> dict[str, float]:
    return {mark["student"]: mark["earned"] for mark in json.loads((root / out / "marks.json").read_text())["marks"]}


def seed(root: Path) -> int:
    return int(json.loads((root / "grades/run.json").read_text())["seed"])


FIRST = {"ann": 5.0, "bo": 0.0, "cy": 0.0, "di": 0.0, "ed": 1.0, "fay": 2.5}


def test_a_changed_check_shows_whose_mark_would_change_and_waits(graded: Path) -> None:
    assert marks(graded) == FIRST
    checks = graded / "tests/hidden/test_views.py"
    before = checks.read_text()
    page = (graded / "grades/bo/views.html").read_bytes()

    checks.write_text(before.replace('"guess", gate=True', '"guess"').replace("code.guess", "code.guess > 5"))
    dry = autograde("grade", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "  bo, views: 0 -> 1 of 5  (+1)" in dry.output
    assert "This was a dry run: nothing in grades has changed." in dry.output
    assert marks(graded) == FIRST

    refused = autograde("grade")
    assert refused.exit_code == 1, refused.output
    assert "Marks that would change:\n  bo, views: 0 -> 1 of 5  (+1)\n" in refused.output
    assert "      guess 0 -> 1: test_guess failed -> passed\n" in refused.output
    assert "NOT TAKEN: these results wait, and grades is as it was." in refused.output
    assert marks(graded) == FIRST
    assert (graded / "grades/bo/views.html").read_bytes() == page

    accepted = autograde("grade", "--accept")
    assert accepted.exit_code == 0, accepted.output
    assert "and kept 6 unchanged" in accepted.output, "what waits is not graded again"
    assert "Marks that have changed:\n  bo, views: 0 -> 1 of 5  (+1)\n" in accepted.output
    assert marks(graded) == FIRST | {"bo": 1.0}
    assert (graded / "grades/bo/views.html").read_bytes() != page
    assert not (graded / "grades/.runs/proposed").exists()

    compared = autograde("diff")
    assert "  bo, views: 0 -> 1 of 5  (+1)\n      guess 0 -> 1: test_guess failed -> passed" in compared.output
    assert "No mark differs." in autograde("diff", "grades", "grades").output

    checks.write_text(checks.read_text() + "\n# a comment changes no mark\n")
    again = autograde("grade")
    assert again.exit_code == 0, again.output
    assert "would change" not in again.output
    assert "have changed" not in again.output


def test_one_student_again_does_not_change_the_seed_of_the_class(graded: Path) -> None:
    before, was = (graded / "grades/ann/views.json").read_bytes(), seed(graded)
    run = autograde("grade", "--student", "ann", "--force")
    assert run.exit_code == 0, run.output
    assert seed(graded) == was
    assert (graded / "grades/ann/views.json").read_bytes() != before, "it has been graded again"
    assert "and kept 6 unchanged" in autograde("grade").output


def test_decisions_and_due_times_change_marks_without_running_code(graded: Path) -> None:
    course, results = graded / "course.yml", [path.read_bytes() for path in sorted((graded / "grades").glob("*/*.json"))]
    adjusted = autograde("adjust", "cy", "views", "double", "--points", "3", "--comment", "Shown in class.", "--by", "grace")
    assert adjusted.exit_code == 0, adjusted.output
    assert "cy, views: 0 of 5 -> 3 of 5 (adjusted)" in adjusted.output
    extended = autograde("extend", "fay", "views", "26h").output
    assert (
        "views is due on 2027-03-02 at 14:00 (UTC+0000) for fay.\nfay, views: 2.5 of 5 (late) -> 5 of 5 (extended)"
        in extended
    )
    assert marks(graded)["cy"] == 3
    page = (graded / "grades/cy/views.html").read_text()
    assert "Shown in class." in page
    assert "3 of 4 points, decided by your instructor" in page
    text = (graded / "adjustments.yml").read_text()
    assert (
        "- student: cy\n  topic: views\n  task: double\n  points: 3\n  comment: Shown in class.\n  by: grace\n  at: " in text
    )

    assert ">adjusted</span>" in (graded / "grades/index.html").read_text()

    course.write_text(course.read_text().replace("2027-03-01T12:00", "2027-02-27T12:00"))
    moved = autograde("grade")
    assert "and kept 6 unchanged" in moved.output
    assert "cy          ~ 3 \n" in moved.output
    assert "~ decided by hand: see adjustments.yml" in moved.output
    assert marks(graded)["fay"] == 2.5
    assert [path.read_bytes() for path in sorted((graded / "grades").glob("*/*.json"))] == results
    shown = autograde("show", "cy", "views").output
    assert "cy: Views, 3 of 5 points" in shown
    assert "Comment: double: Shown in class." in shown
    assert "By hand: adjusted; the checks alone give 0." in shown

    for arguments, message in [
        (
            ["adjust", "cya", "views", "--points", "1"],
            "cya: neither roster.csv nor the results have such a student; did you",
        ),
        (["adjust", "cy", "vews", "--points", "1"], 'topic is "vews", which the course does not have; did you mean'),
        (
            ["adjust", "cy", "views", "--points", "9"],
            "points is 9, but views has 5; write at most that, and `add` for more.",
        ),
        (["extend", "cy", "views", "soon"], 'extension is "soon"; write 90m, 48h, 2d or 1w, or a new due time'),
        (["extend", "cy", "views", "9999w"], 'extension is "9999w"; give at most 520w.'),
        (["adjust", "cy", "views"], "the entry decides nothing; write points, add, comment, excused or extension."),
    ]:
        wrong = autograde(*arguments)
        assert wrong.exit_code == 2
        assert message in wrong.output
    assert (graded / "adjustments.yml").read_text().count("- student:") == 2


def test_a_manual_task_waits_for_a_person(graded: Path) -> None:
    for name, old, new in [
        ("course.yml", "guess: {points: 1}", "guess: {points: 1}\n      why: {points: 2, kind: manual}"),
        ("exercises/views.py", "guess = ...", "guess = ...\n\n# %%\nwhy = ..."),
        ("solutions/views.py", "guess = 7", "guess = 7\nwhy = 'Seven is prime.'"),
    ]:
        path = graded / name
        path.write_text(path.read_text().replace(old, new))
    run = autograde("grade", "--accept")
    assert run.exit_code == 0, run.output
    assert "      why is new\n" in run.output
    page = (graded / "grades/ann/views.html").read_text()
    assert "2 more points are pending: your instructor has yet to give them." in page
    adjusted = autograde("adjust", "ann", "views", "why", "--points", "1.5", "--comment", "Which divisors did you try?")
    assert adjusted.exit_code == 0, adjusted.output
    assert marks(graded)["ann"] == 6.5
    page = (graded / "grades/ann/views.html").read_text()
    assert "pending" not in page.partition("<main")[2]
    assert "Which divisors did you try?" in page


def test_what_the_machine_failed_at_never_replaces_a_graded_result(graded: Path, tmp_path: Path) -> None:
    out = tmp_path / "grades"
    right = read_result(graded / "grades/ann/views.json")
    failed = msgspec.structs.replace(right, problem="The disk was full.", not_graded=True, tasks=(), fingerprint="new")
    write_result(right, out)
    for student in ("ann", "new"):
        write_result(msgspec.structs.replace(failed, student=student), proposed_of(out))
    course, proposed = load_course(graded), [("ann", "views"), ("new", "views")]
    done = settle(course, out, proposed, {}, accept=True, dry_run=False)
    assert (done.changes, done.taken, done.failed) == ((), True, 1)
    assert read_result(out / "ann/views.json") == right
    assert read_result(out / "new/views.json").not_graded
    assert not proposed_of(out).exists()
