"""Asks about the machine's GPU in a throwaway process: a zygote that has touched CUDA can no longer fork."""

from __future__ import annotations

import functools
import subprocess
import sys

import msgspec

from autograder.errors import DeviceUnavailable

__all__ = ["ENVIRONMENT", "SETTINGS", "Gpu", "GpuAnswer", "find_gpu"]

ENVIRONMENT = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it, cuBLAS may give different sums each time
    "NVIDIA_TF32_OVERRIDE": "0",
    "CUDA_CACHE_DISABLE": "1",  # there is nowhere to write it
}
"""What must be in a process's environment before it touches CUDA."""

SETTINGS = {"tf32": "off", "deterministic": "on"}
"""How code runs on a GPU; results record it."""

_SECONDS = 120


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """The first CUDA device: name, memory in megabytes, compute capability (`9.0`), and PyTorch's CUDA (`12.6`)."""

    name: str
    memory_mb: int
    capability: str
    cuda: str

    def facts(self) -> dict[str, str]:
        """What a result says about where it was computed."""
        return {"gpu": self.name, "capability": self.capability, "cuda": self.cuda, **SETTINGS}


class GpuAnswer(msgspec.Struct, kw_only=True):
    """What `autograder.confined.look_for_gpu` found: a GPU, or why there is none."""

    gpu: Gpu | None = None
    problem: str = ""


@functools.cache
def find_gpu() -> Gpu:
    """The GPU that code would run on.

    Raises:
        DeviceUnavailable: if PyTorch finds none; the text says why, and what to do.
    """
    command = [sys.executable, "-P", "-m", "autograder.confined.look_for_gpu"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        answer = msgspec.json.decode(done.stdout, type=GpuAnswer)
    except subprocess.TimeoutExpired:
        answer = GpuAnswer(problem=f"asking for it took more than {_SECONDS} s")
    except msgspec.MsgspecError:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        answer = GpuAnswer(problem=lines[-1] if lines else f"asking for it ended with status {done.returncode}")
    if answer.gpu is None:
        raise DeviceUnavailable(
            f"There is no GPU to grade on: {answer.problem}. Use --device cpu: checks that need a GPU stay pending, and "
            "`autograde grade --resume --device cuda` completes them on a machine that has one."
        )
    return answer.gpu
