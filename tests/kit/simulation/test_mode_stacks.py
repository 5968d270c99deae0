"""Modes that code left behind are taken away. PyTorch 2.9 and 2.10 crash if nobody holds them meanwhile."""

from __future__ import annotations

import gc
import weakref

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.checking.switches import Switches
from autograder.simulation.mode_stacks import Depths, held, pop_down_to
from autograder.simulation.session import simulated_gpu


class Functions(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        return func(*args, **(kwargs or {}))


class Dispatches(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        return func(*args, **(kwargs or {}))


def leave_modes_behind() -> None:
    """Modes that nothing but PyTorch's stacks holds."""
    for mode in (Functions, Dispatches, Functions, Dispatches):
        mode().__enter__()


def test_modes_go_down_to_a_depth_and_are_then_freed() -> None:
    before = Depths.now()
    leave_modes_behind()
    assert Depths.now() == (before.functions + 2, before.dispatches + 2)
    left = [weakref.ref(mode) for mode in held()]
    pop_down_to(before)
    assert Depths.now() == before
    gc.collect()
    assert not any(isinstance(mode(), Functions | Dispatches) for mode in left)


def test_a_simulation_ends_whatever_modes_were_left_and_begins_again() -> None:
    before = Depths.now()
    with simulated_gpu():
        leave_modes_behind()
        assert torch.ones(2, device="cuda").device.type == "cuda"
    assert Depths.now() == before
    with simulated_gpu():
        assert torch.ones(2, device="cuda").device.type == "cuda"


def test_a_default_device_inside_of_a_simulation() -> None:
    with simulated_gpu():
        with torch.device("cuda"):
            assert torch.ones(2).device.type == "cuda"
        torch.set_default_device("cuda")
        assert torch.ones(2).device.type == "cuda"
        torch.set_default_device(None)


def test_switches_take_away_modes_above_a_default_device() -> None:
    before = Switches.now()
    torch.set_default_device("cpu")
    leave_modes_behind()
    before.set()
    assert Switches.now() == before
