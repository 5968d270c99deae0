"""Folders that student code filled: what is too much, and that all of it can be removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attack_jobs import HONEST, job_of

from autograder._temporary import remove_folder
from autograder.processes.pool import Pool
from autograder.sandbox import scratch


def nest(folder: Path, levels: int, name: str = "d") -> None:
    """Make folders in folders, deeper than any path can name."""
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        for _ in range(levels):
            os.mkdir(name)  # noqa: PTH102 - relative to where it is
            os.chdir(name)
        Path("at the bottom").write_text("x")
    finally:
        os.fchdir(here)
        os.close(here)


def test_a_little_is_not_too_much(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_bytes(bytes(1000))
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to("nowhere")
    assert scratch.excess(tmp_path, 1) == ""


@pytest.mark.attack
def test_too_much_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_bytes(bytes((1 << 20) + 1))
    assert scratch.excess(tmp_path, 1) == "wrote more than 1 MB to files"
    for number in range(scratch.MOST_ENTRIES):
        (tmp_path / f"{number}").touch()
    assert scratch.excess(tmp_path, 2) == "made more than 4,096 files and folders"


@pytest.mark.attack
@pytest.mark.parametrize(("levels", "name"), [(3000, "d"), (100, "long" * 50)])
def test_folders_nested_without_end_are_too_much_and_can_be_removed(tmp_path: Path, levels: int, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    nest(folder, levels, name)
    assert scratch.excess(folder, 1) == "made folders that cannot be read"
    remove_folder(folder)
    assert not folder.exists()


@pytest.mark.attack
@pytest.mark.skipif(os.getuid() == 0, reason="root may look into any folder")
def test_closed_folders_are_too_much(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o300)
    (tmp_path / "closed/file").write_bytes(bytes(10))
    assert scratch.excess(tmp_path, 1) == "made folders that cannot be read"
    remove_folder(tmp_path / "closed")
    assert not (tmp_path / "closed").exists()


@pytest.mark.attack
def test_closed_folders_can_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    nest(folder, 1200)
    (folder / "closed/inner").mkdir(parents=True)
    (folder / "closed/inner").chmod(0)
    (folder / "closed").chmod(0o300)
    remove_folder(folder)
    assert not folder.exists()


def test_what_is_not_there_needs_no_removing(tmp_path: Path) -> None:
    remove_folder(tmp_path / "nothing")


FILLERS = {
    "folders in folders": "import os, time\nfor _ in range(2000):\n    os.mkdir('d')\n    os.chdir('d')\ntime.sleep(3)",
    "more files than can be counted": "for n in range(10_000):\n    open(f'{n}', 'w').close()\nimport time\ntime.sleep(3)",
    "folders that cannot be listed": (
        "import os\nos.mkdir('closed', 0o300)\nfor n in range(20):\n    open(f'closed/{n}', 'wb').write(bytes(1 << 20))\n"
        "import time\ntime.sleep(3)"
    ),
}


@pytest.mark.attack
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "plain"])
@pytest.mark.parametrize("name", FILLERS)
def test_what_a_submission_leaves_in_its_folder_harms_nobody_else(mode: str, name: str, tmp_path: Path) -> None:
    with Pool(1, _mode=mode) as pool:
        honest = pool.run(job_of(HONEST))
        run = pool.run(job_of(FILLERS[name], HONEST))
        assert run.cells[1].outcome == "passed"
        assert pool.run(job_of(HONEST)).observations == honest.observations
        folders = [server.scratch for server in pool._servers]
        assert len([path for folder in folders for path in folder.rglob("*")]) <= (mode == "auto")
    assert not any(folder.exists() for folder in folders)
