"""PyTorch functions that behave differently on a GPU and on the CPU, written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from autograder.simulation import autocast
from autograder.simulation.cuda import device_from, set_cpu_rng_state
from autograder.simulation.machine import Machine
from autograder.simulation.moving import Target, moved
from autograder.simulation.patches import Patches
from autograder.simulation.places import device_of, put

__all__ = ["functions", "patch"]

_one_hot = torch._C._nn.one_hot
_pad_packed = torch._VF._pad_packed_sequence


def functions() -> dict[Any, Callable[..., Any]]:
    """Function → what is called instead."""
    recurrent = {layer: _recurrent(layer) for layer in (torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu)}
    return {
        _one_hot: one_hot,
        torch.device: device_from,
        torch.set_rng_state: set_cpu_rng_state,
        _pad_packed: pad_packed_sequence,
        **recurrent,
    }


def _recurrent(layer: Any) -> Callable[..., Any]:
    """Recurrent layers check the devices themselves (aten/src/ATen/native/RNN.cpp, `check_attributes`)."""

    def run(data: torch.Tensor, *args: Any) -> Any:
        packed = isinstance(args[0], torch.Tensor) and isinstance(args[2], (tuple, list))
        hidden, weights = args[1:3] if packed else args[:2]
        for kind, tensors in (("hidden", hidden), ("parameter", weights)):
            for tensor in (tensors,) if isinstance(tensors, torch.Tensor) else tensors:
                if device_of(tensor) != device_of(data):
                    raise RuntimeError(
                        f"Input and {kind} tensors are not at the same device, found input tensor at {device_of(data)} and "
                        f"{kind} tensor at {device_of(tensor)}"
                    )
        return autocast.run(layer, (data, *args), {}) if autocast.anywhere() else layer(data, *args)

    return run


def one_hot(tensor: torch.Tensor, num_classes: int = -1) -> Any:
    """`F.one_hot`: on a GPU, nothing checks the labels before the kernel runs (aten/src/ATen/native/Onehot.cpp)."""
    if device_of(tensor).type != "cuda" or tensor.numel() == 0 or tensor.dtype != torch.int64:
        return _one_hot(tensor, num_classes=num_classes)
    classes = int(tensor.max().item()) + 1 if num_classes == -1 else num_classes
    zeros = torch.zeros((*tensor.shape, classes), dtype=torch.int64, device=device_of(tensor))
    return zeros.scatter_(-1, tensor.unsqueeze(-1), 1)


def pad_packed_sequence(*args: Any, **kwargs: Any) -> Any:
    """`pad_packed_sequence` returns lengths on the CPU."""
    padded, lengths = _pad_packed(*args, **kwargs)
    put(lengths, None)
    return padded, lengths


def patch(patches: Patches, machine: Machine) -> None:
    """Make `nn.DataParallel` split its input over the simulated GPUs (torch/nn/parallel/comm.py)."""
    comm = torch.nn.parallel.comm

    def at(tensor: torch.Tensor, device: Any) -> torch.Tensor:
        place = torch.device("cpu") if device == -1 else machine.device(device)
        return tensor if device_of(tensor) == place else moved(machine, tensor, place, Target())

    def scatter(
        tensor: torch.Tensor, devices: Any = None, chunk_sizes: Any = None, dim: int = 0, streams: Any = None
    ) -> Any:
        parts = tensor.chunk(len(devices), dim) if chunk_sizes is None else torch.split(tensor, list(chunk_sizes), dim)
        return tuple(at(part, device) for part, device in zip(parts, devices, strict=False))

    def gather(tensors: Any, dim: int = 0, destination: Any = None) -> torch.Tensor:
        target = device_of(tensors[0]) if destination is None else destination
        return torch.cat([at(tensor, target) for tensor in tensors], dim)

    def broadcast_coalesced(tensors: Any, devices: Any, buffer_size: int = 0) -> Any:
        return [[at(tensor, device) for tensor in tensors] for device in devices]

    def reduce_add_coalesced(inputs: Any, destination: Any = None, buffer_size: int = 0) -> Any:
        target = device_of(inputs[0][0]) if destination is None else destination
        return tuple(sum(at(each, target) for each in parts) for parts in zip(*inputs, strict=True))

    patches.set_existing(torch.nn.parallel._functions, _streams=None)
    patches.set_all(
        comm,
        scatter=scatter,
        gather=gather,
        broadcast_coalesced=broadcast_coalesced,
        reduce_add_coalesced=reduce_add_coalesced,
    )
