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
    """Reads and writes the progress in a release.

    What cannot be written, because the folder is read-only or another program has locked the file, is remembered and
    written with the next change. A file that cannot be understood, say from a newer version, is kept beside the new one.
    """

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
        self._write(_File(topics={topic: records}))

    def current(self, topic: str) -> str:
        """The task that `autograde watch` was last at; empty if none."""
        return self._read().current.get(topic, "")

    def keep_current(self, topic: str, task: str) -> None:
        """Remember the task that `autograde watch` is at."""
        if self.current(topic) != task:
            self._write(_File(current={topic: task}))

    def _read(self) -> _File:
        try:
            stored = _decoded(read_whole(self._path))
        except OSError:
            stored = None
        return _with(stored or _File(), _unwritten.get(self._path, _File()))

    def _write(self, changes: _File) -> None:
        changes = _with(_unwritten.get(self._path, _File()), changes)
        try:
            data = msgspec.json.encode(_with(self._to_change(), changes))
            write_whole(self._path, msgspec.json.format(data, indent=1) + b"\n")
        except OSError:
            _unwritten[self._path] = changes
        else:
            _unwritten.pop(self._path, None)

    def _to_change(self) -> _File:
        """What is stored; an OSError if there is something that cannot be read now, as it must not be overwritten."""
        try:
            stored = _decoded(read_whole(self._path))
        except FileNotFoundError:
            return _File()
        if stored is None:
            self._path.replace(self._path.with_name("progress.old.json"))
        return stored or _File()


def _decoded(data: bytes) -> _File | None:
    try:
        file = msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return file if file.format_version == _FORMAT_VERSION else None


def _with(file: _File, changes: _File) -> _File:
    """A file's content after changes."""
    topics = {topic: dict(records) for topic, records in file.topics.items()}
    for topic, records in changes.topics.items():
        topics.setdefault(topic, {}).update(records)
    return _File(topics=topics, current={**file.current, **changes.current})
