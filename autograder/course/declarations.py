"""Reads what a topic's files declare from their source alone; nothing here runs them.

tests/visible/test_TOPIC.py, tests/hidden/test_TOPIC.py    checks
solutions/misconceptions/TOPIC.py                          misconceptions
solutions/alternatives/TOPIC.py                            alternatives
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder._files import read_source
from autograder._words import counted, suggestion
from autograder.errors import AuthoringError
from autograder.records.jobs import SourceRule
from autograder.records.results import TELLS, Tells

__all__ = ["CheckSpec", "VariantSpec", "answers_used", "parse_file", "read_checks", "read_variants", "silent_checks"]


@dataclass(frozen=True)
class CheckSpec:
    """A check as declared. `sentence` is the first paragraph of its docstring on one line; `line` is its line number.

    `weight` is its share of the task's points, relative to those of the task's other checks; with 0 it only tells
    (`autograder.choices.form_check`). With a `rule`, it is no function: the source is judged, where no student code runs.
    `tells` is how much students may be told of it if it is hidden; the course says so if None. `unavailable` are the names
    in its file of what `given.unavailable(…)` refuses.
    """

    name: str
    task: str
    sentence: str
    gate: bool = False
    weight: float = 1.0
    draws: int | None = None
    seconds: float | None = None
    device: str = "any"
    assertion: bool = False
    rule: SourceRule | None = None
    line: int = 0
    tells: Tells | None = None
    unavailable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VariantSpec:
    """A misconception (with feedback) or an alternative (without).

    `also_true_of` names misconceptions of the same task of which the feedback is true, too; one that is `minor` may keep
    most of the points.
    """

    name: str
    task: str
    feedback: str = ""
    also_true_of: tuple[str, ...] = ()
    minor: bool = False
    line: int = 0


def read_checks(path: Path, *, shown: Path | None = None) -> tuple[CheckSpec, ...]:
    """The checks of a file, in order, and after them its rules on the source.

    Args:
        path: the file.
        shown: what errors call it; `path` if None.

    Raises:
        AuthoringError: one line for each mistake: a syntax error, an argument that is unknown, wrong or not a literal, a
            missing docstring, a name used twice, a name that does not start with `test_`, a test function without `@checks`,
            other parameters than `code` and `given`, an observer that is not a function of one thing.
    """
    name = shown or path
    specs: list[CheckSpec] = []
    problems = list(_observer_problems(path, name))
    unavailable = _unavailable_names(parse_file(path, name))
    for node, kind, arguments in _decorated(path, name, problems):
        where = f"{name}:{node.lineno}"
        if kind == "form_check":
            arguments |= {"weight": 0.0, "draws": 1}
        elif kind != "checks":
            problems.append(f"{where}: @{kind} belongs in solutions/, not in a checks file.")
            continue
        docstring = ast.get_docstring(node)
        if not docstring:
            problems.append(f"{where}: {node.name} has no docstring; write the sentence that students read.")
        if not node.name.startswith("test_"):
            problems.append(f"{where}: {node.name} must be named test_… so that pytest finds it.")
        if not isinstance(node, ast.FunctionDef):
            problems.append(f"{where}: {node.name} must be a plain function.")
        elif kind == "checks":
            problems += _parameter_problem(node, where)
        sentence = " ".join(inspect.cleandoc(docstring or "").split("\n\n")[0].split())
        specs.append(CheckSpec(name=node.name, sentence=sentence, line=node.lineno, unavailable=unavailable, **arguments))
    problems += _undecorated(path, name)
    specs += _rules(path, name, problems)
    _raise(problems)
    return tuple(specs)


def silent_checks(source: str) -> dict[str, int]:
    """The checks of a valid file that return nothing and do not assert either, with their lines."""
    silent = {}
    for node in ast.parse(source).body:
        calls = [each for each in getattr(node, "decorator_list", []) if isinstance(each, ast.Call)]
        marks = [each for each in calls if _decorator_name(each) == "checks"]
        asserts = any(keyword.arg == "assertion" for each in marks for keyword in each.keywords)
        returns = any(isinstance(each, ast.Return) and each.value is not None for each in ast.walk(node))
        if isinstance(node, ast.FunctionDef) and marks and not asserts and not returns:
            silent[node.name] = node.lineno
    return silent


def _parameter_problem(node: ast.FunctionDef, where: str) -> Iterator[str]:
    arguments = node.args
    names = [each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    if names != ["code", "given"] or arguments.vararg or arguments.kwarg:
        yield f"{where}: write def {node.name}(code, given): a check takes these two, in this order."


def _undecorated(path: Path, shown: Path) -> Iterator[str]:
    """Test functions that take what a check takes, and that no task has. Others are the author's own, for pytest."""
    for node in parse_file(path, shown).body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        marked = any(_decorator_name(each) in _DECORATORS for each in node.decorator_list)
        if not marked and {each.arg for each in node.args.args} & {"code", "given"}:
            yield f'{shown}:{node.lineno}: {node.name} is not a check; write @checks("task") above it, naming its task.'


