"""The trusted side of a child: its pipes, what it prints, and how it ends."""

from __future__ import annotations

import itertools
import os
import select
import signal
import time
from typing import TypeVar

from autograder._temporary import free_disk_mb
from autograder.errors import ProtocolError
from autograder.processes.fork_server import ForkServer
from autograder.processes.protocol import (
    Broken,
    Ended,
    Fork,
    Frames,
    FromChild,
    FromServer,
    Hello,
    Kill,
    Observed,
    ToChild,
    decode_from_child,
    frame,
)
from autograder.records.jobs import Limits
from autograder.sandbox import scratch

__all__ = ["Child", "ChildLost", "OutOfTime"]

_END_SECONDS = 10.0
_CHUNK = 1 << 16
_LOOK_AT_SCRATCH_SECONDS = 0.5
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
_numbers = itertools.count(1)

_Answer = TypeVar("_Answer", bound=FromChild)


class ChildLost(Exception):
    """The child ended, or was ended, before it answered; the text ends a sentence, like `crashed the process`.

    `signal` is the one that ended it although nobody here had sent it, or 0.
    """

    def __init__(self, words: str, signal: int = 0) -> None:
        """Take the words and the signal."""
        super().__init__(words)
        self.signal = signal


class OutOfTime(ChildLost):
    """The child did not answer in time. `by_clock`: it is still there, and might."""

    def __init__(self, words: str, *, by_clock: bool = False) -> None:
        """Take the words, and whether it is still there."""
        super().__init__(words)
        self.by_clock = by_clock


