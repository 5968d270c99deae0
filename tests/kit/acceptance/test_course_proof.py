"""The course proves its own checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course.course_file import load_course
from autograder.processes.pool import Pool
from autograder.verifying.verify import verify

COURSE = load_course(Path(__file__).parents[3])


@pytest.mark.slow
@pytest.mark.apart
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seeds", [5, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", COURSE.topics)
def test_a_topic_proves_itself(name: str, seeds: int, pool: Pool) -> None:
    """Right answers are drawn five times in each check here, and twenty times in `make verify` and `make test-long`."""
    verification = verify(COURSE, [name], pool, seeds=seeds)
    assert verification.problems == []
    (topic,) = verification.topics
    assert topic.mutants == topic.killed + topic.accepted
    assert topic.killed > 10 * topic.tasks
