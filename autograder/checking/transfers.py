"""Counts transfers between devices, and hides a machine's GPU for a while.

With a simulated GPU, the simulation reports transfers. With a real one, PyTorch's operations do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from autograder.simulation.session import SimulatedGpu

__all__ = ["Moved", "Transfers", "counted_transfers", "keep_busy", "without_gpu"]

_cuda = torch.cuda
_BUSY_CYCLES = 400_000_000  # at a clock rate of about 2 GHz
_PINNED_BYTES = tuple(1 << power for power in range(14))


class Moved(NamedTuple):
    """One transfer: from where to where, the shape of the moved tensor, and whether the CPU waited for the GPU."""

    source: str
    destination: str
    shape: tuple[int, ...]
    waited: bool


class Transfers:
    """Transfers between devices, in order.

    Attributes:
        moved: each transfer.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.moved: list[Moved] = []

    @property
    def to_cpu(self) -> int:
        """How many came back: tensors, or single numbers for `.item()`, `float(x)`, `if x:` or printing."""
        return sum(moved.destination == "cpu" for moved in self.moved)

    @property
    def to_gpu(self) -> int:
        """How many went to the GPU."""
        return sum(moved.source == "cpu" for moved in self.moved)

    @property
    def waits(self) -> int:
        """How many the CPU waited for."""
        return sum(moved.waited for moved in self.moved)


@contextmanager
def counted_transfers(gpu: SimulatedGpu | None) -> Iterator[Transfers]:
    """Count transfers inside the context, with a simulated GPU or, if `gpu` is None, a real one."""
    transfers = Transfers()
    if gpu is None:
        with _Observer(transfers):
            yield transfers
        return
    before = len(gpu.transfers)
    try:
        yield transfers
    finally:
        transfers.moved += [
            Moved(str(seen.source), str(seen.destination), seen.shape, seen.waited) for seen in gpu.transfers[before:]
        ]


class _Observer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes each operation that copies between devices."""

    def __init__(self, transfers: Transfers) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._moved = transfers.moved

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        result = function(*args, **options)
        name = function._schema.name
        if name in ("aten::_local_scalar_dense", "aten::equal") and args[0].device.type != "cpu":
            self._moved.append(Moved(str(args[0].device), "cpu", tuple(args[0].shape), True))
        elif name in ("aten::_to_copy", "aten::copy_") and isinstance(args[1 if name == "aten::copy_" else 0], torch.Tensor):
            source, target = (args[1], args[0]) if name == "aten::copy_" else (args[0], result)
            if source.device != target.device:
                late = bool(options.get("non_blocking", args[2] if name == "aten::copy_" and len(args) > 2 else False))
                waited = not (late and (source.device.type != "cpu" or source.is_pinned()))
                self._moved.append(Moved(str(source.device), str(target.device), tuple(source.shape), waited))
        return result


def keep_busy() -> None:
    """Keep the GPU busy for about a fifth of a second: until then, nothing comes back unless the CPU waits."""
    # Getting page-locked memory may mean waiting for the GPU. What is allocated now is reused then.
    ready = [torch.empty(size, dtype=torch.uint8, pin_memory=True) for size in _PINNED_BYTES for _ in range(4)]
    del ready
    _cuda._sleep(_BUSY_CYCLES)  # type: ignore[no-untyped-call]


@contextmanager
def without_gpu(gpu: SimulatedGpu | None) -> Iterator[None]:
    """Make PyTorch say that there is no GPU inside the context."""
    if gpu is not None:
        with gpu.hidden():
            yield
        return
    before = _cuda.is_available, _cuda.device_count
    _cuda.is_available, _cuda.device_count = lambda: False, lambda: 0
    try:
        yield
    finally:
        _cuda.is_available, _cuda.device_count = before
