"""The course proves its own checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import load_course
from autograder.pool import Pool
from autograder.verify import verify

COURSE = load_course(Path(__file__).parents[2])


@pytest.mark.slow
@pytest.mark.apart
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", COURSE.topics)
def test_a_topic_proves_itself(name: str, pool: Pool) -> None:
    verification = verify(COURSE, [name], pool)
    assert verification.problems == []
    (topic,) = verification.topics
    assert topic.mutants == topic.killed + topic.accepted
    assert topic.killed > 10 * topic.tasks
