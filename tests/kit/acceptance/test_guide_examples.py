"""Pages of docs/authoring/ with an example of their own: each is graded as it stands there."""

from __future__ import annotations

from pathlib import Path

from course_files import write_files
from markdown_pages import examples

from autograder import Grader
from autograder.processes.pool import Pool
from autograder.records.results import TopicResult


def graded(root: Path, pool: Pool, tasks: str, files: dict[str, str], *answers: str) -> list[TopicResult]:
    """Grade answers to the topic `own`, whose tasks are lines of course.yml and whose files stand under their paths."""
    course = f"title: T\ntopics:\n  own:\n    title: Own\n    number: 1\n    tasks:\n{tasks}"
    write_files(root, {"course.yml": course, **files})
    with Grader(root, seed=2, pool=pool) as grader:
        return [grader.grade(answer, topic="own") for answer in answers]


def test_choices_and_numbers(tmp_path: Path, pool: Pool) -> None:
    (tasks,) = examples("choices", "yaml")
    stub, reference, misconceptions = examples("choices")
    files = {
        "exercises/own.py": stub,
        "solutions/own.py": reference,
        "solutions/misconceptions/own.py": misconceptions,
    }
    wrong = reference.replace('"b"', '"a"')
    right, untouched, chosen = graded(tmp_path, pool, tasks, files, reference, stub, wrong)
    assert (right.earned, untouched.earned, chosen.earned) == (5, 0, 4)
    (diagnosis,) = chosen.tasks[0].diagnoses
    assert diagnosis.feedback in misconceptions


def test_data_files(tmp_path: Path, pool: Pool) -> None:
    visible, hidden = examples("data")
    reference = (
        "import csv\n\n\ndef column_mean(path, name):\n    with open(path) as file:\n"
        "        numbers = [float(row[name]) for row in csv.DictReader(file)]\n    return sum(numbers) / len(numbers)\n"
    )
    files = {
        "exercises/own.py": "def column_mean(path, name):\n    raise NotImplementedError\n",
        "solutions/own.py": reference,
        "tests/visible/test_own.py": f"from autograder import checks\n\n\n{visible}",
        "tests/hidden/test_own.py": f"from autograder import checks\n\n\n{hidden}",
        "data/points.csv": "x,y\n1,20\n3,40\n",
        "data/hidden/test.csv": "x,y\n5,60\n7,80\n",
    }
    learnt = "def column_mean(path, name):\n    return {'x': 2.0, 'y': 30.0}[name]\n"
    right, by_heart = graded(tmp_path, pool, "      column_mean: {points: 3}\n", files, reference, learnt)
    assert (right.earned, by_heart.earned) == (3, 2)


def test_rules_on_the_source(tmp_path: Path, pool: Pool) -> None:
    checks, misconceptions = examples("source-rules")
    reference = "def row_means(x):\n    return x.sum(dim=1) / x.shape[1]\n"
    files = {
        "exercises/own.py": "def row_means(x):\n    raise NotImplementedError\n",
        "solutions/own.py": reference,
        "solutions/misconceptions/own.py": misconceptions,
        "tests/visible/test_own.py": checks,
    }
    mean = "def row_means(x):\n    return x.mean(dim=1)\n"
    right, lazy = graded(tmp_path, pool, "      row_means: {points: 5}\n", files, reference, mean)
    assert (right.earned, lazy.earned) == (5, 3)  # the rule weighs 2 of 5: a check, a rule, this rule, side_effects
    assert "lets_torch_do_it" in {diagnosis.misconception for diagnosis in lazy.tasks[0].diagnoses}
