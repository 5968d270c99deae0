"""What the autograd engine says about the devices of gradients that it gets from Python code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

from autograder.simulation.moving import move
from autograder.simulation.patches import Patches
from autograder.simulation.places import UNDECIDED, device_of, mark_of, put

__all__ = ["patch"]

_PLACES = "_autograde_places"


def patch(patches: Patches) -> None:
    """Check gradients given to `backward` and returned by custom functions.

    The engine does this in `validate_outputs` (torch/csrc/autograd/engine.cpp), which moves those without dimensions.
    """
    make = torch.autograd._make_grads
    function, node = torch.autograd.Function, torch.autograd.function.BackwardCFunction
    # A class method, in Python up to torch 2.13 and in C since: bound to the class that it is called on.
    apply, apply_backward = inspect.getattr_static(function, "apply"), node.apply

    def _make_grads(outputs: Sequence[Any], grads: Sequence[Any], is_grads_batched: bool) -> Any:
        places = [device_of(output) if isinstance(output, torch.Tensor) else None for output in outputs]
        return make(outputs, _checked(grads, places, ""), is_grads_batched)

    def apply_and_remember(cls: Any, *args: Any, **kwargs: Any) -> Any:
        result = apply.__get__(None, cls)(*args, **kwargs)
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        places = [device_of(arg) if isinstance(arg, torch.Tensor) else None for arg in args]
        for output in outputs:
            if isinstance(output, torch.Tensor) and isinstance(output.grad_fn, node):
                setattr(output.grad_fn, _PLACES, places)
        return result

    def apply_and_check(self: Any, *args: Any) -> Any:
        result = apply_backward(self, *args)  # type: ignore[no-untyped-call]
        places = getattr(self, _PLACES, ())
        several = isinstance(result, (tuple, list))
        who = f"Function {type(self).__name__} returned an "
        checked = _checked(result if several else (result,), places, who)
        return checked if several else checked[0]

    patches.set(torch.autograd, "_make_grads", _make_grads)
    patches.set(function, "apply", classmethod(apply_and_remember))
    patches.set(node, "apply", _named(apply_and_check, "apply"))


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__name__ = name
    return function


def _checked(gradients: Sequence[Any], places: Sequence[torch.device | None], who: str) -> tuple[Any, ...]:
    checked = list(gradients)
    for index, (gradient, place) in enumerate(zip(checked, places, strict=False)):
        if not isinstance(gradient, torch.Tensor) or place is None or device_of(gradient) == place:
            continue
        if mark_of(gradient) is UNDECIDED:
            put(gradient, place)
        elif gradient.dim() == 0:
            checked[index] = move(gradient, place)
        else:
            raise RuntimeError(
                f"{who}invalid gradient at index {index} - expected device {place} but got {device_of(gradient)}"
            )
    return tuple(checked)
