"""The attacks and the honest programs once more, as an ordinary user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1]


@pytest.mark.attack
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.getuid() != 0, reason="this user is an ordinary one: the other tests have shown it already")
def test_an_ordinary_user_is_as_safe() -> None:
    """In user namespaces and without any, all without privilege."""
    files = (
        "acceptance/test_attacks.py",
        "acceptance/test_attacks_inside.py",
        "sandbox/test_scratch.py",
        "acceptance/test_honest.py",
    )
    script, *tests = (str(KIT / name) for name in ("support/as_user.py", *files))
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    command = [sys.executable, script, "61000", *pytest_command]
    done = subprocess.run(command, capture_output=True, text=True, cwd=KIT.parents[1], check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
