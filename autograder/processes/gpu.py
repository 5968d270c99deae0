"""The machine's GPU, asked about in a process that is thrown away: a zygote that touched CUDA could not fork any more."""

from __future__ import annotations

import functools
import subprocess
import sys

import msgspec

from autograder.errors import DeviceUnavailable

__all__ = ["ENVIRONMENT", "SETTINGS", "Gpu", "GpuAnswer", "find_gpu"]

ENVIRONMENT = {
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it, cuBLAS need not give the same sums twice
    "NVIDIA_TF32_OVERRIDE": "0",
    "CUDA_CACHE_DISABLE": "1",  # there is no place to write it to
}
"""What has to be in the environment of a process before it touches CUDA."""

SETTINGS = {"tf32": "off", "deterministic": "on"}
"""How code runs on a GPU; a result records it."""

_SECONDS = 120


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """The first CUDA device: name, memory in megabytes, compute capability (`9.0`), and PyTorch's CUDA (`12.6`)."""

    name: str
    memory_mb: int
    capability: str
    cuda: str

    def facts(self) -> dict[str, str]:
        """What a result says about where it was obtained."""
        return {"gpu": self.name, "capability": self.capability, "cuda": self.cuda, **SETTINGS}


class GpuAnswer(msgspec.Struct, kw_only=True):
    """What `confined.look_for_gpu` found, or why there is none."""

    gpu: Gpu | None = None
    problem: str = ""


@functools.cache
def find_gpu() -> Gpu:
    """The GPU that code would run on.

    Raises:
        DeviceUnavailable: if PyTorch finds none; the text says why and what to do.
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
            f"There is no GPU to grade on: {answer.problem}. Use --device cpu; checks that need a GPU stay pending, and "
            "`autograde grade --resume --device cuda` completes them on a machine that has one."
        )
    return answer.gpu
