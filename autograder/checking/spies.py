"""Counts calls of a function or a module, and the steps of all PyTorch optimizers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

__all__ = ["Call", "Spy", "Steps", "counted_steps"]


@dataclass(frozen=True)
class Call:
    """One call: the arguments as they were (tensors as detached copies) and the state at the time.

    `training` is the module's mode, None for a function.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    grad_enabled: bool
    training: bool | None = None


class Spy:
    """Records the calls of a function, which it stands in for, or of a module, whose own calls it sees.

    Attributes:
        calls: the recorded `Call`s, in order.
    """

    def __init__(self, target: Callable[..., Any]) -> None:
        """Spy on a function (call the spy instead) or on a module (call the module as usual)."""
        self.calls: list[Call] = []
        self._target = target
        if isinstance(target, torch.nn.Module):
            target.register_forward_pre_hook(self._before_forward, with_kwargs=True)

    @property
    def count(self) -> int:
        """How many calls there were."""
        return len(self.calls)

    @property
    def arguments(self) -> list[Any]:
        """The first positional argument of each call."""
        return [call.args[0] if call.args else None for call in self.calls]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the call and pass it on."""
        if not isinstance(self._target, torch.nn.Module):
            self.calls.append(Call(_copied(args), _copied(kwargs), torch.is_grad_enabled()))
        return self._target(*args, **kwargs)

    def _before_forward(self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.calls.append(Call(_copied(args), _copied(kwargs), torch.is_grad_enabled(), module.training))


def _copied(thing: Any) -> Any:
    if isinstance(thing, torch.Tensor):
        return thing.detach().clone()
    if type(thing) in (list, tuple):
        return type(thing)(_copied(item) for item in thing)
    if type(thing) is dict:
        return {key: _copied(item) for key, item in thing.items()}
    return thing


@dataclass
class Steps:
    """Steps of optimizers, however they were taken: `optimizers` has the optimizer of each step, in order."""

    optimizers: list[torch.optim.Optimizer] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many steps were taken."""
        return len(self.optimizers)

    @property
    def distinct(self) -> int:
        """How many different optimizers took them."""
        return len({id(optimizer) for optimizer in self.optimizers})


@contextmanager
def counted_steps() -> Iterator[Steps]:
    """Count the steps of every PyTorch optimizer inside the context."""
    steps = Steps()

    def note(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        steps.optimizers.append(optimizer)

    handle = register_optimizer_step_post_hook(note)
    try:
        yield steps
    finally:
        handle.remove()
