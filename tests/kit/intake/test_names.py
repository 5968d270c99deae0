"""Whose a file is, by its name."""

from __future__ import annotations

import pytest

from autograder.intake.plain import owner, owners

TOPICS = ("views", "autograd", "data_loading", "data")


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("ada_views.ipynb", "ada"), ("views - Ada Lovelace.ipynb", "Ada Lovelace"), ("VIEWS-ada (2).ipynb", "ada"),
        ("ada.ipynb", "ada"), ("views.ipynb", ""), ("views (2).ipynb", ""),
        ("ada_01_views.ipynb", "ada"), ("01_views - Ada Lovelace.ipynb", "Ada Lovelace"), ("01_views.ipynb", ""),
        ("al12_03_data_loading (2).ipynb", "al12"), ("1815_views.ipynb", "1815"), ("1815_01_views.ipynb", "1815"),
        ("ada_00_start.ipynb", "ada"), ("00_start.ipynb", ""),
    ],
)  # fmt: skip
def test_owners(name: str, whose: str) -> None:
    assert owner(name, TOPICS) == whose


def test_numbers_that_differ_for_one_topic_are_people() -> None:
    codes = ["01_views.ipynb", "02_views.ipynb", "02_autograd.ipynb", "03_data.ipynb"]
    assert owners(codes, TOPICS) == {
        "01_views.ipynb": "01",
        "02_views.ipynb": "02",
        "02_autograd.ipynb": "",
        "03_data.ipynb": "",
    }
