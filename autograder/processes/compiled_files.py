"""Source files that many children execute: compiled once on the trusted side, executed in each child.

Compiling a file of checks takes longer than running most of them. The bytes are those of `marshal`, which only the very
Python that wrote them can read; both sides are the same interpreter. They travel towards the child only.
"""

from __future__ import annotations

import functools
import marshal

__all__ = ["compiled"]


@functools.lru_cache(maxsize=256)
def compiled(filename: str, source: str) -> bytes:
    """The file's code, or nothing if it has a syntax error, which is then reported where it is executed."""
    try:
        return marshal.dumps(compile(source, filename, "exec", dont_inherit=True))
    except (SyntaxError, ValueError):
        return b""
