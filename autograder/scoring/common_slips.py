"""What goes wrong in every kind of task, told without a word from its author: None where a value is asked for, a missing
`super().__init__()`, another number or kind of results, a line of the check that cannot use what came back.

Each is told only where it can be seen to be so: from the exception, or from a thing that the check returns just as the
student's function returned it, which is read from the check's source.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autograder.comparing.compare import passes
from autograder.comparing.wording import held_text, key_path, kind_text, value_text, with_article
from autograder.keys.key import AnswerKey
from autograder.records.jobs import NotObserved
from autograder.records.observation import (
    ErrorFact,
    Fact,
    MappingFact,
    Observation,
    OpaqueFact,
    RaisedFact,
    SequenceFact,
    SketchFact,
    SourceLine,
    TensorFact,
    ValueFact,
)
from autograder.records.results import CheckResult

__all__ = ["NO_SUPER", "Slip", "common_slip", "meets_none"]

NO_SUPER = "did not call super().__init__()"
"""What an `OpaqueFact` says of a module without a register."""

_MARKS = frozenset(
    (
        *("only", "ignoring", "exactly", "close", "unordered", "secret", "says"),
        *("at_least", "at_most", "average_between", "mostly", "distributed_as"),
    )
)
_ALONE = "result"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NOT_ITERABLE = re.compile(r"cannot unpack non-iterable ([\w.]+) object|'([\w.]+)' object is not iterable")
_TOO_FEW = re.compile(r"not enough values to unpack \(expected \d+, got (\d+)\)")
_EXPECTED = re.compile(r"to unpack \(expected (\d+)")
_TOO_MANY = "too many values to unpack"
_NO_NUMBER = re.compile(
    r"(?:float|int)\(\) argument must be .*, not '(\w+)'|could not convert string to float|invalid literal"
)
_UNUSABLE = re.compile(
    r"object has no attribute|object is not (?:subscriptable|iterable|callable)|values to unpack|non-iterable|over a 0-d"
)
_CHANGED = ": values"
"""How `Observation.effects` says of an input that its values were changed."""
_UNCALLED = re.compile(
    r"'(?:function|method|builtin_function_or_method)'|non-iterable (?:function|method|builtin_\w+) object"
)
_PARENTHESES = " A function or method is only called if parentheses follow its name."
_FUNCTIONS = ("function", "method", "builtin_function_or_method")
_HOW_IT_COMES = {
    **dict.fromkeys(_FUNCTIONS, _PARENTHESES),
    "generator": " `yield` makes a generator of a function; `return` hands back a value.",
}


@dataclass(frozen=True)
class Slip:
    """A sentence on what went wrong, and the checks that failed because of it. `certain`: it says what to mend, not only
    whose line stopped."""

    feedback: str
    checks: tuple[str, ...]
    certain: bool = True


def common_slip(
    task: str,
    failed: Sequence[CheckResult],
    seen: Mapping[tuple[str, int], Observation | NotObserved],
    key: AnswerKey,
    tolerances: Mapping[str, float],
    source: str,
    first: Collection[str],
) -> Slip | None:
    """The slip behind most of the failed checks of a task, if one can be told.

    Args:
        task: the task's name.
        failed: those of its checks that failed.
        seen: what was seen of each draw of each check.
        key: the answer key for the same seed.
        tolerances: by dtype name.
        source: the text of the file of checks.
        first: the names of the checks that may be told first; a slip behind none of them is not told.
    """
    sentences: dict[str, str] = {}
    checks: dict[str, list[str]] = {}
    for check in (check for check in failed if not check.rule):
        for draw, expected in enumerate(key.reference.get(check.name, ())):
            actual = seen.get((check.name, draw))
            if not isinstance(actual, Observation) or passes(expected, actual, tolerances):
                continue
            found = _slip(task, check, expected, actual, _check(source, check.name))
            if found is not None:
                sentences.setdefault(*found)
                checks.setdefault(found[0], []).append(check.name)
            break  # the check's own differences are about its first failed draw, too
    weighty = {kind: len(names) for kind, names in checks.items() if not set(first).isdisjoint(names)}
    if not weighty:
        return None
    most = max(weighty, key=lambda kind: (kind != "check", len(set(first).intersection(checks[kind])), weighty[kind]))
    if most == "none" and _none_is_right(task, key, source):
        return None
    return Slip(sentences[most], tuple(checks[most]), certain=most not in ("check", "kind"))


def meets_none(check: str, seen: Mapping[tuple[str, int], Observation | NotObserved], key: AnswerKey) -> bool:
    """Whether a check met None, in a draw, where the reference gives something else, or stopped because of None."""
    for draw, expected in enumerate(key.reference.get(check, ())):
        actual = seen.get((check, draw))
        if not isinstance(actual, Observation):
            continue
        if actual.error is not None and "NoneType" in actual.error.message:
            return True
        if actual.returned is not None and _nones(actual.returned) > _nones(expected.returned):
            return True
    return False


def _nones(fact: Fact | None) -> int:
    match fact:
        case ValueFact(type="NoneType"):
            return 1
        case RaisedFact(error=ErrorFact(message=message)):
            return int("NoneType" in message)
        case SequenceFact(items=items) | MappingFact(items=items):
            return sum(map(_nones, items))
    return 0


def _slip(
    task: str, result: CheckResult, expected: Observation, actual: Observation, check: _Check
) -> tuple[str, str] | None:
    """The kind of slip and its sentence."""
    if actual.error is not None:
        return _of_error(task, actual.error, actual, check) or _of_changed_input(actual.error, expected, actual)
    if expected.returned is None or actual.returned is None:
        return None
    if reason := next(_unready(actual.returned), ""):
        return "super", f"Your module cannot be read: {reason}. Make it the first line of `__init__`."
    wanted, yours = (_answers(check.returns(task), fact) for fact in (expected.returned, actual.returned))
    for where, kind in ((each.where, each.fact) for each in result.differences if each.fact in ("type", "shape")):
        if where in wanted and where in yours:
            found = _of_result(task, wanted[where], yours[where], actual, check, form=kind == "type")
            if found is not None:
                return found
    return None


def _of_error(task: str, error: ErrorFact, actual: Observation, check: _Check) -> tuple[str, str] | None:
    if error.unready:
        text = f"`super().__init__()` had not run when your module needed it{_place(error.at)}"
        return "super", f"{text}: make it the first line of `__init__`."
    if error.at is not None and error.type in ("TypeError", "AttributeError") and _UNCALLED.search(error.message):
        return "uncalled", f"Your code uses a function or method without calling it{_place(error.at)}.{_PARENTHESES}"
    if error.origin != "check" or error.type == "AssertionError":
        return None
    count = check.unpacked(error.check_line, task)
    if error.gives_none:
        return _none(task, actual, check, never=True)
    if count and not error.held and "NoneType" in error.message:
        return _none(task, actual, check)
    if error.held:
        return "number", f"You wrote {held_text(error.held)}; {_wanted(task, error, count, check)}."
    if count and (found := _what_came(error.message)):
        return "number", f"`{task}` returned {found}; {_number(count)} values are asked for."
    if _UNUSABLE.search(error.message) and "NoneType" not in error.message:
        message = error.message.rstrip(".").replace("`", "'")
        how = _PARENTHESES if _UNCALLED.search(error.message) else ""
        return "check", f"Your code ran without an error, but the check cannot use what it gave back: {message}.{how}"
    return None


def _of_changed_input(error: ErrorFact, expected: Observation, actual: Observation) -> tuple[str, str] | None:
    changed = [effect.removesuffix(_CHANGED) for effect in actual.effects if effect.endswith(_CHANGED)]
    if error.origin != "check" or not changed or not set(actual.effects).difference(expected.effects):
        return None
    name = changed[0].replace("`", "'")
    return "check", f"Your code changed the input `{name}` in place, and the check's own line then failed on it."


def _wanted(task: str, error: ErrorFact, count: int, check: _Check) -> str:
    """What is asked for in place of what a variable holds: the end of a sentence."""
    if _what_came(error.message):
        expected = _EXPECTED.search(error.message)
        count = count or (int(expected[1]) if expected else 0)
        return f"{_number(count) if count else 'several'} values are asked for"
    if _NO_NUMBER.search(error.message):
        return "one number is asked for" if check.is_converted(error.check_line, task) else "numbers are asked for"
    return "the exercise says in which form it wants the answer"


def _of_result(
    task: str, wanted: Fact, yours: Fact, actual: Observation, check: _Check, *, form: bool
) -> tuple[str, str] | None:
    """What is wrong with the kind or number of what a function returned, or a variable holds; `form`: its type differs."""
    if isinstance(yours, ValueFact) and yours.type == "NoneType":
        return None if task in check.variables(task) else _none(task, actual, check)
    several = isinstance(wanted, SequenceFact) and wanted.type == "tuple"
    same = isinstance(wanted, SequenceFact) and isinstance(yours, SequenceFact) and wanted.type == yours.type
    if same and not several:
        return None  # a list's length: the check says best what differs
    counted = several or isinstance(yours, SequenceFact)
    if not counted and (not form or _family(wanted) in ("NoneType", _family(yours))):
        return None
    verb = "You wrote" if task in check.variables(task) else f"`{task}` returned"
    how = _HOW_IT_COMES.get(yours.type, "") if isinstance(yours, OpaqueFact | SequenceFact) else ""
    if isinstance(yours, SequenceFact) and yours.type == "tuple" and len(yours.items) == 1 and not several:
        how = " A comma after a value makes it a tuple."
    sentence = f"{verb} {_in_words(yours)}; {_in_words(wanted, number=False)} is asked for.{how}"
    return "number" if counted or how else "kind", sentence


def _family(fact: Fact) -> str:
    """Things of one family differ in more than their kind: the check says best in what."""
    match fact:
        case SketchFact(tensor=tensor):
            return _family(tensor)
        case TensorFact():
            return "array" if fact.type == "ndarray" else "tensor"
        case ValueFact(value=bool() | int() | float()):
            return "number"
        case ValueFact() | OpaqueFact():
            return fact.type
        case _:
            return type(fact).__name__


def _none(task: str, actual: Observation, check: _Check, *, never: bool = False) -> tuple[str, str]:
    if actual.output.strip() and not check.prints:
        text = (
            f"Your code printed something, but `{task}` returned None: `print` only shows a value, `return` hands it back."
        )
        return "none", text
    if never:
        return "none", f"`{task}` never returns a value: write `return` before the one that it should give back."
    return "none", f"`{task}` returned None. Does every way through it end in `return` and a value?"


def _none_is_right(task: str, key: AnswerKey, source: str) -> bool:
    """Whether the reference, too, returns None in a check of this file: then None says nothing about a missing `return`."""
    for name in _functions(source):
        for seen in key.reference.get(name, ()):
            if seen.returned is None:
                continue
            facts = _answers(_check(source, name).returns(task), seen.returned).values()
            if any(isinstance(fact, ValueFact) and fact.type == "NoneType" for fact in facts):
                return True
    return False


def _in_words(fact: Fact, *, number: bool = True) -> str:
    if isinstance(fact, SequenceFact) and fact.type in ("tuple", "list"):
        if not fact.items:
            return f"an empty {fact.type}"
        return f"{with_article(fact.type)} of {_number(len(fact.items))}" if number or fact.type == "tuple" else "a list"
    if number and isinstance(fact, ValueFact) and fact.value is not None:
        return value_text(fact.value, quote=True)
    return kind_text(fact, quote=True)


def _what_came(message: str) -> str:
    """What could not be unpacked, by the interpreter's message; empty if it is about something else."""
    if found := _NOT_ITERABLE.search(message):
        return with_article(found[1] or found[2])
    if found := _TOO_FEW.search(message):
        return f"something with {_number(int(found[1]))} item{'' if found[1] == '1' else 's'}"
    if _TOO_MANY in message:
        return "something with more items"
    found = re.search(r"iteration over a 0-d (tensor|array)", message)
    return f"a 0-dim {found[1]}" if found else ""


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _place(at: SourceLine | None) -> str:
    if at is None:
        return ""
    return f" (cell {at.cell}, line {at.line})" if at.cell else f" (line {at.line})"


