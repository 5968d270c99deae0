"""Worked solutions in a release: which files hold them, and what is in these. `autograde release` writes them.

solutions/TOPIC.json        TopicSolutions, for a topic with `solutions: after_pass`
solutions/TOPIC.sealed      SealedSolutions, JSON as well, for a topic with `solutions: after_due`
solutions/TOPIC.passphrase  what opens the latter; missing until the instructor or the student puts it there
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["FORMAT_VERSION", "SealedSolutions", "SolutionsPolicy", "TopicSolutions", "WorkedSolution", "solutions_file"]

FORMAT_VERSION = 1

SolutionsPolicy = Literal["never", "after_due", "after_pass"]


class WorkedSolution(msgspec.Struct, frozen=True, kw_only=True):
    """A task's solution: the source of the task and its helpers, and a sentence for each common mistake."""

    source: str
    mistakes: list[str]


class TopicSolutions(msgspec.Struct, frozen=True, kw_only=True):
    """The solutions of a topic, by task. Predictions have none."""

    format_version: int = FORMAT_VERSION
    topic: str
    tasks: dict[str, WorkedSolution]


class SealedSolutions(msgspec.Struct, frozen=True, kw_only=True):
    """A topic's `TopicSolutions` as JSON, encrypted as `_sealing.py` says; bytes are in base64."""

    format_version: int = FORMAT_VERSION
    topic: str
    salt: bytes
    sealed: bytes


def solutions_file(topic: str, kind: Literal["json", "sealed", "passphrase"]) -> str:
    """The file's name in the release."""
    return f"solutions/{topic}.{kind}"
