"""`autograde collect`, and that `autograde grade` refuses downloads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import downloads
import pytest
from tiny_course import RIGHT, make_course
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.intake.formats import FORMATS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course, and beside it a Moodle download of three with a worksheet."""
    root = make_course(tmp_path_factory.mktemp("course"))
    files = {
        "Ada Lovelace_71_assignsubmission_file/views.ipynb": downloads.notebook(RIGHT),
        "李娜_72_assignsubmission_file/views.ipynb": downloads.notebook("from utils import *"),
        "李娜_72_assignsubmission_file/utils.py": RIGHT.encode(),
        "李娜_73_assignsubmission_file/views.ipynb": downloads.notebook("guess = 7"),
    }
    downloads.write_zip(root / "CS1-views-7.zip", files)
    (root / "worksheet.csv").write_text(
        'Identifier,"Full name","Email address"\n"Participant 71","Ada Lovelace",ada@x.edu\n'
        '"Participant 72",李娜,na72@x.edu\n"Participant 73",李娜,na73@x.edu\n"Participant 74","Bo Ek",bo@x.edu\n',
        encoding="utf-8",
    )
    return root


def autograde(root: Path, *arguments: str) -> tuple[int, str, str]:
    run = CliRunner().invoke(app, [*arguments, "--course", str(root)])
    return run.exit_code, run.stdout, run.stderr


def test_from_a_download_to_marks(root: Path, tmp_path: Path) -> None:
    out, zip_ = str(tmp_path / "submitted"), str(root / "CS1-views-7.zip")
    code, said, _ = autograde(root, "collect", zip_, "--roster", str(root / "worksheet.csv"), "-o", out)
    assert code == 0
    assert said.splitlines() == [
        f"{zip_}: Moodle's download of all submissions",
        f"3 submissions of 3 students in {out}: 3 new, 0 replaced, 0 unchanged.",
        "views has a due time, but not every download says when it was handed in, so nothing in it counts as late. Where it "
        f"was, write the time into {out}/STUDENT/views/timestamp.txt, such as 2027-02-02 15:58:23 UTC.",
        "Nothing yet of 1 student of the roster: bo",
        f"Wrote {root / 'roster.csv'} with 4 people.",
        f"Next: autograde grade {out}",
    ]
    code, said, _ = autograde(root, "collect", zip_, "-o", out)
    assert (code, "0 new, 0 replaced, 3 unchanged" in said) == (0, True)
    code, said, errors = autograde(root, "grade", out, "-o", str(tmp_path / "grades"), "--seed", "1")
    assert code == 0, errors
    earned = {
        path.parent.name: json.loads(path.read_text())["earned"] for path in (tmp_path / "grades").glob("*/views.json")
    }
    assert earned == {"ada": 5.0, "na72": 5.0, "na73": 1.0}


def test_grade_refuses_a_download(root: Path, tmp_path: Path) -> None:
    for layout in (
        "moodle flat",
        "canvas",
        "blackboard",
        "brightspace",
        "gradescope",
        "ilias",
        "github",
        "nbgrader exchange",
        "flat files",
    ):
        folder = downloads.write_folder(tmp_path / layout, downloads.LAYOUTS[layout][0]())
        code, said, errors = autograde(root, "grade", str(folder))
        assert (code, said) == (2, "")
        assert "Collect it first: autograde collect " in errors
    code, _, errors = autograde(root, "grade", str(root / "CS1-views-7.zip"))
    assert code == 2
    assert errors.startswith(
        f"{root / 'CS1-views-7.zip'} is a zip (Moodle's download of all submissions). Collect it first: "
    )


def test_export_nbgrader_refuses_a_download(root: Path, tmp_path: Path) -> None:
    code, _, errors = autograde(root, "export-nbgrader", "--submissions", str(root / "CS1-views-7.zip"), "-o", str(tmp_path))
    assert (code, "Collect it first: " in errors) == (2, True)


def test_the_guide_names_every_format_and_only_options_that_exist() -> None:
    text = (Path(__file__).parents[3] / "docs/instructors.md").read_text(encoding="utf-8")
    section = text.partition("## Getting submissions in")[2].partition("## Who is in the class")[0]
    assert set(re.findall(r"^\| .*? \| `(\w+)` \|", section, re.MULTILINE)) == set(FORMATS)
    helped = CliRunner().invoke(app, ["collect", "--help"], env={"COLUMNS": "200"}).stdout
    assert set(re.findall(r"--[a-z]+", section)) <= set(re.findall(r"--[a-z]+", helped))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: there is no such file or folder."),
        (["CS1-views-7.zip", "--from", "moodel"], "--from moodel: there is no such format; did you mean 'moodle'?"),
        (["CS1-views-7.zip", "--topic", "vews"], "--topic vews: the course has no such topic; did you mean 'views'?"),
        (
            ["CS1-views-7.zip", "--timezone", "Berlin"],
            "--timezone Berlin: there is no such zone; write one like Europe/Berlin.",
        ),
        (
            ["CS1-views-7.zip", "--roster", "none.csv"],
            "none.csv: cannot be read (No such file or directory); name the list of the class, as CSV.",
        ),
        (
            ["CS1-views-7.zip", "--from", "canvas"],
            "CS1-views-7.zip: nothing in it is named as in Canvas's download of submissions; it is Moodle's download of all "
            "submissions.",
        ),
        (["essays"], "No submission was found. Name the format with --from, or the topic with --topic."),
        (
            ["course.yml"],
            "course.yml: is neither a zip nor a notebook; name the download, or the folder it was unpacked to.",
        ),
    ],
)
def test_mistakes_are_one_line(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(root)
    (root / "essays/ada").mkdir(parents=True, exist_ok=True)
    (root / "essays/ada/views.pdf").write_bytes(b"%PDF")
    code, _, errors = autograde(root, "collect", *arguments, "-o", str(tmp_path / "out"))
    assert (code, errors) == (2, f"{message}\n")
