"""Replaces attributes for a time, and puts them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

__all__ = ["Patches"]

_MISSING = object()


def _read(owner: Any, name: str) -> Any:
    return owner.__code__ if name == "__code__" else vars(owner).get(name, _MISSING)


def _forward(*args: Any, **kwargs: Any) -> Any:
    value: Any = "value"
    return value(*args, **kwargs)


def _forwarder(value: Any) -> CodeType:
    """The code of a function that calls `value`, a constant in it."""
    code = _forward.__code__
    return code.replace(co_consts=tuple(value if constant == "value" else constant for constant in code.co_consts))


class Patches:
    """A stack of replaced attributes of modules and classes."""

    def __init__(self) -> None:
        """Start with nothing replaced."""
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._undone: list[tuple[Any, str, Any, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace one of `owner`'s own attributes, or add one that it does not have itself."""
        self._replaced.append((owner, name, _read(owner, name), value))
        setattr(owner, name, value)

    def set_function(self, owner: Any, name: str, value: Any) -> None:
        """Replace a function or class, also for code that imported it by name before; `value` must not call the original."""
        original = vars(owner).get(name)
        if isinstance(original, FunctionType) and not original.__code__.co_freevars:
            self.set(original, "__code__", _forwarder(value))
            return
        self.set(owner, name, value)
        if isinstance(original, type) and "__new__" in vars(original):
            self.set(original, "__new__", lambda cls, *args, **kwargs: value(*args, **kwargs))

    def redo(self) -> bool:
        """Replace again what was put back. Returns False, with nothing replaced, if anything has changed since."""
        undone, self._undone = self._undone, []
        for patch in undone:
            owner, name, before, value = patch
            if _read(owner, name) is not before:
                self.undo()
                return False
            setattr(owner, name, value)
            self._replaced.append(patch)
        return bool(undone)

    def set_all(self, owner: Any, **values: Any) -> None:
        """Replace several attributes of one owner."""
        for name, value in values.items():
            self.set(owner, name, value)

    def set_existing(self, owner: Any, **values: Any) -> None:
        """Replace only attributes that `owner` has: PyTorch releases differ."""
        self.set_all(owner, **{name: value for name, value in values.items() if hasattr(owner, name)})

    def set_functions(self, owner: Any, **values: Any) -> None:
        """Replace those of several functions and classes that `owner` has, as `set_function` does."""
        for name, value in values.items():
            if hasattr(owner, name):
                self.set_function(owner, name, value)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Inside the context, everything is as it was before."""
        again = [(owner, name, _read(owner, name)) for owner, name, *_ in self._replaced]
        self.undo()
        try:
            yield
        finally:
            for owner, name, value in again:
                self.set(owner, name, value)

    def undo(self) -> None:
        """Put everything back, last replaced first."""
        self._undone = list(self._replaced)
        while self._replaced:
            owner, name, before, _ = self._replaced.pop()
            if before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
