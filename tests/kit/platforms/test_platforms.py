"""Gradescope and PrairieLearn: what runs in their containers, in folders as they document them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tiny_course import RIGHT, WRONG, make_course, write_notebook

from autograder.course.course_file import load_course
from autograder.errors import CourseError
from autograder.grading import grader
from autograder.grading.versions import MOST_VERSIONS, seed_of_version
from autograder.platforms import gradescope, prairielearn
from autograder.processes.pool import Pool
from autograder.records.jobs import Run

pytestmark = pytest.mark.slow

CI = Path(__file__).parents[3] / "ci"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def zipped(course: Path) -> Path:
    gradescope.export(load_course(course), "views", course / "views.zip")
    return course / "views.zip"


@pytest.fixture
def root(zipped: Path, tmp_path: Path) -> Path:
    """A container's /autograder, with the zip file unpacked as Gradescope does it."""
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(tmp_path / "source")
    for name in ("submission", "results"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    """Graders use the tests' pool, and leave it open."""
    monkeypatch.setattr(grader, "Pool", lambda *_, **__: pool)
    monkeypatch.setattr(Pool, "close", lambda _: None)


def gradescope_results(root: Path) -> dict[str, object]:
    gradescope.run(root)
    return dict(json.loads((root / "results/results.json").read_text()))


def test_the_zip_holds_what_gradescope_needs(zipped: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        names, modes = archive.namelist(), {each.filename: each.external_attr >> 16 & 0o777 for each in archive.infolist()}
        archive.extractall(tmp_path)
    assert {"setup.sh", "run_autograder", "course/course.yml", "course/solutions/views.py"} <= set(names)
    assert (modes["setup.sh"], modes["run_autograder"]) == (0o755, 0o755)
    for script in ("setup.sh", "run_autograder"):
        subprocess.run(["bash", "-n", tmp_path / script], check=True)
    [wheel] = (tmp_path / "wheels").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        assert {"autograder/grading/grader.py", "autograder/reporting/templates/topic.html.j2"} <= set(packed.namelist())
        about = next(name for name in packed.namelist() if name.endswith("METADATA"))
        assert b"Provides-Extra: grade" in packed.read(about)
        assert not [name for name in packed.namelist() if "__pycache__" in name]


def test_the_script_grades_a_submission(root: Path) -> None:
    write_notebook(root / "submission/views.ipynb", RIGHT)
    environment = os.environ | {"AUTOGRADER_ROOT": str(root), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", root / "source/run_autograder"], env=environment, check=True, cwd="/", timeout=200)
    results = json.loads((root / "results/results.json").read_text())
    assert results["score"] == 5.0
    assert [(test["name"], test["score"], test["max_score"], test["status"]) for test in results["tests"]] == [
        ("double", 4.0, 4.0, "passed"), ("guess", 1.0, 1.0, "passed"),
    ]  # fmt: skip


@pytest.mark.usefixtures("shared")
def test_gradescope_says_what_a_student_may_see(root: Path) -> None:
    (root / "submission/answer.py").write_text(WRONG)  # the only file
    results = gradescope_results(root)
    assert results["score"] == 0.0
    text = json.dumps(results)
    assert "Is the result what you get by adding x to itself?" in text
    assert "test_two_dimensions" not in text
    assert "squares" not in text


@pytest.mark.usefixtures("shared")
def test_gradescope_without_a_submission(root: Path) -> None:
    (root / "submission/readme.txt").write_text("hello")
    assert gradescope_results(root) == {
        "score": 0,
        "output": "There is no file views.ipynb or views.py in what you have handed in. Please hand it in under that name.",
    }


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("name", ["01_views.ipynb", "views (1).ipynb", "ada_01_views.ipynb", "03_views.py", "my work.ipynb"])
def test_a_number_in_the_files_name_or_none(root: Path, course: Path, tmp_path: Path, name: str) -> None:
    for folder in (root / "submission", tmp_path / "student"):
        write_notebook(folder / "00_start.ipynb", "guess = 7")
        if name.endswith(".py"):
            (folder / name).write_text(RIGHT)
        else:
            write_notebook(folder / name, RIGHT)
    assert gradescope_results(root)["score"] == 5.0
    prairielearn.run(course, "views", tmp_path)
    assert json.loads((tmp_path / "results/results.json").read_text())["score"] == 1.0


@pytest.mark.usefixtures("shared")
def test_nothing_but_the_start_notebook(root: Path) -> None:
    write_notebook(root / "submission/00_start.ipynb", "guess = 7")
    assert str(gradescope_results(root)["output"]).startswith("There is no file views.ipynb or views.py")


def metadata(root: Path, previous: object) -> None:
    """Gradescope's file about a submission, as its documentation shows it."""
    about = {
        "id": 123456,
        "created_at": "2018-07-01T14:22:32.365935-07:00",
        "assignment": {
            "due_date": "2018-07-31T23:00:00.000000-07:00", "group_size": 4, "group_submission": True, "id": 25828,
            "course_id": 1234, "late_due_date": None, "release_date": "2018-07-02T00:00:00.000000-07:00",
            "title": "Programming Assignment 1", "total_points": "20.0",
        },
        "submission_method": "upload",
        "users": [{"email": "student@example.com", "id": 1234, "name": "Student User"}],
        "previous_submissions": previous,
    }  # fmt: skip
    (root / "submission_metadata.json").write_text(json.dumps(about))


def earlier(results: object) -> dict[str, object]:
    return {"submission_time": "2017-04-06T14:24:48.087023-07:00", "score": 0.0, "results": results}


@pytest.mark.usefixtures("shared")
def test_each_submission_to_gradescope_has_inputs_of_its_own(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever hands in again has read the numbers on the page before, so they are no answers now."""
    graded = []
    grade = grader.Grader.grade

    def noted(self: grader.Grader, *arguments: object, **options: object) -> object:
        result = grade(self, *arguments, **options)  # type: ignore[arg-type]
        graded.append((result.version, result.seed))
        return result

    monkeypatch.setattr(grader.Grader, "grade", noted)
    write_notebook(root / "submission/views.ipynb", RIGHT)
    pages = [{"score": 5.0, "tests": []}, None]  # the second time, the container broke down
    for previous in ([], [earlier(pages[0])], [earlier(page) for page in pages], [earlier(None)] * 2 * MOST_VERSIONS):
        metadata(root, previous)
        assert gradescope_results(root)["score"] == 5.0
    seed = json.loads((root / "source/assignment.json").read_text())["seed"]
    assert graded == [(version, seed_of_version(seed, version)) for version in (1, 2, 3, MOST_VERSIONS)]


def test_gradescope_in_another_format_gives_no_score(root: Path) -> None:
    write_notebook(root / "submission/views.ipynb", RIGHT)
    for text in ("{", "[]", "{}", '{"previous_submissions": 3}'):
        (root / "submission_metadata.json").write_text(text)
        results = gradescope_results(root)
        assert "score" not in results
        assert "submission_metadata.json: it does not say which submission this is (" in str(results["output"])


def test_gradescope_without_a_course_gives_no_score(root: Path) -> None:
    (root / "source/course/course.yml").unlink()
    results = gradescope_results(root)
    assert "score" not in results
    assert "This is not due to your submission." in str(results["output"])


def test_a_topic_that_is_not_there(course: Path) -> None:
    with pytest.raises(CourseError, match="did you mean 'views'"):
        gradescope.export(load_course(course), "vews", course / "x.zip")


@pytest.mark.usefixtures("shared")
def test_prairielearn(course: Path, tmp_path: Path) -> None:
    def results(source: str) -> dict[str, object]:
        (tmp_path / "student").mkdir(exist_ok=True)
        (tmp_path / "student/views.ipynb").write_text(source)
        prairielearn.run(course, "views", tmp_path)
        return dict(json.loads((tmp_path / "results/results.json").read_text()))

    right = results(write_notebook(tmp_path / "n.ipynb", RIGHT).read_text())
    assert (right["gradable"], right["score"]) == (True, 1.0)
    assert results("no notebook") == {
        "gradable": False,
        "format_errors": ["views.ipynb is not a notebook: line 1 is not valid JSON."],
    }


@pytest.mark.usefixtures("shared")
def test_what_the_machine_failed_at_has_no_score(
    course: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pool, "run", lambda *_: Run(problem="The disk was full.", not_graded=True))
    write_notebook(root / "submission/views.ipynb", RIGHT)
    assert gradescope_results(root) == {"output": "Not graded: The disk was full. Please hand in again."}
    write_notebook(tmp_path / "student/views.ipynb", RIGHT)
    prairielearn.run(course, "views", tmp_path)
    read = json.loads((tmp_path / "results/results.json").read_text())
    assert read == {"gradable": False, "format_errors": ["The disk was full."]}


@pytest.mark.usefixtures("shared")
def test_data_come_along_and_hidden_ones_are_out_of_reach(tmp_path: Path, pool: Pool) -> None:
    course, path = make_course(tmp_path / "course"), tmp_path / "course/tests/hidden/test_views.py"
    (course / "data/hidden").mkdir(parents=True)
    (course / "data/rows.txt").write_text("2 public")
    (course / "data/hidden/rows.txt").write_text("3 hidden")
    (course / "data/answers").mkdir()
    (course / "data/answers/labels.csv").write_text("1,2")
    rows = 'int(open("data/hidden/rows.txt").read()[0])'
    path.write_text(path.read_text().replace("given.normal(2, 3)", f"given.normal({rows}, 3)"))
    gradescope.export(load_course(course), "views", tmp_path / "views.zip")
    with zipfile.ZipFile(tmp_path / "views.zip") as archive:
        archive.extractall(tmp_path / "source")
    unpacked = tmp_path / "source/course"
    assert (unpacked / "data/hidden/rows.txt").read_text() == "3 hidden"
    assert (unpacked / "data/answers/labels.csv").read_text() == "1,2"  # the reference runs there, too
    spy = f"""\
for folder in ("data", "data/hidden", "{course}/data/hidden", "{unpacked}/data/hidden"):
    try:
        print(open(folder + "/rows.txt").read())
    except OSError:
        print("refused")
"""
    for folder in ("submission", "student"):
        write_notebook(tmp_path / folder / "views.ipynb", spy, RIGHT)
    assert gradescope_results(tmp_path)["score"] == 5.0
    prairielearn.run(course, "views", tmp_path)
    assert json.loads((tmp_path / "results/results.json").read_text())["score"] == 1.0
    with grader.Grader(unpacked, seed=1, pool=pool) as own:
        output = own.grade(tmp_path / "submission/views.ipynb", topic="views").cells[0].output
    assert output.splitlines() == ["2 public", "refused", "refused", "refused"]


def test_prairielearns_script(tmp_path: Path) -> None:
    fake = tmp_path / "autograde"
    fake.write_text('#!/bin/sh\necho "$@"\n')
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GRADE_ROOT": "/g", "AUTOGRADE_TOPIC": "views"}
    done = subprocess.run(["sh", CI / "prairielearn/run.sh"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "run-prairielearn --root /g --course /g/serverFilesCourse/autograde/course --topic views\n"
