"""One run at a time writes results into a folder, and begins without what a killed one left half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.errors import ResultError
from autograder.grading.output_folder import locked

pytestmark = pytest.mark.fault

KILLED = """
import os, signal, sys
from pathlib import Path
from autograder.grading.output_folder import locked
with locked(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_second_run_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    out = tmp_path / "new/grades"
    with locked(out), pytest.raises(ResultError, match=r"grades: another autograde is grading .* -o\."), locked(out):
        raise AssertionError("two runs have one folder")
    with locked(out):
        assert not list(out.iterdir())


def test_the_lock_ends_with_a_killed_run(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with locked(tmp_path):
        pass


def test_half_written_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    for name in (".run.json.12.part", "ann/.views.json.12.part", "ann/views.json"):
        (tmp_path / name).write_text("{")
    os.mkfifo(tmp_path / "ann/.views.html.12.part")
    with locked(tmp_path):
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["views.json"]
        assert not (tmp_path / "ann/.views.html.12.part").exists()
