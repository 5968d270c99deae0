"""Runs of jobs: their flow, what they leave behind, and what happens when things end at the wrong time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.errors import MachineError, SandboxUnavailable
from autograder.processes import machine, zygote
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job, Limits, NotObserved, Outcome, Replacement
from autograder.records.observation import Observation, ValueFact

CHECKS = """
from autograder import checks

@checks("answer")
def test_answer(code, given):
    "It is right."
    return code.answer(2)

@checks("guess")
def test_guess(code, given):
    "It is right."
    return code.guess
"""


def requests(*names: str, draws: int = 1, seconds: float = 2.0) -> tuple[CheckRequest, ...]:
    return tuple(CheckRequest(name, name[5:], draw, draw, seconds) for name in names for draw in range(draws))


def job_of(source: str, *names: str, **changes: object) -> Job:
    module = CheckModule("test_topic.py", CHECKS)
    settings = {"visible": module, "visible_requests": requests(*(names or ("test_answer",)))} | changes
    return Job(topic="topic", cells=(Cell(1, source),), **settings)  # type: ignore[arg-type]


def value_of(seen: Observation | NotObserved) -> object:
    assert isinstance(seen, Observation), seen
    assert isinstance(seen.returned, ValueFact), seen
    return seen.returned.value


def test_every_request_has_an_entry_in_the_order_asked(pool: Pool) -> None:
    module = CheckModule("test_topic.py", CHECKS)
    job = job_of(
        "def answer(x): return x\nguess = 3",
        visible_requests=requests("test_guess", "test_answer", draws=2),
        hidden=module,
        hidden_requests=tuple(CheckRequest("test_answer", "answer", draw, draw, 2.0) for draw in (5, 4)),
    )
    run = pool.run(job)
    assert list(run.observations) == [
        *(
            ("test_guess", 0),
            ("test_guess", 1),
            ("test_answer", 0),
            ("test_answer", 1),
            ("test_answer", 5),
            ("test_answer", 4),
        )
    ]
    assert value_of(run.observations["test_guess", 1]) == 3
    assert run.usage.children == 1
    assert run.usage.cpu_seconds > 0
    assert run.usage.peak_mb > 50
    assert run.layers == pool.layers


def test_a_job_without_cells_or_checks_is_nothing(pool: Pool) -> None:
    run = pool.run(Job(topic="topic", cells=()))
    assert (run.cells, run.observations, run.problem) == ((), {}, "")


@pytest.mark.parametrize(
    ("body", "expected"), [("def wrong(x):\n    return -x\n", -2), ("class wrong(int):\n    pass\n", 2)]
)
def test_a_replacement_stands_in_the_place_of_its_task(pool: Pool, body: str, expected: int) -> None:
    source = f"from autograder import misconception\n\n@misconception('answer', 'No.')\n{body}"
    replacement = Replacement(task="answer", name="wrong", filename="misconceptions.py", source=source)
    run = pool.run(job_of("def answer(x): return x", replacement=replacement))
    seen = run.observations["test_answer", 0]
    assert isinstance(seen, Observation), (seen, run.problem)
    assert seen.returned is not None
    if expected == -2:
        assert value_of(seen) == -2


def replacing(name: str, body: str) -> Replacement:
    source = f"from autograder import misconception\n\n@misconception('answer', 'No.')\ndef {name}(x):\n    {body}\n"
    return Replacement(task="answer", name=name, filename="misconceptions.py", source=source)


def test_a_run_ends_when_enough_was_seen(pool: Pool) -> None:
    asked = requests("test_answer", draws=2) + requests("test_guess", draws=2)
    jobs = [job_of(f"def answer(x): return {value}\nguess = 3", visible_requests=asked) for value in (1, 3)]
    first, second = pool.map(jobs, enough=lambda seen: value_of(seen) == 3)
    assert [value_of(seen) for seen in list(first.observations.values())[:3]] == [1, 1, 3]
    assert value_of(second.observations["test_answer", 0]) == 3
    not_run = NotObserved(Outcome.NOT_RUN, "Enough was observed; the rest was not run.")
    assert list(first.observations.values())[3:] == [not_run]
    assert list(second.observations.values())[1:] == [not_run] * 3


def test_jobs_that_run_in_turn_share_a_process_but_not_their_code(pool: Pool) -> None:
    cell = "def answer(x): return 0"
    bodies = {"one": "return os.getpid()", "two": "return -os.getpid()", "three": "return 3"}
    source = "import os\n" + "\n".join(f"def {name}(x):\n    {body}\n" for name, body in bodies.items())
    jobs = [job_of(cell, replacement=Replacement("answer", name, "wrong.py", source)) for name in bodies]
    ((first, second, third),) = pool.map_in_turn([jobs])
    pid = value_of(first.observations["test_answer", 0])
    assert isinstance(pid, int)
    assert value_of(second.observations["test_answer", 0]) == -pid
    assert value_of(third.observations["test_answer", 0]) == 3


def test_what_comes_in_turn_after_a_lost_process_is_not_run(pool: Pool) -> None:
    jobs = [
        job_of("def answer(x): return 0", replacement=replacing(name, body))
        for name, body in {"fine": "return 1", "ends": "import os; os._exit(3)", "late": "return 2"}.items()
    ]
    ((fine, ends, late),) = pool.map_in_turn([jobs])
    assert value_of(fine.observations["test_answer", 0]) == 1
    lost, left = ends.observations["test_answer", 0], late.observations["test_answer", 0]
    assert isinstance(lost, NotObserved)
    assert lost.outcome is Outcome.ERROR
    assert left == NotObserved(Outcome.NOT_RUN, "It was not run.")


@pytest.mark.parametrize("before", ["guess = 3", "guess = ..."])
def test_a_replaced_prediction_is_its_functions_value(pool: Pool, before: str) -> None:
    source = "from autograder import misconception\n\n@misconception('guess', 'No.')\ndef wrong():\n    return 7\n"
    replacement = Replacement(task="guess", name="wrong", filename="misconceptions.py", source=source)
    run = pool.run(job_of(before, "test_guess", replacement=replacement))
    assert value_of(run.observations["test_guess", 0]) == 7


def test_a_replacement_that_does_not_load_is_a_problem(pool: Pool) -> None:
    replacement = Replacement(task="answer", name="wrong", filename="misconceptions.py", source="1 / 0")
    run = pool.run(job_of("def answer(x): return x", replacement=replacement))
    assert "wrong could not be put in place" in run.problem
    assert "ZeroDivisionError" in run.problem
    assert all(isinstance(seen, NotObserved) for seen in run.observations.values())


@pytest.mark.parametrize("source", ["import nothing_of_this_name", "def f(:", "x = 1"])
def test_checks_that_do_not_load_are_errors(pool: Pool, source: str) -> None:
    shown, kept = "The checks could not be loaded: ", "The checks could not be loaded beside this code."
    for own, said in ((True, shown), (False, kept)):
        run = pool.run(job_of("def answer(x): return x", visible=CheckModule("test_topic.py", source), own=own))
        seen = run.observations["test_answer", 0]
        assert isinstance(seen, NotObserved)
        assert seen.outcome is Outcome.ERROR
        assert seen.reason.startswith(said)
        assert own or seen.reason == said


LIAR = """
from autograder.confined import child

