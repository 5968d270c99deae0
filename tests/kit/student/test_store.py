"""A student's progress survives files that are locked, broken or from a newer version."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.student import store
from autograder.student.store import Store, TaskRecord

DONE = TaskRecord(state="complete", passed=3, checks=3)


def test_a_file_that_cannot_be_read_for_a_while_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).keep("dtypes", {"match": DONE})
    monkeypatch.setattr(store, "_unwritten", {})
    read = store.read_whole

    def locked(path: Path) -> bytes:
        raise PermissionError(13, "another program uses the file", str(path))

    monkeypatch.setattr(store, "read_whole", locked)
    Store(tmp_path).keep("dtypes", {"mean_any": DONE})
    Store(tmp_path).keep_current("dtypes", "match")
    assert Store(tmp_path).tasks("dtypes") == {"mean_any": DONE}
    monkeypatch.setattr(store, "read_whole", read)
    assert Store(tmp_path).tasks("dtypes") == {"match": DONE, "mean_any": DONE}
    Store(tmp_path).keep("views", {"patchify": DONE})
    assert store._unwritten == {}
    assert Store(tmp_path).tasks("dtypes") == {"match": DONE, "mean_any": DONE}
    assert (Store(tmp_path).tasks("views"), Store(tmp_path).current("dtypes")) == ({"patchify": DONE}, "match")


def test_what_cannot_be_written_for_a_while_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_unwritten", {})
    write = store.write_whole

    def locked(path: Path, data: bytes) -> None:
        raise PermissionError(13, "another program uses the file", str(path))

    monkeypatch.setattr(store, "write_whole", locked)
    Store(tmp_path).keep("dtypes", {"match": DONE})
    assert Store(tmp_path).task("dtypes", "match") == DONE
    monkeypatch.setattr(store, "write_whole", write)
    Store(tmp_path).keep("dtypes", {"mean_any": DONE})
    assert store._unwritten == {}
    assert set(Store(tmp_path).tasks("dtypes")) == {"match", "mean_any"}


@pytest.mark.parametrize("text", ['{"format_version": 99, "topics": {"new": 1}}', "{", "\0\0", "[]"])
def test_a_file_that_is_not_understood_is_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".autograde" / "progress.json"
    path.parent.mkdir()
    path.write_text(text)
    assert Store(tmp_path).tasks("dtypes") == {}
    assert path.read_text() == text, "reading changes nothing"
    Store(tmp_path).keep("dtypes", {"match": DONE})
    assert Store(tmp_path).tasks("dtypes") == {"match": DONE}
    assert path.with_name("progress.old.json").read_text() == text
