"""The students' half where Python lacks what only POSIX has, as on Windows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from released_course import SCALE, release_course

from autograder.processes.pool import Pool
from autograder.release.wheel import student_modules

_STUDENT = """
import asyncio, importlib, os, signal, sys
from pathlib import Path

os.environ["TEXTUAL_DRIVER"] = "textual.drivers.headless_driver:HeadlessDriver"  # by its platform it would take another
import textual.app
import torch

for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for module, names in {
    os: ("O_NOFOLLOW", "O_NONBLOCK", "fork", "geteuid", "getpgid", "getuid", "killpg", "setsid"),
    signal: ("ITIMER_REAL", "SIGALRM", "SIGHUP", "SIGKILL", "SIGQUIT", "pthread_sigmask", "setitimer"),
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
for name in sys.argv[2:]:
    importlib.import_module(name)
from autograder.student.notebook import check, hint, progress

exec(sys.argv[1])
check("scale")
hint("scale")
progress()

from autograder.course.helper_files import find_helpers

Path("mine.py").write_text("x = 1")
Path("uses.py").write_text("import mine")
assert [each.name for each in find_helpers(Path("uses.py").absolute(), str.isspace, 1000)[0]] == ["mine.py"]

from autograder.student import watch_screen
from autograder.student.released import find_release
from autograder.student.watch import FileSaves
from autograder.student.watch_screen import WatchScreen

watch_screen.check_on_saves = lambda *arguments: None  # here, Python's own `subprocess` would look for POSIX


async def watch():
    path, release = Path("small.py"), find_release()
    path.write_text(sys.argv[1])
    with FileSaves(path) as saves:
        screen = WatchScreen(release, path, release.topic("small"), saves, None)
        async with screen.run_test() as pilot:
            await pilot.press("h")
            await pilot.pause()
            assert "Hint 2" in "".join(str(each.render()) for each in screen.query("#answer Static"))
            await pilot.press("q")
        await asyncio.to_thread(screen.stop)
        print(screen.last_words)


asyncio.run(watch())
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    return release_course(tmp_path_factory.mktemp("course"), pool)


def test_check_hint_progress_and_watch_need_no_posix(source: Path, tmp_path: Path) -> None:
    names = [".".join(Path("autograder", path).with_suffix("").parts) for path in student_modules() if path.endswith(".py")]
    folder = shutil.copytree(source, tmp_path / "mine")
    seen = subprocess.run(
        [sys.executable, "-c", _STUDENT, SCALE, *(name.removesuffix(".__init__") for name in names)],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("AUTOGRADE", "JPY_"))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (seen.returncode, seen.stderr) == (0, "")
    assert "scale" in seen.stdout
    assert "Hint 1" in seen.stdout
    assert seen.stdout.endswith("\nYour place is saved.\n")
