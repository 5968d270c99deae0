"""A folder for temporary files that is locked while its owner lives; what a killed owner left is removed by the next one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType, TracebackType

from autograder.errors import MachineError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["TemporaryFolder", "free_disk_mb", "remove_folder"]

_PREFIX = "autograde-"
_LEAST_MB = 1.0
_FEWEST_FILES = 100
_LOCK, _NEW_LOCK = ".lock", ".new-lock"


class TemporaryFolder:
    """A new folder, `path`, which `close` removes with everything in it; a context manager.

    Raises:
        MachineError: if no folder for temporary files can be written to.
    """

    def __init__(self) -> None:
        """Make it, after removing those whose owners are gone."""
        try:
            parent = Path(tempfile.gettempdir())
            _remove_left_behind(parent)
            self.path, self._lock = _new_folder(parent)
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
            raise MachineError(
                f"A folder for temporary files cannot be made ({reason}); free some space, or set TMPDIR to a folder that "
                "can be written to."
            ) from error

    def close(self) -> None:
        """Remove it."""
        remove_folder(self.path)
        if self._lock is not None:
            with contextlib.suppress(OSError):  # closed already
                os.close(self._lock)

    def __enter__(self) -> Path:
        """The folder's path."""
        return self.path

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove it."""
        self.close()


def _new_folder(parent: Path) -> tuple[Path, int | None]:
    """A folder and the descriptor of its lock, None where Python has no locks; OSError if there is no space."""
    if free_disk_mb(parent) < _LEAST_MB:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(parent))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        return folder, _lock(folder)
    except OSError:
        remove_folder(folder)  # without a lock, nobody would
        raise


def _lock(folder: Path) -> int | None:
    if fcntl is None:
        return None
    descriptor = os.open(folder / _NEW_LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks: the folder is never taken for left behind
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        (folder / _NEW_LOCK).rename(folder / _LOCK)  # so that nobody finds it unlocked
    return descriptor


def _remove_left_behind(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            _remove_if_unlocked(folder)


def _remove_if_unlocked(folder: Path) -> None:
    """Remove a folder; OSError if it is not one, has no lock, or its owner holds it. Another user's stays."""
    if fcntl is None or folder.lstat().st_uid != os.geteuid():
        return
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove_folder(folder)
    finally:
        os.close(descriptor)


def free_disk_mb(folder: Path) -> float:
    """How many megabytes a user without privileges can still write to a folder's disk; 0 if it takes no more new files."""
    if sys.platform == "win32":  # where nothing is graded
        return float("inf")
    try:
        disk = os.statvfs(folder)
    except OSError:
        return float("inf")
    if disk.f_files and disk.f_favail < _FEWEST_FILES:  # some file systems have no limit, and say 0
        return 0.0
    return disk.f_bavail * disk.f_frsize / 2**20


def remove_folder(folder: Path) -> None:
    """Remove a folder and everything in it, once nothing writes there any more. What cannot be removed stays."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        with contextlib.suppress(OSError):
            _flatten(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path) -> None:
    """Make all folders below `folder` accessible and move them to its top level, so that no path is long."""
    folder.chmod(0o700)
    waiting = _folders_in(folder)
    while waiting:
        outer = waiting.pop()
        outer.chmod(0o700)
        for inner in _folders_in(outer):
            inner.chmod(0o700)  # a folder that is closed to this user cannot be moved
            waiting.append(inner.rename(folder / os.urandom(16).hex()))


def _folders_in(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
