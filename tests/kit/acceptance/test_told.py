"""What students are told of hidden checks: every output that they get, under each policy, searched for marks of more."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from served_course import serving
from tiny_course import COURSE, make_course, write_notebook

from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.errors import AuthoringError, CourseError
from autograder.exporting.formats import OF_A_SUBMISSION
from autograder.exporting.junit import junit
from autograder.exporting.marked_class import Submission
from autograder.gradebook.marks import mark_of
from autograder.grading.annotate import checked_files
from autograder.grading.grade import grade, prepare
from autograder.grading.grader import Grader
from autograder.grading.json_lines import line_of
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.nbgrader.plugin import _verdict
from autograder.processes.pool import Pool
from autograder.records.results import TELLS, Tells
from autograder.reporting.ci_reports import write_reports
from autograder.reporting.feedback_packages import write_feedback
from autograder.serving.service import Settings

HIDDEN = '''\
import torch

from autograder import checks, secret, source

FORBIDDEN = (torch.sum, torch.mean)


@checks("double")
def test_nameofmatrix(code, given):
    """A matrix stays one: sentenceofmatrix."""
    return {"result": code.double(given.normal(2, 3, name="inputofmatrix"))}


@checks("double")
def test_nameofnumber(code, given):
    """A number is doubled: sentenceofnumber."""
    return {"result": code.double(given.full(1, value=31337.0))}


@checks("double")
def test_nameofeffect(code, given):
    """Four numbers are doubled: sentenceofeffect."""
    return {"result": code.double(given.normal(4, name="inputofeffect"))}


@checks("double")
def test_nameofsum(code, given):
    """Without sums: sentenceofsum."""
    with given.unavailable(*FORBIDDEN):
        return {"result": code.double(given.normal(5))}


@checks("double")
def test_nameofend(code, given):
    """It comes to an end: sentenceofend."""
    return {"result": code.double(given.normal(6))}


@checks("guess", gate=True)
def test_guess(code, given):
    """The prediction is right: sentenceofguess."""
    return {"guess": secret(code.guess)}
'''
ANSWER = """\
def double(x):
    if x.shape == (2, 3):
        return 3 * x
    if x.numel() == 1:
        raise ValueError(f"textofnumber {x.item()}")
    if x.numel() == 4:
        return x.mul_(2)
    if x.numel() == 5:
        torch.sum(x)
    if x.numel() == 6:
        import os; os._exit(3)
    return 2 * x
"""
MISCONCEPTION = """
import torch

from autograder import misconception


@misconception("double", "feedbackofmistake: what does it do with a matrix?")
def mistakenname(x):
    return 3 * x if x.shape == (2, 3) else 2 * x


@misconception("double", "What is left of x?")
def in_place(x):
    return x.mul_(2)
"""
# From which policy on a mark may be read.
MARKS = {
    "sentence": ("sentenceofmatrix", "sentenceofnumber", "sentenceofeffect", "sentenceofend", "sentenceofguess"),
    "message": ("raised ValueError", "1.5 times", "changed in place"),
    "inputs": ("textofnumber 31337", "nameofmatrix", "nameofnumber", "nameofsum", "nameofend", "inputofeffect"),
}
NEVER = ("mistakenname", "inputofmatrix")  # of the last, the check returns nothing


ANSWERS = {"ada": ANSWER, "bo": "def double(x):\n    return 3 * x if x.shape == (2, 3) else 2 * x\n"}
OF_THE_MACHINE = ("JSON lines", "nbgrader, guess", "instructor's page")


def course_at(root: Path, tells: str) -> Path:
    make_course(root)
    (root / "course.yml").write_text(f"hidden: {{tells: {tells}}}\n{COURSE}")
    (root / "tests/hidden/test_views.py").write_text(HIDDEN)
    (root / "solutions/misconceptions/views.py").write_text(MISCONCEPTION)
    for student, answer in ANSWERS.items():
        write_notebook(root / "class" / student / "views.ipynb", "import torch", "guess = 6", answer)
    return root


def graded(root: Path, pool: Pool) -> Iterator[tuple[str, str]]:
    """A line of JSON for each student of the class, whose results go to `out`."""
    course = load_course(root)
    prepared = {"views": prepare(course, "views", pool, seed=3, device="cpu", whole=True)}
    for each in grade(course, prepared, find_submissions([root / "class"], course).submissions, pool, root / "out"):
        yield each.student, line_of(each)


def outputs_of_the_class(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[tuple[str, str]]:
    """What one student gets in the repository of an exercise, and what CI makes of a class."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.setenv(name, str(root / "reports" / name))
    capsys.readouterr()
    write_reports(checked_files(root / "out")[0], root / "reports")
    yield "annotations", capsys.readouterr().out
    for path in sorted((root / "reports").iterdir()):
        points = path.read_text().partition("result=")[2].partition("\n")[0]
        yield path.name, base64.b64decode(points).decode() if path.name == "GITHUB_OUTPUT" else path.read_text()


