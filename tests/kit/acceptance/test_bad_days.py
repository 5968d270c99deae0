"""A class is graded while its processes are killed and stopped: nobody's result changes, and nothing is left behind.

A few misfortunes in `make test`; two hundred days of them in `make test-long`, or `ROUNDS` of them.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from bad_day import END_SECONDS, Day
from tiny_course import ENDS, RIGHT, WRONG

from autograder.processes.pool import Pool

pytestmark = pytest.mark.fault

SLOW = "import time; time.sleep(0.4)"
CLASS = {"ann": RIGHT, "bo": WRONG, "cy": ENDS, "di": RIGHT, "ed": WRONG, "fay": RIGHT}
STOPPED_SECONDS = 8.0


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    students = {name: (SLOW, *source.split("\n\n", 1)) for name, source in CLASS.items()}
    return Day(tmp_path_factory.mktemp("day"), students)


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


def disturb(day: Day, chance: random.Random, kinds: Sequence[str], *, jobs: int = 2) -> None:
    """Grade the class while this happens: `kill` or `stop` one of the grader's processes, or a signal to the grader."""
    process = day.start(jobs=jobs)
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
    if process.returncode in (-signal.SIGTERM, -signal.SIGHUP):
        assert not list(day.temporary.iterdir()), "a signal that comes before it has begun ends it at once, and no later one"
    else:
        assert process.returncode in (0, 2, 3, -signal.SIGKILL, 128 + signal.SIGTERM, 128 + signal.SIGHUP), said
    for _, pid in stopped:
        send(pid, signal.SIGCONT)
    gone = time.monotonic() + 20
    while any(map(is_there, seen)) and time.monotonic() < gone:
        time.sleep(0.05)
    assert not list(filter(is_there, seen))


def assert_as_if_nothing_had_been(day: Day, undisturbed: dict[str, Any]) -> None:
    assert day.results() == undisturbed
    assert not day.left_behind()


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("kill", "kill", "SIGKILL"), ("kill", "SIGTERM")])
def test_killed_processes_change_nothing(day: Day, undisturbed: dict[str, Any], kinds: Sequence[str]) -> None:
    day.forget()
    disturb(day, random.Random(len(kinds)), kinds)
    day.finish()
    assert_as_if_nothing_had_been(day, undisturbed)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_random_bad_day_changes_nothing(bad_day: int, day: Day, undisturbed: dict[str, Any], pool: Pool) -> None:
    chance = random.Random(1000 + bad_day)
    kinds = chance.choices(["kill", "stop", "SIGKILL", "SIGTERM", "SIGHUP"], [6, 3, 1, 1, 1], k=chance.randint(1, 5))
    day.forget()
    disturb(day, chance, kinds, jobs=chance.randint(1, 2))
    day.finish_with(pool)
    assert_as_if_nothing_had_been(day, undisturbed)
