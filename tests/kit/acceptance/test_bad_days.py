"""A class is graded while its processes are killed and stopped: nobody's result changes, and nothing is left behind.

A few misfortunes in `make test`; two hundred rounds of them in `make test-long`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tiny_course import ENDS, RIGHT, WRONG, make_course, write_notebook

pytestmark = pytest.mark.fault

COMMAND = [sys.executable, "-c", "from autograder.commands.instructor import main; main()"]
SLOW = "import time; time.sleep(0.4)"
CLASS = {"ann": RIGHT, "bo": WRONG, "cy": ENDS, "di": RIGHT, "ed": WRONG, "fay": RIGHT}
STOPPED_SECONDS = 8.0
END_SECONDS = 180.0


class Day:
    """A course and a class, and the runs that grade it."""

    def __init__(self, root: Path) -> None:
        self.root, self.out, self.temporary = make_course(root / "course"), root / "grades", root / "temporary"
        self.temporary.mkdir()
        for name, source in CLASS.items():
            write_notebook(self.root / "class" / name / "views.ipynb", SLOW, *source.split("\n\n", 1))

    def start(self) -> subprocess.Popen[str]:
        words = ["grade", "class", "-o", str(self.out), "--seed", "5", "--jobs", "2"]
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.root,
            env=os.environ | {"TMPDIR": str(self.temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> None:
        """Grade what is left, undisturbed."""
        process = self.start()
        said, _ = process.communicate(timeout=END_SECONDS)
        assert process.returncode == 0, said

    def results(self) -> dict[str, Any]:
        found = {}
        for path in sorted(self.out.glob("*/views.json")):
            found[path.parent.name] = json.loads(path.read_text())
            del found[path.parent.name]["graded_at"], found[path.parent.name]["usage"]
        return found

    def forget(self) -> None:
        """Begin anew, even with the answer key."""
        for folder in (self.out, self.root / ".autograde"):
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("day"))


@pytest.fixture(scope="module")
def undisturbed(day: Day) -> dict[str, Any]:
    day.finish()
    assert {name: result["earned"] for name, result in day.results().items()} == {
        "ann": 5.0, "bo": 0.0, "cy": 1.0, "di": 5.0, "ed": 0.0, "fay": 5.0,
    }  # fmt: skip
    return day.results()


def descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
            parents.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for each in found:
        found += parents.get(each, [])
    return found[1:]


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def is_there(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    return False


def misfortunes(chance: random.Random, kinds: Sequence[str]) -> Iterator[tuple[float, str]]:
    """When, in seconds after the one before, and what."""
    for kind in kinds:
        yield chance.uniform(0.3, 3.0), kind


def disturb(day: Day, chance: random.Random, kinds: Sequence[str]) -> None:
    """Grade the class while this happens: `kill` or `stop` one of the grader's processes, or a signal to the grader."""
    process = day.start()
    seen: set[int] = set()
    stopped: list[tuple[float, int]] = []
    for seconds, kind in misfortunes(chance, kinds):
        wake = time.monotonic() + seconds
        while time.monotonic() < wake and process.poll() is None:
            time.sleep(0.02)
            for until, pid in stopped:
                if time.monotonic() > until:
                    send(pid, signal.SIGCONT)
        below = descendants(process.pid)
        seen.update(below)
        if process.poll() is not None:
            break
        if kind.startswith("SIG"):
            process.send_signal(getattr(signal, kind))
        elif below:
            victim = chance.choice(below)
            send(victim, signal.SIGSTOP if kind == "stop" else signal.SIGKILL)
            if kind == "stop":
                stopped.append((time.monotonic() + STOPPED_SECONDS, victim))
    deadline = time.monotonic() + END_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        for until, pid in stopped:
            if time.monotonic() > until:
                send(pid, signal.SIGCONT)
    said, _ = process.communicate(timeout=20)
    assert "Traceback" not in said, said
    assert process.returncode in (0, 2, 3, -signal.SIGKILL, 128 + signal.SIGTERM, 128 + signal.SIGHUP), said
    for _, pid in stopped:
        send(pid, signal.SIGCONT)
    gone = time.monotonic() + 20
    while any(map(is_there, seen)) and time.monotonic() < gone:
        time.sleep(0.05)
    assert not list(filter(is_there, seen))


def assert_as_if_nothing_had_been(day: Day, undisturbed: dict[str, Any]) -> None:
    day.finish()
    assert day.results() == undisturbed
    assert not list(day.temporary.iterdir())
    assert not list(day.root.parent.rglob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("kill", "kill", "SIGKILL"), ("kill", "SIGTERM")])
def test_killed_processes_change_nothing(day: Day, undisturbed: dict[str, Any], kinds: Sequence[str]) -> None:
    day.forget()
    disturb(day, random.Random(len(kinds)), kinds)
    assert_as_if_nothing_had_been(day, undisturbed)


@pytest.mark.long
@pytest.mark.timeout(6 * 3600)
def test_two_hundred_bad_days_change_nothing(day: Day, undisturbed: dict[str, Any]) -> None:
    for number in range(200):
        chance = random.Random(1000 + number)
        kinds = chance.choices(["kill", "stop", "SIGKILL", "SIGTERM", "SIGHUP"], [6, 3, 1, 1, 1], k=chance.randint(1, 5))
        day.forget()
        disturb(day, chance, kinds)
        assert_as_if_nothing_had_been(day, undisturbed)
