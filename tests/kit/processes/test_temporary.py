"""Temporary folders: what a killed run left is removed by the next one, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder.errors import MachineError
from autograder.processes.temporary import TemporaryFolder

pytestmark = pytest.mark.fault

KILLED = "import os, signal\nfrom autograder.processes.temporary import TemporaryFolder\nfolder = TemporaryFolder()\n"
KILLED += "(folder.path / 'deep').mkdir()\nos.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_lasts_as_long_as_its_owner_wants(folder: Path) -> None:
    with TemporaryFolder() as first, TemporaryFolder() as second:
        assert {first, second} == set(folder.iterdir())
    assert not list(folder.iterdir())


def test_what_a_killed_run_left_is_removed_and_nothing_else(folder: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED], env=os.environ | {"TMPDIR": str(folder)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    others = {folder / "autograde-mine", folder / "else"}
    for other in others:
        other.mkdir()
    (folder / "autograde-link").symlink_to(folder / "else")
    with TemporaryFolder() as own:
        assert set(folder.iterdir()) == {own, folder / "autograde-link", *others}
    assert not left.exists()


def test_without_a_place_for_it_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/no-such-folder")
    with pytest.raises(MachineError, match=r"cannot be made \(/proc/no-such-folder.*set TMPDIR"):
        TemporaryFolder()
