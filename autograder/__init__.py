"""autograde: exercises for PyTorch that grade themselves. The names that authors of checks need; imports no torch."""

from autograder.authoring import (
    alternative,
    at_least,
    at_most,
    checks,
    close,
    distributed_as,
    exactly,
    ignoring,
    misconception,
    only,
    raises,
    secret,
    unordered,
)

__all__ = [
    "alternative",
    "at_least",
    "at_most",
    "checks",
    "close",
    "distributed_as",
    "exactly",
    "ignoring",
    "misconception",
    "only",
    "raises",
    "secret",
    "unordered",
]
