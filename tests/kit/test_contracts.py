"""The import contracts of pyproject.toml: they hold, and each fails on an import that it forbids."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "Floors": ("comparing/compare.py", "import autograder.grading.grade"),
    "The trusted side": ("processes/pool.py", "import torch"),
    "Dask, which unpickles": ("cluster/pool.py", "import distributed"),
    "The side of student code": ("checking/observe.py", "import autograder.keys.key"),
    "Students need nothing": ("student/view.py", "import autograder.sandbox"),
}


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "autograder", tmp_path / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_hold(copy: Path) -> None:
    done = linted(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("contract", FORBIDDEN)
def test_a_forbidden_import_is_found(copy: Path, contract: str) -> None:
    file, line = FORBIDDEN[contract]
    path = copy / "autograder" / file
    path.write_text(path.read_text(encoding="utf-8") + f"\n\ndef _late() -> None:\n    {line}\n", encoding="utf-8")
    done = linted(copy)
    assert done.returncode == 1
    assert f"{contract}" in done.stdout.partition("Broken contracts")[2]
