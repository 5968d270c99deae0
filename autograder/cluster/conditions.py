"""What must be the same on a worker as in the command: the kit, the versions, and on a GPU the GPU."""

from __future__ import annotations

from collections.abc import Iterable

from autograder.cluster.wire import Conditions
from autograder.errors import AutogradeError
from autograder.keys.build import hash_of_package, versions_on

__all__ = ["conditions_here", "why_not"]


def conditions_here(*, device: str, require: Iterable[str], unsafe: bool) -> Conditions:
    """What this machine has and a worker must have.

    Raises:
        DeviceUnavailable: if the device is a GPU and there is none.
    """
    return Conditions(
        kit=hash_of_package(), versions=versions_on(device), workers=1, device=device, require=tuple(require), unsafe=unsafe
    )


def why_not(conditions: Conditions) -> str:
    """Why this machine cannot run jobs under these conditions, as a sentence; empty if it can."""
    try:
        here = versions_on(conditions.device)
    except AutogradeError as error:
        return str(error)
    for name, wanted in conditions.versions.items():
        if here.get(name) != wanted:
            return f"It has {name} {here.get(name, '(none)')}, but the command {wanted}; install the same version."
    if hash_of_package() != conditions.kit:
        return "Its copy of autograde differs from the command's; install the same one."
    return ""
