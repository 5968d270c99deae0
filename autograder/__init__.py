"""autograde: exercises for PyTorch that grade themselves. The names that authors of checks need; imports no torch."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from autograder.authoring import (
    alternative,
    at_least,
    at_most,
    checks,
    close,
    distributed_as,
    exactly,
    ignoring,
    misconception,
    only,
    raises,
    secret,
    unordered,
)

if TYPE_CHECKING:
    from autograder.simulation.session import SimulatedGpu

__all__ = [
    "alternative",
    "at_least",
    "at_most",
    "checks",
    "close",
    "distributed_as",
    "exactly",
    "ignoring",
    "misconception",
    "only",
    "raises",
    "secret",
    "simulated_gpu",
    "unordered",
]


def simulated_gpu(gpus: int = 1, *, seed: int = 0) -> AbstractContextManager[SimulatedGpu]:
    """Pretend that this machine has a GPU: `with simulated_gpu(): …` shows the errors that a GPU would show.

    Inside, `torch.cuda.is_available()` is True, tensors and modules can be moved to `cuda`, and mixing devices raises what
    CUDA raises. Numbers are still computed by the CPU, so nothing gets faster. docs/devices.md says what this can tell.

    Args:
        gpus: how many GPUs to pretend.
        seed: where the GPUs' random generators start.
    """
    from autograder.simulation import session

    return session.simulated_gpu(gpus, seed=seed)
