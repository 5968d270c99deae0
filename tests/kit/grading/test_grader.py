"""The public API: what it grades is what the command would give, one at a time, many, and asynchronously."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tiny_course import RIGHT, WRONG, make_class, make_course, write_notebook

from autograder import Grader
from autograder.errors import AutogradeError, CourseError, SubmissionError
from autograder.grading.grade import grade
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.grading.versions import seed_of_version
from autograder.processes.pool import Pool
from autograder.records.results import TopicResult, Usage

SEED = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("course"))
    make_class(root / "submitted")
    return root


@pytest.fixture(scope="module")
def grader(root: Path, pool: Pool) -> Iterator[Grader]:
    with Grader(root, seed=SEED, pool=pool) as running:
        yield running


def stable(result: TopicResult) -> TopicResult:
    return msgspec.structs.replace(result, graded_at="", usage=Usage(), fingerprint="")


def test_a_path_gets_the_result_that_the_command_gives(root: Path, grader: Grader, tmp_path: Path) -> None:
    submissions = find_submissions([root / "submitted"], grader.course).submissions
    grader.prepare("views")
    list(grade(grader.course, grader.prepared, submissions, grader.pool, tmp_path))
    results = list(grader.grade_many([each.path for each in submissions]))
    assert [each.student for each in results] == ["ann", "bo", "cy", "di", "ed", "fay"]
    assert [each.earned for each in results] == [5.0, 0.0, 0.0, 0.0, 1.0, 5.0]
    for result in results:
        assert stable(result) == stable(read_result(tmp_path / result.student / "views.json"))
    assert results[3].problem == "views.ipynb is not a notebook: line 1 is not valid JSON."


def test_text_is_a_python_file_or_a_notebook(grader: Grader, tmp_path: Path) -> None:
    notebook = write_notebook(tmp_path / "n.ipynb", RIGHT).read_text()
    wrong, *right = grader.grade_many([WRONG, RIGHT, notebook, notebook.encode()], topic="views")
    assert (wrong.earned, wrong.points, wrong.student) == (0.0, 5.0, "")
    assert [each.misconception for each in wrong.tasks[0].diagnoses] == ["squares"]
    assert [each.earned for each in right] == [5.0, 5.0, 5.0]
    assert [each.submission.path for each in right] == ["views.py", "views.ipynb", "views.ipynb"]
    not_text = "views.py: line 1 is not valid UTF-8 text; save the file as UTF-8."
    assert grader.grade("\ud800", topic="views").problem == not_text
    assert grader.grade(json.dumps({"cells": 3}), topic="views").problem.startswith("views.ipynb is not a notebook")


def test_a_file_may_have_any_name_if_the_topic_is_given(grader: Grader, tmp_path: Path) -> None:
    path = tmp_path / "answer.py"
    path.write_text("from two import factor\n" + RIGHT.replace("2 * x", "factor * x"))
    (tmp_path / "two.py").write_text("factor = 2\n")
    assert grader.grade(path, topic="views", student="ada").earned == 5.0
    with pytest.raises(SubmissionError, match=r"no topic of the course is called “answer”.* Name the topic\."):
        grader.grade(path)


def test_each_version_has_inputs_of_its_own(grader: Grader) -> None:
    first, second = seed_of_version(SEED, 1), seed_of_version(SEED, 2)
    both = [grader.submission(RIGHT, topic="views", student=name, version=2) for name in ("ann", "bo")]
    results = [*grader.grade_many([*both, RIGHT], topic="views"), grader.grade(WRONG, topic="views", version=2)]
    results.append(asyncio.run(grader.grade_async(RIGHT, topic="views", version=3)))
    assert [(each.version, each.seed) for each in results] == [
        (2, second), (2, second), (1, first), (2, second), (3, seed_of_version(SEED, 3)),
    ]  # fmt: skip
    assert [each.earned for each in results] == [5.0, 5.0, 5.0, 0.0, 5.0]
    assert [each.misconception for each in results[3].tasks[0].diagnoses] == ["squares"]


def test_versions_of_which_there_are_many_are_not_all_kept(grader: Grader) -> None:
    for version in range(2, 20):
        assert grader.grade(RIGHT, topic="views", version=version).version == version
    assert len(grader._later) == 16
    assert sorted(grader.prepared) == ["views"]


@pytest.mark.parametrize("version", [0, -1, 1001, "2"])
def test_a_version_that_is_no_count(grader: Grader, version: int) -> None:
    with pytest.raises(SubmissionError, match=r"^The version is .*; count a student's files for a topic: 1, 2 and so on"):
        grader.grade(RIGHT, topic="views", version=version)


def test_asynchronously(grader: Grader) -> None:
    async def both() -> list[TopicResult]:
        return await asyncio.gather(*(grader.grade_async(each, topic="views") for each in (RIGHT, WRONG)))

    assert [each.earned for each in asyncio.run(both())] == [5.0, 0.0]


def test_mistakes(root: Path, grader: Grader, pool: Pool) -> None:
    with pytest.raises(SubmissionError, match=r"vews: the course has no such topic; did you mean 'views'\?"):
        grader.grade(RIGHT, topic="vews")
    with pytest.raises(SubmissionError, match="needs a topic"):
        grader.grade(RIGHT)
    with pytest.raises(SubmissionError, match=r"gone\.py: there is no such file\."):
        grader.grade(root / "gone.py")
    with pytest.raises(CourseError, match="there is no such file"):
        Grader(root / "gone", pool=pool)


def test_a_closed_grader_says_so(root: Path, pool: Pool) -> None:
    with Grader(root, seed=SEED, pool=pool) as closed:
        pass
    for late in (
        lambda: closed.grade(RIGHT, topic="views"),
        lambda: list(closed.grade_many([RIGHT], topic="views")),
        lambda: asyncio.run(closed.grade_async(RIGHT, topic="views")),
    ):
        with pytest.raises(AutogradeError, match=r"^This Grader is closed"):
            late()


def test_importing_the_package_stays_cheap() -> None:
    code = "import sys, autograder; print({'autograder.grading', 'autograder.student', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
