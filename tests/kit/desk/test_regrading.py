"""Grading again at the desk, and a regrade accepted or refused: with the real grader."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from desk_course import at_desk, form_in, make_class_with_answers, make_manual_course
from made_up_results import Page
from starlette.testclient import TestClient
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.gradebook.adjustments import Adjustment, write_adjustment
from autograder.grading.output_folder import locked
from autograder.processes.pool import Pool

BO = "/instructor-pages/bo/views.html"
HIDDEN = "tests/hidden/test_views.py"


def grade(*arguments: str) -> None:
    done = CliRunner().invoke(app, ["grade", "submitted", *arguments])
    assert done.exit_code in (0, 1), done.output


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Iterator[Path]:
    """A class that has been graded, and is graded with the same pool from now on."""
    root = make_manual_course(tmp_path_factory.mktemp("course"))
    make_class_with_answers(root / "submitted")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setattr("autograder.processes.pool.Pool", lambda *_, **__: nullcontext(pool))
        patch.setattr("autograder.desk.regrading.Pool", lambda *_, **__: pool)
        patch.setattr(Pool, "close", lambda _: None)  # on the instance, undoing it would leave an attribute
        grade("--seed", "3")
        yield root


@pytest.fixture
def root(graded: Path, tmp_path: Path) -> Iterator[Path]:
    """The class as it was graded; what a test does to it is undone."""
    shutil.copytree(graded, tmp_path / "before")
    yield graded
    for name in ("grades", "submitted", "tests"):
        shutil.rmtree(graded / name)
    (graded / "adjustments.yml").unlink(missing_ok=True)
    shutil.copytree(tmp_path / "before", graded, dirs_exist_ok=True)


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with at_desk(root) as client:
        yield client


def accept_six(root: Path) -> None:
    """Change a check so that bo's guess is right."""
    path = root / HIDDEN
    path.write_text(path.read_text().replace('"guess", gate=True', '"guess"').replace("code.guess", "code.guess > 5"))


def earned(root: Path, student: str = "bo") -> float:
    return float(json.loads((root / f"grades/{student}/views.json").read_text())["earned"])


def test_graded_again_with_the_same_mark(client: TestClient, root: Path) -> None:
    before = (root / "grades/bo/views.json").read_bytes()
    run = (root / "grades/run.json").read_bytes()
    form = form_in(client.get(BO).text, "/desk/grade-again")
    answer = client.post("/desk/grade-again", data=form)
    assert answer.headers["location"] == f"{BO}?told=same"
    assert "Graded again: the mark stays the same." in client.get(f"{BO}?told=same").text
    again = (root / "grades/bo/views.json").read_bytes()
    assert again != before, "it has been run"
    assert json.loads(again)["fingerprint"] == json.loads(before)["fingerprint"]
    assert (root / "grades/run.json").read_bytes() == run, "the class keeps its seed"
    assert not (root / "grades/.runs/proposed").exists()


def test_graded_again_with_another_mark(client: TestClient, root: Path) -> None:
    accept_six(root)
    form = form_in(client.get(BO).text, "/desk/grade-again")
    assert client.post("/desk/grade-again", data=form).headers["location"] == "/desk/regrade"
    assert earned(root) == 0
    page = client.get("/desk/regrade").text
    text = Page(page).text
    assert "Bo Chen views 0 of 10 1 of 10 +1 guess 0 -> 1: test_guess failed -> passed" in text
    assert ">waits</span>" in page
    refused = client.post("/desk/grade-again", data=form)
    assert refused.status_code == 409
    assert "accept or refuse them first" in refused.text

    decision = form_in(page, "/desk/regrade")
    assert client.post("/desk/regrade", data={**decision, "accept": "yes"}).headers["location"].endswith("told=accepted")
    assert earned(root) == 1
    assert (root / "grades/.runs/previous/bo/views.json").exists()
    twice = client.post("/desk/regrade", data={**decision, "accept": "yes"})
    assert (twice.status_code, "Nothing waits any more" in twice.text) == (409, True)


def test_a_regrade_of_the_class_is_refused(client: TestClient, root: Path) -> None:
    accept_six(root)
    grade("--dry-run")
    page = client.get("/desk/regrade").text
    assert "4 new results of files that were graded before wait; 1 mark would change." in Page(page).text
    answer = client.post("/desk/regrade", data={**form_in(page, "/desk/regrade"), "refuse": "yes"})
    assert answer.headers["location"].endswith("told=refused")
    assert earned(root) == 0
    assert not (root / "grades/.runs/proposed").exists()
    assert "Nothing waits" in client.get("/desk/regrade").text


def test_a_regrade_that_has_changed_meanwhile_is_shown_again(client: TestClient, root: Path) -> None:
    accept_six(root)
    grade()
    decision = form_in(client.get("/desk/regrade").text, "/desk/regrade")
    course = load_course(root)
    write_adjustment(course, Adjustment(student="bo", topic="views", task="guess", points=1))
    answer = client.post("/desk/regrade", data={**decision, "accept": "yes"})
    assert answer.status_code == 409
    assert "What is proposed has changed since you opened this page." in answer.text
    assert "no marks would change" in Page(answer.text).text
    assert earned(root) == 0
    decision = form_in(answer.text, "/desk/regrade")
    assert client.post("/desk/regrade", data={**decision, "accept": "yes"}).status_code == 303
    assert earned(root) == 1


def test_what_is_outdated_cannot_be_taken(client: TestClient, root: Path) -> None:
    accept_six(root)
    grade()
    path = root / HIDDEN
    path.write_text(path.read_text() + "\n# changed again\n")
    page = client.get("/desk/regrade").text
    assert "Ann Bell, views; Bo Chen, views; Cy Díaz, views" in Page(page).text
    assert 'name="accept"' not in page
    decision = form_in(page, "/desk/regrade")
    assert client.post("/desk/regrade", data={**decision, "refuse": "yes"}).status_code == 303


def test_another_run_is_not_disturbed(client: TestClient, root: Path) -> None:
    form = form_in(client.get(BO).text, "/desk/grade-again")
    with locked(root / "grades"):
        answer = client.post("/desk/grade-again", data=form)
    assert (answer.status_code, "another autograde is grading into this folder" in answer.text) == (409, True)


def test_a_file_that_is_gone_or_new(client: TestClient, root: Path) -> None:
    form = form_in(client.get(BO).text, "/desk/grade-again")
    right = (root / "submitted/ann/views.ipynb").read_bytes()
    (root / "submitted/bo/views.ipynb").unlink()
    answer = client.post("/desk/grade-again", data=form)
    assert (answer.status_code, "is no longer at submitted/bo/views.ipynb" in answer.text) == (409, True)
    (root / "submitted/bo/views.ipynb").write_bytes(right)
    assert client.post("/desk/grade-again", data=form).status_code == 303
    assert earned(root) == 5
    nobody = client.post("/desk/grade-again", data={**form, "student": "zoe"})
    assert (nobody.status_code, "no result for views" in nobody.text) == (404, True)