_RULES = {
    "forbids_loops": 'source.forbids_loops("task")',
    "never_calls": 'source.never_calls("task", "torch.mean")',
    "calls_at_most": 'source.calls_at_most("task", "torch.mean", 1)',
}


def _rules(path: Path, shown: Path, problems: list[str]) -> Iterator[CheckSpec]:
    """The rules that a file states at its top level, as in `source.forbids_loops("task")`."""
    lines: dict[str, int] = {}
    for node in parse_file(path, shown).body:
        match node:
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="source"), attr=kind)) as call):
                spec = _rule(kind, call, f"{shown}:{node.lineno}", problems)
                if spec is None:
                    continue
                if spec.name in lines:
                    problems.append(
                        f"{shown}:{node.lineno}: the same rule is on line {lines[spec.name]}; remove one of the two."
                    )
                lines[spec.name] = node.lineno
                yield spec


def _rule(kind: str, call: ast.Call, where: str, problems: list[str]) -> CheckSpec | None:
    if kind not in _RULES:
        problems.append(f"{where}: there is no rule source.{kind}; {suggestion(kind, _RULES)}")
        return None
    try:
        task, *names = [ast.literal_eval(each) for each in call.args]
        options = {each.arg: ast.literal_eval(each.value) for each in call.keywords}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        problems.append(f"{where}: write literals, and the task first: {_RULES[kind]}.")
        return None
    at_most = names.pop() if kind == "calls_at_most" and len(names) == 2 else 0
    weight, sentence, tells = options.pop("weight", 1.0), options.pop("sentence", ""), options.pop("tells", None)
    fits = {
        "forbids_loops": not names,
        "never_calls": bool(names),
        "calls_at_most": len(names) == 1 and type(at_most) is int and at_most > 0,
    }
    if not fits[kind] or options or not all(map(_is_text, (task, *names))) or not isinstance(sentence, str):
        problems.append(f"{where}: write {_RULES[kind]}, and after that weight=… or sentence=… where they are needed.")
        return None
    if not _is_number(weight):
        problems.append(f"{where}: weight of source.{kind} is {weight!r}; write a number above 0.")
        return None
    if not _TELLS.fits(tells):
        problems.append(f"{where}: tells of source.{kind} is {tells!r}; write {_TELLS.remedy}.")
        return None
    shown = " or ".join(f"`{each}`" for each in names)
    demands = {
        "forbids_loops": f"`{task}` must do without loops (for, while, comprehensions).",
        "never_calls": f"`{task}` must do without {shown}.",
        "calls_at_most": f"`{task}` must use {shown} in no more than {counted(at_most, 'place')}.",
    }
    demand = " ".join(sentence.split()) or demands[kind]
    name = re.sub(r"\W+", "_", "_".join((task, kind, *names)))
    rule = SourceRule(name, task, "loops" if kind == "forbids_loops" else "calls", tuple(names), at_most, demand)
    return CheckSpec(name, task, demand, weight=weight, rule=rule, line=call.lineno, tells=tells)


_KINDS_OF_INIT = ("uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal", "kaiming_uniform",
                  "kaiming_normal", "orthogonal", "sparse")  # fmt: skip
_NN_INIT = frozenset(
    (*_KINDS_OF_INIT, *(f"{kind}_" for kind in _KINDS_OF_INIT), "trunc_normal_", "ones_", "zeros_", "calculate_gain")
)


