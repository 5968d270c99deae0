"""Says, in one sentence, if a task's name does not hold what the exercise asks for."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from autograder.checking.type_names import type_name
from autograder.comparing.wording import with_article
from autograder.records.course_card import TaskCard

__all__ = ["other_order", "problem_with"]


def problem_with(task: str, card: TaskCard, namespace: Mapping[str, Any]) -> str:
    """One sentence on what is wrong with a task's name; empty if its checks can run.

    A name that is undefined or still `...` is not a problem here: the checks report it themselves.

    Args:
        task: the task's name.
        card: what the exercise defines under that name.
        namespace: the student's names.
    """
    if card.kind == "variable" or task not in namespace or namespace[task] is ...:
        return ""
    thing = namespace[task]
    if card.kind == "class":
        return "" if isinstance(thing, type) else _other_kind(task, thing, "class")
    if isinstance(thing, type) or not callable(thing):
        return _other_kind(task, thing, "function")
    if card.arguments is None or _fits(thing, card.arguments):
        return ""
    return (
        f"`{task}` now takes ({_arguments_of(thing)}); the exercise says ({card.arguments}). "
        "Restore its arguments, with their names and order."
    )


def other_order(task: str, card: TaskCard, namespace: Mapping[str, Any]) -> str:
    """One sentence if a task's function takes the arguments that the exercise names, but in another order; else empty.

    That is no problem by itself: its checks run, and pass where the order does not matter.
    """
    thing = namespace.get(task)
    if card.kind != "function" or card.arguments is None or not callable(thing):
        return ""
    try:
        yours, wanted = (list(each.parameters) for each in (inspect.signature(thing), _signature(card.arguments)))
    except (ValueError, TypeError, SyntaxError):
        return ""
    if yours == wanted or sorted(yours) != sorted(wanted):
        return ""
    return (
        f"`{task}` takes its arguments in a different order: yours are ({', '.join(yours)}), "
        f"the exercise says ({', '.join(wanted)})."
    )


def _other_kind(task: str, thing: object, expected: str) -> str:
    if isinstance(thing, type):
        return f"`{task}` is a class; the exercise asks for a {expected}."
    if inspect.isroutine(thing):
        return f"`{task}` is a function; the exercise asks for a {expected}."
    return (
        f"`{task}` is now {with_article(type_name(type(thing)))} and no longer a {expected}: another line reuses its name. "
        f"Use a different name there, then run the cell that defines `{task}` again."
    )


def _fits(function: Callable[..., Any], arguments: str) -> bool:
    """Whether the function can be called as the exercise says, by position and by name."""
    try:
        actual = inspect.signature(function)
        expected = _signature(arguments)
    except (ValueError, TypeError, SyntaxError):
        return True
    kinds = inspect.Parameter
    parameters = list(expected.parameters.values())
    placed = [each.name for each in parameters if each.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    required = [each.name for each in parameters if each.default is kinds.empty and each.name in placed]
    named = [each.name for each in parameters if each.kind is kinds.KEYWORD_ONLY]
    needed = [each.name for each in parameters if each.default is kinds.empty and each.name in named]
    try:
        actual.bind(*required, **dict.fromkeys(needed))
        actual.bind(*placed, **dict.fromkeys(named))
    except TypeError:
        return False
    return True


def _signature(arguments: str) -> inspect.Signature:
    function = ast.parse(f"def f({arguments}): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    given, kinds = function.args, inspect.Parameter
    empty, default = kinds.empty, None
    placed = [*given.posonlyargs, *given.args]
    first, only = len(placed) - len(given.defaults), len(given.posonlyargs)
    parameters = [
        kinds(
            each.arg,
            kinds.POSITIONAL_ONLY if index < only else kinds.POSITIONAL_OR_KEYWORD,
            default=empty if index < first else default,
        )
        for index, each in enumerate(placed)
    ]
    if given.vararg:
        parameters.append(kinds(given.vararg.arg, kinds.VAR_POSITIONAL))
    parameters += [
        kinds(each.arg, kinds.KEYWORD_ONLY, default=empty if value is None else default)
        for each, value in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg:
        parameters.append(kinds(given.kwarg.arg, kinds.VAR_KEYWORD))
    return inspect.Signature(parameters)


def _arguments_of(function: Callable[..., Any]) -> str:
    plain = [
        each.replace(annotation=inspect.Parameter.empty, default=each.empty if each.default is each.empty else ...)
        for each in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(plain))[1:-1].replace("Ellipsis", "…")
