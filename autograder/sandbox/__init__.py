"""Confines the processes that run student code, in layers; each is used if the system has it.

Imports `records`; no torch, and nothing that runs student code itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autograder.sandbox import landlock, libc, seccomp
from autograder.sandbox.confine import LAYERS, Confinement, confine, undumpable

__all__ = [
    "LAYERS",
    "LEVELS",
    "Confinement",
    "availability",
    "confine",
    "is_confined",
    "level",
    "missing_layers",
    "undumpable",
]

LEVELS: dict[str, str] = {
    "full": "every layer is on",
    "standard": "all layers that need no privilege are on: files, system calls and resources are closed to student code",
    "minimal": "student code is kept from files and other processes by one barrier, Landlock with seccomp or namespaces",
}
"""Level of confinement → what it means, from the strongest. Below them is `none`, in which nothing runs unless asked for."""

_NEED_NO_PRIVILEGE = ("no_new_privs", "limits", "not_dumpable", "seccomp")


def level(layers: Mapping[str, str]) -> str:
    """The strongest of `LEVELS` that these layers (name → `on` or `off: why`) amount to, or `none`."""
    return next((name for name in LEVELS if not _missing_for(name, layers)), "none")


def missing_layers(layers: Mapping[str, str], required: Iterable[str]) -> dict[str, str]:
    """The layers that are missing, and why, where all of `required` are wanted: names of layers or of levels."""
    missing: dict[str, str] = {}
    for name in required:
        missing |= _missing_for(name, layers) if name in LEVELS else _off(layers, name)
    return missing


def is_confined(layers: Mapping[str, str]) -> bool:
    """Whether student code may run at all: either Landlock and seccomp are on, or namespaces are."""

    def on(*names: str) -> bool:
        return not _off(layers, *names)

    return on("limits", "no_new_privs") and (on("landlock", "seccomp") or on("private_root", "own_processes", "no_network"))


def _missing_for(name: str, layers: Mapping[str, str]) -> dict[str, str]:
    match name:
        case "full":
            return _off(layers, *LAYERS)
        case "standard":
            # What can be reached in the file system is closed by either of the two.
            files = _off(layers, "landlock") if _off(layers, "private_root") else {}
            return _off(layers, *_NEED_NO_PRIVILEGE) | files
    return {} if is_confined(layers) else _off(layers, *LAYERS)


def _off(layers: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: layers.get(name, "off") for name in names if layers.get(name) != "on"}


def availability() -> dict[str, str]:
    """What this system offers, without trying it on a process: `landlock` and `seccomp` → `on` or `off: why`."""
    report: dict[str, str] = {}
    try:
        report["landlock"] = "on" if landlock.abi() else "off"
    except OSError as error:
        report["landlock"] = f"off: {error}"
    try:
        seccomp.program(1)
        report["seccomp"] = "on" if libc.LINUX else "off: it is available only on Linux"
    except OSError as error:
        report["seccomp"] = f"off: {error}"
    return report
