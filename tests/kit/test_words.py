from __future__ import annotations

from autograder._words import closest, counted, suggestion


def test_what_was_meant_is_found_whatever_its_case() -> None:
    assert suggestion("Autogrd", ["dtypes", "autograd"]) == "did you mean 'autograd'?"
    assert suggestion("keeper", ["Keeper"]) == "did you mean 'Keeper'?"
    assert set(closest("ann", ["anna", "anne", "bo"], most=3)) == {"anna", "anne"}


def test_else_all_there_is_is_named() -> None:
    assert suggestion("xyzzy", ["dtypes", "autograd"]) == "choose from dtypes, autograd."
    assert suggestion("xyzzy", []) == "there are none."


def test_counted() -> None:
    assert [counted(number, "task") for number in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]
