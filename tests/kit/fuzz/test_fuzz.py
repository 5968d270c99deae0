"""Every reader of bytes that are not ours ends, in bounded time and memory, with a value or a sentence."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fuzz import try_some
from fuzz_targets import CORPUS, SECONDS, TARGETS, Target, TooMuch, check

from autograder.errors import SubmissionError

pytestmark = [pytest.mark.slow, pytest.mark.attack]


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_went_wrong_and_examples(name: str) -> None:
    for data in TARGETS[name].corpus().values():
        check(TARGETS[name], data)


@pytest.mark.parametrize("name", TARGETS)
def test_drawn_inputs(name: str) -> None:
    try_some(TARGETS[name], examples=60, number=15)


def test_each_folder_of_examples_belongs_to_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} <= set(TARGETS)


def test_a_fault_too_much_time_and_too_much_memory_are_noticed() -> None:
    def slow(data: bytes, folder: Path) -> None:
        while time.process_time() < ends:
            pass

    def large(data: bytes, folder: Path) -> None:
        bytearray(b"x" * (200 << 20))

    def faulty(data: bytes, folder: Path) -> None:
        data[0]

    def refused(data: bytes, folder: Path) -> None:
        raise SubmissionError("no")

    ends = time.process_time() + SECONDS + 0.2
    check(Target("refused", refused, ()), b"")
    with pytest.raises(TooMuch, match=r"s$"):
        check(Target("slow", slow, ()), b"")
    with pytest.raises(TooMuch, match=r"MB$"):
        check(Target("large", large, ()), b"")
    with pytest.raises(IndexError):
        try_some(Target("faulty", faulty, ()), examples=20, number=1)
