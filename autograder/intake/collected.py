"""collected.csv beside the students' folders: where each submission came from, and whether it counts."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder._files import read_source, read_whole, write_whole
from autograder._words import defused, undefused
from autograder.errors import SubmissionError

__all__ = ["COLLECTED", "Collected", "Row"]

COLLECTED = "collected.csv"
_COLUMNS = ("student", "topic", "file", "counts", "submitted_at", "late", "sha256", "handed_in_as", "who", "download")
_NEWER = ("in_download",)  # files that older versions wrote lack these

Row = dict[str, str]


@dataclass
class Collected:
    """The rows by their `file`, a path below the class's folder; `counts` is "yes" for the attempt that counts: the one that
    is graded, or the latest if none can be.

    `sha256` is that of the submission with its helpers; of an attempt that never counted, of the submission alone.
    `in_download` is the file's path in the download, as the platform named it; empty if that was not recorded.
    """

    path: Path
    rows: dict[str, Row] = field(default_factory=dict)
    counts: dict[tuple[str, str], Row] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Collected:
        """The file's rows; none if there is no such file.

        Raises:
            SubmissionError: if it cannot be read.
        """
        try:
            text = read_source(path)
        except (FileNotFoundError, NotADirectoryError):
            return cls(path)
        except (OSError, UnicodeDecodeError) as error:
            raise SubmissionError(f"{path}: cannot be read; move it away, and collect into an empty folder.") from error
        rows = csv.DictReader(io.StringIO(text, newline=""))
        if rows.fieldnames is None or set(_COLUMNS) - set(rows.fieldnames):
            raise SubmissionError(f"{path}: lacks columns; move it away, and collect into an empty folder.")
        collected = cls(path)
        for row in rows:
            collected.keep({name: undefused(row.get(name) or "") for name in (*_COLUMNS, *_NEWER)})
        return collected

    def keep(self, row: Row) -> None:
        """Add a row, or replace that of the same file. Of a student and topic, the last one that counts is the only one."""
        self.rows[row["file"]] = row
        if row["counts"]:
            key = row["student"], row["topic"]
            old = self.counts.get(key, row)
            if old["file"] != row["file"] and old["file"] in self.rows:
                self.rows[old["file"]] = old | {"counts": ""}
            self.counts[key] = row

    def known(self) -> dict[str, str]:
        """The student of each who was named by a download."""
        return {row["who"]: row["student"] for row in self.rows.values()}

    def counting(self, student: str, topic: str) -> Row | None:
        """The row of the attempt that counts."""
        return self.counts.get((student, topic))

    def was_replaced(self, student: str, topic: str, sha256: str) -> bool:
        """Whether an attempt counted once and no longer does."""
        found = [row for row in self.rows.values() if row["sha256"] == sha256 and not row["counts"]]
        return any((row["student"], row["topic"]) == (student, topic) for row in found)

    def move(self, row: Row, folder: str) -> None:
        """Write down that an attempt was moved to a folder and no longer counts."""
        del self.rows[row["file"]]
        self.keep(row | {"file": f"{folder}/{PurePosixPath(row['file']).name}", "counts": ""})

    def write(self) -> None:
        """Write the file, unless it says the same already."""
        text = io.StringIO()
        table = csv.DictWriter(text, (*_COLUMNS, *_NEWER), lineterminator="\n")
        table.writeheader()
        in_order = sorted(self.rows, key=lambda file: (file.startswith("."), file))
        table.writerows({name: defused(cell) for name, cell in self.rows[file].items()} for file in in_order)
        data = text.getvalue().encode()
        if self.rows and (not self.path.exists() or read_whole(self.path) != data):
            write_whole(self.path, data)
