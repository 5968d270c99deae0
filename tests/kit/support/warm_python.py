"""Runs programs as `python -W error PROGRAM` would, each in a process of its own, without importing PyTorch anew for each.

Started as a script, it has everything imported and forks for each line that it reads: a folder, in which `program.py` is
run.
It answers with the exit status; what was printed then lies in `stdout` and `stderr` there.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import runpy
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

_IMPORTED = ("torch", "torch._dynamo", "torch.utils.data", "matplotlib.pyplot", "sklearn.datasets")
_SETTINGS = {"MPLBACKEND": "agg"} | dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class WarmPython:
    """The trusted end of a running script."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, source: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a program in an empty folder."""
        (folder / "program.py").write_text(source, encoding="utf-8")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(folder, file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        printed = ((folder / name).read_text(encoding="utf-8") for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(["program.py"], status, *printed)


@contextlib.contextmanager
def warm_python(folder: Path) -> Iterator[WarmPython]:
    """A running script; `folder` is for what matplotlib keeps."""
    environment = os.environ | _SETTINGS | {"MPLCONFIGDIR": str(folder)}
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            yield WarmPython(process)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # and a program that does not end


def _run(folder: str) -> int:
    """In the forked process: run the program. Returns its exit status."""
    os.chdir(folder)
    for number, name in enumerate(("stdout", "stderr"), start=1):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv, sys.path[0] = ["program.py"], folder
    warnings.resetwarnings()
    warnings.simplefilter("error")
    try:
        runpy.run_path("program.py", run_name="__main__")
    except BaseException:  # as Python itself does at the end of a program
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


def main() -> None:
    for name in _IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os._exit(_run(line.rstrip("\n")))
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
