"""How `autograde verify` varies what checks draw, to tell a mutant from the reference: the names that both sides use."""

from __future__ import annotations

__all__ = [
    "AS_DRAWN",
    "CALLS",
    "CODE",
    "GRADIENTS",
    "RESULT",
    "RETURNED",
    "VARIATIONS",
    "check_and_variation",
    "varied_name",
]

AS_DRAWN = "as drawn"
VARIATIONS = {
    AS_DRAWN: "as the checks draw it",
    "gradients": "inputs that require grad",
    "float64": "float64 inputs",
    "bfloat16": "bfloat16 inputs",
    "int32": "int32 inputs",
    "int64": "int64 inputs",
    "whole": "whole numbers, many of them equal",
    "zeros": "inputs of zeros",
    "nan": "inputs of NaN",
    "gaps": "inputs that are not contiguous",
    "larger": "larger inputs",
    "ones": "inputs of size 1",
    "empty": "empty inputs",
}
"""Every variation, with the words for what it draws."""

CALLS, CODE, RESULT, GRADIENTS, RETURNED = "calls", "code", "result", "gradients", "returned"
"""The keys of what an exploring check returns: for each call of the task its code, result and gradients; and the rest."""


def varied_name(check: str, variation: str) -> str:
    """The name of a check that explores a variation; no function of an author can have it."""
    return f"{check} ({variation})"


def check_and_variation(name: str) -> tuple[str, str]:
    """The author's check and the variation behind a name from `varied_name`."""
    check, _, variation = name.removesuffix(")").partition(" (")
    return check, variation
