"""Names of types that student code cannot fake: a student's class called `Tensor` is not called `Tensor` here."""

from __future__ import annotations

import builtins
import collections
import types
from typing import Any

import numpy
import torch

__all__ = ["base_names", "type_name"]

_QUALNAME = type.__dict__["__qualname__"].__get__
_MODULE = type.__dict__["__module__"].__get__
_MRO = type.__dict__["__mro__"].__get__


def _plain_names() -> dict[type, str]:
    names: dict[type, str] = {thing: thing.__name__ for thing in vars(builtins).values() if type(thing) is type}
    empty: dict[str, str] = {}
    samples = (None, Ellipsis, NotImplemented, len, lambda: None, empty.keys(), empty.values(), empty.items())
    names |= {type(sample): type(sample).__name__ for sample in samples}
    names |= {kind: kind.__name__ for kind in vars(types).values() if type(kind) is type and kind.__module__ == "builtins"}
    for group in (torch.nn, torch.optim, torch.nn.parameter):
        for thing in vars(group).values():
            if isinstance(thing, type) and thing.__module__.startswith("torch"):
                names[thing] = thing.__name__
    names |= {kind: kind.__name__ for kind in (collections.OrderedDict, collections.defaultdict, collections.Counter)}
    names |= {kind: kind.__name__ for kind in (torch.Tensor, torch.Size, torch.dtype, torch.device, torch.layout)}
    names |= {kind: kind.__name__ for kind in (torch.memory_format, torch.Generator, numpy.ndarray)}
    return names


_PLAIN = _plain_names()
_TAKEN = frozenset(_PLAIN.values())


def type_name(kind: type) -> str:
    """The name of a type, without asking the type or its metaclass.

    Built-in types and those of `torch.nn`, `torch.optim` and the like have short names (`list`, `Tensor`, `Linear`). A
    class made in a notebook has its own name, unless that is one of these short names; then it is `__main__.Linear`. Any
    other type has its module in front (`numpy.float64`).
    """
    known = _PLAIN.get(kind)
    if known is not None:
        return known
    try:
        module, name = _MODULE(kind), _QUALNAME(kind)
    except (AttributeError, TypeError):
        return "unnamed"
    name = str.__str__(name)[:200]
    if type(module) is not str:
        return f"?.{name}"
    return name if module == "__main__" and name not in _TAKEN else f"{module[:200]}.{name}"


def base_names(kind: type) -> tuple[str, ...]:
    """The names of a type and of its bases in method resolution order, without `object`."""
    order: tuple[Any, ...] = _MRO(kind)
    return tuple(type_name(base) for base in order if base is not object)
