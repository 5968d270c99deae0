"""Resource limits of a child, set after the fork so that what it inherited is taken into account."""

from __future__ import annotations

import math
import os
import resource
from pathlib import Path

from autograder.records.jobs import Limits

__all__ = ["apply", "bind_address_space", "mapped_bytes"]

_MEGABYTE = 1 << 20
_STACK_BYTES = 8 * _MEGABYTE
_OPEN_FILES = 256
_SECONDS_TO_SPARE = 10
_CUDA_DATA = 4096 * _MEGABYTE


def apply(limits: Limits, mapped_and_data: tuple[int, int], *, count_processes: bool, gpu: bool = False) -> None:
    """Limit this process with all its threads to `limits`. Memory may grow by that much beyond `mapped_and_data`.

    Threads are limited only if `count_processes`: the kernel counts by user, so otherwise the user's other processes would
    count too, and `excess` looks at them. With `gpu`, there is room for CUDA's own data on the host, and the
    address space is not limited yet: CUDA first reserves as much as the machine and the GPU have memory, and afterwards
    `bind_address_space` limits it.

    Args:
        limits: what one submission may use.
        mapped_and_data: what `mapped_bytes` returned, in bytes.
        count_processes: whether the kernel counts this process's threads apart from others.
        gpu: whether the process uses the GPU.

    Raises:
        OSError: if a limit cannot be set.
    """
    mapped, data = mapped_and_data
    memory = limits.memory_mb * _MEGABYTE
    hard: dict[int, int] = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits.scratch_mb * _MEGABYTE,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_STACK: _STACK_BYTES,
    }
    if mapped:
        # Threads' stacks and arenas reserve address space that they never use, so its limit is loose; it stops shared
        # mappings, which RLIMIT_DATA does not count. `excess` looks at what both let through.
        hard[resource.RLIMIT_DATA] = data + memory + (_CUDA_DATA if gpu else 0)
        if not gpu:
            hard[resource.RLIMIT_AS] = mapped + _address_space(limits)
    for name, value in (("RLIMIT_MSGQUEUE", 0), ("RLIMIT_SIGPENDING", 64)):
        if hasattr(resource, name):
            hard[getattr(resource, name)] = value
    if count_processes:
        hard[resource.RLIMIT_NPROC] = limits.threads
    for limit, value in hard.items():
        _set(limit, value, value)
    # A backstop for the wall clock: a child's threads together may use every core for as long as the topic may take.
    seconds = math.ceil(limits.topic_seconds) * (os.cpu_count() or 1) + _SECONDS_TO_SPARE
    _set(resource.RLIMIT_CPU, seconds, seconds + 1)


def bind_address_space(limits: Limits) -> None:
    """Limit this process, with CUDA started, to its current address space and what `limits` and CUDA may add.

    Raises:
        OSError: if the limit cannot be set.
    """
    with Path("/proc/self/statm").open("rb") as stream:
        mapped, _ = mapped_bytes(stream.fileno())
    most = mapped + _address_space(limits) + _CUDA_DATA
    _set(resource.RLIMIT_AS, most, most)


def _address_space(limits: Limits) -> int:
    return 3 * limits.memory_mb * _MEGABYTE


def _set(limit: int, soft: int, hard: int) -> None:
    highest = resource.getrlimit(limit)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
    try:
        resource.setrlimit(limit, (soft, hard))
    except ValueError as error:
        raise OSError(str(error)) from error


def mapped_bytes(statm: int | None) -> tuple[int, int]:
    """Address space and private data, in bytes, of the process whose /proc/…/statm this is; zeros if `statm` is None."""
    if statm is None:
        return 0, 0
    fields = os.pread(statm, 200, 0).split()
    page = resource.getpagesize()
    return int(fields[0]) * page, int(fields[5]) * page
