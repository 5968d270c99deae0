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
from dataclasses import dataclass, field
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

LARGEST_ORDER = 1 << 16
_ALWAYS = (
    *("asyncio", "torch", "torch.testing", "torch.utils.data", "torch.utils.checkpoint", "torch.optim", "torch.func"),
    *("torch.profiler", "torch.nn.utils.parametrize", "torch.nn.utils.rnn", "autograder.confined.child"),
    "autograder.simulation.session",
)
_FORKS_BEFORE_SETTLING = 8
"""Settling takes as long as it saves in some fifty children. Who has forked so often will fork more; who grades one
submission does not pay for it."""
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
        threads = os.open("/proc/self/task", os.O_RDONLY | os.O_CLOEXEC) if libc.LINUX else None
        watch = Watch() if libc.LINUX else None
        shell = _warm_up(settings.place)
        # They import torch, which must happen in the namespaces.
        from autograder.confined.child import make_streams
        from autograder.confined.substitutes import put_in_place

        put_in_place(shell)
        streams = make_streams()
        sys.dont_write_bytecode = True
        _check_single_threaded(threads)
        _share()
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
    gc.set_threshold(5_000, 10, 10)
    gc.enable()
    if watch is not None:
        watch.remember()
    control.send(encode(Ready()))
    _Server(control, setup, shell, streams, own_processes, watch, threads).serve()


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
    import torch

    from autograder.checking.shell import make_shell

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=place) as profile:  # where the trusted side removes it if this process is killed
        shell = make_shell(Path(profile))
    _rehearse(shell)  # PyTorch also looks at the processor once, which children may not
    return shell


def _check_single_threaded(threads: int | None) -> None:
    """`threads` is /proc/self/task, opened: the private root has none."""
    if threads is not None and len(os.listdir(threads)) > 1:  # noqa: PTH208 - of a descriptor
        raise RuntimeError("an imported library started a thread; children forked now could hang")


@dataclass
class _Server:
    """What a warm zygote has, and what it does with it."""

    control: socket.socket
    setup: sandbox.Confinement
    shell: Any
    streams: Any
    own_processes: int | None
    watch: Watch | None
    threads: int | None
    tried: set[str] = field(default_factory=set)

    def serve(self) -> None:
        """Fork a child on each order, and say what became of it."""
        decoder: msgspec.msgpack.Decoder[ToZygote] = msgspec.msgpack.Decoder(ToZygote)
        forks = 0
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.control, LARGEST_ORDER, 3)
            if not data:
                return
            order = decoder.decode(data)
            if isinstance(order, Kill):
                continue  # its child has ended in the meantime
            self._preload(order.preload)
            if forks == _FORKS_BEFORE_SETTLING:
                self._settle()
            forks += 1
            if self.own_processes is not None:
                libc.unshare(libc.CLONE_NEWPID)
            pid = os.fork()
            if pid == 0:
                self._be_child(order, (descriptors[0], descriptors[1], descriptors[2]))
            if self.own_processes is not None:
                libc.setns(self.own_processes, libc.CLONE_NEWPID)
            for descriptor in descriptors:
                os.close(descriptor)
            connected, excess = _wait(self.control, pid, order, decoder, self._look(order.limits))
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
            self.control.send(encode(ended))

    def _preload(self, names: tuple[str, ...]) -> None:
        wanted = [name for name in names if name in PRELOADABLE and name not in sys.modules and name not in self.tried]
        if not wanted:
            return
        self.tried.update(wanted)
        with namespaces.scratch_for_zygote() if not self.setup.namespaces else contextlib.nullcontext():
            for name in wanted:
                try:
                    importlib.import_module(name)
                except Exception:  # not installed, not in order, or without a place for its files; a submission is told
                    continue
        _check_single_threaded(self.threads)
        _share()

    def _settle(self) -> None:
        """Run once what was imported since the start, and arrange the memory so that many forks are cheap."""
        gc.disable()
        _rehearse(self.shell)
        _check_single_threaded(self.threads)
        _share()
        heap.settle()
        gc.enable()

    def _be_child(self, order: Fork, descriptors: tuple[int, int, int]) -> NoReturn:
        from autograder.confined.child import run_child

        status = _CHILD_FAILED
        try:
            self.control.close()
            run_child(order, self.setup, self.shell, self.streams, descriptors)
            status = 0
        except BaseException:  # the child's last words go where its output goes
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(status)

    def _look(self, limits: Limits) -> Callable[[int], str] | None:
        """What tells whether a child, given by a descriptor, uses too much; None if nothing does."""
        if self.watch is None or self.setup.bare or self.setup.gpu:  # CUDA has much memory of its own
            return None
        return partial(self.watch.excess, limits=limits, count_threads=not self.setup.counts_processes)


def _rehearse(shell: Any) -> None:
    from autograder.confined.rehearsal import rehearse

    with contextlib.redirect_stdout(io.StringIO()):
        rehearse(shell)


def _share() -> None:
    """Let children share everything made so far; the garbage collector leaves it alone."""
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
