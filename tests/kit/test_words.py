from __future__ import annotations

import pytest

from autograder._words import closest, counted, defused, suggestion, undefused


def test_what_was_meant_is_found_whatever_its_case() -> None:
    assert suggestion("Autogrd", ["dtypes", "autograd"]) == "did you mean 'autograd'?"
    assert suggestion("keeper", ["Keeper"]) == "did you mean 'Keeper'?"
    assert set(closest("ann", ["anna", "anne", "bo"], most=3)) == {"anna", "anne"}


def test_else_all_there_is_is_named() -> None:
    assert suggestion("xyzzy", ["dtypes", "autograd"]) == "choose from dtypes, autograd."
    assert suggestion("xyzzy", []) == "there are none."


def test_counted() -> None:
    assert [counted(number, "task") for number in (0, 1, 2)] == ["0 tasks", "1 task", "2 tasks"]


@pytest.mark.attack
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", " =1", "\t=1", "\r=1", "'=1", "''=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert defused(text) == f"'{text}"
    assert undefused(defused(text)) == text


@pytest.mark.parametrize("text", ["", "a=1", "1-1", "'t Hooft", "'", "ann@example.org", " a"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert defused(text) == undefused(text) == text