def _answers(paths: Collection[_Path], fact: Fact, where: str = "") -> dict[str, Fact]:
    """The facts at the paths that `_Check.returns` gives, each by the name that differences have for its place."""
    found = {where or _ALONE: fact} if () in paths else {}
    if isinstance(fact, MappingFact):
        for key, item in zip(fact.keys, fact.items, strict=False):
            below = [path[1:] for path in paths if path and path[0] in (key, None)]
            if below:
                found |= _answers(below, item, key_path(where, key))
    return found


def _unready(fact: Fact) -> Iterator[str]:
    """Why modules among the returned things could not be read, if their `super().__init__()` is missing."""
    match fact:
        case OpaqueFact(reason=reason) if NO_SUPER in reason:
            yield reason
        case SequenceFact(items=items) | MappingFact(items=items):
            for item in items:
                yield from _unready(item)


# ---- the check's source -----------------------------------------------------------------------------------------------

_Path = tuple[str | None, ...]
"""The keys, from the outermost mapping on, that lead to a thing that a check returns; None is any key."""


class _Check:
    """The source of a check: where it returns what the task's function gave it, and where it takes that apart."""

    def __init__(self, function: ast.FunctionDef) -> None:
        self._nodes = list(ast.walk(function))
        self._assigned: dict[str, list[ast.expr | None]] = {}
        for node in self._nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._assigned.setdefault(node.id, []).append(None)
        self._entries: dict[str, list[tuple[ast.expr, ast.expr]]] = {}
        for target, value in _pairs(node for node in self._nodes if isinstance(node, ast.Assign)):
            if isinstance(target, ast.Name):
                self._assigned[target.id].append(value)
            elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
                self._entries.setdefault(target.value.id, []).append((target.slice, value))
        calls = [node.func for node in self._nodes if isinstance(node, ast.Call)]
        self.prints = any(isinstance(each, ast.Name) and each.id == "print" for each in calls)
        self._called = [id(each) for each in calls]

    def variables(self, task: str) -> set[str]:
        """The task's name, if the check uses it as a variable."""
        uses = [node for node in self._nodes if _is_task(node, task)]
        return {task} if uses and not any(id(node) in self._called for node in uses) else set()

    def returns(self, task: str) -> set[_Path]:
        """The paths of those of the returned things that are what the task's function returned, or its variable."""
        values = [node.value for node in self._nodes if isinstance(node, ast.Return) and node.value is not None]
        return {path for value in values for path in self._paths(value, task)}

    def _paths(self, node: ast.expr, task: str) -> Iterator[_Path]:
        node = _unmarked(node)
        if self._is_answer(node, task):
            yield ()
            return
        entries: list[tuple[ast.expr | None, ast.expr]] = []
        if isinstance(node, ast.Name) and (value := self._stored_once(node.id)) is not None:
            entries += self._entries.get(node.id, ())
            node = _unmarked(value)
        if isinstance(node, ast.Dict):
            entries += zip(node.keys, node.values, strict=True)
        elif isinstance(node, ast.DictComp):
            entries.append((node.key, node.value))
        below = [(key, list(self._paths(value, task))) for key, value in entries]
        every = all(paths for _, paths in below)
        for key, paths in below:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield from ((key.value, *path) for path in paths)
            elif key is not None and every:  # which key it is shows only when it runs
                yield from ((None, *path) for path in paths)

    def unpacked(self, line: int, task: str) -> int:
        """How many values the statement on a line takes out of the answer; 0 if it does not."""
        for node in self._on(line):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple) and self._is_answer(node.value, task):
                names = node.targets[0].elts
                return len(names) if all(isinstance(name, ast.Name) for name in names) else 0
        return 0

    def is_converted(self, line: int, task: str) -> bool:
        """Whether the statement on a line makes a number of the answer."""
        return any(
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Name)
            and call.func.id in ("float", "int")
            and len(call.args) == 1
            and self._is_answer(call.args[0], task)
            for node in self._on(line)
            for call in ast.walk(node)
        )

    def _on(self, line: int) -> Iterator[ast.stmt]:
        for node in self._nodes:
            if isinstance(node, ast.Assign | ast.Return | ast.Expr) and node.lineno <= line <= (node.end_lineno or 0):
                yield node

    def _stored_once(self, name: str) -> ast.expr | None:
        """What a name stands for, if it is stored once, by a plain assignment."""
        values = self._assigned.get(name, [])
        return values[1] if len(values) == 2 else None

    def _is_answer(self, node: ast.expr, task: str) -> bool:
        node = _unmarked(node)
        if isinstance(node, ast.Name):
            value = self._stored_once(node.id)
            return value is not None and self._is_answer(value, task)
        return _is_task(node.func if isinstance(node, ast.Call) else node, task)


def _pairs(assignments: Iterable[ast.Assign]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Each target with its value; of `a, b = 1, 2`, both pairs."""
    for node in assignments:
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                if len(target.elts) == len(node.value.elts):
                    yield from zip(target.elts, node.value.elts, strict=True)
            elif len(node.targets) == 1:
                yield target, node.value


def _is_task(node: ast.AST, task: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == task
        and isinstance(node.value, ast.Name)
        and node.value.id == "code"
    )


def _unmarked(node: ast.expr) -> ast.expr:
    """A thing without the marks around it: `x` for `only(x, "values")`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MARKS and node.args:
        node = node.args[0]
    return node


@lru_cache(maxsize=4)
def _functions(source: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


@lru_cache(maxsize=256)
def _check(source: str, name: str) -> _Check:
    return _Check(_functions(source)[name])
