"""The trusted side of a zygote: the process that has imported everything, and from which fork servers are forked."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from autograder._temporary import remove_folder
from autograder.errors import SandboxUnavailable
from autograder.processes import gpu
from autograder.processes.protocol import Ready, Serve, Settings, encode

__all__ = ["CPU_CAPABILITY", "START_SECONDS", "Zygote", "ZygoteLost", "await_message"]

START_SECONDS = 120.0
_END_SECONDS = 10.0
_LARGEST_ANSWER = 1 << 16
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


class ZygoteLost(Exception):
    """The zygote or a fork server died or does not answer; as far as can be told, not because of the code that it ran."""


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a connection that keeps messages apart."""
    kind = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
    return socket.socketpair(socket.AF_UNIX, kind)


def await_message(control: socket.socket, deadline: float) -> tuple[bytes, list[int]]:
    """Wait for the next message, until `deadline` (monotonic seconds), and the descriptors that came with it.

    Raises:
        ZygoteLost: if none comes.
    """
    events = select.poll()
    events.register(control, select.POLLIN)
    if not events.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise ZygoteLost
    try:
        data, descriptors, _, _ = socket.recv_fds(control, _LARGEST_ANSWER, 1)
    except OSError as error:
        raise ZygoteLost from error
    if not data:
        raise ZygoteLost
    return data, descriptors


class Zygote:
    """A running zygote."""

    def __init__(
        self, place: Path, mode: str = "auto", device: str = "cpu", *, many: bool = False, preload: tuple[str, ...] = ()
    ) -> None:
        """Start it, without waiting until it is warm.

        Args:
            place: an empty folder for this zygote alone.
            mode: see `Settings.mode` in `autograder.processes.protocol`.
            device: the device of its jobs; on `cuda`, its children may use the GPU.
            many: arrange its memory for many children: that takes 0.16 s, and saves 6 ms in each of them.
            preload: modules that most of them need.
        """
        self.place = place
        self.on_gpu = device.startswith("cuda")
        self._ready = False
        self._waiting = threading.Lock()  # one order at a time
        root = place / "root"
        root.mkdir()
        root.chmod(0o711)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._control, other = _socket_pair()
        settings = Settings(control=other.fileno(), mode=mode, place=str(root), gpu=self.on_gpu, many=many, preload=preload)
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

    @property
    def pid(self) -> int:
        """The process that was started; in namespaces, the zygote itself is its child."""
        return self._process.pid

    def fork_server(self, slot: int) -> tuple[socket.socket, int]:
        """Fork a server, once the zygote is warm. Returns its control socket, and a descriptor of its process.

        Args:
            slot: a number that no other fork server of this process has, from 0 to 31.

        Raises:
            SandboxUnavailable: if the zygote does not start; the text says why.
            ZygoteLost: if a signal ended it before it was warm; the text says where, if it crashed.
        """
        control, other = _socket_pair()
        try:
            with self._waiting:
                self._wait_until_ready()
                return control, self._order(Serve(os.getpid() * 32 + slot), other.fileno())
        except BaseException:
            control.close()
            raise
        finally:
            other.close()

    def _order(self, order: Serve, descriptor: int) -> int:
        """Send an order with a descriptor, and return the one that the answer brings."""
        try:
            socket.send_fds(self._control, [encode(order)], [descriptor])
        except OSError as error:
            raise ZygoteLost from error
        _, descriptors = await_message(self._control, time.monotonic() + _END_SECONDS)
        if not descriptors:
            raise ZygoteLost
        return descriptors[0]

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        try:
            data, _ = await_message(self._control, time.monotonic() + START_SECONDS)
            problem = msgspec.msgpack.decode(data, type=Ready).problem
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

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        crash = next((number for number, line in enumerate(lines) if line.startswith(_CRASHED)), None)
        if crash is None:
            return lines[-1] if lines else "it ended without a message"
        place = next((line.strip() for line in lines[crash:] if line.startswith("  File ")), "an unknown place")
        return f"{lines[crash].removeprefix(_CRASHED)} in {place.removeprefix('File ')}"

    def stop(self) -> None:
        """End it, its fork servers and their children. Code that waits for them gets a `ZygoteLost`."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End it and remove what it wrote, once nothing waits for it any more."""
        self.stop()
        self._control.close()
        self._errors.close()
        remove_folder(self.place)
