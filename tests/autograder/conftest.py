"""What many test files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.pool import Pool


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """A running pool with one worker, confined as well as this system allows."""
    with Pool(1) as running:
        yield running
