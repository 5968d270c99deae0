"""The attacks and the honest programs once more, as an ordinary user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.getuid() != 0, reason="this user is an ordinary one: the other tests have shown it already")
def test_an_ordinary_user_is_as_safe() -> None:
    """In user namespaces and without any, all without privilege."""
    here = Path(__file__).parent
    files = ("test_attacks.py", "test_attacks_inside.py", "test_scratch.py", "test_honest.py")
    script, *tests = (str(here / name) for name in ("as_user.py", *files))
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    command = [sys.executable, script, "61000", *pytest_command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=here.parents[1], check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
