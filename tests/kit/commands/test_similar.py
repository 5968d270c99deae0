"""`autograde similar` on results as `grade` writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_course import make_course
from typer.testing import CliRunner, Result

from autograder.commands.instructor import app
from autograder.grading.result_files import write_result
from autograder.records.results import SubmissionFile, TaskResult, TopicResult

SOURCE = """def double(x):
    y = x.clone()
    for i in range(len(x)):
        y[i] = x[i] + x[i] if x[i] else 0
    return y.sum()
"""


def autograde(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})


def hand_in(out: Path, student: str, source: str, *, problem: str = "") -> None:
    tasks = (
        TaskResult(task="double", points=4.0, attempted=not problem, source=source),
        TaskResult(task="guess", points=1.0),
    )
    file = SubmissionFile(path=f"{student}.py", sha256="0")
    write_result(
        TopicResult(
            student=student, topic="views", title="Views", submission=file, fingerprint="f", seed=1, device="cpu",
            versions={}, tasks=tasks, problem=problem,
        ),
        out,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_course(tmp_path))
    return tmp_path


def test_two_alike_are_listed_as_a_page_and_as_json(root: Path) -> None:
    hand_in(root / "grades", "ann", SOURCE)
    hand_in(root / "grades", "bo", SOURCE.replace("y", "z"))
    hand_in(root / "grades", "cy", "", problem="cy.py is not Python.")
    done = autograde("similar")
    assert done.exit_code == 0, done.output
    assert done.output == "1 similar pair: grades/similar.html. Similarity is no proof; read both sources.\n"
    assert "<bdi>ann</bdi> and <bdi>bo</bdi>: 100 % similar" in (root / "grades/similar.html").read_text()
    [line] = map(json.loads, autograde("similar", "--json").stdout.splitlines())
    assert (line["task"], line["compared"], line["found"], line["groups"]) == ("double", 2, 1, [["ann", "bo"]])
    assert "Example: autograde similar" in autograde("similar", "--help").output


def test_answers_like_the_courses_own_solutions_are_left_out(root: Path) -> None:
    short = "def double(x):\n    y = x.clone()\n    y = y + x if len(x.shape) else y * 2\n    return y.reshape(x.shape)\n"
    alternatives = root / "solutions/alternatives"
    alternatives.mkdir(parents=True, exist_ok=True)
    head = 'from autograder import alternative\n\n\n@alternative("double")\n'
    (alternatives / "views.py").write_text(head + short.replace("double", "by_hand"))
    for name in ("ann", "bo"):
        hand_in(root / "grades", name, short.replace("y", name))
    [line] = map(json.loads, autograde("similar", "--json").stdout.splitlines())
    assert (line["obvious"], line["compared"], line["found"]) == (2, 0, 0)


def test_one_student_is_similar_to_nobody(root: Path) -> None:
    hand_in(root / "grades", "ann", SOURCE)
    assert autograde("similar").output.startswith("0 similar pairs: ")


def test_what_is_not_there(root: Path) -> None:
    assert "grades: there is no such folder; run `autograde grade` first" in autograde("similar").output
    (root / "grades").mkdir()
    assert "there is no attempted task to compare" in autograde("similar").output
    assert "did you mean 'views'" in autograde("similar", "--topic", "vews").output
