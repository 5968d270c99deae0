"""Reads what a notebook shows below its cells, as text and PNG images. Nothing here runs or renders them.

The bytes may be a student's, as in `cells`. Outputs are those of the notebook format, version 4
(https://nbformat.readthedocs.io/en/latest/format_description.html): `stream`, `display_data`, `execute_result` and `error`.
Of several forms of one output, a PNG image comes before plain text; HTML, SVG and scripts are never shown.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from autograder.course.cells import holds_notebook, read_cells, strict_json, text_of

__all__ = ["CellShown", "Output", "cells_about"]

_MOST_CELLS = 8
_MOST_OUTPUTS = 20  # of a cell
_MOST_TEXT = 20_000  # characters of an output
_LARGEST_IMAGE = 4 << 20
_MOST_PIXELS = 4096  # in each direction: a small file can unpack to gigabytes
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Output:
    """An output of a cell: `text`, or the base64 of a PNG `image`. `cut` says that there was more text."""

    text: str = ""
    image: str = ""
    cut: bool = False


@dataclass(frozen=True)
class CellShown:
    """A code cell as a reader sees it; a plain Python file is one cell, number 0."""

    number: int
    source: str
    outputs: tuple[Output, ...] = ()


class _Output(msgspec.Struct, frozen=True):
    output_type: str = ""
    text: str | list[str] = ""
    data: dict[str, msgspec.Raw] = {}
    ename: str = ""
    evalue: str = ""


class _Cell(msgspec.Struct, frozen=True):
    source: str | list[str] | None = None
    outputs: msgspec.Raw = msgspec.Raw()


class _Notebook(msgspec.Struct, frozen=True):
    cells: list[_Cell] = []


def cells_about(data: bytes, filename: str, name: str) -> tuple[CellShown, ...]:
    """The code cells of a submission that define or use a name, at most the last eight, with their saved outputs.

    Args:
        data: the file's bytes.
        filename: its name; see `read_cells`.
        name: a Python name.

    Raises:
        SubmissionError: if the bytes cannot be read as a notebook or Python file.
    """
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    cells = [cell for cell in read_cells(data, filename) if word.search(cell.source)][-_MOST_CELLS:]
    saved = _saved(data) if holds_notebook(data, filename) else {}
    return tuple(CellShown(cell.number, cell.source, tuple(_outputs(saved.get(cell.source)))) for cell in cells)


def _saved(data: bytes) -> dict[str, bytes]:
    """The outputs of cells, as JSON, by the cell's source. There are none before version 4 of the format."""
    notebook = _decoded(data, _Notebook) or _Notebook()
    return {"".join(cell.source or ""): bytes(cell.outputs) for cell in notebook.cells if bytes(cell.outputs)}


_T = TypeVar("_T")


def _decoded(data: bytes, kind: type[_T]) -> _T | None:
    for readable in (text_of, strict_json):
        try:
            return msgspec.json.decode(readable(data), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return None


def _outputs(data: bytes | None) -> Iterator[Output]:
    """The outputs that can be shown. One that is damaged is left out, and the others are still there."""
    parts = _decoded(data, list[msgspec.Raw]) if data else None
    for part in (parts or [])[:_MOST_OUTPUTS]:
        output = _decoded(bytes(part), _Output)
        if output is None:
            continue
        if image := _image(_text(output.data.get("image/png"))):
            yield Output(image=image)
            continue
        text = output.text if isinstance(output.text, str) else "".join(output.text)
        if output.output_type == "error":
            text = f"{output.ename}: {output.evalue}"
        text = text or _text(output.data.get("text/plain"))
        if text:
            yield Output(text=text[:_MOST_TEXT], cut=len(text) > _MOST_TEXT)
    if parts and len(parts) > _MOST_OUTPUTS:
        yield Output(text=f"… and {len(parts) - _MOST_OUTPUTS} more outputs", cut=True)


def _text(data: msgspec.Raw | None) -> str:
    text = _decoded(bytes(data), str | list[str]) if data is not None else None  # type: ignore[arg-type]
    return text if isinstance(text, str) else "".join(text or ())


def _image(text: str) -> str:
    """The base64 of a PNG image of bearable size; empty if the text is none (https://www.w3.org/TR/png-3/#11IHDR)."""
    if len(text) > _LARGEST_IMAGE:
        return ""
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
        start, kind, width, height = struct.unpack(">8s4x4sII", data[:24])
    except (binascii.Error, ValueError, struct.error):
        return ""
    if (start, kind) != (_PNG, b"IHDR") or not (0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS):
        return ""
    return base64.b64encode(data).decode()
