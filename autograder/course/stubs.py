"""Stubs that do not say of themselves that they are one, like `y = None … return y` or `pass`: known by the exercise's text.

Such a task is not attempted as long as its definition is the exercise's, apart from comments, docstrings and blank lines.
Stubs that do nothing but raise NotImplementedError, and predictions with the value `...`, are known by what they do instead.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache

from autograder.course.cells import task_source
from autograder.course.marked import is_marked
from autograder.records.jobs import Cell, NotObserved
from autograder.records.observation import ErrorFact, Observation

__all__ = ["has_work", "same_code", "stub_digest", "untouched", "with_untouched"]

_DOCUMENTED = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def stub_digest(exercise: tuple[Cell, ...], task: str) -> str:
    """A digest of a task's stub; empty if it says itself that it is one, or cannot be read."""
    source = task_source(exercise, task)
    return "" if _says_stub(source) and not is_marked(source) else _digest(source)


def same_code(one: str, other: str) -> bool:
    """Whether two definitions are the same, apart from comments, docstrings and blank lines."""
    return bool(digest := _digest(one)) and digest == _digest(other)


def untouched(cells: tuple[Cell, ...], stubs: Mapping[str, str]) -> frozenset[str]:
    """The tasks whose definition in cells is still the stub; `stubs` are digests by task, empty ones are never met."""
    return frozenset(task for task, digest in stubs.items() if digest and _digest(task_source(cells, task)) == digest)


def has_work(cells: tuple[Cell, ...], stubs: Mapping[str, str]) -> bool:
    """Whether cells define any of the tasks otherwise than as a stub; `stubs` are digests by task, or empty texts."""
    return any(
        (source := task_source(cells, task)) and not (_digest(source) == digest if digest else _says_stub(source))
        for task, digest in stubs.items()
    )


def _says_stub(source: str) -> bool:
    """Whether a definition's value is `...`, or it does nothing but raise NotImplementedError; of a class, some method."""
    try:
        node = ast.parse(source).body[0]
    except (SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
        return False
    if isinstance(node, ast.ClassDef):
        return any(_only_raises(part.body) for part in node.body if isinstance(part, ast.FunctionDef))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return _only_raises(node.body)
    value = getattr(node, "value", None)
    return isinstance(value, ast.Constant) and value.value is ...


def _only_raises(body: list[ast.stmt]) -> bool:
    code = [node for node in body if not isinstance(node, ast.Expr | ast.Pass)]
    return len(code) == 1 and isinstance(code[0], ast.Raise) and "NotImplementedError" in ast.unparse(code[0])


def with_untouched(
    seen: Mapping[tuple[str, int], Observation | NotObserved], checks: Iterable[str]
) -> dict[tuple[str, int], Observation | NotObserved]:
    """What was seen by check and draw, where these checks are of tasks that are not attempted."""
    named = frozenset(checks)
    return {key: _not_attempted(*key) if key[0] in named else one for key, one in seen.items()}


@lru_cache(maxsize=4096)  # so that scoring sees one object, and knows it again
def _not_attempted(check: str, draw: int) -> Observation:
    return Observation(check=check, draw=draw, error=ErrorFact(type="NotAttempted", not_attempted=True, origin="code"))


@lru_cache(maxsize=1024)
def _digest(source: str) -> str:
    try:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        if is_marked(source):
            tree.body = [node for node in tree.body if not _is_empty(node)]
        written = ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return hashlib.blake2b(written.encode(), digest_size=16).hexdigest() if tree.body or is_marked(source) else ""


def _is_empty(node: ast.stmt) -> bool:
    """Whether a statement does nothing: `...`, `pass`, a text on its own."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
