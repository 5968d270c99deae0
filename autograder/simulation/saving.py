"""Files and copies: a checkpoint records each tensor's device, and a deep copy stays on it."""

from __future__ import annotations

import re
from typing import Any

import torch

from autograder.simulation.machine import Machine
from autograder.simulation.patches import Patches
from autograder.simulation.places import device_of_storage, put_storage

__all__ = ["patch"]

_real_device: Any = torch._C.StorageBase.device.__get__  # type: ignore[attr-defined]
_PRIORITY = 5
"""Ahead of PyTorch's own: the CPU has 10, CUDA 20."""


def patch(patches: Patches, machine: Machine) -> None:
    """Make `torch.save` write the simulated device and `torch.load` read it."""

    def location(storage: Any) -> str | None:
        device = device_of_storage(_untyped(storage))
        return None if device is None else str(device)

    def restore(storage: Any, location: str) -> Any:
        if not re.fullmatch(r"cuda(:\d+)?", str(location)):
            return None
        if not machine.present:
            raise RuntimeError(
                "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
                "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
                "storages to the CPU."
            )
        if (torch.device(location).index or 0) >= machine.gpus:
            raise RuntimeError(
                f"Attempting to deserialize object on CUDA device {torch.device(location).index} but "
                f"torch.cuda.device_count() is {machine.gpus}. Please use torch.load with map_location to map your storages "
                "to an existing device."
            )
        put_storage(_untyped(storage), machine.device(location))
        return storage

    known: list[Any] = torch.serialization._package_registry
    patches.set(
        torch.serialization,
        "_package_registry",
        sorted([*known, (_PRIORITY, location, restore)], key=lambda entry: entry[0]),
    )
    patches.set(torch.storage._StorageBase, "clone", _clone)

    def to(self: Any, *, device: Any, non_blocking: bool = False) -> Any:
        place = machine.device(device)
        return self if place == _device(self) else _copied(self, place)

    def cuda(self: Any, device: Any = None, non_blocking: bool = False) -> Any:
        return to(self, device="cuda" if device is None else device)

    def cpu(self: Any) -> Any:
        return to(self, device="cpu")

    patches.set_all(torch.UntypedStorage, to=to, cuda=cuda, cpu=cpu)
    patches.set_all(
        torch.UntypedStorage, device=property(_device), is_cuda=property(lambda self: _device(self).type == "cuda")
    )


def _untyped(storage: Any) -> Any:
    return storage._untyped_storage if isinstance(storage, torch.storage.TypedStorage) else storage


def _clone(storage: Any) -> Any:
    """What `copy.deepcopy` of a tensor calls."""
    return _copied(storage, _device(storage))


def _device(storage: Any) -> torch.device:
    real: torch.device = _real_device(storage)
    return device_of_storage(storage) or real


def _copied(storage: Any, place: torch.device) -> Any:
    copy = type(storage)(storage.nbytes(), device=_real_device(storage)).copy_(storage)
    put_storage(copy, place)
    return copy
