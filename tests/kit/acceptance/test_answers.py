"""Answers that the course has never seen: subtly wrong ones, each of which must cost points, and awkward right ones.

A wrong answer with `minor=True`, such as an exception of another type, costs little, as in solutions/misconceptions.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autograder.course.course_file import load_course
from autograder.course.declarations import VariantSpec, read_variants
from autograder.course.make_job import make_job
from autograder.course.topic import Topic, load_topic
from autograder.keys.build import build_key
from autograder.keys.key import AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Replacement
from autograder.records.results import TaskResult
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score

HERE = Path(__file__).parent
COURSE = load_course(Path(__file__).parents[3])
SEED = 20261128
KEEPS_AT_MOST = 0.85


THOUGHTLESS = {
    "its argument": "def {task}(*a, **k):\n    return a[0] if a else None\n",
    "a copy of its argument": "import copy\ndef {task}(*a, **k):\n    return copy.deepcopy(a[0]) if a else None\n",
    "zeros": "import torch\ndef {task}(*a, **k):\n    return torch.zeros_like(a[0]) if a and torch.is_tensor(a[0]) else 0\n",
    "True": "def {task}(*a, **k):\n    return True\n",
    "an error": "def {task}(*a, **k):\n    raise ValueError\n",
}


def of_a_topic(topic_name: str, pool: Pool) -> tuple[Topic, AnswerKey]:
    topic = replace(load_topic(COURSE, topic_name), misconceptions=())  # only points are of interest here
    return topic, build_key(COURSE, topic, seed=SEED, pool=pool, cache=None)


def graded(topic: Topic, key: AnswerKey, folder: str, kind: str, pool: Pool) -> dict[str, tuple[VariantSpec, TaskResult]]:
    """Each answer of a file in `folder`, in the place of its task, with the task's result."""
    path = HERE / folder / f"{topic.name}.py"
    specs = read_variants(path, kind=kind, shown=Path(folder, path.name))
    source = path.read_text(encoding="utf-8")
    jobs = [
        make_job(
            COURSE,
            topic,
            topic.reference,
            seed=SEED,
            tasks=[spec.task],
            replacement=Replacement(spec.task, spec.name, f"solutions/{folder}/{path.name}", source),
        )
        for spec in specs
    ]
    rules = rules_of(COURSE, topic, "cpu")
    answers = {}
    for spec, run in zip(specs, pool.map(jobs), strict=True):
        (result,) = score(rules, key, run, tasks=[spec.task])
        answers[spec.name] = spec, result
    return answers


def earned_without_thought(topic: Topic, key: AnswerKey, pool: Pool) -> dict[str, float]:
    """What each answer that needs no thought earns, in the place of each function of the topic, if anything."""
    tasks = list(COURSE.topics[topic.name].tasks)
    sources = [
        tuple(Cell(number, source.format(task=task)) for number, task in enumerate(tasks, 1))
        for source in THOUGHTLESS.values()
    ]
    runs = pool.map(make_job(COURSE, topic, cells, seed=SEED) for cells in sources)
    rules = rules_of(COURSE, topic, "cpu")
    return {
        f"{result.task}: {name}": result.earned
        for name, run in zip(THOUGHTLESS, runs, strict=True)
        for result in score(rules, key, run)
        if result.earned
    }


@pytest.mark.slow
@pytest.mark.apart
@pytest.mark.timeout(900)
@pytest.mark.parametrize("topic", COURSE.topics)
def test_wrong_answers_lose_points(topic: str, pool: Pool) -> None:
    loaded, key = of_a_topic(topic, pool)
    assert not earned_without_thought(loaded, key, pool)
    answers = graded(loaded, key, "wrong_answers", "misconception", pool)
    assert len(answers) >= 9
    cheap = {
        name: f"{result.earned:g} of {result.points:g}: {spec.feedback}"
        for name, (spec, result) in answers.items()
        if result.earned > KEEPS_AT_MOST * result.points and not (spec.minor and result.earned < result.points)
    }
    assert not cheap


@pytest.mark.slow
@pytest.mark.apart
@pytest.mark.timeout(900)
@pytest.mark.parametrize("topic", COURSE.topics)
def test_awkward_right_answers_get_full_marks(topic: str, pool: Pool) -> None:
    answers = graded(*of_a_topic(topic, pool), "right_answers", "alternative", pool)
    assert answers
    failed = {
        name: [check.name for check in result.checks if check.outcome != "passed"]
        for name, (_, result) in answers.items()
        if result.earned < result.points
    }
    assert not failed
