"""autograde: exercises for PyTorch that grade themselves.

The names that authors of checks need, those that students need (`check`, `hint`, `progress` and `solution`), and `Grader`,
which grades from Python. Importing the package imports no torch; the students' names do.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from autograder import source as source
from autograder.authoring import (
    alike,
    alternative,
    at_least,
    at_most,
    average_between,
    checks,
    close,
    distributed_as,
    exactly,
    ignoring,
    misconception,
    mostly,
    observes,
    only,
    printed,
    raises,
    results,
    says,
    secret,
    unordered,
)

if TYPE_CHECKING:
    from autograder.grading.grader import Grader as Grader
    from autograder.simulation.session import SimulatedGpu
    from autograder.student.notebook import check, hint, progress, solution

# Without Grader and source: students' notebooks may have `from autograder import *`, and not the instructor's half of the
# package, nor a module of such a common name.
__all__ = [
    "alike",
    "alternative",
    "at_least",
    "at_most",
    "average_between",
    "check",
    "checks",
    "close",
    "distributed_as",
    "exactly",
    "hint",
    "ignoring",
    "misconception",
    "mostly",
    "observes",
    "only",
    "printed",
    "progress",
    "raises",
    "results",
    "says",
    "secret",
    "simulated_gpu",
    "solution",
    "unordered",
]


def simulated_gpu(gpus: int = 1, *, seed: int = 0) -> AbstractContextManager[SimulatedGpu]:
    """Pretend that this machine has a GPU: `with simulated_gpu(): …` shows the errors that a GPU would show.

    Inside, `torch.cuda.is_available()` is True, tensors and modules can be moved to `cuda`, and mixing devices raises what
    CUDA raises. Numbers are still computed by the CPU, so nothing gets faster. docs/devices.md says what this can tell.

    Args:
        gpus: how many GPUs the machine seems to have.
        seed: where the GPUs' random generators start.
    """
    from autograder.simulation import session

    return session.simulated_gpu(gpus, seed=seed)


def __getattr__(name: str) -> Any:
    if name not in ("Grader", "check", "hint", "progress", "solution"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sys
    from importlib import import_module

    if name == "Grader":
        return import_module("autograder.grading.grader").Grader
    # Where notebooks are graded, the kit's own shell runs their cells.
    shell = sys.modules.get("autograder.checking.shell")
    graded = shell is not None and shell.Shell.initialized()
    return getattr(import_module(f"autograder.student.{'quiet' if graded else 'notebook'}"), name)
