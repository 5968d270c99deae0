"""What the zygote and its fork servers do before they fork: import, try out, and see that what they have is shared."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["PRELOADABLE", "import_what_all_need", "open_own", "preload", "rehearse", "share"]

PRELOADABLE = (
    *("matplotlib.pyplot", "sklearn.datasets", "pandas"),
    "torch._dynamo",  # which optimizers import when they are made
    "torch._decomp.decompositions_for_jvp",  # for `torch.func.jvp`
    # for torch.compile
    *(
        "torch._functorch.aot_autograd",
        "functorch.compile",
        "torch._dynamo.backends.debugging",
        "torch._inductor.compile_fx",
    ),
)
"""Modules imported before the fork if a submission mentions them; otherwise they cost nothing."""

_ALWAYS = (
    *("asyncio", "torch", "torch.testing", "torch.utils.data", "torch.utils.checkpoint", "torch.optim", "torch.func"),
    *("torch.profiler", "torch.nn.utils.parametrize", "torch.nn.utils.rnn", "autograder.confined.child"),
    "autograder.simulation.session",
)
_ENVIRONMENT = dict(os.environ)


def open_own(proc: int, name: str) -> int:
    """Open this process's own `/proc/self/NAME`; `proc` is a descriptor of /proc, which may be out of reach by now."""
    return os.open(f"self/{name}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=proc)


def import_what_all_need(place: str) -> Any:
    """Import what submissions import, and run once what they all run; forward only. Returns the shell for cells.

    Temporary files go below the folder `place`.
    """
    for name in _ALWAYS:
        importlib.import_module(name)
    import torch

    from autograder.checking.shell import make_shell

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=place) as profile:  # where the trusted side removes it if this process is killed
        shell = make_shell(Path(profile))
    rehearse(shell)  # PyTorch also looks at the processor once, which children may not
    return shell


def preload(names: Iterable[str]) -> None:
    """Import those of the modules that can be imported. A submission is told about the others when it imports them."""
    for name in names:
        with contextlib.suppress(Exception):  # not installed, not in order, or without a place for its files
            importlib.import_module(name)


def rehearse(shell: Any) -> None:
    """Run once what most submissions and checks run."""
    from autograder.confined.rehearsal import rehearse

    with contextlib.redirect_stdout(io.StringIO()):
        rehearse(shell)


def share(threads: int | None) -> None:
    """Let the processes forked from now on share all that was made so far; the garbage collector leaves it alone.

    Args:
        threads: a descriptor of this process's own /proc/self/task, if there is one.

    Raises:
        RuntimeError: if this process has more than one thread.
    """
    if threads is not None and len(os.listdir(threads)) > 1:  # noqa: PTH208 - of a descriptor
        raise RuntimeError("an imported library started a thread; children forked now could hang")
    _forget_own_folders()
    _seed()
    gc.freeze()


def _forget_own_folders() -> None:
    """Undo what libraries did to the environment, and let matplotlib look again: their folders are this process's own."""
    os.environ.clear()
    os.environ.update(_ENVIRONMENT)
    matplotlib: Any = sys.modules.get("matplotlib")
    for name in ("get_configdir", "get_cachedir"):
        function: Any = getattr(matplotlib, name, None)
        if hasattr(function, "__wrapped__"):
            setattr(matplotlib, name, function.__wrapped__)


def _seed() -> None:
    """Make all children start with the same random numbers, whatever was drawn here."""
    import numpy
    import torch

    from autograder.confined.child import SEED

    torch.default_generator.manual_seed(SEED)  # torch.manual_seed would also look for accelerators
    numpy.random.seed(SEED)
