"""`autograde sync-nbgrader` on a gradebook as nbgrader's commands leave it: both directions, conflicts, nothing twice."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from made_up_results import result, task
from typer.testing import CliRunner, Result

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.gradebook.adjustments import Adjustment, load_adjustments
from autograder.nbgrader.database import find_alembic, open_gradebook
from autograder.records.results import SubmissionFile, TopicResult

pytestmark = pytest.mark.slow

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from nbgrader.api import Gradebook

COURSE = """\
title: A course
late: {per_day: 0.5}
topics:
  views:
    number: 1
    title: Views
    due: 2027-03-01T12:00+00:00
    tasks:
      double: {points: 4}
      third: {points: 2}
      essay: {points: 3, kind: manual}
"""
DUE = datetime(2027, 3, 1, 12)
HELD = {"double": 4.0, "third": 1.3333333, "essay": 0.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook with a generated assignment, and one autograded submission of ada's."""
    folder = tmp_path_factory.mktemp("made")
    find_alembic()
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'A course'\n")
    with Gradebook(f"sqlite:///{folder}/gradebook.db", "A course") as book:
        book.add_assignment("views")
        book.add_notebook("views", "views")
        for name, points in {"double": 4, "third": 2, "essay": 3}.items():
            book.add_grade_cell(f"check-{name}", "views", "views", max_score=points, cell_type="code")
            book.add_solution_cell(f"task-{name}", "views", "views")
        book.add_student("ada")
        book.add_submission("views", "ada")
        for name, points in HELD.items():
            grade = book.find_grade(f"check-{name}", "views", "views", "ada")
            grade.auto_score, grade.needs_manual_grade = round(points, 2), False
        book.db.commit()
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with results of ada and bo beside the nbgrader course."""
    shutil.copytree(made, tmp_path / "nbgrader")
    (tmp_path / "course.yml").write_text(COURSE)
    for name in ("exercises/views", "solutions/views", "tests/visible/test_views", "tests/hidden/test_views"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / f"{name}.py").touch()
    for student, late in (("ada", timedelta(0)), ("bo", timedelta(hours=20))):
        held(tmp_path, student, submitted=(DUE + late).replace(tzinfo=UTC))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(root: Path, student: str, *, submitted: datetime | None = None, **fields: Any) -> TopicResult:
    tasks = [task(task=name, points=points, earned=HELD[name]) for name, points in POINTS.items()]
    file = SubmissionFile(path="x", sha256="00", submitted_at=submitted.isoformat() if submitted else None)
    made = result(*tasks, student=student, topic="views", submission=file, **fields)
    path = root / "grades" / student / "views.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(made))
    return made


POINTS = {"double": 4.0, "third": 2.0, "essay": 3.0}


@contextmanager
def gradebook(root: Path) -> Iterator[Gradebook]:
    with open_gradebook("sqlite:///gradebook.db", "A course", folder=root / "nbgrader") as book:
        yield book


def sync(*arguments: str, code: int = 0) -> str:
    run: Result = CliRunner().invoke(app, ["sync-nbgrader", *arguments], catch_exceptions=False)
    assert run.exit_code == code, run.output
    return run.output


def in_formgrader(root: Path, student: str, name: str, **values: Any) -> None:
    """Give a mark as formgrader does (see its apihandlers.py)."""
    with gradebook(root) as book:
        grade = book.find_grade(f"check-{name}", "views", "views", student)
        comment = book.find_comment(f"task-{name}", "views", "views", student)
        for key in values.keys() & {"manual_score", "extra_credit"}:
            setattr(grade, key, values[key])
            grade.needs_manual_grade = grade.manual_score is None and grade.auto_score is None
        if "comment" in values:
            comment.manual_comment = values["comment"]
        book.db.commit()


def there(root: Path, student: str) -> dict[str, tuple[Any, ...]]:
    with gradebook(root) as book:
        found = {}
        for name in POINTS:
            grade = book.find_grade(f"check-{name}", "views", "views", student)
            comment = book.find_comment(f"task-{name}", "views", "views", student)
            found[name] = (
                grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade, comment.comment
            )  # fmt: skip
        return found


def total(root: Path, student: str) -> float:
    """What nbgrader's export says."""
    with gradebook(root) as book:
        submission = book.find_submission("views", student)
        return max(0.0, round(submission.score - submission.late_submission_penalty, 2))


