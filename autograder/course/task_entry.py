"""A task's entry in course.yml: its points, its kind, and what belongs to that kind."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

__all__ = ["TaskEntry", "Values", "kind_mistakes", "unread_inputs"]

Level = Literal["easy", "medium", "hard"]
Kind = Literal["checked", "manual", "choice", "output"]

# A message about a wrong value ends in "write" and one of these descriptions.
_Flag = Annotated[bool, Meta(description="true or false")]
_Points = Annotated[float, Meta(ge=0, le=1e6, description="a number of at least 0")]
_Weight = Annotated[float, Meta(ge=0, le=1e6, description="a number of at least 0")]
_Option = Annotated[str, Meta(min_length=1, max_length=100)]
_OPTIONS = "2 to 26 different texts, like [a, b, c], in quotes where YAML takes them for something else"
_Options = Annotated[tuple[_Option, ...], Meta(min_length=2, max_length=26, description=_OPTIONS)]
_Distance = Annotated[float, Meta(ge=0, le=1e300, description="a number of at least 0: how far off an answer may be")]
_VALUES = "a list of 2 to 100 numbers, texts, true or false, one of which is drawn, like [3, 5, 8]"
Values = Annotated[tuple[bool | int | float | str, ...], Meta(min_length=2, max_length=100, description=_VALUES)]


class TaskEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task's points and level, and the weight of `side_effects` among its checks. A person gives the points of a `manual`
    task; checks give those of the others.

    A `choice` is an answer that is one of `options`, or a list of them if `several`; or a number, right within `tolerance`.
    An `output` is what a marked range prints: its lines, `unordered` in any order, with numbers right within `tolerance`,
    for `inputs` that are drawn. Either `tells` students only whether it has the right form, or also whether it is right.
    """

    points: _Points
    side_effects: _Weight = 1.0
    level: Annotated[Level, Meta(description="easy, medium or hard")] = "medium"
    kind: Annotated[Kind, Meta(description="checked, manual, choice or output")] = "checked"
    options: _Options | None = None
    several: _Flag = False
    tolerance: _Distance | None = None
    tells: Annotated[Literal["form", "verdict"], Meta(description="form or verdict")] = "form"
    inputs: dict[str, Values] | None = None
    unordered: _Flag = False

    @property
    def has_own_checks(self) -> bool:
        """Whether the kit writes the task's checks."""
        return self.kind in ("choice", "output")

    @property
    def is_fixed(self) -> bool:
        """Whether one answer is right, whatever is drawn: an output without inputs."""
        return self.kind == "output" and not self.inputs

    @property
    def effects_weight(self) -> float:
        """The weight of `side_effects`; none for a choice or an output, where nothing else counts."""
        return 0.0 if self.has_own_checks else self.side_effects

    @property
    def only_form(self) -> bool:
        """Whether students hear only in grading whether their answer is right."""
        return self.has_own_checks and self.tells == "form"


_KEYS: Mapping[str, tuple[str, ...]] = {
    "options": ("choice",),
    "several": ("choice",),
    "tolerance": ("choice", "output"),
    "tells": ("choice", "output"),
    "inputs": ("output",),
    "unordered": ("output",),
}
"""Which kinds each key is for."""
_DEFAULTS = {"tells": "form"}


def kind_mistakes(task: TaskEntry) -> Iterator[str]:
    """What of an entry does not go with its kind: `KEY is VALUE; REMEDY`, without the task's own key before it."""
    for key, kinds in _KEYS.items():
        value = getattr(task, key)
        if task.kind not in kinds and value is not None and value is not False and value != _DEFAULTS.get(key):
            article, others = "an" if kinds[0] == "output" else "a", " or an ".join(kinds)
            yield f"{key} is only for {article} {others}; remove it, or write kind: {' or kind: '.join(kinds)}."
    if task.has_own_checks and task.side_effects != 1.0:
        yield (
            f"side_effects is {task.side_effects:g}, but nothing of {'a choice' if task.kind == 'choice' else 'an output'} "
            "has side effects that count; remove it."
        )
    if task.kind == "choice":
        yield from _choice_mistakes(task)
    for name, values in (task.inputs or {}).items():
        if any(isinstance(value, float) and not math.isfinite(value) for value in values):
            yield f"inputs.{name} holds a number that is not finite; write {_VALUES}."


def _choice_mistakes(task: TaskEntry) -> Iterator[str]:
    options = task.options or ()
    if bool(options) == (task.tolerance is not None):
        yield "kind is choice; write either options or, for a number, tolerance."
    elif task.several and not options:
        yield "several is true, but there are no options; remove it."
    elif task.tells == "verdict" and not options:
        yield "tells is verdict, but then the release would hold the right number; write form."
    plain = [option.strip().casefold() for option in options]
    if len(set(plain)) < len(plain) or any(each != each.strip() or not each.isprintable() for each in (*options, "x")):
        yield f"options is {_shown(', '.join(options))}; write {_OPTIONS}."


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def unread_inputs(inputs: Iterable[str], source: str) -> Iterator[str]:
    """What is wrong with inputs of a task with this reference: `NAME …; REMEDY`, with `{}` in place of the file's name."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)]
    for name in inputs:
        if any(node.id == name and not isinstance(node.ctx, ast.Load) for node in nodes):
            yield f"{name} is set in the range itself in {{}}, so that no other value can be drawn; set it in a cell above."
        elif not any(node.id == name for node in nodes):
            yield f"{name} is not used in the range in {{}}; use it there, or remove it."
