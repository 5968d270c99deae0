"""`autograde report` and `autograde feedback` on results that are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_up_results import MISTAKE, check, result, task
from openpyxl import load_workbook
from tiny_course import make_course
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.grading.result_files import write_result
from autograder.reporting.topic_page import write_pages

HIDDEN = "test_very_secret"
SEED = 987_654_321


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with results of two students."""
    root = make_course(tmp_path_factory.mktemp("course"))
    for student in ("ann", "bo"):
        shown = task(check(), check(HIDDEN, visible=False, sentence="It is right."), task="double", diagnoses=(MISTAKE,))
        write_result(result(shown, student=student, topic="views", seed=SEED), root / "grades")
    return root


def autograde(course: Path, *arguments: str, code: int = 0) -> str:
    """Run the command in the course's folder; returns what it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(course)
        run = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert run.exit_code == code, run.output
    return run.output


def test_a_page_with_what_it_links_to(course: Path) -> None:
    assert autograde(course, "report").strip() == "wrote grades/index.html"
    assert 'href="instructor-pages/bo/views.html"' in (course / "grades/index.html").read_text()
    page = (course / "grades/instructor-pages/bo/views.html").read_text()
    assert HIDDEN in page
    assert str(SEED) in page
    assert HIDDEN not in (course / "grades/bo/views.html").read_text()


def test_other_formats(course: Path) -> None:
    assert autograde(course, "report", "--format", "md").startswith("# ")
    assert [each["student"] for each in json.loads(autograde(course, "report", "--format", "json"))["students"]] == [
        "ann",
        "bo",
    ]
    assert "bo,bo,0,0,0," in autograde(course, "report", "--format", "csv")
    assert autograde(course, "report", "--format", "csv", "--table", "tasks").splitlines()[1].startswith("views,double,")
    assert autograde(course, "report", "--format", "xlsx", "-o", "class.xlsx").strip() == "wrote class.xlsx"
    assert load_workbook(course / "class.xlsx")["Students"]["A3"].value == "bo"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["report", "--results", "nothing"],
            "nothing: there are no results; run `autograde grade` first, or name the folder with --results.",
        ),
        (["report", "--topic", "vews"], "--topic vews: the course has no such topic; did you mean 'views'?"),
        (["report", "--table", "task"], "--table task: there is no such table; did you mean 'tasks'?"),
        (["report", "--format", "xlsx"], "--format xlsx needs a file; name it with -o, for example -o class.xlsx."),
        (
            ["report", "-o", "x.html"],
            "--format html writes grades/index.html, beside the pages that it links to; leave out -o.",
        ),
        (["feedback", "-o", "grades/out"], "-o grades/out: is among the results, which students must not get;"),
        (["feedback", "-o", "out", "--zip", "canvas"], "submitted/collected.csv: is missing;"),
        (["feedback", "-o", "out", "--zip", "moodle"], "submitted/collected.csv: is missing;"),
    ],
)
def test_what_is_wrong_is_one_line(course: Path, arguments: list[str], said: str) -> None:
    output = autograde(course, *arguments, code=2)
    assert output.startswith(said)
    assert len(output.splitlines()) == 1


def test_feedback_is_made_anew_and_gives_nothing_away(course: Path) -> None:
    # Whatever lies in the results, only a page made anew is handed out.
    write_pages(result(task(check()), student="ann", topic="views"), course / "grades")
    (course / "grades/ann/views.html").write_text(f"{HIDDEN} {SEED}")
    assert autograde(course, "feedback", "-o", "out").strip() == "wrote 2 pages in 2 files below out"
    files = sorted(path for path in (course / "out").rglob("*") if path.is_file())
    assert [path.relative_to(course / "out").as_posix() for path in files] == ["ann/views.html", "bo/views.html"]
    for path in files:
        assert HIDDEN not in path.read_text()
        assert str(SEED) not in path.read_text()


def test_feedback_for_moodle_tells_whose_page_has_no_place(course: Path) -> None:
    head = "student,topic,file,counts,submitted_at,late,sha256,handed_in_as,who,download\n"
    (course / "submitted").mkdir(exist_ok=True)
    (course / "submitted/collected.csv").write_text(f"{head}ann,views,x,yes,,,aa,views.ipynb,moodle 12,all.zip\n")
    output = autograde(course, "feedback", "-o", "moodle", "--zip", "moodle")
    assert (
        "bo, views: not in the zip, as collected.csv does not say where it came from; the page is moodle/bo/views.html\n"
        in output
    )
    assert "wrote 2 pages in 2 files below moodle\n" in output
    assert (course / "moodle/views-moodle.zip").is_file()
    (course / "submitted/collected.csv").unlink()
