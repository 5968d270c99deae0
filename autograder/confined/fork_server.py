"""A fork server: forks a child for each job of one worker, and says how it ended. It is itself forked from the warm zygote.

What holds for the zygote holds for it: it must stay single-threaded, never run a backward pass and never touch CUDA.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import msgspec

from autograder import sandbox
from autograder.confined import warm
from autograder.processes.protocol import Ended, Fork, Kill, ToServer, encode
from autograder.records.jobs import Limits
from autograder.sandbox import namespaces
from autograder.sandbox.excess import LOOK_SECONDS, Watch

__all__ = ["LARGEST_ORDER", "ForkServer"]

LARGEST_ORDER = 1 << 16
"""Bytes of an order, at most."""

_CHILD_FAILED = 97
# Uids that systemd reserves for services without an account. Graders that run at the same time take different ones, because
# what the kernel counts by user, and who may signal whom, would otherwise mix them up.
_FIRST_USER, _USERS = 61_500, 3_900


class ForkServer:
    """What a fork server has, and what it does with it."""

    def __init__(
        self, control: socket.socket, setup: sandbox.Confinement, shell: Any, streams: Any, slot: int, proc: int | None
    ) -> None:
        """Take what the zygote has made, in the process that was just forked.

        Args:
            control: the socket on which orders come and answers go.
            setup: what the zygote found out about confinement, but for what is this process's own.
            shell: runs cells.
            streams: the children's streams.
            slot: see `protocol.Serve`.
            proc: a descriptor of /proc, if there is one.
        """
        self.control, self.shell, self.streams = control, shell, streams
        self.own_processes = self.threads = self.watch = statm = None
        if proc is not None:
            statm, self.threads, self.watch = warm.open_own(proc, "statm"), warm.open_own(proc, "task"), Watch(proc)
            self.own_processes = None if setup.namespaces else warm.open_own(proc, "ns/pid")
            self.watch.remember()
        user, reason = _choose_user(setup, slot)
        self.setup = dataclasses.replace(setup, user=user, user_reason=reason, statm=statm)
        self.tried: set[str] = set()

    def serve(self) -> None:
        """Fork a child on each order, and say what became of it, until the other end of the control socket closes."""
        decoder: msgspec.msgpack.Decoder[ToServer] = msgspec.msgpack.Decoder(ToServer)
        while True:
            data, descriptors, _, _ = socket.recv_fds(self.control, LARGEST_ORDER, 3)
            if not data:
                return
            order = decoder.decode(data)
            if isinstance(order, Kill):
                continue  # its child has ended in the meantime
            self._preload(order.preload)
            pid = namespaces.fork(self.own_processes)
            if pid == 0:
                self._be_child(order, (descriptors[0], descriptors[1], descriptors[2]))
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
        wanted = [name for name in names if name in warm.PRELOADABLE and name not in sys.modules and name not in self.tried]
        if wanted:
            self.tried.update(wanted)
            with namespaces.scratch_for_imports() if not self.setup.namespaces else contextlib.nullcontext():
                warm.preload(wanted)
            warm.share(self.threads)

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


def _choose_user(setup: sandbox.Confinement, slot: int) -> tuple[int | None, str]:
    """The uid for this slot's children and "" if that user can read Python's libraries; else None and why not."""
    if os.geteuid() != 0:
        return None, "only root can give it another user"
    if setup.bare:
        return None, "confinement was switched off"
    user = _FIRST_USER + slot % _USERS
    answer, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            hidden = [path for path in setup.readable if path not in namespaces.GPU_PROC and not os.access(path, os.R_OK)]
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


def _wait(
    control: socket.socket,
    pid: int,
    order: Fork,
    decoder: msgspec.msgpack.Decoder[ToServer],
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
