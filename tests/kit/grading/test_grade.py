"""A class from files to results: scores, repetition, interruption; no submission stops the others."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tiny_course import RIGHT, WRONG, make_class, make_course, write_notebook

from autograder.course.course_file import Course, load_course
from autograder.grading import grade as grading
from autograder.grading.grade import PreparedTopic, choose_seed, grade, prepare
from autograder.grading.grade_class import not_graded
from autograder.grading.grader import Grader
from autograder.grading.result_files import read_all, read_result, read_run
from autograder.grading.submissions import Submission, find_submissions
from autograder.processes import machine
from autograder.processes.pool import Pool
from autograder.records.jobs import Outcome
from autograder.records.results import Graded, TopicResult
from autograder.reporting import topic_page
from autograder.reporting.class_page import write_index

SCHEMA = Path(__file__).parents[3] / "docs/result.schema.json"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    return load_course(make_course(tmp_path_factory.mktemp("course")))


@pytest.fixture(scope="module")
def prepared(course: Course, pool: Pool) -> dict[str, PreparedTopic]:
    return {"views": prepare(course, "views", pool, seed=5, device="cpu")}


def submissions(course: Course, folder: Path) -> tuple[Submission, ...]:
    return find_submissions([folder], course).submissions


def run(course: Course, prepared: dict[str, PreparedTopic], folder: Path, pool: Pool, out: Path) -> dict[str, Graded]:
    return {each.student: each for each in grade(course, prepared, submissions(course, folder), pool, out)}


def stable(path: Path) -> dict[str, object]:
    result = json.loads(path.read_text())
    del result["graded_at"], result["usage"]
    return dict(result)


def test_a_class(course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path) -> None:
    folder, out = make_class(tmp_path / "class"), tmp_path / "grades"
    graded = run(course, prepared, folder, pool, out)
    assert {name: each.earned for name, each in graded.items()} == {
        "ann": 5.0, "bo": 0.0, "cy": 0.0, "di": 0.0, "ed": 1.0, "fay": 2.5,
    }  # fmt: skip
    assert {each.points for each in graded.values()} == {5.0}
    assert graded["bo"].diagnoses == (("double", "squares", "Is the result what you get by adding x to itself?"),)
    assert graded["di"].troubles == ("views.ipynb is not a notebook: line 1 is not valid JSON.",)
    assert [trouble.split(" (")[0] for trouble in graded["ed"].troubles] == ["double: the process died in 2 checks"]
    assert [name for name, each in graded.items() if not each.attempted] == ["cy", "di"]
    assert graded["fay"].penalty == 0.5

    results = {name: read_result(out / name / "views.json") for name in graded}
    assert results["ann"].tasks[0].source == "def double(x):\n    return x + x"
    assert (results["fay"].earned, results["fay"].lateness) == (5.0, None), "lateness is a matter of marks"
    assert results["fay"].submission.submitted_at == "2027-03-02T13:00:00+00:00"
    assert {check.outcome for task in results["di"].tasks for check in task.checks} == {Outcome.NOT_RUN}
    assert all(result.seed == 5 and result.device == "cpu" and "torch" in result.versions for result in results.values())
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    for name in results:
        schema.validate(json.loads((out / name / "views.json").read_text()))
        assert (out / name / "views.html").is_file()

    again = run(course, prepared, folder, pool, tmp_path / "again")
    assert again.keys() == graded.keys()
    for name in results:
        assert stable(out / name / "views.json") == stable(tmp_path / "again" / name / "views.json")


def test_only_what_changed_is_graded_again(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    for name in ("ann", "bo", "cy"):
        write_notebook(folder / name / "views.ipynb", RIGHT)
    run(course, prepared, folder, pool, out)
    write_notebook(folder / "bo/views.ipynb", "guess = 7")
    (out / "cy/views.json").write_text("damaged")
    (out / "ann/views.html").unlink()
    graded = run(course, prepared, folder, pool, out)
    assert {name: (each.reused, each.earned) for name, each in graded.items()} == {
        "ann": (True, 5.0),
        "bo": (False, 1.0),
        "cy": (False, 5.0),
    }
    assert (out / "ann/views.html").is_file()
    everything = grade(course, prepared, submissions(course, folder), pool, out, force=True)
    assert not any(each.reused for each in everything)


def test_what_cannot_be_graded_is_kept_until_something_else_is_handed_in(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    report = folder / "ann/views/report.pdf"
    report.parent.mkdir(parents=True)
    report.write_bytes(b"%PDF")
    assert not run(course, prepared, folder, pool, out)["ann"].reused
    assert run(course, prepared, folder, pool, out)["ann"].reused
    report.rename(report.with_name("essay.pdf"))
    again = run(course, prepared, folder, pool, out)["ann"]
    assert (again.reused, "essay.pdf" in again.troubles[0]) == (False, True)
    write_notebook(folder / "ann/views/views.ipynb", RIGHT)
    assert run(course, prepared, folder, pool, out)["ann"].earned == 5


def test_an_interrupted_run_goes_on_where_it_stopped(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    for number in range(40):
        write_notebook(folder / f"s{number:02}/views.ipynb", RIGHT)
    taken: list[Submission] = []

    def one_by_one() -> Iterator[Submission]:
        for submission in submissions(course, folder):
            taken.append(submission)
            yield submission

    first = grade(course, prepared, one_by_one(), pool, out)
    done = [next(first).student, next(first).student]
    assert len(taken) < 20, "submissions are to be taken a few at a time"
    first.close()
    assert sorted(path.parent.name for path in out.glob("*/views.json")) == done
    graded = run(course, prepared, folder, pool, out)
    assert [name for name, each in graded.items() if each.reused] == done
    assert len(graded) == 40


def test_a_file_that_vanishes_is_one_students_problem(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    folder = tmp_path / "class"
    found = [Submission("bo", "views", folder / "bo/views.ipynb")]
    found.append(Submission("cy", "views", write_notebook(folder / "cy/views.ipynb", RIGHT)))
    gone, right = grade(course, prepared, found, pool, tmp_path / "grades")
    assert gone.troubles == ("views.ipynb cannot be read (No such file or directory).",)
    assert right.earned == 5.0


def test_a_fault_of_ours_is_one_students_problem(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_page = topic_page.write_page

    def faulty(result: TopicResult, out: Path, **options: Any) -> Path:
        if result.student == "ann" and not result.problem:
            raise RecursionError("too deep")
        return write_page(result, out, **options)

    monkeypatch.setattr(topic_page, "write_page", faulty)
    for name in ("ann", "bo"):
        write_notebook(tmp_path / "class" / name / "views.ipynb", RIGHT)
    graded = run(course, prepared, tmp_path / "class", pool, tmp_path / "grades")
    assert graded["ann"].earned == 0
    assert graded["ann"].troubles[0].startswith("Grading failed with RecursionError: too deep.")
    assert graded["bo"].earned == 5.0


HOSTILE = {
    "utf7": b'# -*- coding: utf-7 -*-\nx = "+2AA-"\n',
    "undefined": b"# -*- coding: undefined -*-\nx = 1\n",
    "half": b"# -*- coding: raw_unicode_escape -*-\nx = '\\ud800'\n",
    "punycode": b"# coding: punycode\n" + b"a-" * 100_000,
    "blanks": b"def double(:\n" + b" " * 60_000 + b"x\n",
    "lambdas": b"double = " + b"lambda: " * 1500 + b"1\n",
    "elifs": b"if 0:\n    double = 1\n" + b"elif 0:\n    double = 2\n" * 1200,
    "sum": b"guess = 1" + b"+1" * 50_000 + b"\n",
    "zero": b"guess = 7\0\n",
    "long": b"guess = 7\n" * 110_000,
    "notebook": json.dumps({"cells": [{"cell_type": "code", "source": RIGHT}], "metadata": {"x": float("nan")}}).encode(),
}


def test_nothing_in_a_submission_stops_the_class(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    for name, data in HOSTILE.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "views.py").write_bytes(data)
    for kind in ("pipe", "link"):
        write_notebook(folder / kind / "views.ipynb", RIGHT)
    os.mkfifo(folder / "pipe/timestamp.txt")
    (folder / "link/timestamp.txt").symlink_to("/etc/passwd")
    write_notebook(folder / "zoe/views.ipynb", RIGHT)
    graded = run(course, prepared, folder, pool, out)
    assert {name for name, each in graded.items() if each.earned == 5.0} == {"notebook", "pipe", "link", "zoe"}
    assert graded.keys() == {*HOSTILE, "pipe", "link", "zoe"}
    assert graded["utf7"].troubles == ("views.py declares the encoding utf-7; save it as UTF-8.",)
    assert graded["long"].troubles == ("views.py holds more than 1 MB of code; remove what your answers do not need.",)
    assert not [text for each in graded.values() for text in each.troubles if "bug in autograde" in text]
    assert all((out / name / "views.html").is_file() for name in graded)


def test_what_the_machine_failed_at_is_not_graded_and_tried_again(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = tmp_path / "class", tmp_path / "grades"
    crash = "import ctypes\nguess = 7\ndef double(x):\n    ctypes.string_at(0)"
    for name, source in (("ann", RIGHT), ("bo", crash)):
        write_notebook(folder / name / "views.ipynb", source)
    with monkeypatch.context() as starved:
        starved.setattr(machine, "free_memory_mb", lambda: 10.0)
        graded = run(course, prepared, folder, pool, out)
    assert (graded["ann"].earned, graded["ann"].not_graded) == (5.0, False)
    assert graded["bo"].not_graded
    assert graded["bo"].troubles[0].startswith("not graded: The machine has too little memory")
    assert [each.student for each in not_graded(submissions(course, folder), out)] == ["bo"]
    page = (out / "bo/views.html").read_text()
    assert "not graded yet" in page
    assert "no points are lost" in page
    result = json.loads((out / "bo/views.json").read_text())
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(result)
    assert "not graded" in write_index(read_all(out), out).read_text()
    again = run(course, prepared, folder, pool, out)
    assert (again["ann"].reused, again["bo"].reused) == (True, False)
    assert (again["bo"].earned, again["bo"].not_graded) == (1.0, False)
    assert again["bo"].troubles[0].startswith("it was run 2 times, the last time alone")
    assert run(course, prepared, folder, pool, out)["bo"].reused


def test_a_machine_that_fails_at_misconceptions_fails_one_submission(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder, out = make_course(tmp_path / "course"), tmp_path / "class", tmp_path / "grades"
    with (root / "solutions/misconceptions/views.py").open("a") as file:
        file.write("\n\n@misconception('double', 'Does it end?')\ndef crashes(x):\n    import ctypes; ctypes.string_at(0)\n")
    for name, source in (("ann", RIGHT), ("bo", WRONG), ("cy", RIGHT)):
        write_notebook(folder / name / "views.ipynb", source)
    course = load_course(root)
    few = {"views": prepare(course, "views", pool, seed=5, device="cpu")}
    with monkeypatch.context() as starved:
        starved.setattr(machine, "free_memory_mb", lambda: 10.0)
        graded = run(course, few, folder, pool, out)
        with Grader(root, seed=5, pool=pool) as grader:
            alone = grader.grade(folder / "bo/views.ipynb")
    assert {name: (each.earned, each.not_graded) for name, each in graded.items() if name != "bo"} == {
        "ann": (5.0, False),
        "cy": (5.0, False),
    }
    assert graded["bo"].not_graded
    assert graded["bo"].troubles[0].startswith("not graded: views: the course's own code could not be run. The machine has")
    page = (out / "bo/views.html").read_text()
    assert "not graded yet" in page
    assert "Close other programs" not in page
    assert (alone.not_graded, alone.problem) == (True, read_result(out / "bo/views.json").problem)
    assert [each.student for each in not_graded(submissions(course, folder), out)] == ["bo"]
    again = run(course, few, folder, pool, out)
    assert [(name, each.reused) for name, each in again.items()] == [("ann", True), ("bo", False), ("cy", True)]
    assert again["bo"].diagnoses == (("double", "squares", "Is the result what you get by adding x to itself?"),)


def test_results_of_before_can_be_read(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "class/ann/views.ipynb", RIGHT)
    run(course, prepared, tmp_path / "class", pool, tmp_path / "grades")
    path = tmp_path / "grades/ann/views.json"
    result = json.loads(path.read_text())
    for name in ("not_graded", "tries"):
        del result[name]
    path.write_text(json.dumps(result))
    assert run(course, prepared, tmp_path / "class", pool, tmp_path / "grades")["ann"].reused


@pytest.mark.parametrize("place", ["read_cells", "source_with_helpers", "with_cells", "fingerprint_of"])
def test_a_fault_in_reading_or_scoring_is_one_students_problem(
    course: Course,
    prepared: dict[str, PreparedTopic],
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    real = getattr(grading, place)

    def faulty(*arguments: Any, **options: Any) -> Any:
        if any("mark of ann" in repr(argument) for argument in arguments):
            raise MemoryError("\x1b[2J\ud800" + "long " * 100)
        return real(*arguments, **options)

    monkeypatch.setattr(grading, place, faulty)
    found = [
        Submission("ann", "views", write_notebook(tmp_path / "mark of ann/views.ipynb", RIGHT + "# mark of ann")),
        Submission("bo", "views", write_notebook(tmp_path / "bo/views.ipynb", RIGHT)),
    ]
    ann, bo = grade(course, prepared, found, pool, tmp_path / "grades")
    assert (ann.earned, bo.earned) == (0, 5.0)
    assert ann.troubles[0].startswith("Grading failed with MemoryError: [2Jlong long")
    assert ann.troubles[0].endswith("lo. This is a bug in autograde; please report it.")
    assert len(ann.troubles[0]) < 300
    assert read_result(tmp_path / "grades/ann/views.json").problem == ann.troubles[0]


def test_a_full_disk_stops_the_run(
    course: Course, prepared: dict[str, PreparedTopic], pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(result: TopicResult, out: Path, **options: Any) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(topic_page, "write_page", full)
    write_notebook(tmp_path / "class/ann/views.ipynb", RIGHT)
    with pytest.raises(OSError, match="No space left on device"):
        run(course, prepared, tmp_path / "class", pool, tmp_path / "grades")


def test_the_seed_of_a_run(course: Course, tmp_path: Path) -> None:
    def choose(seed: int | None = None, *, device: str = "cpu", force: bool = False, whole: bool = True) -> tuple[int, str]:
        chosen = choose_seed(course, tmp_path, seed=seed, device=device, force=force, whole=whole)
        record = read_run(tmp_path)
        assert record is not None
        assert record.seed == chosen.seed
        return chosen.seed, chosen.origin

    first, origin = choose()
    assert origin == "drawn for this run"
    assert choose() == (first, f"the seed of the results in {tmp_path}")
    assert choose(3) == (3, "given with --seed")
    assert choose()[0] == 3
    assert choose(force=True)[1] == "drawn for this run"
    assert choose(3)[0] == 3
    assert choose(force=True, whole=False) == (3, f"the seed of the results in {tmp_path}")
    assert choose(device="cuda")[1] == "drawn for this run"
    (tmp_path / "run.json").write_text("damaged")
    assert choose()[1] == "drawn for this run"


def test_the_seed_of_a_class_stays_in_a_dry_run_for_a_part_of_it_and_until_it_is_accepted(
    course: Course, tmp_path: Path
) -> None:
    out, proposed = tmp_path, tmp_path / ".runs/proposed"

    def seeds(seed: int | None, *, whole: bool = True, dry_run: bool = False) -> list[int | None]:
        chosen = choose_seed(
            course, out, seed=seed, device="cpu", force=False, whole=whole, proposed=proposed, dry_run=dry_run
        )
        return [chosen.seed, *(record and record.seed for record in map(read_run, (out, proposed)))]

    assert seeds(5, dry_run=True) == [5, None, 5]
    assert seeds(None) == [5, 5, None]
    assert seeds(9) == [9, 5, 9]
    assert seeds(9, whole=False) == [9, 5, None]
    assert seeds(9, dry_run=True) == [9, 5, 9]
