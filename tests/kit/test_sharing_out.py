"""The workers of a test run: tests of one file share one, since they share what is expensive to set up."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

FILE = """
import pytest

@pytest.mark.xdist_group("together")
@pytest.mark.parametrize("number", range(6))
def test_each(number):
    pass
"""


def test_pytest_and_xdist_keep_a_group_together(tmp_path: Path) -> None:
    """With pytest 9.2, pytest-xdist 3.8 takes no notice of groups and says nothing: runs only take twice as long."""
    (tmp_path / "test_one.py").write_text(FILE, encoding="utf-8")
    (tmp_path / "test_two.py").write_text(FILE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "xdist", "-n", "2", "--dist", "loadgroup", "."]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, timeout=100, check=False)
    workers = re.findall(r"\[(gw\d)\].*PASSED", done.stdout)
    assert len(workers) == 12, done.stdout + done.stderr
    assert len(set(workers)) == 1
