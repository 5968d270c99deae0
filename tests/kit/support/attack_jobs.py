"""Two small tasks, jobs of hostile code that answers them, and what must still hold after it: for all tests of attacks."""

from __future__ import annotations

import textwrap

from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job, Limits, Run

VISIBLE = """
from autograder import checks

@checks("double")
def test_double(code, given):
    "It doubles."
    return code.double(given.normal(3))

@checks("triple")
def test_triple(code, given):
    "It triples."
    return code.triple(given.normal(3))
"""
HIDDEN = VISIBLE.replace("test_", "test_hidden_") + "\nMARK = 'text-of-the-hidden-checks'\n"
HONEST = "def double(x):\n    return 2 * x\n\ndef triple(x):\n    return 3 * x\n"
LIMITS = Limits(cell_seconds=1.5, check_seconds=1.5, topic_seconds=20.0, memory_mb=512, output_kb=64, scratch_mb=4)


def job_of(*sources: str, hidden: bool = True, limits: Limits = LIMITS) -> Job:
    def requests(*names: str) -> tuple[CheckRequest, ...]:
        return tuple(CheckRequest(name, name.split("_")[-1], draw, 100 + draw, 1.0) for name in names for draw in range(2))

    return Job(
        topic="attacks",
        cells=tuple(Cell(number, textwrap.dedent(source)) for number, source in enumerate(sources, 1)),
        visible=CheckModule("test_attacks.py", VISIBLE),
        visible_requests=requests("test_double", "test_triple"),
        hidden=CheckModule("test_hidden_attacks.py", HIDDEN) if hidden else None,
        hidden_requests=requests("test_hidden_double", "test_hidden_triple") if hidden else (),
        limits=limits,
    )


def shown(run: Run) -> str:
    """All that a student is shown of a run's cells and visible checks."""
    observed = [seen for (check, _), seen in run.observations.items() if not check.startswith("test_hidden")]
    return repr(run.cells) + repr(observed)


def assert_all_right(run: Run, honest: Run) -> None:
    assert run.observations == honest.observations


def assert_still_right(confined: Pool, honest: Run) -> None:
    """The next submission is graded as if nothing had been before it."""
    assert_all_right(confined.run(job_of(HONEST)), honest)


PRELUDE = """
import ctypes, importlib, os, posix, resource, socket, subprocess, sys
vars(os).update((name, getattr(posix, name)) for name in vars(posix))  # past the sentences, to the sandbox itself
importlib.reload(socket), importlib.reload(subprocess)
libc = ctypes.CDLL(None, use_errno=True)

class Refused(Exception): pass

def refuse():
    raise Refused

def call(*arguments):
    result = libc.syscall(*arguments)
    if result < 0:
        refuse()
    return result

def look_for(name):
    for folder, folders, files in os.walk("/"):
        folders[:] = set(folders) - {"lib", "lib64", "usr", "sys", "proc"}
        if name in files:
            return folder

def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True

try:
    {attempt}
except BaseException as error:
    print("refused", type(error).__name__)
else:
    print("REACHED", reached)
"""
