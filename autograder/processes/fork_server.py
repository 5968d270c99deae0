"""The trusted side of a fork server, which has one child at a time."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import tempfile
import time
from pathlib import Path

import msgspec

from autograder._temporary import remove_folder
from autograder.errors import SandboxUnavailable
from autograder.processes import machine
from autograder.processes.protocol import FromServer, Ready, ToServer, encode
from autograder.processes.zygote import START_SECONDS, Zygote, ZygoteLost, await_message

__all__ = ["ForkServer"]

_END_SECONDS = 10.0


class ForkServer:
    """A running fork server."""

    def __init__(self, zygote: Zygote, place: Path, slot: int) -> None:
        """Fork it from `zygote`, and wait until it can serve.

        Args:
            zygote: a running zygote.
            place: an empty folder for this fork server alone.
            slot: see `Zygote.fork_server`.

        Raises:
            SandboxUnavailable: if the zygote or the fork server does not start; the text says why.
            ZygoteLost: if one of them was ended.
        """
        self.place, self.on_gpu = place, zygote.on_gpu
        self.busy = False
        # If there is no private root, children write to a folder in here, some as their own user.
        self.scratch = place / "scratch"
        self.scratch.mkdir()
        self.scratch.chmod(0o711)
        self._untouched: Path | None = None
        self.control, self._process = zygote.fork_server(slot)
        try:
            answer = self.receive(time.monotonic() + START_SECONDS)
        except ZygoteLost:
            self.close()
            raise
        problem = answer.problem if isinstance(answer, Ready) else "it answered out of turn"
        if problem:
            self.close()
            raise SandboxUnavailable(f"The process that runs submissions did not start: {problem}")

    @property
    def pid(self) -> int:
        """Its number, or -1 if it has ended."""
        information = Path(f"/proc/self/fdinfo/{self._process}").read_text(encoding="ascii")
        return int(information.partition("\nPid:")[2].split()[0])

    def seconds_kept_waiting(self, wall_seconds: float) -> float:
        """See `machine.seconds_kept_waiting`, of its child, which was forked so many seconds ago."""
        return machine.seconds_kept_waiting(self.pid, wall_seconds)

    def send(self, order: ToServer, descriptors: tuple[int, ...] = ()) -> None:
        """Send an order.

        Raises:
            ZygoteLost: if there is nothing to receive it.
        """
        try:
            socket.send_fds(self.control, [encode(order)], list(descriptors))
        except OSError as error:
            raise ZygoteLost from error

    def receive(self, deadline: float) -> FromServer:
        """Wait for the next answer, until `deadline` (monotonic seconds).

        Raises:
            ZygoteLost: if none comes.
        """
        answer: FromServer = msgspec.msgpack.decode(await_message(self.control, deadline)[0], type=FromServer)
        return answer

    def take_scratch(self) -> Path:
        """An empty folder for a child to write to."""
        folder, self._untouched = self._untouched, None
        if folder is None:
            folder = Path(tempfile.mkdtemp(dir=self.scratch))
            folder.chmod(0o777 if os.geteuid() == 0 else 0o700)
        return folder

    def leave_scratch(self, folder: Path, *, untouched: bool) -> None:
        """Remove a child's folder, or keep it for the next child if this one could not even see it."""
        if untouched:
            self._untouched = folder
        else:
            remove_folder(folder)

    def stop(self) -> None:
        """End it and any child. Code that waits for them gets a `ZygoteLost`."""
        with contextlib.suppress(ProcessLookupError):  # it has ended
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        events = select.poll()
        events.register(self._process, select.POLLIN)
        events.poll(_END_SECONDS * 1000)

    def close(self) -> None:
        """End it and remove what it wrote, once nothing waits for it any more."""
        self.stop()
        self.control.close()
        os.close(self._process)
        remove_folder(self.place)
