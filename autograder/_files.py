"""Files that appear at once, and files that say which version of their format they have."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from autograder.errors import AutogradeError

__all__ = ["PACKAGE", "decode_versioned", "locked", "naming", "read_source", "read_whole", "write_whole"]

PACKAGE = Path(__file__).parent
"""The folder of the package `autograder`."""

T = TypeVar("T")

# Opening a pipe must not wait for its other end. Windows has no such flag, and no such pipes among its files.
_WITHOUT_WAITING: int = getattr(os, "O_NONBLOCK", 0)
NOT_A_FILE = "it is not a regular file"


def read_whole(path: Path, most: int = -1) -> bytes:
    """The bytes of a regular file, not more than `most` unless that is negative; whatever else has taken its place is not
    waited for.

    Raises:
        OSError: if there is no such file, or something else than a file.
    """
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _WITHOUT_WAITING)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, NOT_A_FILE, str(path))
        return file.read(most)


def read_source(path: Path) -> str:
    """The text of a regular file in UTF-8, with `\\n` at the end of each line.

    Raises:
        OSError: if there is no such file, or something else than a file.
        UnicodeDecodeError: if it is not UTF-8.
    """
    return io.TextIOWrapper(io.BytesIO(read_whole(path)), encoding="utf-8").read()


def write_whole(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file under another name and rename it: nobody reads half of it, and an interrupted run leaves none.

    Args:
        path: the file; its folder is made if it is missing.
        data: its bytes.
        mode: the file's permissions, less the process's umask.

    Raises:
        OSError: if it cannot be written; the error names the file.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            _write(part, data, mode)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(part, data, mode)
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):  # a full disk is reported without a name, and the part's means nothing to anybody
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError tell of a file: that a disk is full is reported without a name, as nothing was to be opened."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write(path: Path, data: bytes, mode: int) -> None:
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags | _WITHOUT_WAITING, mode)) as file:
        file.write(data)


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Have a folder to oneself, among all who use `locked`, in this process and others. The lock ends with the process and
    leaves no file behind. Where the file system or, as on Windows, Python has no locks, everybody gets in.

    Args:
        folder: the folder.
        wait: whether to wait until nobody else has it.

    Raises:
        BlockingIOError: if somebody else has it and this is not to wait.
        OSError: if it cannot be opened.
    """
    try:
        import fcntl
    except ImportError:  # Windows, where nothing is graded
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


class Codec(Protocol):
    """`msgspec.json` or `msgspec.msgpack`."""

    def decode(self, data: bytes | memoryview, /, *, type: type[T]) -> T:
        """The value of a type that the bytes stand for."""
        ...


class _Head(msgspec.Struct):
    format_version: int


def decode_versioned(
    data: bytes | memoryview,
    kind: type[T],
    version: int,
    *,
    codec: Codec,
    path: Path,
    error: type[AutogradeError],
    remedy: str,
    newer: str = "update autograde",
) -> T:
    """Decode a file that has a field `format_version`, which is read first.

    Args:
        data: the file's bytes.
        kind: what they should be.
        version: the version of the format that can be read.
        codec: how they are encoded.
        path: the file's name in messages.
        error: what to raise.
        remedy: what to do about a file that is damaged or too old.
        newer: what to do about a file of a newer version.

    Raises:
        AutogradeError: an `error`, if the bytes are damaged or of another version; the text says what to do.
    """
    try:
        found = codec.decode(data, type=_Head).format_version
        if found == version:
            return codec.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as cause:
        raise error(f"{path}: is damaged ({cause}); {remedy}.") from cause
    raise error(
        f"{path}: has format {found}, but this autograde reads format {version}; {newer if found > version else remedy}."
    )
