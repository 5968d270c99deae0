"""What makes forks cheap: a heap without holes, so that a child's own objects get their own memory, and no hooks."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
from autograder.confined import heap

def holes():
    made = [bytes(size) for size in range(8, 2000, 24) for _ in range(100)]
    kept = made[::7]
    del made
    return kept

kept = holes()
regions = heap._writable()
{settle}
objects = [bytes(size) for size in range(8, 450, 8)]
print(sum(any(start <= id(each) < end for start, end, _ in regions) for each in objects), len(objects))
assert all(each == bytes(len(each)) for each in (*kept, *objects))
"""


def in_old_memory(settle: str) -> tuple[int, int]:
    """How many small objects are in memory that was there before, and how many there are in all."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(settle=settle)], check=True, capture_output=True, text=True, timeout=60
    )
    old, count = map(int, done.stdout.split())
    return old, count


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's memory")
def test_new_objects_lie_in_new_memory() -> None:
    old, count = in_old_memory("pass")
    assert old == count

    old, count = in_old_memory("heap.settle()")
    assert old < count / 2  # what settle() itself freed remains


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's memory")
def test_without_proc_nothing_is_done() -> None:
    old, count = in_old_memory("heap.Path = lambda *parts: open('/does/not/exist'); heap.settle()")
    assert old == count
