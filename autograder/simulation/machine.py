"""The simulated machine: how many GPUs it has, their random numbers, what was moved, and what is still on its way."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch

from autograder.simulation.places import CPU

__all__ = ["Machine", "Transfer", "active", "local", "set_active"]

_Error: type[RuntimeError] = getattr(torch, "AcceleratorError", RuntimeError)
_default_generator = torch.default_generator
_Generator: Any = torch._C.Generator
_no_function, _no_dispatch = torch._C.DisableTorchFunction, torch._C._DisableTorchDispatch
_Storage: Any = torch._C.StorageBase
_bytes = _Storage.nbytes
_BLOCK = 512
_copy = torch._C.TensorBase.copy_


class Transfer(NamedTuple):
    """Data that went from one device to another.

    `how` is `copy` (`.to`, `.cpu`, `copy_`, …), `item` (a request for one number: `.item()`, `float(x)`, `if x:`) or
    `create` (a tensor made on the GPU from Python numbers or an array). `waited` says whether the CPU waited for the GPU.
    """

    source: torch.device
    destination: torch.device
    shape: tuple[int, ...]
    dtype: torch.dtype
    how: Literal["copy", "item", "create"]
    waited: bool


class _Local(threading.local):
    """What each thread has of its own."""

    making: torch.device | None = None
    """Where the running factory function puts its result."""


local = _Local()


@dataclass(frozen=True)
class _Pending:
    """A copy to the CPU that nothing has waited for yet: `values` go to `destination` when something does."""

    destination: Any
    values: Any


class Memory:
    """How much of the GPUs' memory is in use, in bytes. CUDA's allocator hands it out in blocks of 512."""

    def __init__(self) -> None:
        """Start empty."""
        self.used = self.peak = 0
        self._sizes: dict[weakref.ref[Any], int] = {}

    def clear(self) -> None:
        """Start empty again, whatever is still alive."""
        self.used = self.peak = 0
        self._sizes.clear()

    def hold(self, storage: Any) -> None:
        """Count a storage for as long as it lives."""
        if isinstance(storage, torch.UntypedStorage):
            size = -(-_bytes(storage) // _BLOCK) * _BLOCK
            self.used += size
            self.peak = max(self.peak, self.used)
            self._sizes[weakref.ref(storage, self._release)] = size

    def _release(self, storage: weakref.ref[Any]) -> None:
        self.used -= self._sizes.pop(storage, 0)


class Machine:
    """One simulated machine. At most one is active in a process, for all its threads."""

    def __init__(self, gpus: int) -> None:
        """A machine with `gpus` GPUs, to be switched on by `start`."""
        self.gpus = gpus
        self.memory = Memory()
        self.generators: set[int] = set()  # the addresses of those that belong to a GPU

    def start(self, seed: int) -> None:
        """Switch it on, with nothing left from before and the GPUs' generators seeded with `seed`."""
        self._process = os.getpid()
        self.current = 0
        self.present = True
        self.memory.clear()
        self.generators.clear()
        self.transfers: list[Transfer] = []
        self.pending: list[_Pending] = []
        self.random_states: list[torch.Tensor] = []
        self.seed(seed)

    # Devices

    def device(self, wanted: Any, invalid: Exception | None = None) -> torch.device:
        """The device, with its index, that `cuda`, `cuda:0`, 0, … stands for.

        Raises:
            RuntimeError: if there is no such GPU; or what is given as `invalid`.
        """
        device = torch.device("cuda", wanted) if isinstance(wanted, int) else torch.device(wanted)
        if device.type != "cuda":
            return CPU if device.type == "cpu" else device
        if not self.present:
            raise RuntimeError("No CUDA GPUs are available")
        if self.is_in_bad_fork():
            raise RuntimeError(
                "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn' "
                "start method"
            )
        index = self.current if device.index is None else device.index
        if not 0 <= index < self.gpus:
            raise invalid or _Error("CUDA error: invalid device ordinal")
        return torch.device("cuda", index)

    def index(self, wanted: Any = None, invalid: Exception | None = None) -> int:
        """The number of the GPU that `wanted` stands for; the current one if None (torch/cuda/_utils.py).

        Raises:
            RuntimeError: if there is no such GPU; or what is given as `invalid`.
            ValueError: if it stands for something else than a GPU.
        """
        if wanted is None:
            return self.current
        device = self.device(wanted, invalid)
        if device.type != "cuda":
            raise ValueError(f"Expected a cuda device, but got: {wanted}")
        index: int = device.index
        return index

    def is_in_bad_fork(self) -> bool:
        """Whether this process was forked from the one that uses the GPU, such as a DataLoader's worker."""
        return os.getpid() != self._process

    def in_its_process(self) -> None:
        """Raise what CUDA does when a forked process touches its parent's GPU memory."""
        if self.is_in_bad_fork():
            raise _Error("CUDA error: initialization error")

    # Random numbers: each GPU has its own generator, which replaces the CPU's while an operation draws from it

    def seed(self, seed: int) -> None:
        """Seed the generators of all GPUs."""
        self.initial_seed = seed % 2**63
        self.random_states[:] = [_Generator().manual_seed(self.initial_seed).get_state() for _ in range(self.gpus)]

    def check_generator(self, kwargs: Mapping[str, Any], args: Sequence[Any], place: torch.device) -> bool:
        """Whether an operation's arguments have a generator (ATen/core/Generator.h, `check_generator`).

        Raises:
            RuntimeError: if it is not one of the kind of device where the operation runs.
        """
        for thing in (kwargs.get("generator"), *args):
            if isinstance(thing, _Generator):
                kind = "cuda" if thing._cdata in self.generators else "cpu"
                if kind != place.type:
                    raise RuntimeError(f"Expected a '{place.type}' device type for generator but found '{kind}'")
                return True
        return False

    @contextmanager
    def drawing(self, gpu: torch.device) -> Iterator[None]:
        """Draw from a GPU's generator inside the context."""
        before = _default_generator.get_state()
        _default_generator.set_state(self.random_states[gpu.index])
        try:
            yield
        finally:
            self.random_states[gpu.index] = _default_generator.get_state()
            _default_generator.set_state(before)

    # Transfers

    def note(self, source: torch.device, destination: torch.device, tensor: Any, how: Any, *, waited: bool = True) -> None:
        """Record a transfer; one that waits for the GPU also waits for the copies on their way."""
        self.transfers.append(Transfer(source, destination, tuple(tensor.shape), tensor.dtype, how, waited))
        if waited:
            self.synchronize()

    def delay_contents(self, copy: torch.Tensor) -> None:
        """Delay a copy to the CPU that does not wait: until something does, its memory contains something else."""
        with _no_function(), _no_dispatch(), torch.no_grad():
            self.pending.append(_Pending(copy, copy.data.clone()))
            copy.data.fill_(float("nan") if copy.is_floating_point() or copy.is_complex() else 0)

    def synchronize(self) -> None:
        """Wait until everything asked of the GPUs is done."""
        pending, self.pending = self.pending, []
        with _no_function(), _no_dispatch(), torch.no_grad():
            for copy in pending:
                _copy(copy.destination.data, copy.values)


_active: Machine | None = None


def active() -> Machine | None:
    """The machine being simulated, if any."""
    return _active


def set_active(machine: Machine | None) -> None:
    """Set the machine being simulated from now on."""
    global _active
    _active = machine