def bytes_of(root: Path) -> dict[str, bytes]:
    paths = [*root.glob("nbgrader/*"), *root.glob("*.yml")]
    return {path.name: path.read_bytes() for path in paths}


def test_results_go_into_the_gradebook(root: Path) -> None:
    said = sync()
    assert "1 submission" in said
    assert there(root, "ada") == {
        "double": (4.0, None, None, False, None),
        "third": (1.33, None, None, False, None),  # as nbgrader's autograde step wrote it
        "essay": (None, None, None, True, None),  # a person's
    }
    assert there(root, "bo")["third"] == (pytest.approx(1.3333333), None, None, False, None)
    assert (total(root, "ada"), total(root, "bo")) == (5.33, 2.67)  # a day late
    with gradebook(root) as book:
        assert book.find_assignment("views").duedate == DUE
        assert book.find_submission("views", "bo").timestamp == DUE + timedelta(hours=20)
        assert book.find_submission("views", "bo").total_seconds_late == 20 * 3600
    before = bytes_of(root)
    assert sync() == "Nothing to do: both sides say the same.\n"
    assert bytes_of(root) == before


def test_decisions_go_into_the_gradebook_and_formgraders_come_back(root: Path) -> None:
    (root / "adjustments.yml").write_text(
        "- {student: ada, topic: views, task: double, points: 3, comment: Nearly., by: grace}\n"
        "- {student: ada, topic: views, task: third, add: 0.5}\n"
        "- {student: bo, topic: views, extension: 24h}\n"
        "- {student: cy, topic: views, task: essay, points: 2}\n"  # handed in on paper
    )
    sync()
    in_formgrader(root, "ada", "essay", manual_score=2.5, comment="Well\r\nargued.\n")
    in_formgrader(root, "bo", "double", manual_score=5.0)  # more than there is
    in_formgrader(root, "ada", "double", manual_score=None)
    said = sync()
    assert 'ada, views, essay: points 2.5, comment "Well argued." (was: nothing)' in said
    assert "ada, views, double: " in said
    own = load_adjustments(load_course(root))
    assert [(e.task, e.points, e.add, e.comment, e.by) for e in own["ada"][2:]] == [
        ("double", "auto", None, "Nearly.", "formgrader"),
        ("essay", 2.5, None, "Well\nargued.", "formgrader"),
    ]
    assert [(entry.task, entry.points, entry.add) for entry in own["bo"][1:]] == [("double", 4, 1)]
    assert there(root, "ada") == {
        "double": (4.0, None, None, False, "Nearly."),
        "third": (1.33, None, 0.5, False, None),
        "essay": (None, 2.5, None, False, "Well\r\nargued.\n"),  # as formgrader wrote it
    }
    assert there(root, "cy")["essay"] == (None, 2.0, None, False, None)
    assert [total(root, student) for student in ("ada", "bo", "cy")] == [8.33, 6.33, 2.0]
    before = bytes_of(root)
    assert sync() == "Nothing to do: both sides say the same.\n"
    assert bytes_of(root) == before


def test_decisions_about_the_whole_topic_make_the_totals_agree(root: Path) -> None:
    (root / "adjustments.yml").write_text(
        "- {student: ada, topic: views, points: 9}\n- {student: bo, topic: views, add: 1, comment: A fine plot.}\n"
    )
    sync()
    assert (total(root, "ada"), total(root, "bo")) == (9.0, 3.67)
    assert there(root, "ada")["double"] == (4.0, None, None, False, None)
    (root / "adjustments.yml").write_text("- {student: ada, topic: views, excused: true}\n")
    assert "ada, views: excused, which nbgrader does not know" in sync()