class Child:
    """A forked child."""

    def __init__(
        self, server: ForkServer, limits: Limits, preload: tuple[str, ...], report_bytes: int | None = None
    ) -> None:
        """Have `server` fork it. It may report so many bytes; as `limits` says if None.

        Raises:
            ZygoteLost: if the fork server is gone.
        """
        number = next(_numbers)
        report_bytes = limits.report_mb << 20 if report_bytes is None else report_bytes
        self._server, self._number, self._limits = server, number, limits
        self._frames = Frames(report_bytes)
        self._to_send = bytearray()
        self._printed = bytearray()
        self._dropped = 0
        self._room = 0
        self._ended: Ended | None = None
        self._scratch = server.take_scratch()
        self._private = False
        instructions, self._instructions = os.pipe()
        self._reports, reports = os.pipe()
        self._output, output = os.pipe()
        self._open = {self._instructions, self._reports, self._output}
        for descriptor in self._open:
            os.set_blocking(descriptor, False)
        order = Fork(id=number, limits=limits, scratch=str(self._scratch), preload=preload, gpu=server.on_gpu)
        try:
            server.send(order, (instructions, reports, output))
        finally:
            for descriptor in (instructions, reports, output):
                os.close(descriptor)
        server.busy = True
        self._started = time.monotonic()
        self._look_at_scratch = time.monotonic() + _LOOK_AT_SCRATCH_SECONDS

    def send(self, message: ToChild) -> None:
        """Send an instruction; it goes out at the latest while `expect` waits."""
        self._to_send += frame(message)
        self._write()

    def greet(self, deadline: float) -> Hello:
        """Wait for its first message, sent before any student code runs: how it is confined. Raises like `expect`."""
        hello = self.expect(Hello, deadline)
        self._private = hello.layers.get("private_root") == "on"
        return hello

    def expect(self, kind: type[_Answer], deadline: float) -> _Answer:
        """Wait for the child's next message, until `deadline` (monotonic seconds).

        Raises:
            OutOfTime: if none came.
            ChildLost: if the child has ended, or sent anything but a valid message of this kind.
            ZygoteLost: if the fork server is gone.
        """
        message = self._next(deadline)
        if not isinstance(message, kind):
            raise ChildLost("was stopped because it reported something out of turn")
        return message

    def expect_answer(self, deadline: float) -> Observed | Broken:
        """Like `expect`, for the answer to a check request."""
        message = self._next(deadline)
        if not isinstance(message, Observed | Broken):
            raise ChildLost("was stopped because it reported something out of turn")
        return message

    def _next(self, deadline: float) -> FromChild:
        while True:
            try:
                body = self._frames.next()
                message = None if body is None else decode_from_child(body)
            except ProtocolError as error:
                raise ChildLost(f"was stopped because {error}") from error
            if message is not None:
                return message
            if self._ended is not None and self._reports not in self._open:
                raise _how_it_ended(self._ended, self._limits)
            self._wait(deadline)

    def _wait(self, deadline: float) -> None:
        events = select.poll()
        for descriptor in self._open:
            if descriptor != self._instructions:
                events.register(descriptor, select.POLLIN)
            elif self._to_send:
                events.register(descriptor, select.POLLOUT)
        if self._ended is None:
            events.register(self._server.control, select.POLLIN)
        now = time.monotonic()
        ready = events.poll(min(max(0.0, deadline - now), _LOOK_AT_SCRATCH_SECONDS) * 1000)
        # An answer that is here already counts, however late this process reads it.
        if now >= deadline and not any(
            descriptor in (self._reports, self._server.control.fileno()) for descriptor, _ in ready
        ):
            raise OutOfTime("ran out of time", by_clock=True)
        for descriptor, _ in ready:
            if descriptor == self._instructions:
                self._write()
            elif descriptor == self._output:
                self._read_output()
            elif descriptor == self._reports:
                self._read_reports()
            else:
                self._take_end(self._server.receive(deadline))
        if now >= self._look_at_scratch:
            self._look_at_scratch = now + _LOOK_AT_SCRATCH_SECONDS
            problem = scratch.excess(self._scratch, self._limits.scratch_mb)
            if problem:
                raise ChildLost(f"was stopped because it {problem}")

    def _write(self) -> None:
        if not self._to_send or self._instructions not in self._open:
            return
        try:
            sent = os.write(self._instructions, self._to_send[:_CHUNK])
            del self._to_send[:sent]
        except BlockingIOError:
            return
        except OSError:
            self._close(self._instructions)

    def _read_reports(self) -> bool:
        data = self._read(self._reports)
        if not data:
            return False
        try:
            self._frames.feed(data)
        except ProtocolError as error:
            raise ChildLost(f"was stopped because {error}") from error
        return True

    def _read_output(self) -> bool:
        data = self._read(self._output)
        if not data:
            return False
        kept = data[: max(0, self._room - len(self._printed))]
        self._printed += kept
        self._dropped += len(data) - len(kept)
        return True

    def _read(self, descriptor: int) -> bytes:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return b""
        if not data:
            self._close(descriptor)
        return data

    def _take_end(self, answer: FromServer) -> None:
        if isinstance(answer, Ended) and answer.id == self._number:
            self._ended = answer
            # Its last messages are still in the pipes, and nothing else should be writing.
            while self._reports in self._open and self._read_reports():
                pass
            self._close(self._reports)

    @property
    def report_bytes_left(self) -> int:
        """How many bytes it may still report; less than 0 if it wanted to report more."""
        return self._frames.bytes_left

    @property
    def wall_seconds(self) -> float:
        """For how long it has been there."""
        return time.monotonic() - self._started

    def seconds_kept_waiting(self) -> float:
        """For how many of these it wanted a processor and got none."""
        return self._server.seconds_kept_waiting(self.wall_seconds)

    def start_output(self, room: int) -> None:
        """Keep what is printed from now on, up to `room` bytes."""
        self._printed, self._dropped, self._room = bytearray(), 0, room

    def take_output(self) -> tuple[str, int]:
        """What was printed since `start_output`, and how many more bytes were dropped."""
        limit = 2 * self._room + (1 << 20)
        while self._output in self._open and len(self._printed) + self._dropped < limit and self._read_output():
            pass
        text = bytes(self._printed).decode("utf-8", errors="replace")
        dropped = self._dropped
        self.start_output(0)
        return text, dropped

    def end(self) -> Ended:
        """Kill it if it is still running, and clean up. Returns what it used.

        Raises:
            ZygoteLost: if the fork server is gone, or fails to end it.
        """
        for descriptor in list(self._open):
            self._close(descriptor)
        try:
            if self._ended is None:
                self._server.send(Kill(self._number))
            deadline = time.monotonic() + _END_SECONDS
            while self._ended is None:
                self._take_end(self._server.receive(deadline))
            self._server.busy = False
        finally:
            self._server.leave_scratch(self._scratch, untouched=self._private)
        return self._ended

    def lacked_space(self) -> bool:
        """After `end`: whether the disk has less space than the child may write. A private root has its own."""
        return not self._private and free_disk_mb(self._server.scratch) < self._limits.scratch_mb

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.discard(descriptor)
            os.close(descriptor)


def _how_it_ended(ended: Ended, limits: Limits) -> ChildLost:
    if ended.excess:
        return ChildLost(f"was stopped because it {ended.excess}")
    if ended.status == -signal.SIGXCPU and ended.cpu_seconds >= limits.topic_seconds:
        return OutOfTime("used up its processor time")
    if ended.status >= 0:
        return ChildLost(f"ended the process (exit code {ended.status})")
    if -ended.status in _CRASHES:
        return ChildLost("crashed the process", -ended.status)
    if ended.status == -signal.SIGKILL:
        return ChildLost("was killed, perhaps because memory ran out", -ended.status)
    return ChildLost(f"was ended by signal {-ended.status}", -ended.status)
