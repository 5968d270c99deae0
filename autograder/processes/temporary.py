"""A folder for temporary files that is locked while its owner lives; what a killed owner left is removed by the next one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from pathlib import Path
from types import TracebackType

from autograder.errors import MachineError
from autograder.processes import machine
from autograder.sandbox import scratch

__all__ = ["TemporaryFolder"]

_PREFIX = "autograde-"
_LEAST_MB = 1.0
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
        with contextlib.suppress(OSError):  # a file system without locks: the folder is never taken for left behind
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            (self.path / _NEW_LOCK).rename(self.path / _LOCK)  # so that nobody finds it unlocked

    def close(self) -> None:
        """Remove it."""
        scratch.remove(self.path)
        with contextlib.suppress(OSError):  # closed already
            os.close(self._lock)

    def __enter__(self) -> Path:
        """The folder's path."""
        return self.path

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Remove it."""
        self.close()


def _new_folder(parent: Path) -> tuple[Path, int]:
    """A folder and the descriptor of what will be its lock; OSError if there is no space."""
    if machine.free_disk_mb(parent) < _LEAST_MB:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(parent))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        return folder, os.open(folder / _NEW_LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        scratch.remove(folder)  # without a lock, nobody would
        raise


def _remove_left_behind(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid == os.geteuid():
                _remove_if_unlocked(folder)


def _remove_if_unlocked(folder: Path) -> None:
    """Remove a folder; OSError if it is not one, has no lock, or its owner holds it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        scratch.remove(folder)
    finally:
        os.close(descriptor)
