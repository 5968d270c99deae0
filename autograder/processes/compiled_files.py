"""Compiles source files once on the trusted side, for many children to execute.

Compiling a checks file takes longer than running most of its checks. The bytes come from `marshal`, which only the same
Python can read; both sides run the same interpreter. They only ever travel to a child.
"""

from __future__ import annotations

import functools
import marshal

__all__ = ["compiled"]


@functools.lru_cache(maxsize=256)
def compiled(filename: str, source: str) -> bytes:
    """The file's code as bytes of `marshal`; empty if it has a syntax error, which its execution then reports."""
    try:
        return marshal.dumps(compile(source, filename, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return b""