def outputs_of_a_student(root: Path, student: str, pool: Pool) -> Iterator[tuple[str, str]]:
    course, path = load_course(root), f"{student}/views"
    result = read_result(root / f"out/{path}.json")
    mark = mark_of(course, student, "views", result, ())
    yield "page", (root / f"out/{path}.html").read_text()
    for page in write_feedback([(result, mark)], root / "feedback").files:
        yield "feedback", page.read_text()
    for name, made in OF_A_SUBMISSION.items():
        yield name, json.dumps(made(Submission(course, result, mark)), ensure_ascii=False)
    yield "junit", junit([Submission(course, result, mark)]).decode()
    for task in result.tasks:
        yield f"nbgrader, {task.task}", json.dumps([*_verdict("Views", task, 1)], ensure_ascii=False)
    with Grader(root, seed=3, pool=pool) as grader:
        told = grader.for_student(result)
        assert grader.for_student(told) == told
        yield "Grader", msgspec.json.encode(told).decode()
        if student == "ada":
            with serving(grader, root / "s", Settings()):
                transport = httpx.HTTPTransport(uds=str(root / "s"))
                with httpx.Client(transport=transport, base_url="http://localhost", timeout=60) as client:
                    source = (root / f"class/{path}.ipynb").read_text()
                    order = {"topic": "views", "source": source, "for_student": True}
                    yield "served", client.post("/v1/grade", json=order).raise_for_status().text
    yield "instructor's page", (root / f"out/instructor-pages/{path}.html").read_text()


@pytest.mark.parametrize("tells", TELLS)
def test_no_output_tells_more_than_the_course_says(
    tells: Tells, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = course_at(tmp_path, tells)
    of_ada = [("JSON lines", dict(graded(root, pool))["ada"]), *outputs_of_a_student(root, "ada", pool)]
    of_bo = list(outputs_of_a_student(root, "bo", pool))
    of_both = list(outputs_of_the_class(root, monkeypatch, capsys))
    allowed = TELLS.index(tells)
    for name, text in (*of_ada, *of_bo, *of_both):
        found = {level: [mark for mark in marks if mark in text] for level, marks in MARKS.items()}
        if name != "instructor's page":
            assert [marks for level, marks in found.items() if marks and TELLS.index(level) > allowed] == [], name
            assert not [mark for mark in NEVER if mark in text], name
    assert ("died" in of_ada[0][1]) == (allowed >= TELLS.index("message"))
    for name, text in (*of_ada, *of_both):
        if name not in OF_THE_MACHINE:
            plain = re.sub(r"`|</?code>", "", text)
            assert "sum is not available" in plain or '"unavailable":["sum"]' in text, name
    pages = dict(of_ada)
    for level in TELLS[: allowed + 1]:
        assert [mark for mark in MARKS.get(level, ()) if mark not in pages["page"]] == []
    assert all(mark in pages["instructor's page"] for mark in ("nameofmatrix", "sentenceofmatrix", "1.5 times"))
    assert ("feedbackofmistake" in dict(of_bo)["page"]) == (allowed >= TELLS.index("message"))
    assert "mistakenname" in dict(of_bo)["instructor's page"]
    read = " ".join(pages["page"].split())
    assert ("Those shown are worth 0.57 of 4 points." in read) == (tells == "nothing")
    assert "1.14" in read


def test_a_check_says_for_itself_what_may_be_told(pool: Pool, tmp_path: Path) -> None:
    root = course_at(tmp_path, "nothing")
    path = root / "tests/hidden/test_views.py"
    declared = '@checks("double")\ndef test_nameofnumber'
    told = HIDDEN.replace(declared, declared.replace(")", ', tells="inputs")'))
    path.write_text(told + '\nsource.forbids_loops("double", tells="sentence")\n')
    assert dict(graded(root, pool))
    page = (root / "out/ada/views.html").read_text()
    for mark in ("nameofnumber", "textofnumber 31337", "sentenceofnumber", "must do without loops"):
        assert mark in page
    for mark in ("sentenceofmatrix", "sentenceofend", "sentenceofguess", "changed in place", "Inputs and global settings"):
        assert mark not in page


def test_mistakes_in_what_may_be_told_are_explained(tmp_path: Path) -> None:
    root = course_at(tmp_path, "everything")
    with pytest.raises(CourseError, match=r'hidden.tells is "everything"; write nothing, sentence, message or inputs\.'):
        load_course(root)
    make_course(root)
    for folder, check, said in (
        ("visible", '@checks("double", tells="nothing")', "test_more has tells, but students have this file"),
        ("hidden", '@checks("double", tells="all")', 'tells of @checks is \'all\'; write "nothing", "sentence"'),
    ):
        path = root / f"tests/{folder}/test_views.py"
        text = path.read_text()
        path.write_text(f'{text}\n\n{check}\ndef test_more(code, given):\n    """More."""\n    return code.double(1)\n')
        with pytest.raises(AuthoringError, match=re.escape(said)):
            load_topic(load_course(root), "views")
        path.write_text(text)
    path.write_text(f'{text}\nsource.forbids_loops("double", tells=3)\n')
    with pytest.raises(AuthoringError, match=r"tells of source.forbids_loops is 3; write"):
        load_topic(load_course(root), "views")
