"""Files that appear at once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autograder import _files
from autograder._files import decode_versioned, locked, read_source, read_whole, write_whole
from autograder.errors import ResultError


def test_a_file_replaces_an_older_one_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "ann" / "views.html"
    write_whole(path, b"first, which is longer")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "views.html"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=r"views\.html"):
        write_whole(path, b"text")
    assert list(tmp_path.iterdir()) == [path]


class Thing(msgspec.Struct):
    format_version: int
    name: str


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"^thing\.json: is damaged \(.*\); make it again\.$"),
        (b'{"format_version": 2}', r"^thing\.json: is damaged \(.*\); make it again\.$"),
        (
            b'{"format_version": 1, "name": "x"}',
            r"^thing\.json: has format 1, but this autograde reads format 2; make it again\.$",
        ),
        (b'{"format_version": 3}', r"^thing\.json: has format 3, but this autograde reads format 2; update autograde\.$"),
        (b"\xff", "is damaged"),
        (b"[" * 100_000, "is damaged"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(data: bytes, said: str) -> None:
    with pytest.raises(ResultError, match=said):
        decode(data)


def decode(data: bytes) -> Thing:
    return decode_versioned(
        data, Thing, 2, codec=msgspec.json, path=Path("thing.json"), error=ResultError, remedy="make it again"
    )


def test_a_file_of_this_version_is_read() -> None:
    assert decode(b'{"format_version": 2, "name": "x", "more": 1}') == Thing(2, "x")


def test_a_private_file_is_private_from_the_start(tmp_path: Path) -> None:
    write_whole(tmp_path / "key", b"x", mode=0o600)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("read", [read_whole, read_source])
def test_a_pipe_in_a_files_place_is_not_waited_for(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"not a regular file.*pipe"):
        read(tmp_path / "pipe")
    write_whole(tmp_path / "pipe", b"a\r\nb")
    assert (read_whole(tmp_path / "pipe"), read_source(tmp_path / "pipe")) == (b"a\r\nb", "a\nb")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes, mode: int) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")  # as a write to a full disk does, without a name

    monkeypatch.setattr(_files, "_write", full)
    with pytest.raises(OSError, match=r"No space left on device: .*result\.json'"):
        write_whole(tmp_path / "result.json", b"1")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_somebodys_own_and_those_who_do_not_wait_are_told(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(BlockingIOError), locked(tmp_path, wait=False):
        raise AssertionError("two have one folder")
    with locked(tmp_path, wait=False):
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wait", [True, False])
def test_a_file_system_without_locks_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: bool) -> None:
    def without_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", without_locks)
    with locked(tmp_path, wait=wait), locked(tmp_path, wait=wait):
        pass


def test_an_error_without_a_name_gets_one() -> None:
    with pytest.raises(OSError, match="No space left") as caught, _files.naming(Path("a/b")):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == "a/b"
    with pytest.raises(FileNotFoundError) as missing, _files.naming(Path("a/b")):
        Path("nothing/there").read_bytes()
    assert missing.value.filename == "nothing/there"
