"""The committed release: the same wherever it is made, and no larger than it need be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from autograder.processes.zygote import CPU_CAPABILITY

ROOT = Path(__file__).parents[3]
RELEASE = ROOT / "release"
COMMAND = [str(Path(sys.executable).with_name("autograde")), "release", "--check"]


@pytest.mark.slow
@pytest.mark.apart
@pytest.mark.parametrize("capability", ["default", pytest.param("as it is", marks=pytest.mark.long)])
def test_what_is_committed_is_what_the_sources_say_on_any_processor(capability: str) -> None:
    """PyTorch computes with other instructions, whose last digits differ, and random numbers are drawn in another order."""
    environment = dict(os.environ)
    if capability != "as it is":
        environment[CPU_CAPABILITY] = capability
        assert torch.backends.cpu.get_cpu_capability() != "DEFAULT"
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_keys_are_small(tmp_path: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in (RELEASE / "keys").glob("*.key")}
    assert max(sizes.values()) < 1_000_000, sizes
    archive = shutil.make_archive(str(tmp_path / "release"), "zip", RELEASE)
    assert Path(archive).stat().st_size < 4_000_000
