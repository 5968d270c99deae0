"""The fork server: one process per worker, which has imported everything and forks a child for each submission.

It must stay single-threaded, never run a backward pass and never touch CUDA: each would break its children. It is started
as `python -m autograder.confined.zygote SETTINGS`, with one end of a socket pair; `autograder.processes.fork_server` is at
the other end.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import io
import os
import select
import signal
import site
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from autograder import sandbox
from autograder._files import PACKAGE
from autograder.confined import heap
from autograder.processes.protocol import Ended, Fork, Kill, Ready, Settings, ToZygote, encode
from autograder.records.jobs import Limits
from autograder.sandbox import libc, namespaces, seccomp
from autograder.sandbox.excess import LOOK_SECONDS, Watch

__all__ = ["LARGEST_ORDER", "PRELOADABLE", "main"]

PRELOADABLE = (
    *("sklearn.datasets", "pandas"),
    # for torch.compile
    *(
        "torch._functorch.aot_autograd",
        "functorch.compile",
        "torch._dynamo.backends.debugging",
        "torch._inductor.compile_fx",
    ),
)
"""Modules imported before the fork if a submission mentions them; otherwise they cost nothing."""

LARGEST_ORDER = 1 << 16
_ALWAYS = (
    *("asyncio", "torch", "torch._dynamo", "torch.testing", "torch.utils.data", "torch.utils.checkpoint", "torch.optim"),
    "torch._decomp.decompositions_for_jvp",  # for `torch.func.jvp`
    *("torch.func", "torch.profiler", "torch.nn.utils.parametrize", "torch.nn.utils.rnn", "autograder.confined.child"),
    "autograder.simulation.session",
)
_IF_INSTALLED = ("matplotlib.pyplot",)
_CHILD_FAILED = 97
_ENVIRONMENT = dict(os.environ)
# Uids that systemd reserves for services without an account. Graders that run at the same time take different ones, because
# what the kernel counts by user, and who may signal whom, would otherwise mix them up.
_FIRST_USER, _USERS = 61_500, 3_900


def main() -> None:
    """Serve until the other end of the control socket closes."""
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    control = socket.socket(fileno=settings.control)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # while it makes a million objects that stay
    try:
        is_root = os.geteuid() == 0
        devices = namespaces.gpu_paths() if settings.gpu else ()
        readable = (*_readable(), *(namespaces.gpu_readable() if settings.gpu else ()), *devices)
        missing = _enter(settings, readable, control)
        own_processes = None if missing else os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC) if libc.LINUX else None
        watch = Watch() if libc.LINUX else None
        shell = _warm_up(settings.place)
        # They import torch, which must happen in the namespaces.
        from autograder.confined.child import make_streams
        from autograder.confined.substitutes import put_in_place

        put_in_place(shell)
        streams = make_streams()
        sys.dont_write_bytecode = True
        _check_single_threaded()
        _freeze()
        if not missing:
            namespaces.make_root(settings.place, readable, proc=settings.gpu)
        user, reason = _choose_user(settings, readable) if is_root else (None, "only root can give it another user")
    except Exception as error:  # it cannot serve, and tells the trusted side why
        traceback.print_exc()
        control.send(encode(Ready(problem=f"{type(error).__name__}: {error}"[:2000])))
        return
    setup = sandbox.Confinement(
        readable=(*readable, *namespaces.GPU_PROC) if settings.gpu else readable,
        namespaces=missing,
        user=user,
        user_reason=reason,
        statm=statm,
        in_user_namespace=not missing and not is_root,
        bare=settings.mode == "bare",
        gpu=devices,
    )
    if libc.LINUX and not setup.bare:
        libc.drop_bounding_set()
        with contextlib.suppress(OSError):  # the layer's own state says so later
            seccomp.program(0)
    faulthandler.disable()  # from now on, it is submissions that crash
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)
    gc.enable()
    if watch is not None:
        watch.remember()
    control.send(encode(Ready()))
    _serve(control, setup, shell, streams, own_processes, watch)


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


def _choose_user(settings: Settings, readable: tuple[str, ...]) -> tuple[int | None, str]:
    """The uid for this slot's children and "" if that user can read Python's libraries; else None and why not."""
    if settings.mode == "bare":
        return None, "confinement was switched off"
    user = _FIRST_USER + settings.slot % _USERS
    answer, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            hidden = [path for path in readable if not os.access(path, os.R_OK)]
            os.write(tell, f"user {user} may not read {hidden[0]}".encode() if hidden else b"")
        except OSError as error:
            os.write(tell, f"changing the user failed: {error.strerror}".encode())
        finally:
            os._exit(0)
    os.close(tell)
    with os.fdopen(answer, "rb") as stream:
        reason = stream.read().decode()
    os.waitpid(pid, 0)
    return (None, reason) if reason else (user, "")


def _warm_up(place: str) -> Any:
    """Import what submissions import, and run once what they all run; forward only."""
    for name in _ALWAYS:
        importlib.import_module(name)
    for name in _IF_INSTALLED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    import torch

    from autograder.checking.shell import make_shell
    from autograder.confined.rehearsal import rehearse

    torch.set_num_threads(1)
    torch.nn.Sequential(torch.nn.Conv2d(1, 1, 1), torch.nn.Flatten(), torch.nn.Linear(4, 2))(torch.ones(1, 1, 2, 2))
    repr(torch.randn(2, 2))
    torch.testing.assert_close(torch.ones(1), torch.ones(1))
    buffer = io.BytesIO()
    torch.save({"a": torch.ones(1)}, buffer)
    buffer.seek(0)
    torch.load(buffer)
    with tempfile.TemporaryDirectory(dir=place) as profile:  # where the trusted side removes it if this process is killed
        shell = make_shell(Path(profile))
    with contextlib.redirect_stdout(io.StringIO()):
        rehearse(shell)
    return shell


def _check_single_threaded() -> None:
    if libc.LINUX and len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("an imported library started a thread; children forked now could hang")


def _serve(
    control: socket.socket,
    setup: sandbox.Confinement,
    shell: Any,
    streams: Any,
    own_processes: int | None,
    watch: Watch | None,
) -> None:
    decoder: msgspec.msgpack.Decoder[ToZygote] = msgspec.msgpack.Decoder(ToZygote)
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, LARGEST_ORDER, 3)
        if not data:
            return
        order = decoder.decode(data)
        if isinstance(order, Kill):
            continue  # its child has ended in the meantime
        _preload(order.preload)
        if own_processes is not None:
            libc.unshare(libc.CLONE_NEWPID)
        pid = os.fork()
        if pid == 0:
            _be_child(control, order, setup, shell, streams, (descriptors[0], descriptors[1], descriptors[2]))
        if own_processes is not None:
            libc.setns(own_processes, libc.CLONE_NEWPID)
        for descriptor in descriptors:
            os.close(descriptor)
        connected, excess = _wait(control, pid, order, decoder, _look(watch, order.limits, setup))
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)  # if new processes were possible, this ends most of them
        _, status, usage = os.wait4(pid, 0)
        ended = Ended(
            id=order.id,
            status=os.waitstatus_to_exitcode(status),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=usage.ru_maxrss / 1024,
            excess=excess,
        )
        if not connected:
            return
        control.send(encode(ended))


def _freeze() -> None:
    """Let children share everything made so far; the garbage collector leaves it alone."""
    _forget_own_folders()
    _seed()
    gc.freeze()
    heap.settle()


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


def _preload(names: tuple[str, ...]) -> None:
    wanted = [name for name in names if name in PRELOADABLE and name not in sys.modules]
    for name in wanted:
        try:
            importlib.import_module(name)
        except (ImportError, OSError):  # some make a folder for what they compile
            continue
    if wanted:
        _freeze()


def _be_child(
    control: socket.socket,
    order: Fork,
    setup: sandbox.Confinement,
    shell: Any,
    streams: Any,
    descriptors: tuple[int, int, int],
) -> NoReturn:
    from autograder.confined.child import run_child

    status = _CHILD_FAILED
    try:
        control.close()
        run_child(order, setup, shell, streams, descriptors)
        status = 0
    except BaseException:  # the child's last words go where its output goes
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _look(watch: Watch | None, limits: Limits, setup: sandbox.Confinement) -> Callable[[int], str] | None:
    """What tells whether a child, given by a descriptor, uses too much; None if nothing does."""
    if watch is None or setup.bare or setup.gpu:  # CUDA has much memory of its own
        return None
    return partial(watch.excess, limits=limits, count_threads=not setup.counts_processes)


def _wait(
    control: socket.socket,
    pid: int,
    order: Fork,
    decoder: msgspec.msgpack.Decoder[ToZygote],
    look: Callable[[int], str] | None,
) -> tuple[bool, str]:
    """Wait until the child has ended, or is killed, on order or because it uses too much.

    Returns:
        Whether the trusted side is still there, and what was too much.
    """
    events = select.poll()
    events.register(control, select.POLLIN)
    process = os.pidfd_open(pid)
    try:
        events.register(process, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in events.poll(LOOK_SECONDS * 1000 if look else None)}
            if process in ready:
                return True, ""
            excess = look(process) if look else ""
            data = control.recv(LARGEST_ORDER) if ready else None
            told = decoder.decode(data) if data else None
            gone = data == b""
            if gone or excess or (isinstance(told, Kill) and told.id == order.id):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return not gone, excess
    finally:
        os.close(process)


if __name__ == "__main__":
    main()