def test_a_conflict_is_named_and_nothing_is_lost(root: Path) -> None:
    sync()
    (root / "adjustments.yml").write_text(
        "# ours\n- {student: ada, topic: views, task: double, points: 3}\n"
        "- {student: bo, topic: views, task: third, points: 1}\n"
    )
    in_formgrader(root, "ada", "double", manual_score=1, comment="No.")
    said = sync(code=1)
    assert "ada, views, double: points 3 in adjustments.yml, points 1 in nbgrader" in said
    assert "--prefer autograde or --prefer nbgrader" in said
    # What is not in conflict is exchanged.
    assert there(root, "ada")["double"] == (4.0, 1.0, None, False, "No.")
    assert there(root, "bo")["third"][1] == 1.0
    assert [entry.comment for entry in load_adjustments(load_course(root))["ada"]] == ["", "No."]
    assert "ada, views, double: points 3" in sync(code=1)
    before = bytes_of(root)
    assert "CONFLICTS" in sync("--dry-run")
    assert "points 1" in sync("--dry-run", "--prefer", "nbgrader")
    assert bytes_of(root) == before
    sync("--prefer", "nbgrader")
    assert (root / "adjustments.yml").read_text().startswith("# ours\n- {student: ada")
    assert [entry.points for entry in load_adjustments(load_course(root))["ada"]][-1] == 1.0
    assert sync() == "Nothing to do: both sides say the same.\n"
    in_formgrader(root, "ada", "double", manual_score=2)
    with (root / "adjustments.yml").open("a") as file:
        file.write("- {student: ada, topic: views, task: double, points: 4}\n")
    sync("--prefer", "autograde")
    assert there(root, "ada")["double"][1:3] == (4.0, None)
    assert sync() == "Nothing to do: both sides say the same.\n"


def test_a_dry_run_writes_nothing(root: Path) -> None:
    (root / "adjustments.yml").write_text("- {student: bo, topic: views, task: double, points: 3}\n")
    in_formgrader(root, "ada", "essay", manual_score=2)
    before = bytes_of(root)
    said = sync("--dry-run")
    for line in ("ada, views, essay: points 2", "bo, views, double: points 3", "Nothing was written"):
        assert line in said
    assert bytes_of(root) == before


def test_without_the_notes_of_the_last_run_what_differs_is_a_conflict(root: Path) -> None:
    in_formgrader(root, "ada", "essay", manual_score=2)
    sync()
    (root / "nbgrader/autograde-sync.json").unlink()
    assert sync() == "Nothing to do: both sides say the same.\n"
    (root / "nbgrader/autograde-sync.json").unlink()
    in_formgrader(root, "ada", "essay", manual_score=3)
    assert "ada, views, essay: points 2 in adjustments.yml, points 3 in nbgrader" in sync(code=1)


def test_after_an_interruption_the_next_run_goes_on(root: Path) -> None:
    (root / "adjustments.yml").write_text("- {student: bo, topic: views, task: double, points: 3}\n")
    in_formgrader(root, "ada", "essay", manual_score=2)
    before = (root / "nbgrader/gradebook.db").read_bytes()
    sync()
    after = bytes_of(root)["adjustments.yml"]
    # As if it had been killed when adjustments.yml was written, but nothing else.
    (root / "nbgrader/gradebook.db").write_bytes(before)
    (root / "nbgrader/autograde-sync.json").unlink()
    assert "bo, views, double: points 3 (was: nothing)" in sync()
    assert bytes_of(root)["adjustments.yml"] == after
    assert there(root, "bo")["double"][1] == 3.0
    assert sync() == "Nothing to do: both sides say the same.\n"


def test_what_somebody_decides_meanwhile_is_not_overlooked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_formgrader(root, "ada", "essay", manual_score=2)
    book = bytes_of(root)["gradebook.db"]
    theirs = "- {student: ada, topic: views, task: essay, points: 1}\n"

    def meanwhile(entry: Adjustment) -> Adjustment:
        (root / "adjustments.yml").write_text(theirs)
        return entry

    monkeypatch.setattr("autograder.nbgrader.sync.signed", meanwhile)
    assert "adjustments.yml: it has changed meanwhile, so nothing was written" in sync(code=2)
    assert (root / "adjustments.yml").read_text() == theirs
    assert bytes_of(root)["gradebook.db"] == book
    monkeypatch.undo()
    monkeypatch.chdir(root)
    assert "ada, views, essay: points 1 in adjustments.yml, points 2 in nbgrader" in sync(code=1)


