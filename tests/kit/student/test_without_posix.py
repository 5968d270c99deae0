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

pytestmark = pytest.mark.slow

_LACKS = """
import asyncio, importlib, os, select, selectors, signal, subprocess, sys, time

os.environ["TEXTUAL_DRIVER"] = "textual.drivers.headless_driver:HeadlessDriver"  # by its platform it would take another
import IPython.core.interactiveshell, textual.app, torch  # by their platform, they would import what is taken away

kill = os.kill
subprocess.Popen.kill = lambda self: self.poll() is None and kill(self.pid, 9)  # Python's own, on Windows without a signal
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for module, names in {
    os: (
        *("fork", "forkpty", "geteuid", "getegid", "getgid", "getpgid", "getpgrp", "getuid", "killpg", "mkfifo", "pread"),
        *("sched_getaffinity", "setpgid", "setsid", "setuid", "uname", "wait", "wait3", "wait4", "O_NOFOLLOW", "O_NONBLOCK"),
    ),
    select: ("epoll", "poll"),
    signal: (
        *("ITIMER_REAL", "ITIMER_PROF", "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT"),
        *("SIGSTOP", "SIGUSR1", "SIGWINCH", "alarm", "pause", "pthread_kill", "pthread_sigmask", "setitimer", "sigwait"),
    ),
    time: ("tzset",),
}.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
"""
_STUDENT = """
import asyncio, importlib, os, sys
from pathlib import Path

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

from autograder.student.released import find_release
from autograder.student.watch import FileSaves
from autograder.student.watch_screen import WatchScreen


async def watch():
    path, release = Path("small.py"), find_release()
    path.write_text(sys.argv[1])
    with FileSaves(path) as saves:
        screen = WatchScreen(release, path, release.topic("small"), saves, None)
        async with screen.run_test() as pilot:
            while "1 of 3 tasks pass, checked at" not in str(screen.query_one("#head").render()):
                await pilot.pause(0.05)
            await pilot.press("h")
            while "Hint 1 of 3 for noise" not in "".join(str(each.render()) for each in screen.query("#answer Static")):
                await pilot.pause(0.05)
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
    (tmp_path / "lacks").mkdir()
    (tmp_path / "lacks/sitecustomize.py").write_text(_LACKS)  # Python runs it at the start of every process
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOGRADE", "JPY_"))}
    seen = subprocess.run(
        [sys.executable, "-c", _STUDENT, SCALE, *(name.removesuffix(".__init__") for name in names)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(tmp_path / "lacks")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (seen.returncode, seen.stderr) == (0, ""), seen.stderr
    assert "scale" in seen.stdout
    assert "Hint 1" in seen.stdout
    assert seen.stdout.endswith("\nSmall: 1 of 3 tasks pass all visible checks. Your place is saved.\n")
