"""`simulated_gpu`: a machine with a GPU, for as long as the context lasts."""

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
from autograder.simulation.modes import Functions, Operations
from autograder.simulation.patches import Patches

__all__ = ["SimulatedGpu", "simulated_gpu"]

_function_depth, _pop_function = torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack
_push_function = torch._C._push_on_torch_function_stack
_dispatch_depth, _pop_dispatch = torch._C._len_torch_dispatch_stack, torch._C._pop_torch_dispatch_stack


class SimulatedGpu:
    """What `with simulated_gpu() as gpu:` gives: a look at what happened on the pretended machine.

    Attributes:
        transfers: each `Transfer` between devices so far, in order.
    """

    def __init__(self, machine: Machine) -> None:
        """Look at a machine, as long as it is on; it is started anew for others."""
        self._machine = machine
        self._transfers, self._random_states = machine.transfers, machine.random_states
        self._states = list(machine.random_states)

    @property
    def transfers(self) -> list[Transfer]:
        """What was moved so far, and every number that the CPU asked for."""
        return self._transfers

    @property
    def device(self) -> torch.device:
        """The first GPU."""
        return torch.device("cuda", 0)

    @property
    def drawn_from(self) -> bool:
        """Whether a GPU's random generator is not as it was in the beginning."""
        return any(not torch.equal(*pair) for pair in zip(self._random_states, self._states, strict=True))

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """For a while the machine has no GPU, as another machine on which a file is read."""
        before, self._machine.present = self._machine.present, False
        try:
            yield
        finally:
            self._machine.present = before


class _Session:
    """A simulation, from its beginning to its end; it can begin again."""

    def __init__(self, gpus: int) -> None:
        self._machine = Machine(gpus)
        self._patches = Patches()
        self._replaced: dict[Any, Callable[..., Any]] = {}
        self._leave: Callable[[], None] = lambda: None

    def begin(self, seed: int) -> Machine:
        """Start the machine and put everything that pretends in place."""
        patches, machine = self._patches, self._machine
        machine.start(seed)
        self._leave = _autocast_switches()
        try:
            if not patches.redo():
                self._patch()
            self._depths = _function_depth(), _dispatch_depth()
            _push_function(Functions(self._replaced))
            Operations(machine).__enter__()  # type: ignore[no-untyped-call]
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
        """Put everything back, whatever modes were left behind by the code that ran."""
        self._machine.synchronize()
        set_active(None)
        functions, dispatches = self._depths
        while _dispatch_depth() > dispatches:
            _pop_dispatch(None)
        while _function_depth() > functions:
            _pop_function()
        self._patches.undo()
        self._leave()

    def _script(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """`torch.jit.script` reads the source of functions, which must be PyTorch's own; `torch.func.jvp` needs it, too."""

        @wraps(original)
        def script(*args: Any, **kwargs: Any) -> Any:
            with self._patches.suspended():
                return original(*args, **kwargs)

        return script

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The simulation's modes, for another thread."""
        if active() is not self._machine:
            yield
            return
        with Functions(self._replaced), Operations(self._machine):
            yield


def _autocast_switches() -> Callable[[], None]:
    """Returns what puts autocasting back to where it is now."""
    states = [(kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda")]

    def restore() -> None:
        for kind, enabled, dtype in states:
            torch.set_autocast_enabled(kind, enabled)
            torch.set_autocast_dtype(kind, dtype)

    return restore


_session = cache(_Session)  # to make all that is put in place takes as long as many a check


@contextmanager
def simulated_gpu(gpus: int = 1, *, seed: int = 0) -> Iterator[SimulatedGpu]:
    """Pretend that this machine has a GPU: code that uses it wrongly fails as it would fail there.

    Inside, `torch.cuda.is_available()` is True, tensors and modules can be moved to `cuda`, and mixing devices raises what
    CUDA raises. Numbers are still computed by the CPU, so nothing gets faster. Within another simulation this is that one.

    Args:
        gpus: how many GPUs to pretend.
        seed: where the GPUs' random generators start.
    """
    running = active()
    if running is not None:
        yield SimulatedGpu(running)
        return
    if gpus < 1:
        raise ValueError("simulate one GPU or more")
    session = _session(gpus)
    machine = session.begin(seed)
    try:
        yield SimulatedGpu(machine)
    finally:
        session.end()
