"""A PostgreSQL server of a test's own, on a socket in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["postgresql"]

_NOBODY = 65534  # the server refuses to run as root


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a server with an empty database, and give the database's URL."""
    own = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path is short
    if own:
        os.chown(folder, _NOBODY, _NOBODY)

    def run(program: str, *arguments: str) -> None:
        command = [_program(program), "-D", str(folder / "data"), *arguments]
        log = folder / "log"
        done = subprocess.run(command, cwd=folder, timeout=120, check=False, capture_output=program == "initdb", **own)  # type: ignore[call-overload]
        assert done.returncode == 0, f"{done.stderr}\n{log.read_text() if log.exists() else ''}"

    try:
        run("initdb", "--username=autograde", "--auth=trust", "--encoding=UTF8", "--no-sync")
        run("pg_ctl", "-l", str(folder / "log"), "-o", f"-F -k {folder} -c listen_addresses=", "--silent", "-w", "start")
        try:
            yield f"postgresql+psycopg://autograde@/postgres?host={folder}"
        finally:
            run("pg_ctl", "--mode=immediate", "--silent", "stop")
    finally:
        shutil.rmtree(folder)


def _program(name: str) -> str:
    """A program of the server; Debian does not put it on the path."""
    found = shutil.which(name) or next((str(path) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    if not found:
        message = f"{name} is missing; run tests/kit/support/install_postgresql.sh"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found
