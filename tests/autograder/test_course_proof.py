"""The course proves its own checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import load_course
from autograder.pool import Pool
from autograder.verify import verify

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_the_course_proves_itself() -> None:
    with Pool() as pool:
        verification = verify(load_course(ROOT), None, pool)
    assert verification.problems == []
    for topic in verification.topics:
        assert topic.mutants == topic.killed + topic.accepted
        assert topic.killed > 10 * topic.tasks
