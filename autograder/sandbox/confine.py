"""Puts a forked child into all the confinement that is to be had, layer by layer, and says which layers hold."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograder.records.jobs import Limits
from autograder.sandbox import landlock, libc, limits, namespaces, seccomp

__all__ = ["LAYERS", "Confinement", "confine", "undumpable"]

LAYERS: dict[str, str] = {
    "no_new_privs": "nothing that it could run gains privileges",
    "limits": "memory, processor time, files and threads are limited",
    "not_dumpable": "no other process can look into it, and it into none",
    "landlock": "it reads Python's libraries and writes its scratch folder, and no other file",
    "seccomp": "sockets, new processes, signals to others and unusual system calls are refused",
    "own_user": "it runs as a user of its own, without capabilities",
    "private_root": "the course's files and other submissions are not there at all",
    "own_processes": "no other process is to be seen",
    "no_network": "there is no network",
}
"""Layer → what it does to the process that runs student code."""


@dataclass(frozen=True)
class Confinement:
    """What the zygote found out for its children.

    `namespaces` is "" where they are in force, else why not. `user` is the uid that a child takes, None to keep its own.
    `statm` is a descriptor of the zygote's own /proc/self/statm. `bare` leaves out everything but limits. `gpu` are the
    device files of the GPU, if children may use it.
    """

    readable: tuple[str, ...]
    namespaces: str
    user: int | None
    user_reason: str
    statm: int | None
    in_user_namespace: bool
    bare: bool
    gpu: tuple[str, ...] = ()


def undumpable() -> None:
    """Refuse to be looked into: no other process of the same user can trace this one or read its memory."""
    libc.prctl(libc.PR_SET_DUMPABLE, 0)


def confine(found: Confinement, allowed: Limits, scratch: str | None, keep: Sequence[int]) -> dict[str, str]:
    """Confine this process, which has one thread and was just forked. Descriptors other than 0 to 2 and `keep` are closed.

    Args:
        scratch: the folder to write to where there is no private root.

    Returns:
        Layer → `on` or `off: why`, one entry for each of `LAYERS`.
    """
    layers: dict[str, str] = {}
    memory = limits.mapped_bytes(found.statm)
    _close_others(keep)
    os.setsid()

    def put(layer: str, action: Callable[[], None], missing: str = "") -> None:
        try:
            if missing:
                layers[layer] = f"off: {missing}"
            else:
                action()
                layers[layer] = "on"
        except (OSError, AttributeError) as error:
            layers[layer] = f"off: {error}"

    bare = "confinement was switched off" if found.bare else ""
    private = not (found.namespaces or bare)
    put("private_root", lambda: namespaces.enter_child(allowed.scratch_mb, proc=bool(found.gpu)), bare or found.namespaces)
    for layer in ("own_processes", "no_network"):
        put(layer, lambda: None, bare or found.namespaces)
    if not private and scratch is not None:
        os.chdir(scratch)
    count_processes = found.user is not None or found.in_user_namespace
    put("limits", lambda: limits.apply(allowed, memory, count_processes=count_processes, gpu=bool(found.gpu)))
    put("own_user", lambda: _become(found.user), bare or found.user_reason)
    if libc.LINUX and not found.bare:
        libc.drop_capabilities()
    put("no_new_privs", lambda: libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1), bare)
    if libc.LINUX:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
    put("not_dumpable", undumpable, bare)
    writable = ["/dev/null", namespaces.SCRATCH if private else scratch or os.devnull]
    writable += ["/proc/self/task"] if found.gpu else []  # CUDA names its threads there, and stops where it cannot
    # The private root holds nothing but what may be read, beside the /proc that CUDA needs.
    readable = ("/",) if private and not found.gpu else found.readable
    put("landlock", lambda: landlock.restrict(readable, writable, devices=found.gpu), bare)
    put("seccomp", lambda: seccomp.install(seccomp.program(os.getpid(), gpu=bool(found.gpu))), bare)
    return {layer: layers[layer] for layer in LAYERS}


def _close_others(keep: Sequence[int]) -> None:
    lowest = 3
    for descriptor in sorted(keep):
        os.closerange(lowest, descriptor)
        lowest = descriptor + 1
    os.closerange(lowest, 1 << 16)


def _become(user: int | None) -> None:
    if user is None:
        raise OSError("it keeps the grader's user")
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
