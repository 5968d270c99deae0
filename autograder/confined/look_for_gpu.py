"""Prints what PyTorch knows about the GPU, as JSON: `python -m autograder.confined.look_for_gpu`.

It runs in a process of its own, thrown away afterwards: a zygote that has touched CUDA can no longer fork.
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
    properties = torch.cuda.get_device_properties(0)
    return GpuAnswer(
        gpu=Gpu(
            name=properties.name,
            memory_mb=properties.total_memory >> 20,
            capability=f"{properties.major}.{properties.minor}",
            cuda=torch.version.cuda,
        )
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_look()) + b"\n")
