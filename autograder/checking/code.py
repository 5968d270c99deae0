"""The first argument of a check: what the submission defines, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Code", "NotAttempted", "UndefinedName"]


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

    __slots__ = ("__namespace",)

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        """Wrap a namespace, which is read at each access, not copied."""
        self.__namespace = namespace

    def __getattr__(self, name: str) -> Any:
        """What the code defines under `name`."""
        try:
            thing = self.__namespace[name]
        except KeyError:
            raise UndefinedName(f"`{name}` is not defined.") from None
        if thing is ...:
            raise NotAttempted(f"`{name}` is still `...`.")
        return thing
