"""Tables of text: CSV files as people's programs write them, read and written without changing what is not ours.

A cell of ours that a spreadsheet would take for a formula (it starts with = + - @, a tab or a return) gets an apostrophe in
front, as OWASP advises: https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder._files import read_whole
from autograder.errors import ResultError

__all__ = ["Table", "read_table", "table_text"]

_LARGEST = 64 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Table:
    """A CSV file: its rows, and how it was written."""

    path: Path
    rows: list[list[str]]
    delimiter: str = ","
    encoding: str = "utf-8"
    bom: bytes = b""
    newline: str = "\n"

    def data(self) -> bytes:
        """The rows, written as the file was."""
        return self.bom + table_text(self.rows, delimiter=self.delimiter, newline=self.newline).encode(self.encoding)


def read_table(path: Path) -> Table:
    """Read a CSV file in UTF-8, UTF-16 or Windows-1252, with commas, semicolons or tabs.

    Raises:
        ResultError: if it cannot be read as a table; the text says what to do.
    """
    try:
        data = read_whole(path)
    except FileNotFoundError as error:
        raise ResultError(f"{path}: there is no such file; export it from your learning platform first.") from error
    except OSError as error:
        raise ResultError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > _LARGEST:
        raise ResultError(f"{path}: is larger than {_LARGEST >> 20} MB; is it really a table of marks?")
    bom, encoding = next(((mark, name) for mark, name in _BOMS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(bom) :].decode(encoding)
    except UnicodeDecodeError:
        encoding = "cp1252"
        text = data.decode(encoding, "replace")
    if "\0" in text:
        raise ResultError(f"{path}: is not a CSV file; export the marks as CSV, not as a spreadsheet.")
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ResultError(f"{path}: is not a CSV file ({error}).") from error
    return Table(path, rows, delimiter, encoding, bom, "\r\n" if "\r\n" in text else "\n")


def table_text(rows: Iterable[Sequence[str]], *, delimiter: str = ",", newline: str = "\n") -> str:
    """Rows as CSV."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=newline).writerows(rows)
    return text.getvalue()
