"""What the machine does to a run costs nobody points: it is run again, alone; what code does itself stays its own doing."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from course_files import write_files

from autograder._temporary import free_disk_mb
from autograder.processes import drive_job, machine
from autograder.processes.child import Child
from autograder.processes.pool import Pool, _Turns
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job, Limits, NotObserved, Outcome, Run
from autograder.records.observation import Observation

pytestmark = [pytest.mark.slow, pytest.mark.fault]

CHECKS = """
from autograder import checks

@checks("answer")
def test_answer(code, given):
    return code.answer()

@checks("other")
def test_other(code, given):
    return code.other()
"""
HONEST = "import time\ntime.sleep(0.6)\ndef answer(): return 1\ndef other(): return 2"
LIMITS = Limits(cell_seconds=1.5, check_seconds=1.0, topic_seconds=20.0, memory_mb=256)


def job_of(source: str) -> Job:
    requests = tuple(CheckRequest(f"test_{name}", name, 0, 1, 1.0) for name in ("answer", "other"))
    module = CheckModule("test_topic.py", CHECKS)
    return Job(topic="topic", cells=(Cell(1, source),), visible=module, visible_requests=requests, limits=LIMITS)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """A pool without namespaces: in one of its own, a process cannot send itself a signal that ends it."""
    with Pool(1, _mode="plain") as running:
        yield running


@pytest.fixture(scope="module")
def honest(pool: Pool) -> Run:
    run = pool.run(job_of(HONEST))
    assert all(isinstance(seen, Observation) for seen in run.observations.values())
    return run


def send(pool: Pool, number: int, *, after: tuple[float, ...] = (0.2,)) -> threading.Thread:
    """Send a signal to each of the next children, as somebody outside might."""

    def run() -> None:
        sent: set[int] = set()
        deadline = time.monotonic() + 5
        while len(sent) < len(after) and time.monotonic() < deadline:
            time.sleep(0.02)
            server = pool._servers[0]
            child = machine._youngest(server.pid)
            if server.busy and child not in sent and child != server.pid:
                time.sleep(after[len(sent)])
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)
                    sent.add(child)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGSEGV])
def test_what_somebody_did_to_a_child_once_leaves_no_trace(pool: Pool, honest: Run, number: int) -> None:
    sending = send(pool, number)
    run = pool.run(job_of(HONEST))
    sending.join()
    assert (run.observations, run.cells, run.tries, run.not_graded) == (honest.observations, honest.cells, 1, False)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("import os; os.kill(os.getpid(), 9)", Outcome.ERROR),
        ("import os; os.kill(os.getpid(), 15)", Outcome.ERROR),
        ("import time; time.sleep(60)", Outcome.TIMEOUT),
        ("import os; os.kill(os.getpid(), 19)", Outcome.TIMEOUT),
    ],
)
def test_what_code_does_to_itself_is_tried_twice_and_counts(pool: Pool, body: str, outcome: Outcome) -> None:
    run = pool.run(job_of(f"def answer():\n    {body}\ndef other(): return 2"))
    seen = run.observations["test_answer", 0]
    assert isinstance(seen, NotObserved)
    assert seen.outcome is outcome
    assert isinstance(run.observations["test_other", 0], Observation)
    assert (run.tries, run.not_graded) == (2, False)


@pytest.mark.parametrize("body", ["while True: pass", "import os; os._exit(3)", "raise SystemExit"])
def test_what_cannot_have_come_from_outside_is_tried_once(pool: Pool, body: str) -> None:
    run = pool.run(job_of(f"def answer():\n    {body}\ndef other(): return 2"))
    assert (run.tries, run.not_graded) == (1, False)


def test_a_second_misfortune_elsewhere_is_another_misfortune(pool: Pool, honest: Run) -> None:
    source = HONEST.replace("return 1", "time.sleep(0.3); return 1")
    first, second = 0.2, 0.75  # while the cell runs, and while the check does
    sending = send(pool, signal.SIGKILL, after=(first, second))
    run = pool.run(job_of(source))
    sending.join()
    assert run.observations == honest.observations


@pytest.mark.slow
def test_without_memory_or_processors_to_spare_it_is_not_graded(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = job_of("def answer():\n    import os; os.kill(os.getpid(), 9)")
    kills = iter(range(10))
    with monkeypatch.context() as patch:
        patch.setattr(machine, "oom_kills", lambda: next(kills))
        run = pool.run(killed)
    assert run.not_graded
    assert run.problem == "The machine has too little memory for the 256 MB that the code may use. It was tried 2 times."
    assert {seen.outcome for seen in run.observations.values() if isinstance(seen, NotObserved)} == {Outcome.NOT_RUN}
    with monkeypatch.context() as patch:
        patch.setattr(machine, "free_memory_mb", lambda: 100.0)
        assert pool.run(killed).not_graded
        assert not pool.run(job_of("def answer(): raise ValueError")).not_graded
    with monkeypatch.context() as patch:
        patch.setattr(drive_job, "_LONGEST_EXTENSION", 1)
        patch.setattr(Child, "seconds_kept_waiting", lambda child: 3.0 * child.wall_seconds)
        run = pool.run(job_of("import time; time.sleep(60)"))
    assert run.problem == "Other programs kept the processors busy. It was tried 2 times."


def test_time_without_a_processor_does_not_count(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Child, "seconds_kept_waiting", lambda child: min(1.0, child.wall_seconds))
    run = pool.run(job_of(HONEST.replace("0.6", "2")))
    assert [cell.outcome for cell in run.cells] == [Outcome.PASSED]
    assert run.tries == 1


def test_who_runs_alone_waits_for_the_others_and_goes_before_new_ones() -> None:
    turns, order = _Turns(), []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with turns.beside_others():
            inside.set()
            leave.wait()
            order.append("first")

    def alone() -> None:
        with turns.alone():
            order.append("alone")

    def late() -> None:
        with turns.beside_others():
            order.append("late")

    threads = [threading.Thread(target=each) for each in (first, alone, late)]
    threads[0].start()
    inside.wait()
    for thread in threads[1:]:
        thread.start()
        time.sleep(0.1)
    leave.set()
    for thread in threads:
        thread.join(10)
    assert order == ["first", "alone", "late"]


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folders in the place of /proc and /sys/fs/cgroup."""
    monkeypatch.setattr(machine, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "cgroup")
    write(tmp_path, {"proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4096000 kB\n", "proc/vmstat": "oom_kill 7\n"})
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    write_files(root, files)


