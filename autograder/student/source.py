"""Recognises a definition by its text."""

from __future__ import annotations

import hashlib
import inspect
import textwrap

__all__ = ["source_digest", "source_of"]


def source_of(thing: object) -> str:
    """The digest of the text that defines a function or class; empty if the text is not available."""
    try:
        return source_digest(inspect.getsource(thing))  # type: ignore[arg-type]
    except (OSError, TypeError, IndexError, SyntaxError):
        return ""


def source_digest(source: str) -> str:
    """A digest of the text of a definition, regardless of its indentation."""
    return hashlib.blake2b(textwrap.dedent(source).strip().encode("utf-8", "replace"), digest_size=12).hexdigest()
