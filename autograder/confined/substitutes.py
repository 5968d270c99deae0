"""What stands in for things that a confined process cannot do: something that serves as well, or a sentence that says no.

The sandbox refuses them with or without these; an honest program gets an error that it can understand.
"""

from __future__ import annotations

import functools
import inspect
import mmap
import multiprocessing.heap
import multiprocessing.pool
import multiprocessing.process
import multiprocessing.queues
import multiprocessing.shared_memory
import multiprocessing.synchronize
import multiprocessing.util
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn, Self

import torch
from torch.utils.data import DataLoader

from autograder.checking.shell import Shell
from autograder.records.jobs import NOT_COMPILED

__all__ = ["NOT_COMPILED", "put_in_place", "refuse_in_words"]

_NO_SUCH_COMMAND = 127 << 8

_PROCESSES = "Grading does not allow other processes; do the work in this one."
_SHARED = "Grading does not allow memory shared between processes."
_NETWORK = "Grading does not allow the network; hand in the files that you need beside your submission."
_REFUSED: tuple[tuple[Any, str, str], ...] = (
    *((os, name, _PROCESSES) for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve")),
    (subprocess, "_fork_exec", _PROCESSES),
    (multiprocessing.process.BaseProcess, "start", _PROCESSES),
    (multiprocessing.util, "spawnv_passfds", _PROCESSES),
    (multiprocessing.synchronize.SemLock, "__init__", _PROCESSES),
    (multiprocessing.heap.Arena, "__init__", _SHARED),
    (multiprocessing.shared_memory.SharedMemory, "__init__", _SHARED),
    (torch.UntypedStorage, "_share_fd_cpu_", _SHARED),
    (torch.UntypedStorage, "_share_filename_cpu_", _SHARED),
    (socket, "getaddrinfo", _NETWORK),
    (socket, "gethostbyname", _NETWORK),
)


def put_in_place(shell: Shell) -> None:
    """Let data load in the process itself, pools of threads do without locks between processes, memory be private, and code
    be compiled without a compiler.

    Call it once, in the zygote.
    """
    _load_in_process()
    _let_threads_pool()
    _map_privately()
    _compile_without_compiler(shell)


def refuse_in_words(shell: Shell) -> None:
    """Make what would start a process, share memory or use the network say that it is not allowed. Call it in a child."""
    for place, name, sentence in _REFUSED:
        if hasattr(place, name):  # not everywhere, nor in each version
            setattr(place, name, _refusing(sentence))
    socket.socket.__init__ = _socket  # type: ignore[method-assign]

    def system(command: Any) -> int:
        shell.refuse()
        return _NO_SUCH_COMMAND

    os.system = system
    os.environ["PATH"] = ""  # there are no commands to look for, and folders that may not be listed


def _refusing(sentence: str) -> Callable[..., NoReturn]:
    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        raise PermissionError(sentence)

    return refuse


_make_socket = socket.socket.__init__


def _socket(self: socket.socket, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:
    if fileno is None:
        raise PermissionError(_NETWORK)
    _make_socket(self, family, type, proto, fileno)  # asyncio wakes itself up through a pair of sockets


def _load_in_process() -> None:
    """Make every DataLoader load in its own process: workers would need fork and shared memory."""
    original: Callable[..., None] = DataLoader.__init__

    @functools.wraps(original)
    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        bound = inspect.signature(original).bind(self, *arguments, **options)
        for name in ("num_workers", "prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout"):
            bound.arguments.pop(name, None)
        original(*bound.args, **bound.kwargs)

    DataLoader.__init__ = __init__  # type: ignore[method-assign]


def _let_threads_pool() -> None:
    """Make a `ThreadPool` wake itself up through a queue whose locks are those of threads."""
    locks = SimpleNamespace(Lock=threading.Lock)
    context: Any = SimpleNamespace(SimpleQueue=lambda: multiprocessing.queues.SimpleQueue(ctx=locks))

    def __init__(self: Any, processes: Any = None, initializer: Any = None, initargs: Any = ()) -> None:
        multiprocessing.pool.Pool.__init__(self, processes, initializer, initargs, context=context)

    multiprocessing.pool.ThreadPool.__init__ = __init__  # type: ignore[method-assign]


class _Mapped(mmap.mmap):
    """Memory that no file stands behind is private: there is no process to share it with, and so it is counted."""

    def __new__(cls, fileno: int, length: int, *arguments: Any, **options: Any) -> Self:
        if fileno == -1:
            return super().__new__(cls, fileno, length, flags=mmap.MAP_PRIVATE)
        return super().__new__(cls, fileno, length, *arguments, **options)


def _map_privately() -> None:
    mmap.mmap = _Mapped  # type: ignore[misc]


def _compile_without_compiler(shell: Shell) -> None:
    """Make `torch.compile` do with the backend "eager" where it would use "inductor", and note it."""
    original: Callable[..., Any] = torch.compile

    @functools.wraps(original)
    def compile(model: Any = None, **options: Any) -> Any:
        if options.get("backend", "inductor") == "inductor":
            shell.note = NOT_COMPILED
            options = {name: value for name, value in options.items() if name not in ("mode", "options")}
            options["backend"] = "eager"
        return original(model, **options)

    torch.compile = compile
