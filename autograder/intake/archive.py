"""Lists the files of a folder or zip, and of zips in it, whatever a student put there.

Nothing is written at a path that an archive names, no link is followed, and what a zip unpacks to is bounded. What is left
out is listed with its reason; a zip that is not unpacked stays a file, so that nothing is lost.
"""

from __future__ import annotations

import errno
import lzma
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from autograder._temporary import TemporaryFolder
from autograder.errors import MachineError, SubmissionError

__all__ = ["SUBMISSION_ENDINGS", "UNREADABLE", "Entry", "Source", "read_source", "shown"]

SUBMISSION_ENDINGS = (".ipynb", ".py")
"""In small letters."""

UNREADABLE = (
    OSError, RuntimeError, ValueError, EOFError, NotImplementedError,
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error,
)  # fmt: skip
"""What opening and reading an entry can raise."""

_LARGEST_FILE = 512 << 20
_LARGEST_INNER = 1 << 30
_LARGEST_DOWNLOAD = 32 << 30
_MOST_INNER = 5_000
_MOST_FILES = 200_000
_MOST_NAMES = 20_000  # tell a format
_DEEPEST_FOLDER = 24
_LONGEST_NAME = 255
_DEEPEST_ZIP = 3
_BOMB = 200  # so many times larger than it was; text full of repetitions reaches 100
_SMALL = 64 << 20  # what unpacks to less is no bomb, however well it was packed
_IGNORED = {"__MACOSX", "__pycache__", "node_modules", "desktop.ini", "Thumbs.db"}
_ENCRYPTED = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Entry:
    """A file of a download.

    `parts` are the names on the way from the download's top, of folders and zips, and its own. `shown` is how messages name
    it.
    """

    parts: tuple[str, ...]
    shown: str
    size: int
    opened: Callable[[], IO[bytes]] = field(repr=False)

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    def read(self, most: int) -> bytes:
        """Up to so many bytes of it; raises one of UNREADABLE."""
        with self.opened() as file:
            return file.read(most)


@dataclass
class Source:
    """What was found in a download: its files in order, the reasons for what was left out or stayed packed, by how messages
    name it, and the folders that are git repositories.
    """

    path: Path
    entries: list[Entry] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    repositories: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The download's name, without .zip."""
        return self.path.resolve().name.removesuffix(".zip")


def read_source(path: Path, stack: ExitStack, *, unpack: bool = True) -> Source:
    """List the files of a download.

    Args:
        path: a folder, a zip, or a single file.
        stack: closes the zip, and removes what inner zips were unpacked to, once the files have been read.
        unpack: whether to look into zips in it.

    Raises:
        SubmissionError: if there is no such path, or it is a zip that cannot be read, or any other file than a submission.
    """
    return _Reader(Source(path), stack, _DEEPEST_ZIP if unpack else 0).read()


def shown(text: str) -> str:
    """A name that can be printed."""
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "�" for c in text)


