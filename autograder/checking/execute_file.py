"""Executes checks and solutions files, which the trusted side may have compiled beforehand."""

from __future__ import annotations

import linecache
import marshal
from typing import Any

__all__ = ["execute_file"]


def execute_file(filename: str, source: str, code: bytes = b"") -> dict[str, Any]:
    """Execute the file under its own name and return its namespace.

    `code` is the compiled file from `autograder.processes.compiled_files`, if there is one.

    Raises:
        BaseException: whatever the file raises, including a SyntaxError.
    """
    # linecache gets its lines, so that tracebacks, inspect.getsource and jit.script find them without the file.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": filename, "__builtins__": __builtins__}
    exec(marshal.loads(code) if code else compile(source, filename, "exec", dont_inherit=True), namespace)
    return namespace
