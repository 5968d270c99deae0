"""Runs a command as another user: `python as_user.py UID COMMAND…`, as root.

Where the repository or Python lie in folders that only root may enter, the command sees them in a mount namespace of its
own, in which it may.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from autograder.sandbox import libc


def open_up(path: Path) -> None:
    """Let everybody reach `path`, by covering the first folder above it that is closed."""
    closed = [parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001]
    if not closed:
        return
    aside = tempfile.mkdtemp()
    libc.mount(str(path), aside, None, libc.MS_BIND | libc.MS_REC)
    libc.mount("tmpfs", str(closed[0]), "tmpfs", 0, "mode=755")
    path.mkdir(parents=True)
    libc.mount(aside, str(path), None, libc.MS_BIND | libc.MS_REC)
    libc.umount(aside)


def main() -> None:
    user, *command = sys.argv[1:]
    paths = [Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[3]]
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount(None, "/", None, libc.MS_REC | libc.MS_PRIVATE)
    for path in paths:
        open_up(path)
    os.setgroups([])
    os.setresgid(int(user), int(user), int(user))
    os.setresuid(int(user), int(user), int(user))
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        sys.exit(os.spawnv(os.P_WAIT, command[0], command))


if __name__ == "__main__":
    main()
