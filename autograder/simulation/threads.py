"""Makes threads started during the simulation part of it: each thread has its own PyTorch modes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from autograder.simulation.patches import Patches

__all__ = ["patch"]

_Thread: Any = threading.Thread


def patch(patches: Patches, inside: Callable[[], AbstractContextManager[None]]) -> None:
    """Run every thread started from now on in the context that `inside` makes."""
    bootstrap = _Thread._bootstrap_inner

    def _bootstrap_inner(self: Any) -> None:
        with inside():
            bootstrap(self)

    patches.set(threading.Thread, "_bootstrap_inner", _bootstrap_inner)
