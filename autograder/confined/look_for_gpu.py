"""Prints what PyTorch finds of a GPU, as JSON: `python -m autograder.confined.look_for_gpu`.

A process of its own, thrown away afterwards: a zygote that touched CUDA could not fork any more.
"""

from __future__ import annotations

import sys

import msgspec
import torch

from autograder.processes.gpu import Gpu, GpuAnswer


def _look() -> GpuAnswer:
    if torch.version.cuda is None:
        return GpuAnswer(problem=f"this PyTorch ({torch.__version__}) is built without CUDA")
    if not torch.cuda.is_available():
        return GpuAnswer(problem=f"PyTorch {torch.__version__} finds no CUDA device")
    found = torch.cuda.get_device_properties(0)
    return GpuAnswer(
        gpu=Gpu(
            name=found.name,
            memory_mb=found.total_memory >> 20,
            capability=f"{found.major}.{found.minor}",
            cuda=torch.version.cuda,
        )
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_look()) + b"\n")
