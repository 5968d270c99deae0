"""The trusted side of one zygote, and of its child; it has one at a time."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from autograder.errors import ProtocolError, SandboxUnavailable
from autograder.processes import gpu, machine
from autograder.processes.protocol import (
    Broken,
    Ended,
    Fork,
    Frames,
    FromChild,
    FromZygote,
    Hello,
    Kill,
    Observed,
    Ready,
    Settings,
    ToChild,
    ToZygote,
    decode_from_child,
    encode,
    frame,
)
from autograder.records.jobs import Limits
from autograder.sandbox import scratch

__all__ = ["CPU_CAPABILITY", "Child", "ChildLost", "ForkServer", "OutOfTime", "ZygoteLost"]

_START_SECONDS = 120.0
_END_SECONDS = 10.0
_LARGEST_ANSWER = 1 << 16
_CHUNK = 1 << 16
_LOOK_AT_SCRATCH_SECONDS = 0.5
# Waking up for each answer costs more than reading it. The last ones are read at once, as the child has nothing left to do.
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONNOUSERSITE": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # a fork has fewer page table entries to copy
}
_OPTIONS = ("-P", "-X", "faulthandler")  # it says where it crashed while it started
_CRASHED = "Fatal Python error: "
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
CPU_CAPABILITY = "ATEN_CPU_CAPABILITY"
"""The environment variable by which PyTorch computes as on a processor that can do less."""
_PASSED_ON = (CPU_CAPABILITY, "HOME", "TZ", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "MPLCONFIGDIR")


def _environment(on_gpu: bool) -> dict[str, str]:
    passed = (*_PASSED_ON, "CUDA_VISIBLE_DEVICES") if on_gpu else _PASSED_ON
    inherited = {name: os.environ[name] for name in passed if name in os.environ}
    return _ENVIRONMENT | (gpu.ENVIRONMENT if on_gpu else {}) | inherited


_Answer = TypeVar("_Answer", bound=FromChild)


class ZygoteLost(Exception):
    """The zygote died or does not answer; as far as can be told, not because of the code that it ran."""


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


class ForkServer:
    """A running zygote."""

    def __init__(self, place: Path, slot: int, mode: str = "auto", device: str = "cpu") -> None:
        """Start it, without waiting until it is warm.

        Args:
            place: an empty folder for this zygote alone.
            slot: the worker's number, from 0 to 31.
            mode: see `Settings.mode` in `autograder.processes.protocol`.
            device: the device of its jobs; on `cuda`, its children may use the GPU.
        """
        self.mode, self.slot, self.place = mode, slot, place
        self.on_gpu = device.startswith("cuda")
        self._jobs = 0
        self._ready = False
        self.busy = False
        self._root = place / "root"
        self._root.mkdir()
        self._root.chmod(0o711)
        # If there is no private root, children write to a folder in here, some as their own user.
        self.scratch = place / "scratch"
        self.scratch.mkdir()
        self.scratch.chmod(0o711)
        self._untouched: Path | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        kind = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
        self.control, other = socket.socketpair(socket.AF_UNIX, kind)
        settings = Settings(
            control=other.fileno(), mode=mode, place=str(self._root), slot=os.getpid() * 32 + slot, gpu=self.on_gpu
        )
        command = [sys.executable, *_OPTIONS, "-m", "autograder.confined.zygote", msgspec.json.encode(settings).decode()]
        self._process = subprocess.Popen(
            command,
            pass_fds=(other.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            cwd="/",
            env=_environment(self.on_gpu),
            start_new_session=True,
            umask=0o022,  # what it makes in the private root must be readable by its children's user
        )
        other.close()

    def wait_until_ready(self) -> None:
        """Wait until it is warm.

        Raises:
            SandboxUnavailable: if it does not start; the text says why.
            ZygoteLost: if a signal ended it before it was warm; the text says where, if it crashed.
        """
        if self._ready:
            return
        try:
            answer = self.receive(time.monotonic() + _START_SECONDS)
            problem = answer.problem if isinstance(answer, Ready) else "it answered out of turn"
        except ZygoteLost:
            if self._was_killed():
                raise ZygoteLost(self._last_words()) from None
            problem = self._last_words()
        if problem:
            raise SandboxUnavailable(f"The process that runs submissions did not start: {problem}")
        self._ready = True

    def _was_killed(self) -> bool:
        """Whether it was ended by a signal: it, or what it started in namespaces, whose status it then passes on."""
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return status < 0 or bool(status & 0x80)

    def seconds_kept_waiting(self, wall_seconds: float) -> float:
        """See `machine.seconds_kept_waiting`, of its child, which was forked so many seconds ago."""
        return machine.seconds_kept_waiting(self._process.pid, wall_seconds)

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        crash = next((number for number, line in enumerate(lines) if line.startswith(_CRASHED)), None)
        if crash is None:
            return lines[-1] if lines else "it ended without a message"
        place = next((line.strip() for line in lines[crash:] if line.startswith("  File ")), "an unknown place")
        return f"{lines[crash].removeprefix(_CRASHED)} in {place.removeprefix('File ')}"

    def send(self, order: ToZygote, descriptors: tuple[int, ...] = ()) -> None:
        """Send an order.

        Raises:
            ZygoteLost: if there is nothing to receive it.
        """
        try:
            socket.send_fds(self.control, [encode(order)], list(descriptors))
        except OSError as error:
            raise ZygoteLost from error

    def receive(self, deadline: float) -> FromZygote:
        """Wait for the next answer, until `deadline` (monotonic seconds).

        Raises:
            ZygoteLost: if none comes.
        """
        events = select.poll()
        events.register(self.control, select.POLLIN)
        if not events.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise ZygoteLost
        try:
            data = self.control.recv(_LARGEST_ANSWER)
        except OSError as error:
            raise ZygoteLost from error
        if not data:
            raise ZygoteLost
        answer: FromZygote = msgspec.msgpack.decode(data, type=FromZygote)
        return answer

    def fork(self, limits: Limits, preload: tuple[str, ...], report_bytes: int | None = None) -> Child:
        """Fork a child, which may report so many bytes; as `limits` says if None.

        Raises:
            ZygoteLost: if the zygote is gone.
        """
        self._jobs += 1
        most = limits.report_mb << 20 if report_bytes is None else report_bytes
        return Child(self, self._jobs, limits, preload, most)

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
            scratch.remove(folder)

    def stop(self) -> None:
        """End the zygote and any child. Code that waits for them gets a `ZygoteLost`."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the zygote and remove what it wrote, once nothing waits for it any more."""
        self.stop()
        self.control.close()
        self._errors.close()
        scratch.remove(self.place)


class Child:
    """A forked child: its pipes, and what it prints."""

    def __init__(self, server: ForkServer, number: int, limits: Limits, preload: tuple[str, ...], report_bytes: int) -> None:
        """Fork it; see `ForkServer.fork`."""
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
            ZygoteLost: if the zygote is gone.
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

    def _take_end(self, answer: FromZygote) -> None:
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
            ZygoteLost: if the zygote is gone, or fails to end it.
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
        return not self._private and machine.free_disk_mb(self._server.scratch) < self._limits.scratch_mb

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
