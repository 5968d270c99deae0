"""What a file's name says of its topic, and of being a further copy."""

from __future__ import annotations

import pytest

from autograder.intake.names import split_duplicate, topic_in
from autograder.intake.plain import owner

TOPICS = ("views", "autograd", "data_loading", "data")


@pytest.mark.parametrize(
    ("stem", "plain", "copy"),
    [
        ("autograd", "autograd", 0),
        ("autograd (2)", "autograd", 2),
        ("autograd(3)", "autograd", 3),
        ("autograd-1", "autograd", 1),
        ("autograd-Copy1", "autograd", -1),
        ("autograd - Kopie", "autograd", -1),
        ("autograd 2026", "autograd 2026", 0),
    ],
)
def test_copies(stem: str, plain: str, copy: int) -> None:
    assert split_duplicate(stem) == (plain, copy)


@pytest.mark.parametrize(
    ("stem", "topic"),
    [
        ("Views_final", "views"), ("my-autograd", "autograd"), ("data_loading v2", "data_loading"), ("data", "data"),
        ("previews", None), ("views autograd", None), ("homework", None),
    ],
)  # fmt: skip
def test_topics(stem: str, topic: str | None) -> None:
    assert topic_in(stem, TOPICS) == topic


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("ada_views.ipynb", "ada"), ("views - Ada Lovelace.ipynb", "Ada Lovelace"), ("VIEWS-ada (2).ipynb", "ada"),
        ("ada.ipynb", "ada"), ("views.ipynb", ""), ("views (2).ipynb", ""),
    ],
)  # fmt: skip
def test_owners(name: str, whose: str) -> None:
    assert owner(name, TOPICS) == whose
