"""Temporary folders: what a killed run left is removed by the next one, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from autograder._temporary import TemporaryFolder
from autograder.errors import MachineError

pytestmark = [pytest.mark.slow, pytest.mark.fault]

MAKERS = {
    "grading": (
        "from autograder._temporary import TemporaryFolder\nfolder = TemporaryFolder()\n(folder.path / 'deep').mkdir()"
    ),
    "autograde check": (
        "from autograder.student.run_file import _Process\nchecking = _Process(lambda: False, print)\nchecking.expect(300)\n"
        "os.kill(checking._process.pid, signal.SIGKILL)"
    ),
    "pytest": "from autograder.pytest_plugin.code_files import Codes\ncodes = Codes(None, None)",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_lasts_as_long_as_its_owner_wants(folder: Path) -> None:
    with TemporaryFolder() as first, TemporaryFolder() as second:
        assert {first, second} == set(folder.iterdir())
    assert not list(folder.iterdir())


@pytest.mark.parametrize("maker", MAKERS)
def test_what_a_killed_run_left_is_removed_and_nothing_else(maker: str, folder: Path) -> None:
    program = f"import os, signal\n{MAKERS[maker]}\nos.kill(os.getpid(), signal.SIGKILL)"
    killed = subprocess.run([sys.executable, "-c", program], env=os.environ | {"TMPDIR": str(folder)}, check=False)
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
