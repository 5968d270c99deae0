"""Moves tensors from one simulated device to another: `.to` and its relatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from autograder.simulation.machine import Machine, active
from autograder.simulation.places import CPU, device_of, is_pinned, pin, put

__all__ = ["Target", "copied", "move", "moved", "parse_to"]

_Base: Any = torch._C.TensorBase
_to, _detach = _Base.to, _Base.detach
_no_function, _no_dispatch = torch._C.DisableTorchFunction, torch._C._DisableTorchDispatch


@dataclass(frozen=True)
class Target:
    """What the arguments of `Tensor.to` ask for; None means no change."""

    device: Any = None
    dtype: torch.dtype | None = None
    non_blocking: bool = False
    copy: bool = False
    memory_format: torch.memory_format = torch.preserve_format


def parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Target:
    """Read the arguments of `Tensor.to` in any of its forms.

    Raises:
        TypeError: as `Tensor.to` does.
    """
    rest, options = list(args), dict(kwargs)
    if rest and isinstance(rest[0], torch.Tensor):
        options["other"] = rest.pop(0)
    elif rest and isinstance(rest[0], torch.dtype):
        options["dtype"] = rest.pop(0)
    elif rest and (rest[0] is None or _names_device(rest[0])):
        options["device"] = rest.pop(0)
        if rest and (rest[0] is None or isinstance(rest[0], torch.dtype)):
            options["dtype"] = rest.pop(0)
    for name, value in zip(("non_blocking", "copy"), rest[:2], strict=False):
        options[name] = value
    wrong = rest[2:] or [value for value in rest if not isinstance(value, bool)]
    if wrong or not options.keys() <= {"device", "dtype", "non_blocking", "copy", "memory_format", "other"}:
        shown = ", ".join([*(type(value).__name__ for value in args), *kwargs])
        raise TypeError(f"to() received an invalid combination of arguments - got ({shown})")
    other = options.pop("other", None)
    if other is not None:
        options |= {"device": device_of(other), "dtype": other.dtype}
    if options.get("memory_format") is None:
        options.pop("memory_format", None)
    return Target(**options)


def _names_device(value: Any) -> bool:
    return isinstance(value, (str, torch.device)) or (isinstance(value, int) and not isinstance(value, bool))


def moved(machine: Machine, tensor: torch.Tensor, destination: torch.device, target: Target) -> torch.Tensor:
    """`tensor` on another device: a recorded copy, through which gradients flow back."""
    source = device_of(tensor)
    waits = not target.non_blocking if source != CPU else not (target.non_blocking and is_pinned(tensor))
    machine.note(source, destination, tensor, "copy", waited=waits and source != destination)
    return copied(tensor, destination, target, late=not waits)


def copied(tensor: torch.Tensor, destination: torch.device, target: Target, *, late: bool = False) -> torch.Tensor:
    """Like `moved`, but not recorded."""
    if not (torch.is_grad_enabled() and tensor.requires_grad):
        return move(tensor, destination, target.dtype, target.memory_format, late=late)
    result: torch.Tensor = _ToCopy.apply(  # type: ignore[no-untyped-call]
        tensor, destination, target.dtype, target.memory_format, late
    )
    return result


def move(
    tensor: torch.Tensor,
    destination: torch.device,
    dtype: torch.dtype | None = None,
    memory_format: torch.memory_format = torch.preserve_format,
    *,
    late: bool = False,
) -> torch.Tensor:
    """A copy without history on another device. If `late`, a copy to the CPU arrives when something waits for it."""
    with _no_function(), _no_dispatch(), torch.no_grad():
        copy: torch.Tensor = _to(_detach(tensor), dtype=dtype or tensor.dtype, copy=True, memory_format=memory_format)
        machine = active()
        if late and destination == CPU and machine is not None:
            machine.delay_contents(copy)
            pin(copy)
    put(copy, destination)
    return copy


class _ToCopy(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(tensor: Any, destination: Any, dtype: Any, memory_format: Any, late: bool) -> Any:
        return move(tensor, destination, dtype, memory_format, late=late)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        tensor, ctx.destination, *_ = inputs
        ctx.source, ctx.dtype = device_of(tensor), tensor.dtype

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        if device_of(gradient) != ctx.source or gradient.dtype != ctx.dtype:
            machine = active()
            target = Target(dtype=ctx.dtype)
            if machine is not None:
                gradient = moved(machine, gradient, ctx.source, target)
        return gradient, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return move(tangents[0], ctx.destination)
