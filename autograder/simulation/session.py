"""`simulated_gpu`: a machine with a GPU, inside a context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any

import torch

from autograder.simulation import (
    autocast,
    cuda,
    factories,
    gradients,
    places,
    replacements,
    saving,
    tensor_methods,
    threads,
)
from autograder.simulation.machine import Machine, Transfer, active, set_active
from autograder.simulation.mode_stacks import Depths, pop_down_to
from autograder.simulation.modes import Functions, Operations
from autograder.simulation.patches import Patches

__all__ = ["SimulatedGpu", "simulated_gpu"]

_push_function = torch._C._push_on_torch_function_stack


class SimulatedGpu:
    """What `with simulated_gpu() as gpu:` gives: a view of what happened on the simulated machine.

    Attributes:
        transfers: each `Transfer` between devices so far, in order.
    """

    def __init__(self, machine: Machine) -> None:
        """View a machine until it stops; the next simulation restarts it."""
        self._machine = machine
        self._transfers, self._random_states = machine.transfers, machine.random_states
        self._states = list(machine.random_states)

    @property
    def transfers(self) -> list[Transfer]:
        """Everything moved so far, including every number that the CPU asked for."""
        return self._transfers

    @property
    def device(self) -> torch.device:
        """The first GPU."""
        return torch.device("cuda", 0)

    @property
    def drawn_from(self) -> bool:
        """Whether anything has been drawn from a GPU's random generator, or its state has changed."""
        return any(not torch.equal(*pair) for pair in zip(self._random_states, self._states, strict=True))

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Inside the context, the machine has no GPU, like another machine on which a file is read."""
        before, self._machine.present = self._machine.present, False
        try:
            yield
        finally:
            self._machine.present = before


class _Session:
    """A simulation, from beginning to end; it can begin again."""

    def __init__(self, gpus: int) -> None:
        self._machine = Machine(gpus)
        self._patches = Patches()
        self._replaced: dict[Any, Callable[..., Any]] = {}
        self._leave: Callable[[], None] = lambda: None

    def begin(self, seed: int) -> Machine:
        """Start the machine and put all replacements in place."""
        patches, machine = self._patches, self._machine
        machine.start(seed)
        self._leave = _autocast_switches()
        try:
            if not patches.redo():
                self._patch()
            self._depths = Depths.now()
            # Held by more than PyTorch's stacks: see `mode_stacks`.
            self._modes = Functions(self._replaced), Operations(machine)
            _push_function(self._modes[0])
            self._modes[1].__enter__()  # type: ignore[no-untyped-call]
        except BaseException:
            patches.undo()
            raise
        set_active(machine)
        return machine

    def _patch(self) -> None:
        patches, machine = self._patches, self._machine
        tensor_methods.patch(patches, machine)
        self._replaced = factories.patch(patches, machine) | replacements.functions()
        cuda.patch(patches, machine)
        saving.patch(patches, machine)
        autocast.patch(patches)
        threads.patch(patches, self.inside)
        gradients.patch(patches)
        replacements.patch(patches, machine)
        patches.set(places, "holder", machine.memory.hold)
        patches.set(torch.jit, "script", self._script(torch.jit.script))

    def end(self) -> None:
        """Put everything back, whatever modes the code left behind."""
        self._machine.synchronize()
        set_active(None)
        pop_down_to(self._depths)
        self._patches.undo()
        self._leave()

    def _script(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`torch.jit.script` reads the source of functions, so they must be PyTorch's own; `torch.func.jvp` needs it too."""

        @wraps(original)
        def script(*args: Any, **kwargs: Any) -> Any:
            with self._patches.suspended():
                return original(*args, **kwargs)

        return script

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Switch on the simulation's modes in another thread."""
        if active() is not self._machine:
            yield
            return
        with Functions(self._replaced), Operations(self._machine):
            yield


def _autocast_switches() -> Callable[[], None]:
    """Returns a function that restores the current autocasting."""
    states = [(kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")]

    def restore() -> None:
        for kind, enabled, dtype in states:
            torch.set_autocast_enabled(kind, enabled)
            torch.set_autocast_dtype(kind, dtype)

    return restore


_session = cache(_Session)  # making all replacements takes as long as many checks


@contextmanager
def simulated_gpu(gpus: int = 1, *, seed: int = 0) -> Iterator[SimulatedGpu]:
    """Simulate a GPU on this machine: code that uses it wrongly fails as it would on a real one.

    Inside, `torch.cuda.is_available()` is True, tensors and modules can be moved to `cuda`, and mixing devices raises what
    CUDA raises. The CPU still computes the numbers, so nothing gets faster. Inside another simulation, that one continues.

    Args:
        gpus: how many GPUs to simulate.
        seed: seeds the GPUs' random generators.

    Raises:
        ValueError: if `gpus` is less than 1.
    """
    running = active()
    if running is not None:
        yield SimulatedGpu(running)
        return
    if gpus < 1:
        raise ValueError("simulate at least one GPU")
    session = _session(gpus)
    machine = session.begin(seed)
    try:
        yield SimulatedGpu(machine)
    finally:
        session.end()
