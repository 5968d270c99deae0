"""What a child uses beyond its limits is seen from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from autograder.records.jobs import Limits
from autograder.sandbox.excess import Watch

LIMITS = Limits(memory_mb=32, threads=3)


@contextlib.contextmanager
def child(work: Callable[[], object]) -> Iterator[int]:
    """A descriptor of a child that has done its work, and waits."""
    done, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        kept = work()
        os.write(tell, b"!")
        time.sleep(60)
        os._exit(len(repr(kept)))
    process = os.pidfd_open(pid)
    try:
        os.read(done, 1)
        yield process
    finally:
        signal.pidfd_send_signal(process, signal.SIGKILL)
        os.waitpid(pid, 0)
        for descriptor in (done, tell, process):
            os.close(descriptor)


def start_threads() -> None:
    for _ in range(5):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


@pytest.mark.parametrize(
    ("work", "excess"),
    [
        (lambda: None, ""),
        (lambda: bytearray(b"1") * (16 << 20), ""),
        (lambda: bytearray(b"1") * (100 << 20), "used more than 32 MB of memory"),
        (start_threads, "started more than 3 threads"),
    ],
    ids=["nothing", "what it may", "memory", "threads"],
)
def test_what_is_too_much_is_said(work: Callable[[], object], excess: str) -> None:
    watch = Watch(os.open("/proc", os.O_RDONLY | os.O_DIRECTORY))
    with child(work) as process:
        assert watch.excess(process, LIMITS, count_threads=True) == excess
        if work is start_threads:
            assert watch.excess(process, LIMITS, count_threads=False) == ""
    assert watch.excess(process, LIMITS, count_threads=True) == ""
