"""Replaces attributes for a time, and puts them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Patches"]

_MISSING = object()


class Patches:
    """A stack of replaced attributes of modules and classes."""

    def __init__(self) -> None:
        """Start with nothing replaced."""
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._undone: list[tuple[Any, str, Any, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Replace one of `owner`'s own attributes, or add one that it does not have itself."""
        self._replaced.append((owner, name, vars(owner).get(name, _MISSING), value))
        setattr(owner, name, value)

    def redo(self) -> bool:
        """Replace again what was put back. Returns False, with nothing replaced, if anything has changed since."""
        undone, self._undone = self._undone, []
        for owner, name, before, value in undone:
            if vars(owner).get(name, _MISSING) is not before:
                self.undo()
                return False
            self.set(owner, name, value)
        return bool(undone)

    def set_all(self, owner: Any, **values: Any) -> None:
        """Replace several attributes of one owner."""
        for name, value in values.items():
            self.set(owner, name, value)

    def set_existing(self, owner: Any, **values: Any) -> None:
        """Replace only attributes that `owner` has: PyTorch releases differ."""
        self.set_all(owner, **{name: value for name, value in values.items() if hasattr(owner, name)})

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Inside the context, everything is as it was before."""
        again = [(owner, name, vars(owner)[name]) for owner, name, *_ in self._replaced]
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
