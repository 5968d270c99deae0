"""What the checks of a `kind: choice` task call: an answer's form, and the answer itself. Imports no torch.

An answer is one of the options, a list of them, or a number. Spaces around an option and capital letters do not matter, nor
do the order of a list and what is in it twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from autograder.authoring import Mark, Marked, close, only, says, secret

__all__ = ["RIGHT_FORM", "answer_of", "demand_of", "form_check", "form_of"]

RIGHT_FORM = "the right form"
_WRONG_FORM = "no answer of the right form"


_F = TypeVar("_F", bound=Callable[..., Any])


def form_check(task: str) -> Callable[[_F], _F]:
    """Make a function a check of `task` that tells students something and has no weight."""

    def mark(function: _F) -> _F:
        function.__autograde__ = Mark("check", task)  # type: ignore[attr-defined]
        return function

    return mark


def form_of(name: str, value: Any, *, options: Sequence[str] = (), several: bool = False) -> Marked:
    """Whether an answer has the right form, for the check that tells students so.

    Args:
        name: the task's.
        value: the answer.
        options: what it may be; a number if there are none.
        several: whether it is a list of options.
    """
    form = _WRONG_FORM if _plain(value, options, several) is None else RIGHT_FORM
    return says(form, f"`{name}` must be {demand_of(options, several)}.")


def answer_of(
    name: str, value: Any, *, options: Sequence[str] = (), several: bool = False, tolerance: float = 0.0
) -> Marked:
    """The answer, kept secret, for the check that judges it; a number is right within the `tolerance`."""
    plain = _plain(value, options, several)
    if isinstance(plain, float):
        return secret(close(only(plain, "values"), rtol=0.0, atol=tolerance))
    return says(secret(_WRONG_FORM if plain is None else plain), f"`{name}` is not the right answer.")


def demand_of(options: Sequence[str], several: bool) -> str:
    """What an answer must be, in words."""
    if not options:
        return "a number"
    *others, last = (f'"{option}"' for option in options)
    listed = f"{', '.join(others)} {'and' if several else 'or'} {last}"
    return f"a list of one or more of {listed}" if several else listed


def _plain(value: Any, options: Sequence[str], several: bool) -> str | list[str] | float | None:
    """The answer in the same words for all who mean the same; None if it has another form."""
    if not options:
        return _number(value)
    if not several:
        return _option(value, options)
    if not isinstance(value, list | tuple | set | frozenset):
        return None
    chosen = [_option(each, options) for each in value]
    return [option for option in options if option in chosen] if chosen and None not in chosen else None


def _option(value: Any, options: Sequence[str]) -> str | None:
    said = value.strip().casefold() if isinstance(value, str) else None
    return next((option for option in options if option.casefold() == said), None)


def _number(value: Any) -> float | None:
    if hasattr(value, "item") and getattr(value, "shape", None) == ():  # of NumPy or torch
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
