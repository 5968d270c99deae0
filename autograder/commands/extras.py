"""What only instructors need is an extra of the package; a command that misses it says so in one sentence.

`one_line_mistakes` asks `missing_extra` about every import that fails, so no command has to think of it.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from autograder.errors import AutogradeError

__all__ = ["EXTRAS", "missing_extra", "require", "require_elsewhere"]

EXTRAS = {
    "cryptography": "grade",
    "distributed": "cluster",
    "jinja2": "grade",
    "jupytext": "grade",
    "matplotlib": "grade",
    "nbformat": "grade",
    "nbgrader": "grade",
    "openpyxl": "grade",
    "prometheus_client": "serve",
    "pygments": "grade",
    "pytest": "grade",
    "rapidfuzz": "grade",
    "rich": "grade",
    "sklearn": "grade",
    "starlette": "serve",
    "textual": "watch",
    "uvicorn": "serve",
}
"""The modules that `pip install autograde-torch` alone does not bring, and the extra that does."""


def require(*modules: str) -> None:
    """Import modules that a command needs only in the end, so that it fails before it has worked.

    Raises:
        AutogradeError: if one of them is missing; the text says what to install.
    """
    for module in modules:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if sentence := missing_extra(error):
                raise AutogradeError(sentence) from None
            raise


def require_elsewhere(module: str) -> None:
    """Like `require`, for a module that another process will import, and this one must not."""
    if find_spec(module) is None:
        raise AutogradeError(missing_extra(ModuleNotFoundError(name=module)))


def missing_extra(error: ModuleNotFoundError) -> str:
    """The sentence about an import that failed for want of an extra; empty if something else is missing."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return ""
    return f'This command needs {module}, which is not installed; run: pip install "autograde-torch[{EXTRAS[module]}]"'