def _unavailable_names(tree: ast.Module) -> frozenset[str]:
    """What `given.unavailable(…)` refuses anywhere in a file, as far as it names functions or lists of them, or makes a list
    of what `torch.nn.init` has."""
    lists = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _decorator_name(node) == "unavailable":
            for argument in node.args:
                inside = set(_names_in(argument))
                names |= inside.union(*(_names_in(lists[name]) for name in inside & lists.keys()))
    return frozenset(names) | (_NN_INIT if "init" in names else frozenset())


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            yield node.attr if isinstance(node, ast.Attribute) else node.id


def _observer_problems(path: Path, shown: Path) -> Iterator[str]:
    for node in parse_file(path, shown).body:
        if not isinstance(node, _Definition):
            continue
        marks = [mark for mark in node.decorator_list if _decorator_name(mark) == "observes"]
        for mark in marks:
            if not isinstance(mark, ast.Call) or len(mark.args) != 1 or mark.keywords:
                yield f"{shown}:{node.lineno}: write @observes(TYPE), with the class that {node.name} observes, or its name."
        if marks and not (isinstance(node, ast.FunctionDef) and _takes_one_thing(node.args)):
            yield f"{shown}:{node.lineno}: {node.name} must be a plain function that takes one thing and returns a dict."


def _takes_one_thing(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return positional - len(arguments.defaults) == 1 and not any(each is None for each in arguments.kw_defaults)


def answers_used(path: Path, shown: Path) -> Iterator[tuple[int, str | None]]:
    """Each `given.answers(NAME)` in a file of checks: its line, and the name, or None if that is not a literal."""
    for node in ast.walk(parse_file(path, shown)):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="given"), attr="answers"), args=[ast.Constant(value=str(name)), *_]
            ):
                yield node.lineno, name
            case ast.Call(func=ast.Attribute(value=ast.Name(id="given"), attr="answers")):
                yield node.lineno, None


def read_variants(path: Path, *, kind: str | None = None, shown: Path | None = None) -> tuple[VariantSpec, ...]:
    """The misconceptions or alternatives of a file, in order; none if the file does not exist.

    Args:
        path: the file.
        kind: which of the two belongs in the file; either if None.
        shown: what errors call the file; `path` if None.

    Raises:
        AuthoringError: one line for each mistake: a syntax error, an argument that is unknown, wrong or not a literal, a
            name used twice, a decorator that belongs in another file, `also_true_of` naming what is not a misconception of
            the same task.
    """
    if not path.exists():
        return ()
    name = shown or path
    specs: list[VariantSpec] = []
    problems: list[str] = []
    for node, decorator, arguments in _decorated(path, name, problems):
        if decorator in ("checks", "form_check") or decorator != (kind or decorator):
            problems.append(f"{name}:{node.lineno}: @{decorator} does not belong in this file; {_HOMES[decorator]}.")
        else:
            specs.append(VariantSpec(name=node.name, line=node.lineno, **arguments))
    problems += _unknown_names(name, specs)
    _raise(problems)
    return tuple(specs)


def _unknown_names(path: Path, specs: list[VariantSpec]) -> Iterator[str]:
    for spec in specs:
        others = [other.name for other in specs if other.task == spec.task and other.name != spec.name]
        for name in spec.also_true_of:
            if name not in others:
                yield (
                    f"{path}:{spec.line}: also_true_of of {spec.name} names {name!r}, which is no other misconception of "
                    f"{spec.task}; {suggestion(name, others) if others else 'remove it.'}"
                )


