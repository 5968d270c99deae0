"""How states, outcomes, points and untrusted text are shown: on pages, in terminals and in notebooks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograder._words import counted
from autograder.records.jobs import Outcome
from autograder.records.results import FirstCause, TaskResult

__all__ = [
    "OUTCOMES",
    "Label",
    "cause_sentence",
    "checks_passed",
    "counted_points",
    "escaped",
    "is_plain",
    "points_text",
    "readable",
    "task_state",
    "wrong_values",
]


_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


@dataclass(frozen=True)
class Label:
    """A state as a word, a symbol and a style: never a colour alone."""

    style: str
    symbol: str
    word: str


OUTCOMES = {
    Outcome.PASSED: ("✓", "passed"),
    Outcome.FAILED: ("✗", "failed"),
    Outcome.ERROR: ("!", "error"),
    Outcome.TIMEOUT: ("∞", "time-out"),
    Outcome.NOT_RUN: ("○", "not run"),
}


def readable(text: str) -> str:
    """The text without terminal colours. A character without a glyph, or that reorders text, becomes a replacement sign."""
    if is_plain(text):
        return text
    return _NOT_TEXT.sub("\ufffd", _ANSI.sub("", text.replace("\r\n", "\n")))


def is_plain(text: str) -> bool:
    """Whether `readable` would leave the text unchanged."""
    return text.isascii() and text.isprintable()


def escaped(text: str, characters: str) -> str:
    """The text for Markdown, in which a backslash keeps these characters from meaning anything; it is one of them itself."""
    return text.translate({ord(each): f"\\{each}" for each in characters})


def points_text(number: float) -> str:
    """Points without trailing zeros: 4, 2.5, 1.33."""
    return f"{round(number, 2):g}"


def counted_points(number: float) -> str:
    """`1 point`, `2.5 points`."""
    return f"{points_text(number)} point{'' if points_text(number) == '1' else 's'}"


def task_state(task: TaskResult) -> Label:
    """The state of a task, as a label."""
    if not task.attempted:
        return Label("untouched", "○", "not attempted")
    if task.pending:
        return Label("pending", "…", "pending")
    if not task.checks and not task.untold and task.earned:  # given by a person
        return Label("complete", "✓", "complete") if task.earned >= task.points else Label("partial", "◐", "partly right")
    passed = all(check.outcome is Outcome.PASSED for check in task.checks)
    if task.checks and passed if not task.untold else passed and task.earned >= task.points:
        return Label("complete", "✓", "complete")
    if task.earned:
        return Label("partial", "◐", "partly right")
    if not task.untold and all(check.outcome is Outcome.NOT_RUN for check in task.checks):
        return Label("idle", "○", "not run")
    return Label("none", "✗", "no points yet")


def checks_passed(task: TaskResult) -> str:
    """How many of a task's checks passed: `3 of 5`; empty for a prediction, which is right or wrong, and without checks."""
    passed = sum(check.outcome is Outcome.PASSED for check in task.checks)
    return "" if task.prediction or not task.checks else f"{passed} of {len(task.checks)}"


def cause_sentence(cause: FirstCause) -> str:
    """The cell that failed, why, and how many tasks could not be judged because of it."""
    where = f"Cell {cause.cell}" if cause.cell else "The file"
    depend = "depends" if len(cause.tasks) == 1 else "depend"
    return f"{where} failed: {readable(cause.error)}; {counted(len(cause.tasks), 'task')} {depend} on it."


def wrong_values(task: TaskResult) -> bool:
    """Whether no gate passed because of what the code returned, and not because it raised, took too long or died."""
    return all(check.outcome is Outcome.FAILED and not check.error_type for check in task.checks if check.gate)
