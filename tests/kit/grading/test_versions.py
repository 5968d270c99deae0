"""A changed submission gets other inputs, the same as everybody's second one; all follow from the run's seed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tiny_course import RIGHT, WRONG, make_course, write_notebook

from autograder.course.course_file import Course, load_course
from autograder.errors import AutogradeError
from autograder.grading.grade import choose_seed
from autograder.grading.grade_class import grade_class
from autograder.grading.marks import refresh
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.grading.versions import seed_of_version, version_of
from autograder.processes.pool import Pool
from autograder.records.results import Graded


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(make_course(tmp_path_factory.mktemp("course")))


def run(course: Course, folder: Path, pool: Pool, out: Path, seed: int = 5) -> dict[str, Graded]:
    submissions = find_submissions([folder], course).submissions
    return {each.student: each for each in grade_class(course, submissions, pool, out, seed, device="cpu")}


def versions(out: Path) -> dict[str, tuple[int, int]]:
    results = (read_result(path) for path in sorted(out.glob("*/views.json")))
    return {result.student: (result.version, result.seed) for result in results}


def test_a_changed_submission_gets_the_seed_of_its_version(course: Course, pool: Pool, tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    for name in ("ann", "bo", "cy", "di"):
        write_notebook(folder / name / "views.ipynb", WRONG)
    write_notebook(folder / "di" / "views.ipynb").write_text("not a notebook")
    run(course, folder, pool, out)
    second, third = seed_of_version(5, 2), seed_of_version(5, 3)
    assert len({5, second, third, seed_of_version(6, 2)}) == 4
    assert set(versions(out).values()) == {(1, 5)}

    write_notebook(folder / "ann" / "views.ipynb", RIGHT)
    write_notebook(folder / "bo" / "views.ipynb", f"import helper\n{RIGHT}")
    (folder / "bo" / "helper.py").write_text("x = 1")
    write_notebook(folder / "di" / "views.ipynb", RIGHT)
    graded = run(course, folder, pool, out)
    assert versions(out) == {"ann": (2, second), "bo": (2, second), "cy": (1, 5), "di": (1, 5)}
    assert {name: (each.reused, each.earned) for name, each in graded.items()} == {
        "ann": (False, 5.0), "bo": (False, 5.0), "cy": (True, 0.0), "di": (False, 5.0),
    }  # fmt: skip
    assert "2, with inputs of its own" in (out / "ann" / "views.html").read_text(encoding="utf-8")

    (folder / "bo" / "helper.py").write_text("x = 2")  # what a notebook uses is part of what is handed in
    graded = run(course, folder, pool, out)
    assert versions(out) == {"ann": (2, second), "bo": (3, third), "cy": (1, 5), "di": (1, 5)}
    assert graded["ann"].reused

    again = tmp_path / "again"  # the recorded seed repeats a result
    run(course, folder, pool, again, seed=second)
    assert versions(again)["ann"] == (1, second)
    results = [read_result(place / "ann" / "views.json").tasks for place in (out, again)]
    assert results[0] == results[1]


def test_another_run_starts_from_the_first_version(course: Course, pool: Pool, tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    for source in (WRONG, RIGHT):
        write_notebook(folder / "ann" / "views.ipynb", source)
        run(course, folder, pool, out)
    run(course, folder, pool, out, seed=6)
    assert versions(out) == {"ann": (1, 6)}


def test_the_public_seed_is_refused(course: Course, tmp_path: Path) -> None:
    with pytest.raises(AutogradeError, match=r"^--seed 0 draws the inputs of the public answer keys"):
        choose_seed(course, tmp_path, seed=0, device="cpu", force=False)
    assert not list(tmp_path.iterdir())


def test_a_pipe_in_the_place_of_a_result_or_the_marks_is_not_waited_for(course: Course, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "class/ann/views.ipynb", RIGHT)
    (submission,) = find_submissions([path], course).submissions
    (tmp_path / "out/ann").mkdir(parents=True)
    for file in ("ann/views.json", "marks.json"):
        os.mkfifo(tmp_path / "out" / file)
    assert version_of(course, submission, tmp_path / "out", seed=5) == 1
    assert refresh(course, tmp_path / "out", students=["ann"]) == {}
    assert (tmp_path / "out/marks.json").is_file()
