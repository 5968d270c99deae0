"""The zygote: the process that has imported everything, from which a fork server for each worker is forked.

They share its memory. It must stay single-threaded, never run a backward pass and never touch CUDA: each would break those
forked from it. It is started as `python -m autograder.confined.zygote SETTINGS`, with one end of a socket pair;
`autograder.processes.zygote` is at the other end.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import signal
import site
import socket
import sys
import traceback
from typing import Any, NoReturn

import msgspec

from autograder import sandbox
from autograder._files import PACKAGE
from autograder.confined import heap, warm
from autograder.confined.fork_server import LARGEST_ORDER, ForkServer
from autograder.processes.protocol import Ready, Serve, Serving, Settings, encode
from autograder.sandbox import libc, namespaces, seccomp

__all__ = ["main"]


def main() -> None:
    """Fork servers until the other end of the control socket closes."""
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    control = socket.socket(fileno=settings.control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # while it makes a million objects that stay
    try:
        devices = namespaces.gpu_paths() if settings.gpu else ()
        readable = (*_readable(), *(namespaces.gpu_readable() if settings.gpu else ()), *devices)
        missing = _enter(settings, readable, control)
        proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if libc.LINUX else None
        shell, streams = _warm_up(settings, proc)
        if not missing:
            namespaces.make_root(settings.place, readable, proc=settings.gpu)
    except Exception as error:  # it cannot serve, and tells the trusted side why
        traceback.print_exc()
        control.send(encode(Ready(problem=f"{type(error).__name__}: {error}"[:2000])))
        return
    setup = sandbox.Confinement(
        readable=(*readable, *namespaces.GPU_PROC) if settings.gpu else readable,
        namespaces=missing,
        user=None,
        user_reason="",
        statm=None,
        in_user_namespace=not missing and os.geteuid() != 0,
        bare=settings.mode == "bare",
        gpu=devices,
    )
    if libc.LINUX and not setup.bare:
        libc.drop_bounding_set()
        with contextlib.suppress(OSError):  # the layer's own state says so later
            seccomp.program(0)
    faulthandler.disable()  # from now on, it is submissions that crash
    gc.set_threshold(5_000, 10, 10)
    gc.enable()
    control.send(encode(Ready()))
    _fork_servers(control, setup, shell, streams, proc)


def _readable() -> tuple[str, ...]:
    folders = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    prefixes = (sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)
    return namespaces.readable_paths(prefixes, folders, str(PACKAGE))


def _enter(settings: Settings, readable: tuple[str, ...], control: socket.socket) -> str:
    """Enter namespaces if possible, and become the first process in them. Returns "" or why not."""
    if settings.mode == "bare":
        return "confinement was switched off"
    if libc.LINUX:
        sandbox.undumpable()
    if settings.mode == "plain":
        return "namespaces were not asked for"
    if settings.gpu and os.geteuid() != 0:
        return "CUDA reads /proc, and only root can mount one for each child"
    reason = namespaces.whether_possible(settings.place, readable)
    if reason:
        if settings.mode == "namespaces":
            raise OSError(reason)
        return reason
    namespaces.enter()
    pid = os.fork()
    if pid:
        control.close()
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)
    libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
    return ""


def _warm_up(settings: Settings, proc: int | None) -> tuple[Any, Any]:
    """Import and share everything. Returns the shell for cells, and the children's streams."""
    shell = warm.import_what_all_need(settings.place)
    # They import torch, which must happen in the namespaces.
    from autograder.confined.child import make_streams
    from autograder.confined.substitutes import put_in_place

    put_in_place(shell)
    streams = make_streams()
    if settings.preload:
        warm.preload(name for name in settings.preload if name in warm.PRELOADABLE)
        warm.rehearse(shell)
    sys.dont_write_bytecode = True
    warm.share(None if proc is None else warm.open_own(proc, "task"))
    if settings.many:
        heap.settle()
    return shell, streams


def _fork_servers(control: socket.socket, setup: sandbox.Confinement, shell: Any, streams: Any, proc: int | None) -> None:
    """Fork a server on each order, and hand out a descriptor of it."""
    own_processes = None if proc is None or setup.namespaces else warm.open_own(proc, "ns/pid")
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, LARGEST_ORDER, 1)
        if not data:
            return
        order = msgspec.msgpack.decode(data, type=Serve)
        with contextlib.suppress(ChildProcessError):  # there are none
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        pid = namespaces.fork(own_processes)
        if pid == 0:
            control.close()
            _be_server(socket.socket(fileno=descriptors[0]), setup, shell, streams, order.slot, proc)
        process = os.pidfd_open(pid)
        socket.send_fds(control, [encode(Serving())], [process])
        for descriptor in (*descriptors, process):
            os.close(descriptor)


def _be_server(
    control: socket.socket, setup: sandbox.Confinement, shell: Any, streams: Any, slot: int, proc: int | None
) -> NoReturn:
    status = 1
    try:
        os.setsid()
        if libc.LINUX:
            libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        if not setup.namespaces:
            namespaces.enter_own()
        server = ForkServer(control, setup, shell, streams, slot, proc)
        control.send(encode(Ready()))
        server.serve()
        status = 0
    except Exception as error:  # so the trusted side learns why
        traceback.print_exc()
        with contextlib.suppress(OSError):
            control.send(encode(Ready(problem=f"{type(error).__name__}: {error}"[:2000])))
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