def test_a_machine_without_groups(system: Path) -> None:
    assert (machine.free_memory_mb(), machine.oom_kills()) == (4000.0, 7)


def test_groups_of_version_2_count_their_parents_limits(system: Path) -> None:
    write(
        system,
        {
            "proc/self/cgroup": "0::/class/grader\n",
            "cgroup/class/memory.max": f"{600 << 20}\n",
            "cgroup/class/memory.current": f"{500 << 20}\n",
            "cgroup/class/memory.stat": f"anon 5\ninactive_file {50 << 20}\n",
            "cgroup/class/grader/memory.max": "max\n",
            "cgroup/class/grader/memory.events": "oom 2\noom_kill 1\n",
        },
    )
    assert (machine.free_memory_mb(), machine.oom_kills()) == (150.0, 1)


def test_groups_of_version_2_in_groups_of_which_the_tightest_counts(system: Path) -> None:
    """The files are those of Linux 6.1: `max` where there is no limit, and limits that slow down but do not kill."""
    write(
        system,
        {
            "proc/self/cgroup": "9:name=systemd:/\n0::/user.slice/session.scope\n",
            "cgroup/cgroup.controllers": "cpu memory pids\n",
            "cgroup/user.slice/memory.max": f"{900 << 20}\n",
            "cgroup/user.slice/memory.current": f"{700 << 20}\n",
            "cgroup/user.slice/memory.stat": f"anon {600 << 20}\nfile {100 << 20}\ninactive_file {40 << 20}\n",
            "cgroup/user.slice/memory.events": "low 0\nhigh 0\nmax 9\noom 5\noom_kill 5\noom_group_kill 0\n",
            "cgroup/user.slice/session.scope/memory.max": f"{600 << 20}\n",
            "cgroup/user.slice/session.scope/memory.high": f"{100 << 20}\n",
            "cgroup/user.slice/session.scope/memory.swap.max": "max\n",
            "cgroup/user.slice/session.scope/memory.swap.current": f"{50 << 20}\n",
            "cgroup/user.slice/session.scope/memory.current": f"{90 << 20}\n",
            "cgroup/user.slice/session.scope/memory.stat": f"anon {80 << 20}\ninactive_file 0\n",
            "cgroup/user.slice/session.scope/memory.events": "low 0\nhigh 3\nmax 0\noom 0\noom_kill 2\n",
        },
    )
    assert (machine.free_memory_mb(), machine.oom_kills()) == (240.0, 2)


def test_groups_of_version_1_that_cannot_be_seen_from_a_container(system: Path) -> None:
    write(
        system,
        {
            "proc/self/cgroup": "4:memory:/docker/0123\n0::/\n",
            "cgroup/memory/memory.limit_in_bytes": f"{600 << 20}\n",
            "cgroup/memory/memory.usage_in_bytes": f"{200 << 20}\n",
            "cgroup/memory/memory.oom_control": "under_oom 0\noom_kill 3\n",
        },
    )
    assert (machine.free_memory_mb(), machine.oom_kills()) == (400.0, 3)


def test_the_space_of_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0 < free_disk_mb(tmp_path) < float("inf")
    assert free_disk_mb(tmp_path / "nothing") == float("inf")
    full = SimpleNamespace(f_bavail=1 << 20, f_frsize=4096, f_files=1000, f_favail=5)
    monkeypatch.setattr(os, "statvfs", lambda folder: full)
    assert free_disk_mb(tmp_path) == 0, "no file can be made"
    full.f_files = 0
    assert free_disk_mb(tmp_path) == 4096, "files have no limit"


def test_elsewhere_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    assert (machine.free_memory_mb(), machine.oom_kills()) == (float("inf"), 0)
    assert machine.seconds_kept_waiting(1, 5.0) == 0.0
