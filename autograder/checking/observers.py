"""An author's observers: functions in a file of checks, marked with `@observes`, that read things of a type of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autograder.checking.error_facts import describe_error, in_words
from autograder.checking.tensor_facts import Unobservable
from autograder.checking.type_names import base_names

__all__ = ["Observers"]

_mro = type.__dict__["__mro__"].__get__


class Observers:
    """The observers of one file of checks, by the class that each observes, or by its name."""

    def __init__(self, namespace: Mapping[str, Any] = {}) -> None:
        """Take every function with a mark of `@observes` from a file's namespace."""
        self._by_kind: dict[type | str, Callable[[Any], Any]] = {
            kind: function for function in namespace.values() for kind in getattr(function, "__autograde_observes__", ())
        }
        self._by_name = any(type(kind) is str for kind in self._by_kind)

    def parts(self, thing: Any) -> list[tuple[str, Any]] | None:
        """What the observer of the thing's class, or of the nearest class above it, says; None if there is none.

        Raises:
            Unobservable: if the observer raises an exception of its own, or does not return a dict with strings as keys.
            Exception: one that the thing's code raises, if that is the student's.
        """
        observer = self._observer_of(type(thing)) if self._by_kind else None
        if observer is None:
            return None
        try:
            parts = observer(thing)
        except Exception as error:
            found = describe_error(error)
            if found.origin != "check" or found.undefined or found.not_attempted:
                raise
            message = f": {found.message}" if found.message else ""
            raise Unobservable(f"its observer in {_place(observer, error)} raised {found.type}{message}") from None
        if type(parts) is not dict or not all(type(key) is str for key in parts):
            raise Unobservable(
                f"its observer in {_place(observer)} must return a dict with strings as keys, not {in_words(parts)}"
            )
        return list(parts.items())

    def _observer_of(self, kind: type) -> Callable[[Any], Any] | None:
        for base in _mro(kind):
            if base in self._by_kind:
                return self._by_kind[base]
            if self._by_name and base is not object and (name := base_names(base)[0]) in self._by_kind:
                return self._by_kind[name]
        return None


def _place(observer: Callable[[Any], Any], error: BaseException | None = None) -> str:
    """File and line of an observer, or of the last of its lines on an exception's way."""
    code = observer.__code__
    line, step = code.co_firstlineno, error.__traceback__ if error is not None else None
    while step is not None:
        if step.tb_frame.f_code.co_filename == code.co_filename:
            line = step.tb_lineno
        step = step.tb_next
    return f"{code.co_filename}:{line}"
