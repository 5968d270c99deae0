"""Confines a forked child as far as the system allows, layer by layer, and says which layers are on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autograder.records.jobs import Limits
from autograder.sandbox import landlock, libc, limits, namespaces, seccomp

__all__ = ["LAYERS", "Confinement", "confine", "undumpable"]

LAYERS: dict[str, str] = {
    "no_new_privs": "nothing it could run gains privileges",
    "limits": "memory, processor time, files and threads are limited",
    "not_dumpable": "no other process can read its memory, and it can read no other's",
    "landlock": "it can read only Python's libraries and write only to its scratch folder",
    "seccomp": "sockets, new processes, signals to others and unusual system calls are refused",
    "own_user": "it runs as its own user, without capabilities",
    "private_root": "it cannot see the course's files or other submissions at all",
    "own_processes": "it cannot see other processes",
    "no_network": "it has no network",
}
"""Layer → what it does to the process that runs student code."""


@dataclass(frozen=True)
class Confinement:
    """What the zygote and the fork server found out for their children.

    `namespaces` is "" if they are in force, else why not. `user` is the uid that a child takes, None to keep its own.
    `statm` is a descriptor of the fork server's own /proc/self/statm. `bare` leaves out everything but limits. `gpu` has the
    GPU's device files, if children may use it.
    """

    readable: tuple[str, ...]
    namespaces: str
    user: int | None
    user_reason: str
    statm: int | None
    in_user_namespace: bool
    bare: bool
    gpu: tuple[str, ...] = ()

    @property
    def counts_processes(self) -> bool:
        """Whether the kernel counts a child's threads apart from those of others."""
        return self.user is not None or self.in_user_namespace


def undumpable() -> None:
    """Keep other processes of the same user from tracing this one and reading its memory."""
    libc.prctl(libc.PR_SET_DUMPABLE, 0)


def confine(setup: Confinement, allowed: Limits, scratch: str | None, keep: Sequence[int]) -> dict[str, str]:
    """Confine this process, which was just forked and has one thread. Closes descriptors other than 0 to 2 and `keep`.

    Args:
        setup: what the zygote found out.
        allowed: the limits.
        scratch: the folder to write to if there is no private root.
        keep: the descriptors that stay open.

    Returns:
        Layer → `on` or `off: why`, one entry for each of `LAYERS`.
    """
    layers: dict[str, str] = {}
    memory = limits.mapped_bytes(setup.statm)
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

    bare = "confinement was switched off" if setup.bare else ""
    private = not (setup.namespaces or bare)

    def enter_root() -> None:
        namespaces.enter_child(allowed.scratch_mb, setup.readable, proc=bool(setup.gpu))

    put("private_root", enter_root, bare or setup.namespaces)
    for layer in ("own_processes", "no_network"):
        put(layer, lambda: None, bare or setup.namespaces)
    if not private and scratch is not None:
        os.chdir(scratch)
    put("limits", lambda: limits.apply(allowed, memory, count_processes=setup.counts_processes, gpu=bool(setup.gpu)))
    put("own_user", lambda: _become(setup.user), bare or setup.user_reason)
    if libc.LINUX and not setup.bare:
        libc.drop_capabilities()
    put("no_new_privs", lambda: libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1), bare)
    if libc.LINUX:
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)  # after changing the user, which clears it
    put("not_dumpable", undumpable, bare)
    writable = ["/dev/null", *((namespaces.SCRATCH, *namespaces.OTHER_NAMES) if private else (scratch or os.devnull,))]
    writable += ["/proc/self/task"] if setup.gpu else []  # CUDA names its threads there, and fails if it cannot
    # The private root contains only what may be read, besides the /proc that CUDA needs.
    readable = ("/",) if private and not setup.gpu else setup.readable
    put("landlock", lambda: landlock.restrict(readable, writable, devices=setup.gpu), bare)
    put("seccomp", lambda: seccomp.install(seccomp.program(os.getpid(), gpu=bool(setup.gpu))), bare)
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
