"""Printed texts: what counts as the same line, and what is told of one that differs."""

from __future__ import annotations

import time

import pytest

from autograder.comparing.printed import difference_in_print
from autograder.records.observation import PrintsAlike


def told(expected: str, actual: str, *, tolerance: float = 0.0, unordered: bool = False, quote: bool = True) -> str:
    return difference_in_print("`x`", expected, actual, PrintsAlike(tolerance, unordered), quote=quote)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("a b\n", "a b"),
        ("a  b", "a b  \n\n  \n"),
        ("a\tb\r\nc", " a b\nc"),
        ("", "\n"),
        ("1.50", "1.5"),
        ("loss 1e-3", "loss 0.001"),
        ("tensor([1., 2.])", "tensor([1.0, 2.00])"),
        ("v2.13.0", "v2.13.0"),
        ("+3", "3"),
    ],
)
def test_the_same_in_other_spaces_and_digits(expected: str, actual: str) -> None:
    assert told(expected, actual) == told(actual, expected) == ""


@pytest.mark.parametrize(
    ("expected", "actual", "tolerance", "same"),
    [
        ("0.333333", "0.3333", 1e-4, True),
        ("0.333333", "0.3333", 1e-5, False),
        ("100000", "100009", 1e-4, True),
        ("100000", "100011", 1e-4, False),
        ("-0.5", "0.5", 0.1, False),
        ("epoch 1", "epochs 1", 0.1, False),
        ("1" * 400, "2" * 400, 0.5, False),
        ("nan", "nan", 0.1, True),
        ("nan", "0", 0.1, False),
        ("1, 2", "1, 2, 3", 0.5, False),
    ],
)
def test_numbers_may_be_off_by_the_tolerance(expected: str, actual: str, tolerance: float, same: bool) -> None:
    assert (told(expected, actual, tolerance=tolerance) == "") == same


@pytest.mark.parametrize(
    ("expected", "actual", "quoted", "unquoted"),
    [
        ("a\nb", "a\nc", "Line 2 of `x` is 'c'; it should be 'b'.", "Line 2 of `x` differs in its words."),
        ("a 1", "a 2", "Line 1 of `x` is 'a 2'; it should be 'a 1'.", "Line 1 of `x` differs in a number."),
        (
            "a\nb\nc",
            "a",
            "`x` has 1 line; it should have 3. The next one should be 'b'.",
            "`x` has 1 line; it should have 3.",
        ),
        (
            "a",
            "a\nb",
            "`x` has 2 lines; it should have 1. The first one too many is 'b'.",
            "`x` has 2 lines; it should have 1.",
        ),
        ("a", " \n", "`x` is empty: the code prints nothing.", "`x` is empty: the code prints nothing."),
        ("", "a", "`x` has 1 line; it should have 0. The first one too many is 'a'.", "`x` has 1 line; it should have 0."),
        ("a\n\nb", "a\nb", "Line 2 of `x` is 'b'; it should be empty.", "Line 2 of `x` differs in its words."),
    ],
)
def test_the_first_line_that_differs_is_told(expected: str, actual: str, quoted: str, unquoted: str) -> None:
    assert told(expected, actual) == quoted
    assert told(expected, actual, quote=False) == unquoted


def test_lines_in_any_order() -> None:
    assert told("a 1\na 1.0001\nb", "b\na 1.0001\na 1", tolerance=0.001, unordered=True) == ""
    assert told("a\nb", "b", unordered=True) == "1 line of `x` is missing."
    assert told("a\nb", "b\nb\na", unordered=True, quote=False) == (
        "1 line of `x` should not be there (their order does not matter)."
    )


def test_what_is_long_is_compared_in_time() -> None:
    started = time.process_time()
    lines = [f"{number} {'1' * 20}" for number in range(600)]
    assert told("\n".join(lines), "\n".join(f"{line}1" for line in lines), unordered=True)
    assert told("1" * 15_000, "1." * 7_500)
    assert time.process_time() - started < 2
