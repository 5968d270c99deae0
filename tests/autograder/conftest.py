"""What many test files share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.pool import Pool


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pictures that the documentation shows are taken by a test."""
    parser.addoption("--screenshots", metavar="FOLDER", help="where test_browser.py puts its pictures")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with one in the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    """A running pool with one worker, confined as well as this system allows."""
    with Pool(1) as running:
        yield running
