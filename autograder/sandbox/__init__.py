"""Confines the processes that run student code, in layers; each is used if the system has it."""

from __future__ import annotations

from collections.abc import Mapping

from autograder.sandbox import landlock, libc, seccomp
from autograder.sandbox.confine import LAYERS, Confinement, confine, undumpable

__all__ = ["LAYERS", "Confinement", "availability", "confine", "is_confined", "missing_layers", "undumpable"]

_NEED_NO_PRIVILEGE = ("no_new_privs", "limits", "not_dumpable", "seccomp")


def is_confined(layers: Mapping[str, str]) -> bool:
    """Whether student code may run at all: either Landlock and seccomp are on, or namespaces are."""

    def on(*names: str) -> bool:
        return all(layers.get(name) == "on" for name in names)

    return on("limits", "no_new_privs") and (on("landlock", "seccomp") or on("private_root", "own_processes", "no_network"))


def missing_layers(layers: Mapping[str, str]) -> dict[str, str]:
    """The layers that a required sandbox is missing, and why. Namespaces can replace Landlock."""
    missing = {name: layers.get(name, "off") for name in _NEED_NO_PRIVILEGE if layers.get(name) != "on"}
    if layers.get("landlock") != "on" and layers.get("private_root") != "on":
        missing["landlock"] = layers.get("landlock", "off")
    return missing


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
