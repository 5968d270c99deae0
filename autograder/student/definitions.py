"""Says, in one sentence, if a task's name does not hold what the exercise asks for."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from autograder.checking.error_facts import gives_none, line_of
from autograder.checking.type_names import type_name
from autograder.comparing.wording import with_article
from autograder.records.course_card import TaskCard

__all__ = ["other_order", "problem_with", "without_return"]

_GIVING = ("__getitem__", "__iter__", "__len__", "__next__")
"""Methods whose result Python or PyTorch always uses."""


def problem_with(task: str, card: TaskCard, namespace: Mapping[str, Any]) -> str:
    """One sentence on what is wrong with a task's name; empty if its checks can run.

    A name that is undefined or still `...` is not a problem here: the checks report it themselves.

    Args:
        task: the task's name.
        card: what the exercise defines under that name.
        namespace: the student's names.
    """
    if card.kind in ("variable", "range") or task not in namespace or namespace[task] is ...:
        return ""
    thing = namespace[task]
    if isinstance(thing, type) != (card.kind == "class") or not callable(thing):
        return _other_kind(task, thing, card.kind)
    if card.arguments is None or _fits(thing, card.arguments):
        return ""
    return (
        f"`{task}` now takes ({_arguments_of(thing)}); the exercise says ({card.arguments}). "
        "Restore its arguments, with their names and order."
    )


def other_order(task: str, card: TaskCard, namespace: Mapping[str, Any]) -> str:
    """One sentence if a task's function takes arguments that the exercise names, but in another order; else empty.

    That is no problem by itself: its checks run, and pass where the order does not matter.
    """
    thing = namespace.get(task)
    if card.kind != "function" or card.arguments is None or not callable(thing):
        return ""
    try:
        yours, wanted = (_placed(each) for each in (inspect.signature(thing), _signature(card.arguments)))
    except (ValueError, TypeError, SyntaxError):
        return ""
    if [name for name in yours if name in wanted] == [name for name in wanted if name in yours]:
        return ""  # some may have other names, which does no harm
    return (
        f"`{task}` takes its arguments in a different order: yours are ({', '.join(yours)}), "
        f"the exercise says ({', '.join(wanted)})."
    )


def _placed(signature: inspect.Signature) -> list[str]:
    """The names of the arguments that are given by their place."""
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in signature.parameters.values() if each.kind not in by_name]


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


def without_return(task: str, card: TaskCard, namespace: Mapping[str, Any]) -> str:
    """One sentence if a task's function, or a method of its class, has to return a value and never does; else empty.

    That it has to is certain from its annotation, here or in the exercise, or from what Python or PyTorch do with
    it. That it never does is certain from its code: only a plain function is looked at, none that is decorated.
    """
    thing = namespace.get(task)
    if card.kind == "function":
        return _never_returns(f"`{task}`", thing) if _is_a_value(card.returns) or _owes_a_value(thing) else ""
    if card.kind != "class" or not isinstance(thing, type):
        return ""
    for name, held in vars(thing).items():
        method = held.__func__ if type(held) in (staticmethod, classmethod) else held
        always = name in _GIVING or (name == "forward" and any(each.__name__ == "Module" for each in thing.__mro__[1:]))
        if (_owes_a_value(method) or always) and (sentence := _never_returns(f"`{name}` of `{task}`", method)):
            return sentence
    return ""


def _owes_a_value(function: object) -> bool:
    """Whether a function's annotation names something that it returns, which cannot be None."""
    try:
        returned = function.__annotations__.get("return", "")
    except Exception:  # student code may put anything under the name, and annotations may be evaluated late
        return False
    return _is_a_value(
        returned if isinstance(returned, str) else returned.__name__ if type(returned) is type else repr(returned)
    )


def _is_a_value(annotation: str) -> bool:
    return bool(annotation) and not re.search(r"\b(?:None|NoneType|Optional|Any|object|Never|NoReturn)\b", annotation)


def _never_returns(what: str, function: object) -> str:
    if not gives_none(function):
        return ""
    place = line_of(function)
    if place is None:
        return ""
    where = f" (cell {place.cell}, line {place.line})" if place.cell else f" (line {place.line})"
    if "print" in function.__code__.co_names:  # type: ignore[attr-defined]
        return f"{what}{where} never returns a value: `print` only shows one, `return` hands it back."
    return f"{what}{where} never returns a value: write `return` before the one that it should give back."