def parse_file(path: Path, shown: Path | None = None) -> ast.Module:
    """The syntax tree of a Python file of the course.

    Args:
        path: the file.
        shown: what errors call the file; `path` if None.

    Raises:
        AuthoringError: if it cannot be read.
    """
    name = shown or path
    try:
        return ast.parse(read_source(path), str(path))
    except OSError as error:
        raise AuthoringError(f"{name}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise AuthoringError(f"{name}: byte {error.start} is not valid UTF-8; save the file as UTF-8.") from error
    except SyntaxError as error:
        raise AuthoringError(f"{name}{f':{error.lineno}' if error.lineno else ''}: {error.msg}.") from error
    except ValueError as error:
        raise AuthoringError(f"{name}: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise AuthoringError(f"{name}: the code is nested too deeply; split it up.") from error


def _raise(problems: list[str]) -> None:
    if problems:
        raise AuthoringError("\n".join(problems))


_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class _Argument:
    fits: Callable[[Any], bool]
    remedy: str
    positional: bool = False
    required: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _are_names(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


_TASK = _Argument(_is_text, "the task's name", positional=True, required=True)
_TELLS = _Argument(lambda value: value is None or value in TELLS, '"nothing", "sentence", "message" or "inputs"')
_DECORATORS: dict[str, dict[str, _Argument]] = {
    "checks": {
        "task": _TASK,
        "gate": _Argument(_is_flag, "True or False"),
        "weight": _Argument(_is_number, "a number above 0"),
        "draws": _Argument(lambda value: value is None or (type(value) is int and value > 0), "a whole number above 0"),
        "seconds": _Argument(lambda value: value is None or _is_number(value), "a number above 0"),
        "device": _Argument(lambda value: value in ("any", "second", "cuda"), '"any", "second" or "cuda"'),
        "assertion": _Argument(lambda value: isinstance(value, bool), "True or False"),
        "tells": _TELLS,
    },
    "misconception": {
        "task": _TASK,
        "feedback": _Argument(_is_text, "a sentence for the student", positional=True, required=True),
        "also_true_of": _Argument(_are_names, 'a tuple of names, like ("other",)'),
        "minor": _Argument(_is_flag, "True or False"),
    },
    "alternative": {"task": _TASK},
    "form_check": {"task": _TASK},
}
_HOMES = {
    "checks": "move it to tests/",
    "form_check": "it is for the kit's own checks",
    "misconception": "move it to solutions/misconceptions/",
    "alternative": "move it to solutions/alternatives/",
}


def _decorated(path: Path, shown: Path, problems: list[str]) -> Iterator[tuple[_Definition, str, dict[str, Any]]]:
    """The definitions with one of our decorators: the node, the decorator's name, its checked arguments."""
    tree = parse_file(path, shown)
    seen: dict[str, int] = {}
    for node in tree.body:
        if not isinstance(node, _Definition):
            continue
        for decorator in node.decorator_list:
            name = _decorator_name(decorator)
            if name not in _DECORATORS:
                continue
            if not isinstance(decorator, ast.Call):
                problems.append(f'{shown}:{node.lineno}: write @{name}("task", …), naming its task.')
                continue
            if node.name in seen:
                problems.append(
                    f"{shown}:{node.lineno}: {node.name} is already defined on line {seen[node.name]}; "
                    "rename one of the two."
                )
            seen[node.name] = node.lineno
            before = len(problems)
            arguments = _arguments(decorator, name, f"{shown}:{decorator.lineno}", problems)
            if len(problems) == before:
                yield node, name, arguments


def _decorator_name(decorator: ast.expr) -> str:
    """The name of a function, or of what is called."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


def _arguments(call: ast.Call, name: str, where: str, problems: list[str]) -> dict[str, Any]:
    known = _DECORATORS[name]
    positional = [key for key, argument in known.items() if argument.positional]
    if len(call.args) > len(positional):
        most = counted(len(positional), "positional argument")
        problems.append(f"{where}: @{name} takes at most {most}: {', '.join(positional)}.")
    given = dict(zip(positional, call.args, strict=False))
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in known:
            problems.append(f"{where}: @{name} has no argument {keyword.arg or '**'}; it takes {', '.join(known)}.")
        else:
            given[keyword.arg] = keyword.value
    values = {}
    for key, argument in known.items():
        if key not in given:
            if argument.required:
                problems.append(f"{where}: @{name} lacks {key}; write {argument.remedy}.")
            continue
        try:
            values[key] = ast.literal_eval(given[key])
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            problems.append(f"{where}: {key} of @{name} must be a literal; write {argument.remedy}.")
            continue
        if not argument.fits(values[key]):
            problems.append(f"{where}: {key} of @{name} is {values[key]!r}; write {argument.remedy}.")
    return values
