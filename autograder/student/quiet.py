"""`check`, `hint`, `progress` and `solution` while a notebook is being graded: they do nothing, and say so."""

from __future__ import annotations

__all__ = ["check", "hint", "progress", "solution"]


def check(*arguments: object, **options: object) -> None:
    """Do nothing."""
    print("(check() does nothing during grading)")


def hint(*arguments: object, **options: object) -> None:
    """Do nothing."""
    print("(hint() does nothing during grading)")


def progress(*arguments: object, **options: object) -> None:
    """Do nothing."""
    print("(progress() does nothing during grading)")


def solution(*arguments: object, **options: object) -> None:
    """Do nothing."""
    print("(solution() does nothing during grading)")
