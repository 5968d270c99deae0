"""Answers to choices: what counts as the same answer, and what has another form."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from autograder.choices import RIGHT_FORM, answer_of, demand_of, form_of

LETTERS = ("a", "b", "c")


@pytest.mark.parametrize("answer", ["b", "B", " b\n"])
def test_an_option_is_known_by_its_letters(answer: str) -> None:
    assert answer_of("x", answer, options=LETTERS).thing == "b"
    assert form_of("x", answer, options=LETTERS).thing == RIGHT_FORM


@pytest.mark.parametrize("answer", [["c", "a"], ("A", "c"), {"a", "c"}, ["a", "c", "a"]])
def test_a_list_is_known_by_what_is_in_it(answer: Any) -> None:
    assert answer_of("x", answer, options=LETTERS, several=True).thing == ["a", "c"]


@pytest.mark.parametrize("answer", [2, 2.0, np.float32(2), torch.tensor(2.0), torch.tensor(2), np.int64(2), np.array(2)])
def test_a_number_may_be_of_any_kind(answer: Any) -> None:
    marked = answer_of("x", answer, tolerance=0.5)
    assert (marked.thing, marked.policy.atol, marked.policy.rtol, marked.policy.secret) == (2.0, 0.5, 0.0, True)


@pytest.mark.parametrize(
    ("answer", "options", "several"),
    [
        *((other, LETTERS, False) for other in ("d", "", ["a"], None, 1, b"a", "ab")),
        *((other, LETTERS, True) for other in ("a", [], ["a", "d"], ["a", None], {"a": 1}, [["a"]], None)),
        *((other, (), False) for other in ("2", True, None, [2], math.nan, math.inf, 10**400, 1j, torch.ones(1))),
    ],
)
def test_anything_else_has_another_form(answer: Any, options: tuple[str, ...], several: bool) -> None:
    form = form_of("x", answer, options=options, several=several)
    assert form.thing != RIGHT_FORM
    assert form.policy.sentence == f"`x` must be {demand_of(options, several)}."
    assert answer_of("x", answer, options=options, several=several).thing == "no answer of the right form"


def test_a_demand_is_said_in_words() -> None:
    assert demand_of(LETTERS, several=False) == '"a", "b" or "c"'
    assert demand_of(("yes", "no"), several=False) == '"yes" or "no"'
    assert demand_of(LETTERS, several=True) == 'a list of one or more of "a", "b" and "c"'
    assert demand_of((), several=False) == "a number"
