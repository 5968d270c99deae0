"""A student's progress so far: `.autograde/progress.json` in the release's folder. It never leaves the machine."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder._files import read_whole, write_whole

__all__ = ["Store", "TaskRecord"]

_FORMAT_VERSION = 1


class TaskRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task: its state when it was last checked, and how many hints were read.

    `state` is the style of its label (`complete`, `partial`, `none`, `untouched`), or empty if it was never checked.
    `kernel` is its state in the notebook's kernel, and `source` a digest of the code checked there, or empty if the code
    was not available. `when` is in ISO 8601.
    """

    hints: int = 0
    state: str = ""
    passed: int = 0
    checks: int = 0
    when: str = ""
    kernel: str = ""
    source: str = ""


class _File(msgspec.Struct, kw_only=True):
    format_version: int = _FORMAT_VERSION
    topics: dict[str, dict[str, TaskRecord]] = {}
    current: dict[str, str] = {}


_unwritten: dict[Path, _File] = {}


class Store:
    """Reads and writes the progress in a release. If the file cannot be written, progress lasts as long as the process."""

    def __init__(self, folder: Path) -> None:
        """Use the store of the release in `folder`."""
        self._path = folder / ".autograde" / "progress.json"

    def tasks(self, topic: str) -> dict[str, TaskRecord]:
        """The records of a topic's tasks; tasks without one are missing."""
        return self._read().topics.get(topic, {})

    def task(self, topic: str, task: str) -> TaskRecord:
        """One task's record."""
        return self.tasks(topic).get(task, TaskRecord())

    def keep(self, topic: str, records: dict[str, TaskRecord]) -> None:
        """Save records, replacing those of the same tasks."""
        file = self._read()
        file.topics.setdefault(topic, {}).update(records)
        self._write(file)

    def current(self, topic: str) -> str:
        """The task that `autograde watch` was last at; empty if none."""
        return self._read().current.get(topic, "")

    def keep_current(self, topic: str, task: str) -> None:
        """Remember the task that `autograde watch` is at."""
        file = self._read()
        if file.current.get(topic) != task:
            file.current[topic] = task
            self._write(file)

    def _read(self) -> _File:
        if self._path in _unwritten:
            return _unwritten[self._path]
        try:
            file = msgspec.json.decode(read_whole(self._path), type=_File)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _File()
        return file if file.format_version == _FORMAT_VERSION else _File()

    def _write(self, file: _File) -> None:
        data = msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"
        try:
            write_whole(self._path, data)
        except OSError:
            _unwritten[self._path] = file
