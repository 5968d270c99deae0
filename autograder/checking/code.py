"""The first argument of a check: what the submission defines, by name, and what it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autograder.records.jobs import ScriptPart

__all__ = ["Code", "NotAttempted", "Script", "UndefinedName"]


class UndefinedName(AttributeError):
    """The code does not define a name that a check asks for."""


class NotAttempted(Exception):
    """A variable is still the `...` of the exercise."""


class Code:
    """The namespace of the code under test: `code.match` is what it defines under the name `match`.

    Raises:
        UndefinedName: on access, if there is no such name.
        NotAttempted: on access, if it is still `...`.
    """

    __slots__ = ("__namespace", "__scripts")

    def __init__(self, namespace: dict[str, Any], scripts: Mapping[str, Sequence[ScriptPart]] = {}) -> None:
        """Wrap a namespace, which is read at each access, not copied; `scripts` are tasks that are ranges of cells."""
        self.__namespace = namespace
        self.__scripts = {name: Script(name, parts, namespace) for name, parts in scripts.items()}

    def __getattr__(self, name: str) -> Any:
        """What the code defines under `name`; of a task that is a range of cells, a `Script`."""
        if name in self.__scripts:
            return self.__scripts[name]
        try:
            thing = self.__namespace[name]
        except KeyError:
            raise UndefinedName(f"`{name}` is not defined.") from None
        if thing is ...:
            raise NotAttempted(f"`{name}` is still `...`.")
        return thing


class Script:
    """A task that is a range of cells: called, it runs in the code's namespace, as if its cells were run once more.

    What the call is given by name, `code.table(rows=5)`, the range finds under these names. Afterwards every name stands
    for what it stood for before.
    """

    def __init__(self, name: str, parts: Sequence[ScriptPart], namespace: dict[str, Any]) -> None:
        """Take the range's parts and the namespace in which they run."""
        self.__name__ = name
        self._parts, self._namespace = parts, namespace

    def __call__(self, **values: Any) -> None:
        """Run the range with these values."""
        before = dict(self._namespace)
        self._namespace.update(values)
        try:
            for part in self._parts:
                source = "\n" * (part.line - 1) + part.source  # lines keep the numbers that they have in the cell
                exec(compile(source, _file_of(part, before), "exec", dont_inherit=True), self._namespace)
        finally:
            for name in self._namespace.keys() - before.keys():
                del self._namespace[name]
            self._namespace.update(before)


def _file_of(part: ScriptPart, namespace: Mapping[str, Any]) -> str:
    """What a cell's code is called in tracebacks."""
    file = namespace.get("__file__")
    return f"<cell {part.cell}>" if part.cell else file if isinstance(file, str) else "<submission>"
