"""PyTorch's stacks of modes, which code may leave behind: how deep they are, and back to a depth.

Up to PyTorch 2.10, taking a mode from a stack frees it before it is returned, if the stack alone held it; then the process
crashes. So whoever takes modes away holds all of them meanwhile.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

__all__ = ["Depths", "held", "pop_down_to"]

_function_depth, _pop_function = torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack
_dispatch_depth, _pop_dispatch = torch._C._len_torch_dispatch_stack, torch._C._pop_torch_dispatch_stack
_function_at, _dispatch_at = torch._C._get_function_stack_at, torch._C._get_dispatch_stack_at


class Depths(NamedTuple):
    """How many function modes and dispatch modes there are."""

    functions: int
    dispatches: int

    @classmethod
    def now(cls) -> Depths:
        """The current numbers."""
        return cls(_function_depth(), _dispatch_depth())


def held() -> list[object]:
    """All modes there are. While the caller has this list, none of them is freed."""
    functions, dispatches = Depths.now()
    return [*map(_function_at, range(functions)), *map(_dispatch_at, range(dispatches))]


def pop_down_to(depths: Depths) -> None:
    """Take away the modes above a depth, whoever put them there."""
    modes = held() if Depths.now() != depths else []
    while _dispatch_depth() > depths.dispatches:
        _pop_dispatch(None)
    while _function_depth() > depths.functions:
        _pop_function()
    del modes