@dataclass
class _Reader:
    source: Source
    stack: ExitStack
    deepest: int
    scratch: Path | None = None
    written: int = 0

    def read(self) -> Source:
        path = self.source.path
        if path.is_dir():
            self.look_into(path, (), 0)
        elif path.suffix.lower() == ".zip":
            self.look_into_download(path)
        elif path.is_file() and path.suffix.lower() not in SUBMISSION_ENDINGS:
            raise SubmissionError(
                f"{shown(str(path))}: is neither a zip nor a notebook; name the download, or the folder it was unpacked to."
            )
        elif path.is_file():
            self.add((path.name,), path.stat().st_size, lambda: path.open("rb"))
        else:
            raise SubmissionError(f"{shown(str(path))}: there is no such file or folder.")
        return self.source

    def look_into(self, folder: Path, parts: tuple[str, ...], depth: int) -> None:
        """List a folder, by name."""
        if len(self.source.entries) > (_MOST_FILES if self.deepest else _MOST_NAMES):
            if self.deepest:
                raise SubmissionError(f"{self.shown(())}: holds more than {_MOST_FILES} files; collect a part of it.")
            return
        try:
            entries = sorted(folder.iterdir(), key=lambda each: os.fsencode(each.name))
        except OSError as error:
            self.leave_out(parts, f"it cannot be read ({error.strerror})")
            return
        for each in entries:
            if each.name == ".git":
                self.source.repositories.add(parts)
            if _is_ignored(each.name):
                continue
            inner = (*parts, _clean(each.name))
            try:
                mode = each.lstat().st_mode
            except OSError as error:
                self.leave_out(inner, f"it cannot be read ({error.strerror})")
                continue
            if stat.S_ISLNK(mode):
                self.leave_out(inner, "it is a link; put the file itself there")
            elif stat.S_ISDIR(mode):
                if depth < _DEEPEST_FOLDER:
                    self.look_into(each, inner, depth + 1)
                else:
                    self.leave_out(inner, "it is nested too deeply")
            elif not stat.S_ISREG(mode):
                self.leave_out(inner, "it is not a regular file")
            elif each.suffix.lower() != ".zip" or not self.unpack(each, inner, 1):
                self.add(inner, each.stat().st_size, lambda each=each: each.open("rb"))  # type: ignore[misc]

    def look_into_download(self, path: Path) -> None:
        """List the download itself, which is as large as its class."""
        try:
            archive = self.stack.enter_context(zipfile.ZipFile(path))
        except FileNotFoundError as error:
            raise SubmissionError(
                f"{shown(str(path))}: there is no such file; name the download, or the folder it is in."
            ) from error
        except UNREADABLE as error:
            raise SubmissionError(
                f"{shown(str(path))}: is not a zip that can be read ({_why(error)}); download it again."
            ) from error
        infos = archive.infolist()
        if len(infos) > _MOST_FILES or sum(info.file_size for info in infos) > _LARGEST_DOWNLOAD:
            raise SubmissionError(
                f"{shown(str(path))}: unpacks to more than {_MOST_FILES} files or {_LARGEST_DOWNLOAD >> 30} GB; "
                "collect a part of it."
            )
        for info in infos:
            inner = self.place(info, ())
            if inner is None:
                continue
            if inner[-1].lower().endswith(".zip") and self.unpack_inner(archive, info, inner, 1):
                continue
            self.add(inner, info.file_size, lambda info=info: archive.open(info))  # type: ignore[misc]

    def unpack_inner(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...], depth: int) -> bool:
        """Unpack a zip in a zip; False if that cannot be done, and the reason is listed."""
        try:
            path = self.extracted(archive, info)
        except UNREADABLE as error:
            self.leave_out(parts, f"it cannot be unpacked ({_why(error)})")
            return False
        return self.unpack(path, parts, depth)

    def unpack(self, path: Path, parts: tuple[str, ...], depth: int) -> bool:
        """Unpack a zip that a student made; False if that cannot be done, and the reason is listed."""
        if self.deepest == 0:
            return False
        if depth > self.deepest:
            self.leave_out(parts, "it is a zip in a zip in a zip in a zip, and was not unpacked")
            return False
        try:
            with zipfile.ZipFile(path) as archive:
                infos = archive.infolist()
                unpacked = sum(info.file_size for info in infos)
                if len(infos) > _MOST_INNER or unpacked > min(_LARGEST_INNER, max(_SMALL, path.stat().st_size * _BOMB)):
                    size = f"{len(infos)} files, {max(1, unpacked >> 20)} MB"
                    self.leave_out(parts, f"it was not unpacked, since it unpacks to {size}")
                    return False
                before = len(self.source.entries), len(self.source.left_out)
                for info in infos:
                    self.add_inner(archive, info, parts, depth)
                if before == (len(self.source.entries), len(self.source.left_out)):
                    self.leave_out(parts, "there is no file in it")
                    return False
        except UNREADABLE as error:
            self.leave_out(parts, f"it is not a zip that can be read ({_why(error)})")
            return False
        return True

    def add_inner(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, parts: tuple[str, ...], depth: int) -> None:
        inner = self.place(info, parts)
        if inner is None:
            return
        try:
            path = self.extracted(archive, info)
        except UNREADABLE as error:
            self.leave_out(inner, f"it cannot be unpacked ({_why(error)})")
            return
        if not inner[-1].lower().endswith(".zip") or not self.unpack(path, inner, depth + 1):
            self.add(inner, info.file_size, lambda: path.open("rb"))

    def place(self, info: zipfile.ZipInfo, parts: tuple[str, ...]) -> tuple[str, ...] | None:
        """Where a zip's entry belongs; None if it is a folder or is left out."""
        name = _name_of(info).replace("\\", "/")
        names = [each for each in name.split("/") if each not in ("", ".")]
        inner = (*parts, *map(_clean, names))
        if ".git" in names:
            self.source.repositories.add(inner[: len(parts) + names.index(".git")])
        if name.endswith("/") or not names:  # `is_dir` fails for a name that is empty
            return None
        if name.startswith("/") or ".." in names or re.match(r"[A-Za-z]:", names[0]):
            self.leave_out(inner, "its path leads out of the zip")
        elif any(map(_is_ignored, names)):
            return None
        elif len(names) > _DEEPEST_FOLDER:
            self.leave_out(inner, "it is nested too deeply")
        elif max(map(len, names)) > _LONGEST_NAME:
            self.leave_out(tuple(part[:_LONGEST_NAME] for part in inner), "its name is too long")
        elif stat.S_ISLNK(info.external_attr >> 16):
            self.leave_out(inner, "it is a link; put the file itself there")
        elif info.flag_bits & _ENCRYPTED:
            self.leave_out(inner, "it is encrypted with a password")
        elif info.file_size > _LARGEST_FILE:
            self.leave_out(inner, f"it is larger than {_LARGEST_FILE >> 20} MB")
        else:
            return inner
        return None

    def extracted(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Path:
        """The path of a numbered file with an entry's bytes: never more than the zip declares.

        Raises:
            MachineError: if there is no space for it, which is no fault of the zip.
        """
        if self.scratch is None:
            self.scratch = self.stack.enter_context(TemporaryFolder())
        self.written += 1
        path = self.scratch / str(self.written)
        left = info.file_size
        try:
            with archive.open(info) as packed, path.open("wb") as file:
                while left > 0 and (chunk := packed.read(min(_CHUNK, left))):
                    file.write(chunk)
                    left -= len(chunk)
                packed.read(1)  # compares the checksum
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise MachineError(
                f"{self.scratch.parent}: {error.strerror}; free some space, or set TMPDIR to a folder with more, and "
                "collect again."
            ) from error
        return path

    def add(self, parts: tuple[str, ...], size: int, opened: Callable[[], IO[bytes]]) -> None:
        self.source.entries.append(Entry(parts, self.shown(parts), size, opened))

    def leave_out(self, parts: tuple[str, ...], reason: str) -> None:
        self.source.left_out[self.shown(parts)] = reason

    def shown(self, parts: tuple[str, ...]) -> str:
        top = self.source.path
        return shown("/".join((str(top), *parts) if top.is_dir() or top.suffix.lower() == ".zip" else (str(top),)))


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name in _IGNORED


def _clean(name: str) -> str:
    """A name as people mean it: composed letters (a Mac's zips decompose them), no half characters."""
    return unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode()).strip() or "_"


def _name_of(info: zipfile.ZipInfo) -> str:
    """An entry's path. Many programs write UTF-8 without saying so; Python then takes it for the code page 437."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _why(error: BaseException) -> str:
    return shown(getattr(error, "strerror", None) or str(error) or type(error).__name__)[:120].rstrip(".")