class Lie(Exception): pass

def lie(*arguments): raise Lie

Lie.__name__ = "text of a hidden check\\n" * 4000
child.run_check = lie
get_ipython().note = "text of a hidden check"
"""


def test_what_a_process_says_of_itself_reaches_nobody(pool: Pool) -> None:
    run = pool.run(job_of(LIAR))
    assert run.observations["test_answer", 0] == NotObserved(Outcome.ERROR, "What the check saw could not be reported.")
    assert run.cells[0].note == ""
    own = pool.run(job_of(LIAR, own=True)).observations["test_answer", 0]
    assert isinstance(own, NotObserved)
    assert own.reason.startswith("What the check saw could not be reported (text of a hidden check text of a ")
    assert len(own.reason) < 600


def test_a_check_that_timed_out_is_not_run_on_other_draws(pool: Pool) -> None:
    started = time.monotonic()
    asked = requests("test_answer", draws=8, seconds=0.5) + requests("test_guess")
    run = pool.run(job_of("guess = 3\ndef answer(x):\n    while True: pass", visible_requests=asked))
    assert time.monotonic() - started < 5
    reasons = {seen for seen in run.observations.values() if isinstance(seen, NotObserved)}
    assert reasons == {NotObserved(Outcome.TIMEOUT, "The code did not end within 0.5 s.")}
    assert value_of(run.observations["test_guess", 0]) == 3
    assert run.usage.children == 2


def test_the_second_child_starts_from_a_clean_scratch(pool: Pool) -> None:
    source = "import os\nguess = len(os.listdir('.'))\nopen('file', 'w').close()\ndef answer(x): os._exit(1)"
    run = pool.run(job_of(source, "test_answer", "test_guess"))
    assert value_of(run.observations["test_guess", 0]) == 0


def test_output_is_reported_once_however_often_a_cell_runs(pool: Pool) -> None:
    run = pool.run(job_of("print('once')\nguess = 3\ndef answer(x): import os; os._exit(1)", "test_answer", "test_guess"))
    assert run.usage.children == 2
    assert [cell.output for cell in run.cells] == ["once\n"]


def test_jobs_run_side_by_side_come_back_in_order() -> None:
    taken = []

    def jobs() -> Iterator[Job]:
        for number in range(12):
            taken.append(number)
            yield job_of(f"guess = {number}", "test_guess")

    with Pool(2) as two:
        runs = two.map(jobs())
        first = next(runs)
        assert value_of(first.observations["test_guess", 0]) == 0
        assert len(taken) <= 6
        assert [value_of(run.observations["test_guess", 0]) for run in runs] == list(range(1, 12))


@pytest.mark.slow
def test_a_lost_zygote_is_replaced_and_the_job_done_again() -> None:
    with Pool(1) as one:
        lost = one._servers[0]
        threading.Timer(0.7, lost.stop).start()
        run = one.run(job_of("import time; time.sleep(2)\nguess = 4", "test_guess"))
        assert value_of(run.observations["test_guess", 0]) == 4
        assert one._servers[0] is not lost
        # Who loses it again and again is not graded.
        stopping = threading.Thread(target=_stop_everything, args=(one, stopped := threading.Event()))
        stopping.start()
        run = one.run(job_of("import time; time.sleep(30)", limits=Limits(cell_seconds=60.0)))
        stopped.set()
        stopping.join()
        assert run.not_graded
        assert "ended from outside" in run.problem
        assert isinstance(run.observations["test_answer", 0], NotObserved)
        assert value_of(one.run(job_of("guess = 5", "test_guess")).observations["test_guess", 0]) == 5


def _stop_everything(pool: Pool, stopped: threading.Event) -> None:
    while not stopped.wait(0.2):
        for server in list(pool._servers):
            if server.busy:
                server.stop()


def test_a_process_that_crashes_while_it_starts_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import ctypes\nctypes.string_at(0)\n")
    monkeypatch.setitem(zygote._ENVIRONMENT, "PYTHONPATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable) as caught:
        Pool(1)
    words = (
        r"ended 3 times while it started: Segmentation fault in \".*ctypes.*\", line \d+ in string_at. With Python 3\.\d+"
    )
    assert re.search(words, str(caught.value)), caught.value


def test_without_memory_to_start_in_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setitem(zygote._ENVIRONMENT, "PYTHONPATH", str(tmp_path))
    kills = iter(range(10))
    monkeypatch.setattr(machine, "oom_kills", lambda: next(kills))
    with pytest.raises(MachineError, match=r"^The machine has too little memory to start .* allow more memory"):
        Pool(1)


def test_a_hundred_jobs_leave_nothing_behind(pool: Pool) -> None:
    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def memory() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    job = job_of("print('x' * 10_000)\nimport torch\ndef answer(x): return torch.ones(10_000)")
    for _ in range(10):
        pool.run(job)
    before, used = files(), memory()
    for _ in range(100):
        pool.run(job)
    assert files() == before
    assert memory() - used < 8 << 20
    assert len(list(pool._servers[0].scratch.rglob("*"))) <= 1  # a folder that no child saw is kept for the next one


def test_an_interrupt_leaves_no_process_and_no_file_behind(tmp_path: Path) -> None:
    script = (
        "from autograder.processes.pool import Pool\nfrom autograder.records.jobs import Cell, Job\n"
        "with Pool(1) as pool:\n"
        "    print(*[s.pid for s in pool._servers], flush=True)\n"
        "    job = Job(topic='t', cells=(Cell(1, 'while True: pass'),))\n"
        "    list(pool.map([job] * 3))\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    tempfile.tempdir = None
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    zygote = int(process.stdout.readline())
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors
    assert not Path(f"/proc/{zygote}").exists()
    assert not list(tmp_path.iterdir())


def test_a_killed_grader_takes_its_zygotes_with_it() -> None:
    script = (
        "import time\nfrom autograder.processes.pool import Pool\npool = Pool(1)\n"
        "print(*[s.pid for s in pool._servers], flush=True)\ntime.sleep(100)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    zygote = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    for _ in range(100):
        if not Path(f"/proc/{zygote}").exists():
            break
        time.sleep(0.1)
    assert not Path(f"/proc/{zygote}").exists()


def test_importing_the_pool_imports_no_torch() -> None:
    script = "import sys, autograder.processes.pool; sys.exit('torch' in sys.modules or 'IPython' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
