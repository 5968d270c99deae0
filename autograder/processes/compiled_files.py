"""Source files that many children execute: compiled once on the trusted side, executed in each child.

Compiling a file of checks takes longer than running most of them. The bytes are those of `marshal`, which only the very
Python that wrote them can read; both sides are the same interpreter. They travel towards the child only.
"""

from __future__ import annotations

import functools
import linecache
import marshal
from typing import Any

__all__ = ["compiled", "executed"]


@functools.lru_cache(maxsize=256)
def compiled(filename: str, source: str) -> bytes:
    """The file's code, or nothing if it has a syntax error, which is then reported where it is executed."""
    try:
        return marshal.dumps(_compile(filename, source))
    except (SyntaxError, ValueError):
        return b""


def executed(filename: str, source: str, code: bytes = b"") -> dict[str, Any]:
    """Execute the file under its own name and return its namespace; `code` is what `compiled` gave for it, if anything.

    Raises:
        BaseException: whatever the file raises, a SyntaxError included.
    """
    # Its lines go to linecache, so that tracebacks, inspect.getsource and jit.script find them without the file.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": filename, "__builtins__": __builtins__}
    exec(marshal.loads(code) if code else _compile(filename, source), namespace)
    return namespace


def _compile(filename: str, source: str) -> Any:
    return compile(source, filename, "exec", dont_inherit=True)
