"""Which versions of Python, PyTorch and NumPy the kit supports, and which are installed. Nothing of them is imported."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, version

from autograder.errors import AutogradeError

__all__ = ["OLDEST", "installed", "require_supported"]

OLDEST = {"Python": "3.11", "torch": "2.9", "numpy": "2.0"}
"""The oldest versions that are supported, as pyproject.toml has them; docs/versions.md says which were tried."""


def installed() -> dict[str, str]:
    """What is installed of OLDEST's names; "" for what is not."""
    return {name: platform.python_version() if name == "Python" else _version(name) for name in OLDEST}


def require_supported() -> None:
    """Refuse to start with what does not work.

    Raises:
        AutogradeError: if something is missing or too old; the text says what to do.
    """
    for name, found in installed().items():
        oldest = OLDEST[name]
        if name == "Python":
            remedy = f"make an environment with Python {oldest} or newer, and install autograde there"
        else:
            remedy = f"run: python -m pip install '{name}>={oldest}'"
        if not found:
            raise AutogradeError(f"{name} is not installed; {remedy}.")
        if _numbers(found) < _numbers(oldest):
            raise AutogradeError(f"{name} {found} is too old: autograde needs {oldest} or newer; {remedy}.")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _numbers(text: str) -> tuple[int, ...]:
    """The first two numbers of a version: (2, 9) for 2.9.1+cpu."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])
