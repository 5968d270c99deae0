"""Trials of a choice: which answers must be right, wrong, or of another form, from the right one and course.yml."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from autograder.course.course_file import TaskEntry

__all__ = ["ChoiceTrial", "trials_of"]

_MOST_LISTS = 40


class ChoiceTrial(NamedTuple):
    """An answer to try: whether its form is right, and whether it is."""

    answer: object
    has_form: bool = True
    is_right: bool = False


def trials_of(entry: TaskEntry, right: str | float | list[str]) -> Iterator[ChoiceTrial]:
    """What must be said of other answers: each wrong option, lists with an option more or less, numbers out of tolerance.

    Args:
        entry: the task.
        right: the right answer, as the reference has it.
    """
    if isinstance(right, float):
        yield from _numbers(right, entry.tolerance or 0.0)
    elif isinstance(right, list):
        yield from _lists(right, entry.options or ())
    else:
        yield ChoiceTrial(f" {right.swapcase()} ", is_right=True)
        yield from (ChoiceTrial(option) for option in entry.options or () if option != right)
        yield from (ChoiceTrial(other, has_form=False) for other in ([right], "", None))


def _numbers(right: float, tolerance: float) -> Iterator[ChoiceTrial]:
    step = tolerance or math.ulp(right)
    for sign in (1, -1):
        yield ChoiceTrial(right + sign * 0.5 * tolerance, is_right=True)
        yield ChoiceTrial(right + sign * 2 * step)
    yield from (ChoiceTrial(other, has_form=False) for other in (str(right), [right], None))


def _lists(right: list[str], options: tuple[str, ...]) -> Iterator[ChoiceTrial]:
    yield ChoiceTrial((*reversed(right), right[0].swapcase()), is_right=True)
    flipped = [[each for each in options if (each in right) != (each == option)] for option in options]
    alone = [[option] for option in options]
    for number, answer in enumerate(other for other in (*flipped, *alone, list(options)) if other and other != right):
        if number < _MOST_LISTS:
            yield ChoiceTrial(answer)
    yield from (ChoiceTrial(other, has_form=False) for other in (right[0], [], [*right, "another"]))
