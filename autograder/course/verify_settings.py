"""What course.yml says to `autograde verify`: mutants that are left out, and what it demands of every task.

The operators that make mutants are described here by name, since course.yml names them; `autograder.verifying.operators` has
what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from autograder._words import closest, suggestion

__all__ = [
    "DEMANDS",
    "FAMILIES",
    "GRADIENTS",
    "OPERATORS",
    "Demand",
    "Demanded",
    "VerifyEntry",
    "VerifySettings",
    "verify_mistakes",
    "with_topic",
]

OPERATORS = {
    "detach inserted": "`return y` → `return y.detach()`",
    ".data taken": "`f(x)` → `f(x.data)`",
    "with dropped": "`with torch.no_grad():` is gone, and what it held stays",
    "decorator dropped": "`@torch.no_grad()` is gone",
    "plain attribute for a registered one": "`nn.Parameter(w)` → `w`, `nn.ModuleList(…)` → `list(…)`",
    "other dtype": "`torch.float32` → `torch.float64`, `.long()` → `.int()`",
    "reshape for a permutation of dimensions": "`x.transpose(1, 2)` → a `reshape` to the same shape",
    "other operation": "`mean` → `sum`, `max` → `min`, `view` → `reshape`, `no_grad` → `enable_grad`",
    "keyword added": "`x.sum(1)` → `x.sum(1, keepdim=True)`",
    "call dropped": "`x.clone()` → `x`, `torch.abs(x)` → `x`",
    "in-place on the operand": "`x + y` → `x.add_(y)`, `x.abs()` → `x.abs_()`",
    "other comparison": "`<` → `<=`, `==` → `!=`",
    "other condition": "`a and b` → `a or b`, `if c` → `if not c`",
    "loop cut short": "the first or the last round of a loop is left out, `break` → `continue`",
    "other exception": "`raise ValueError` → `raise RuntimeError`",
    "try undone": "`try` without its `except` or `finally`",
    "other arithmetic": "`+` → `-`, `/` → `*`, one of two operands",
    "other constant": "`1` → `2`, `True` → `False`, `dim=-1` → `dim=-2`",
    "other arguments": "two arguments are swapped, or one is left out",
    "other slice": "`x[1:n]` → `x[:n]`, an index is left out",
    "other result": "`return y` → `return None`, or a parameter, or zeros",
    "statement dropped": "a statement is left out",
    "statements swapped": "two calls in a row are swapped",
}
"""Every operator by the words used in reports, with an example, in the order in which mutants are made."""

GRADIENTS = "gradients"
FAMILIES = {
    GRADIENTS: ("detach inserted", ".data taken"),
    "tensors": ("other dtype", "reshape for a permutation of dimensions", "in-place on the operand", "other slice"),
    "modules": ("plain attribute for a registered one",),
    "calls": ("other operation", "other arguments", "keyword added", "call dropped", "with dropped", "decorator dropped"),
    "conditions": ("other comparison", "other condition", "loop cut short"),
    "errors": ("other exception", "try undone"),
    "values": ("other arithmetic", "other constant", "other result"),
    "statements": ("statement dropped", "statements swapped"),
}
"""Operators by family. `gradients` also stands for whatever other operators do to gradients alone: a dropped `no_grad`, a
dropped `detach()`, `create_graph=True`."""

Demand = Literal["hints", "alternatives", "misconceptions", "gates"]
DEMANDS: tuple[Demand, ...] = ("hints", "alternatives", "misconceptions", "gates")
"""What `verify` demands of every task unless course.yml says otherwise."""

Demanded = Literal["error", "warning", "off"]
_Demanded = Annotated[Demanded, Meta(description="error, warning or off")]
_Names = Annotated[tuple[str, ...], Meta(description="a list of operators or families, like [gradients, other dtype]")]


class VerifyEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A group `verify` in course.yml, of the course or of a topic. What is None is as usual, or as in the course."""

    without: _Names | None = None
    hints: _Demanded | None = None
    alternatives: _Demanded | None = None
    misconceptions: _Demanded | None = None
    gates: _Demanded | None = None


class VerifySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a topic: operators and families `without` which mutants are made, and how much is demanded."""

    without: tuple[str, ...] = ()
    hints: Demanded = "error"
    alternatives: Demanded = "error"
    misconceptions: Demanded = "error"
    gates: Demanded = "error"

    def demanded(self, demand: Demand) -> Demanded:
        """Whether a lack is an error, a warning, or nothing at all."""
        found: Demanded = getattr(self, demand)
        return found

    def leaves_out(self, operator: str, *, of_gradients: bool) -> bool:
        """Whether no such mutant is made; `of_gradients` says that it changes gradients and nothing else."""
        families = [family for family, operators in FAMILIES.items() if operator in operators]
        return not {operator, *families, *([GRADIENTS] if of_gradients else [])}.isdisjoint(self.without)


def with_topic(course: VerifyEntry, topic: VerifyEntry) -> VerifySettings:
    """What holds for a topic. What it goes without adds to what the course goes without; its other values replace those."""
    demanded = {
        demand: value for entry in (course, topic) for demand in DEMANDS if (value := getattr(entry, demand)) is not None
    }
    return VerifySettings(without=tuple(dict.fromkeys((*(course.without or ()), *(topic.without or ())))), **demanded)


def verify_mistakes(key: str, entry: VerifyEntry) -> Iterator[str]:
    """A sentence for each name that is neither an operator nor a family."""
    known = (*FAMILIES, *OPERATORS)
    for name in entry.without or ():
        if name not in known:
            remedy = suggestion(name, known) if closest(name, known) else "`autograde verify --operators` lists them."
            yield f"{key}.without names {name!r}, which is not an operator or a family of them; {remedy}"
