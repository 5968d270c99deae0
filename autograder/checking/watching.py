"""Notices changes to a check's inputs: each is recorded bit by bit when drawn and compared at the end."""

from __future__ import annotations

import collections
from typing import Any

import numpy
import torch

from autograder.checking.observe import module_parts
from autograder.checking.tensor_facts import Unobservable, array_fact, input_state, is_tensor, part_states

__all__ = ["Watch", "watchable"]

Aspects = dict[str, Any]

_CONTAINERS = (list, tuple, dict, collections.OrderedDict)
_optimizer_base = torch.optim.Optimizer
_instance_dict = object.__getattribute__


def watchable(thing: Any) -> bool:
    """Whether `Watch` can watch a thing of this type."""
    kinds = (numpy.ndarray, torch.nn.Module, torch.optim.Optimizer, *_CONTAINERS)
    return is_tensor(thing) or issubclass(type(thing), kinds)


class Watch:
    """One input, and what it was like when last recorded."""

    __slots__ = ("_before", "name", "thing")

    def __init__(self, name: str, thing: Any) -> None:
        """Record `thing` as it is now, under the name that a student will read."""
        self.name = name
        self.thing = thing
        self._before = _aspects(thing)

    def refresh(self) -> None:
        """Record the thing again: from now on, this is how it must stay."""
        self._before = _aspects(self.thing)

    def changes(self) -> tuple[str, ...]:
        """`NAME: ASPECT` for each aspect that has changed."""
        now = _aspects(self.thing)
        return tuple(f"{self.name}: {aspect}" for aspect, before in self._before.items() if now.get(aspect) != before)


def _aspects(thing: Any) -> Aspects:
    kind = type(thing)
    try:
        if is_tensor(thing):
            return input_state(thing)
        if issubclass(kind, numpy.ndarray):
            array = array_fact(thing)
            return {"values": (array.dtype, array.shape, array.values)}
        if issubclass(kind, torch.nn.Module):
            return _module_aspects(thing)
        if issubclass(kind, _optimizer_base):
            return {"values": _settings(_instance_dict(thing, "__dict__"))}
    except Unobservable as reason:
        return {"values": str(reason)}
    if issubclass(kind, dict):
        return _joined({str(key): _aspects(item) for key, item in dict.items(thing)})
    if issubclass(kind, (list, tuple)):
        return _joined({str(index): _aspects(item) for index, item in enumerate(thing)})
    return {"values": thing if kind in (bool, int, float, str, type(None)) else id(thing)}


def _module_aspects(module: torch.nn.Module) -> Aspects:
    parts = module_parts(module)
    states = part_states((*parts.parameters, *parts.buffers))
    return {  # by name: a module may list its parts in any order
        "values": {name: values for name, (values, _) in states.items()},
        "requires_grad": {name: flag for name, (_, flag) in states.items()},
        "training": dict(parts.training),
        "hooks": {name: count for name, count in parts.hooks if count},
    }


def _settings(attributes: dict[str, Any]) -> Any:
    """An optimizer's options and state. Parameters and the keys of `state` appear as their object's identity."""
    groups = [
        {
            name: [id(p) for p in value] if name == "params" and type(value) is list else _frozen(value)
            for name, value in group.items()
        }
        for group in attributes.get("param_groups", ())
    ]
    state = {id(key): _frozen(value) for key, value in attributes.get("state", {}).items()}
    return groups, state


def _frozen(value: Any) -> Any:
    if is_tensor(value):
        return input_state(value)["values"]
    if type(value) is dict:
        return {name: _frozen(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return [_frozen(item) for item in value]
    return value if type(value) in (bool, int, float, str, type(None)) else id(value)


def _joined(parts: dict[str, Aspects]) -> Aspects:
    joined: Aspects = {"values": list(parts)}
    for name, aspects in parts.items():
        for aspect, value in aspects.items():
            joined.setdefault(aspect, []).append((name, value))
    return joined
