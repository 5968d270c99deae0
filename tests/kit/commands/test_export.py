"""`autograde export`: the command around the formats."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from marked_class_example import result
from tiny_course import make_course
from typer.testing import CliRunner, Result

from autograder.commands.instructor import app
from autograder.grading.result_files import write_result


def autograde(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with a roster, two results and a decision."""
    make_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "roster.csv").write_text('student,name,email,id\nada,"Lovelace, Ada",ada@x.org,1\nbo,Bo,,2\ncy,Cy,,3\n')
    for each in (result("ada", "views", double=4, guess=1), result("bo", "views", double=1 / 3)):
        write_result(each, tmp_path / "grades")
    (tmp_path / "adjustments.yml").write_text("- {student: bo, topic: views, add: 0.5, comment: Neat.}\n")
    return tmp_path


def test_a_table_goes_to_the_terminal_or_a_file(folder: Path) -> None:
    run = autograde("export", "csv")
    assert run.exit_code == 0, run.output
    rows = list(csv.DictReader(io.StringIO(run.stdout)))
    assert {(row["student"], row["mark"], row["mark_flags"]) for row in rows} == {
        ("ada", "5", ""), ("bo", "0.83", "adjusted"), ("cy", "", "missing"),
    }  # fmt: skip
    assert rows[0]["name"] == "Lovelace, Ada"
    assert "1 × was not handed in, and is left empty: cy (views)." in run.stderr
    for name in ("canvas", "moodle", "nbgrader", "junit"):
        assert autograde("export", name, "-o", f"out/{name}").exit_code == 0
        assert (folder / "out" / name).stat().st_size > 50
    assert autograde("export", "xlsx").exit_code == 0
    assert (folder / "marks.xlsx").read_bytes().startswith(b"PK")


def test_a_platforms_file_is_filled_and_stays_as_it_is(folder: Path) -> None:
    text = "Student,ID,Section,views (7)\n    Points Possible,,,5\nAda Lovelace,1,A,\nCy,3,A,2\n"
    (folder / "Grades.csv").write_text(text)
    run = autograde("export", "canvas", "--into", "Grades.csv", "-o", "Filled.csv")
    assert run.exit_code == 0, run.output
    assert (folder / "Filled.csv").read_text() == text.replace("1,A,\n", "1,A,5\n")
    assert (folder / "Grades.csv").read_text() == text
    assert "NOT IN THE FILE, and so not in what was written (1): bo." in run.stderr


def test_a_submissions_format(folder: Path) -> None:
    one = autograde("export", "gradescope", "--student", "bo", "--topic", "views")
    assert one.exit_code == 0, one.output
    made = json.loads(one.stdout)
    assert made["score"] == 0.83
    assert [(test["name"], test["score"]) for test in made["tests"]] == [
        ("double", 0.33), ("guess", 0), ("Adjustment", 0.5),
    ]  # fmt: skip
    assert autograde("export", "github", "-o", "results").exit_code == 0
    assert sorted(path.parent.name for path in (folder / "results").glob("*/views.json")) == ["ada", "bo"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["canvass"], "canvass: there is no such format; did you mean 'canvas'?"),
        (["csv", "--into", "x.csv"], "--into is for canvas and moodle; csv is always a new file."),
        (["csv", "--topic", "vews"], "--topic vews: the course has no such topic; did you mean 'views'?"),
        (["csv", "--results", "nowhere"], "nowhere: there is no such folder; run `autograde grade` first"),
        (["github"], "github is for one submission, and there are 2; name a folder with -o, or choose one"),
        (["canvas", "--column", "view=X"], "--column view: the course has no such topic; did you mean 'views'?"),
        (["canvas", "--results", "empty"], "empty: there are no results; run `autograde grade` first, or name it with"),
        (["moodle", "--into", "other.csv"], "other.csv: none of its rows is about a student here, such as Eve Else."),
        (["canvas", "--into", "none.csv"], "none.csv: there is no such file; export it from your learning platform first."),
    ],
)
def test_a_mistake_is_one_line(folder: Path, arguments: list[str], message: str) -> None:
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "other.csv").write_text("Full name,Email address,Views\nEve Else,eve@x.edu,\n")
    run = autograde("export", *arguments)
    assert run.exit_code == 2
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
