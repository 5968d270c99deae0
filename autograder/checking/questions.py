"""While a check runs, nobody answers: `input()`, `getpass()`, `breakpoint()` and debuggers say so instead of waiting."""

from __future__ import annotations

import bdb
import builtins
import getpass
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

__all__ = ["unanswered"]


@contextmanager
def unanswered() -> Iterator[None]:
    """Refuse questions inside, whichever function or debugger asks them. A notebook would wait for an answer."""
    places: tuple[tuple[Any, str, str], ...] = (
        (builtins, "input", "input()"),
        (getpass, "getpass", "getpass()"),
        (sys, "breakpointhook", "breakpoint()"),
        (bdb.Bdb, "set_trace", "a debugger"),
    )
    before = [getattr(place, name) for place, name, _ in places]
    for place, name, shown in places:
        setattr(place, name, _refusing(shown))
    try:
        yield
    finally:
        for (place, name, _), function in zip(places, before, strict=True):
            setattr(place, name, function)


def _refusing(shown: str) -> Callable[..., NoReturn]:
    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        raise RuntimeError(f"A check cannot wait for {shown}. To use it, call your code in a cell of its own.")

    return refuse
