"""Packages for students hold their pages, and nothing that gives hidden checks away."""

from __future__ import annotations

import zipfile

import pytest
from made_up_results import MISTAKE, PASSED, check, result, task

from autograder.errors import AutogradeError
from autograder.gradebook.marks import Mark, TaskMark
from autograder.records.jobs import Outcome
from autograder.records.observation import SourceLine
from autograder.reporting.feedback_packages import canvas_name, moodle_name, write_feedback
from autograder.reporting.topic_page import write_pages

SEED = 987_654_321
HIDDEN = ("test_values_secret", "test_other_secret", "test_slow_secret")
LAYOUTS = ("folders", "plain", "moodle", "canvas")


def submission(student, topic="autograd"):
    """A result with hidden checks of every outcome."""
    hidden = [
        check(
            HIDDEN[0],
            visible=False,
            sentence="The values are right.",
            error_type="OopsSecret",
            error_message="secret",
            at=SourceLine(1, 1, "secret()"),
        ),
        check(HIDDEN[1], Outcome.PASSED, visible=False, sentence="It is right for others."),
        check(HIDDEN[2], Outcome.TIMEOUT, visible=False, sentence="It ends.", reason="It took too long."),
    ]
    return result(task(PASSED, *hidden, diagnoses=(MISTAKE,)), student=student, topic=topic, seed=SEED)


RESULTS = [submission("ada"), submission("ada", "dtypes"), submission("boris")]
WITHOUT_MARKS = [(each, None) for each in RESULTS]
PLACES = {
    "moodle": {("ada", "autograd"): moodle_name("Ada Lovelace", "12", "autograd")},
    "canvas": {("ada", "autograd"): canvas_name("lovelaceada_12_67_autograd.ipynb")},
}


def contents(out):
    """Every file below a folder, and every file in every zip there, by name."""
    found = {}
    for path in sorted(each for each in out.rglob("*") if each.is_file()):
        name = path.relative_to(out).as_posix()
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                found |= {f"{name}!{inside}": archive.read(inside) for inside in archive.namelist()}
        else:
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_package_names_a_hidden_check_or_the_seed(tmp_path, layout):
    for each in RESULTS:  # what lies beside the students' pages in the results must not get in
        write_pages(each, tmp_path / "grades")
    packed = write_feedback(WITHOUT_MARKS, tmp_path / "out", layout=layout, places=PLACES.get(layout))
    found = contents(tmp_path / "out")
    assert packed.pages == len(found) == 3
    for name, data in found.items():
        assert name.endswith(".html")
        for word in (*HIDDEN, "secret", "Secret", str(SEED), MISTAKE.misconception, "instructor-pages"):
            assert word not in data.decode()
            assert word not in name
        assert "The values are right." in data.decode()
        assert "Calling <code>backward()</code> leaves a gradient behind." in data.decode()


def test_folders(tmp_path):
    packed = write_feedback(WITHOUT_MARKS, tmp_path)
    assert list(contents(tmp_path)) == ["ada/autograd.html", "ada/dtypes.html", "boris/autograd.html"]
    assert packed.files == [tmp_path / name for name in contents(tmp_path)]


def test_a_zip_for_each_student(tmp_path):
    write_feedback(WITHOUT_MARKS, tmp_path, layout="plain")
    assert list(contents(tmp_path)) == ["ada.zip!autograd.html", "ada.zip!dtypes.html", "boris.zip!autograd.html"]


def test_a_zip_for_moodle_and_what_has_no_place_in_it(tmp_path):
    packed = write_feedback(WITHOUT_MARKS, tmp_path, layout="moodle", places=PLACES["moodle"])
    assert list(contents(tmp_path)) == [
        "ada/dtypes.html",
        "autograd-moodle.zip!Ada Lovelace_12_assignsubmission_file_/autograd.html",
        "boris/autograd.html",
    ]
    assert packed.without_place == [("ada", "dtypes"), ("boris", "autograd")]


def test_a_zip_for_canvas(tmp_path):
    write_feedback(WITHOUT_MARKS[:1], tmp_path, layout="canvas", places=PLACES["canvas"])
    assert list(contents(tmp_path)) == ["autograd-canvas.zip!lovelaceada_12_67_autograd.ipynb.html"]


@pytest.mark.parametrize("name", ["Ada_Lovelace", "Ada / Lovelace", "Ada\\Lovelace", "_Ada:Lovelace._"])
def test_moodle_finds_the_participant_between_the_first_two_underscores(name):
    folder, file = moodle_name(name, "1234567", "autograd").split("/")
    assert folder.split("_", 4) == ["Ada Lovelace", "1234567", "assignsubmission", "file", ""]
    assert file == "autograd.html"


def test_the_same_pages_give_the_same_zip(tmp_path):
    for out in ("one", "two"):
        write_feedback(WITHOUT_MARKS, tmp_path / out, layout="plain")
    assert (tmp_path / "one/ada.zip").read_bytes() == (tmp_path / "two/ada.zip").read_bytes()


def test_a_failure_leaves_no_half_zip(tmp_path):
    def results():
        yield WITHOUT_MARKS[0]
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_feedback(results(), tmp_path, layout="moodle", places=PLACES["moodle"])
    assert contents(tmp_path) == {}


def test_the_page_shows_the_mark(tmp_path):
    mark = Mark(
        student="ada",
        topic="autograd",
        state="graded",
        points=5,
        earned=4.25,
        automatic=0,
        adjusted=True,
        comments=("Well!",),
        tasks=(TaskMark(task="value_and_grad", points=5, earned=4.25, automatic=0, adjusted=True),),
    )
    write_feedback([(RESULTS[0], mark)], tmp_path)
    text = (tmp_path / "ada/autograd.html").read_text()
    assert "4.25" in text
    assert "Well!" in text


def test_a_name_cannot_lead_out_of_the_folder(tmp_path):
    for layout in LAYOUTS:
        with pytest.raises(AutogradeError, match="cannot be a file name"):
            write_feedback([(submission("../eve"), None)], tmp_path / "out", layout=layout)
    assert not list(tmp_path.rglob("*.html"))
