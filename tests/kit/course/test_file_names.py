"""What a file's name says of its topic, with the release's number before it or without."""

from __future__ import annotations

import pytest

from autograder.course.file_names import (
    is_start,
    released_name,
    split_duplicate,
    start_note,
    topic_in,
    topic_named,
    topic_of_stem,
)

TOPICS = ("views", "autograd", "data_loading", "data")


@pytest.mark.parametrize(
    ("stem", "plain", "copy"),
    [
        ("autograd", "autograd", 0),
        ("autograd (2)", "autograd", 2),
        ("05_autograd (2)", "05_autograd", 2),
        ("autograd(3)", "autograd", 3),
        ("autograd-1", "autograd", 1),
        ("autograd-Copy1", "autograd", -1),
        ("05_autograd-Copy1", "05_autograd", -1),
        ("autograd - Kopie", "autograd", -1),
        ("autograd 2026", "autograd 2026", 0),
    ],
)
def test_copies(stem: str, plain: str, copy: int) -> None:
    assert split_duplicate(stem) == (plain, copy)


@pytest.mark.parametrize(
    ("stem", "topic"),
    [
        ("views", "views"), ("01_views", "views"), ("17_Views", "views"), ("03_data_loading", "data_loading"),
        ("00_views", None), ("1_views", None), ("1815_views", None), ("01_vews", None), ("my views", None), ("01_", None),
    ],
)  # fmt: skip
def test_a_topics_own_name(stem: str, topic: str | None) -> None:
    assert topic_named(stem, TOPICS) == topic


@pytest.mark.parametrize(
    ("stem", "topic"),
    [
        ("Views_final", "views"), ("my-autograd", "autograd"), ("data_loading v2", "data_loading"), ("data", "data"),
        ("previews", None), ("views autograd", None), ("homework", None), ("ada_01_views", "views"), ("00_start", None),
    ],
)  # fmt: skip
def test_topics(stem: str, topic: str | None) -> None:
    assert topic_in(stem, TOPICS) == topic


@pytest.mark.parametrize("stem", ["views", "01_views", "01_views (2)", "views-Copy1", "ada_01_views", "ada_01_views-1"])
def test_all_ways_to_name_a_notebook(stem: str) -> None:
    assert topic_of_stem(stem, TOPICS) == "views"


def test_a_topic_may_be_called_like_a_numbered_one() -> None:
    topics = ("x", "01_x", "part_02_x", "lab_1")
    assert [topic_named(stem, topics) for stem in ("01_x", "02_x", "02_01_x", "03_part_02_x", "part_02_x", "04_lab_1")] == [
        "01_x", "x", "01_x", "part_02_x", "part_02_x", "lab_1",
    ]  # fmt: skip
    assert topic_in("ada_01_x", topics) == "01_x"


def test_what_a_release_writes_is_read_again() -> None:
    many = tuple(f"topic{number}" for number in range(120))
    for topics in (TOPICS, ("00_x", "01_x", "x"), many):
        for numbered in (True, False):
            names = [released_name(topic, topics, numbered=numbered) for topic in topics]
            assert [topic_named(name, topics) for name in names] == list(topics)
    assert [released_name(topic, TOPICS, numbered=True) for topic in TOPICS][2] == "03_data_loading"


@pytest.mark.parametrize("name", ["00_start", "00_Start (1)", "ada_00_start", "00_start-Copy1"])
def test_the_start_notebook(name: str) -> None:
    assert is_start(name)
    assert topic_of_stem(name, ("start", "views")) is None


@pytest.mark.parametrize("name", [None, "", "start", "01_start", "100_start", "00_starting"])
def test_what_is_not_the_start_notebook(name: str | None) -> None:
    assert not is_start(name)


def test_the_note_names_a_few() -> None:
    assert start_note(["ada"]).startswith("ada handed in the start notebook (00_start), which has nothing to grade")
    assert start_note(["ada", "bo"]).startswith("ada and bo handed in")
    assert start_note(["ada", "bo", "cy", "di", "ed"]).startswith("ada, bo, cy and 2 more handed in")
