"""Jupyter's servers, apart from whatever Jupyter's user has set up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from in_browser import SECONDS

__all__ = ["TOKEN", "jupyter"]

TOKEN = "t"
"""The servers' password."""


@contextmanager
def jupyter(module: str, folder: Path, place: Path) -> Iterator[str]:
    """Run a server, `jupyterlab` or `jupyter_server`, in a folder; its own files are in `place`. Gives its address."""
    own = {name: str(place / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(place / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(place / "workspaces")}
    # As in an activated environment.
    own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.port=0",
        "--ServerApp.ip=127.0.0.1",
        f"--IdentityProvider.token={TOKEN}",
    ]
    log = place / "jupyter.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", module, *options], cwd=folder, env=os.environ | own, stdout=output, stderr=output
        )
    try:
        yield _address(Path(own["JUPYTER_RUNTIME_DIR"]), server, log)
    finally:
        server.terminate()
        server.wait(30)


def _address(runtime: Path, server: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and server.poll() is None:
        for path in runtime.glob("jpserver-*.json"):
            try:
                return str(json.loads(path.read_text(encoding="utf-8"))["url"])
            except (json.JSONDecodeError, KeyError):  # it is being written
                continue
        time.sleep(0.1)
    raise AssertionError(f"Jupyter did not start:\n{log.read_text(encoding='utf-8')}")