def test_a_later_submission_in_nbgrader_keeps_its_scores(root: Path) -> None:
    with gradebook(root) as book:
        book.update_or_create_submission("views", "ada", timestamp="2027-03-05 10:00:00 UTC")
        book.find_grade("check-double", "views", "views", "ada").auto_score = 1.0
        book.db.commit()
    assert "ada, views: the scores were left out, since nbgrader has a submission of 2027-03-05 10:00 UTC" in sync()
    assert there(root, "ada")["double"][0] == 1.0


def test_what_the_machine_failed_at_changes_no_score(root: Path) -> None:
    held(root, "ada", not_graded=True)
    held(root, "cy", not_graded=True)
    sync()
    assert there(root, "ada")["double"][0] == 4.0
    with gradebook(root) as book:
        assert {student.id for student in book.students} == {"ada", "bo"}


def test_what_is_not_graded_and_whom_nbgrader_does_not_know_is_said(root: Path) -> None:
    """ada's newest file, eve's only one and what the machine failed at are not graded; nbgrader has an old assignment."""
    held(root, "fay", not_graded=True)
    found = {"submissions": [["ada", "views"], ["eve", "views"]], "outdated": [["ada", "views", "00:"]]}
    (root / "grades/submissions.json").write_text(json.dumps({"format_version": 1} | found))
    with gradebook(root) as book:
        book.add_assignment("essay_of_last_year")
        book.db.commit()
    for arguments, new in ((["--dry-run"], True), ([], True), ([], False)):
        said = sync(*arguments)
        assert "views: not graded yet, so scores were left as they are" in said
        assert "then this again: eve, fay.\n" in said
        assert (
            "views: another file was handed in since and is not graded yet, so scores are those of the earlier one: ada."
            in said
        )
        assert "essay_of_last_year: an assignment of nbgrader's that is not in course.yml; it was left alone." in said
        assert ("nbgrader did not know bo. If these students have other names there" in said) == new
    assert "Nothing to do: both sides say the same." in said
    with gradebook(root) as book:
        assert {student.id for student in book.students} == {"ada", "bo"}


def test_without_results_decisions_are_exchanged(root: Path) -> None:
    shutil.rmtree(root / "grades")
    in_formgrader(root, "ada", "essay", manual_score=2, extra_credit=0.5)
    assert "grades: there are no results, so only decisions and due times were brought together." in sync()
    assert there(root, "ada")["double"][0] == 4.0
    assert [(e.points, e.add) for e in load_adjustments(load_course(root))["ada"]] == [(2, 0.5)]


def test_an_older_notebook_is_left_out(root: Path) -> None:
    course = COURSE.replace("points: 4", "points: 5") + "      new: {points: 1}\n"
    (root / "course.yml").write_text(course)
    said = sync()
    assert "views: left out, since double has 4 points in nbgrader's notebook, and 5 in course.yml" in said
    assert "nbgrader generate_assignment views --force" in said
    assert there(root, "ada")["third"][0] == 1.33


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["grades"], "grades/nbgrader_config.py: there is no such file"),
        (["--db-url", "sqlite:///other.db"], "nbgrader has no gradebook there"),
        (["--db-url", "postgresql://grace:secret@localhost:1/x"], "postgresql://grace:***@localhost:1/x: connection"),
        (["--db-url", "oracel://x/y"], "SQLAlchemy knows no such database"),
        (["--db-url", "nonsense"], "Could not parse SQLAlchemy URL"),
    ],
)
def test_mistakes_are_one_line(root: Path, arguments: list[str], sentence: str) -> None:
    said = sync(*arguments, code=2)
    assert sentence in said
    assert "secret" not in said
    assert len(said.splitlines()) == 1
    assert not (root / "nbgrader/other.db").exists()


def test_a_configuration_that_fails_is_one_line(root: Path) -> None:
    (root / "nbgrader/nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.db_url = no_such_name\n")
    assert "nbgrader/nbgrader_config.py: NameError: name 'no_such_name' is not defined" in sync(code=2)
