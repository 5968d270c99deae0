"""How long `check("task")` takes in a student's notebook, for each task, the first time it is asked for in its process.

Each measurement is a process of its own, forked from one that has imported torch and `autograder`. In it the notebook's
cells above the task have run, as a student runs them, and nothing has been checked before: reading the release, its key and
its checks is part of what is measured. The code that is checked is the reference. Prints the tasks from the slowest on, with
the processor time that each took: where both are far apart, the machine was busy. A task whose reference does not pass is
named with what `check` said, and the others are measured all the same; the exit code is then 1. All topics take a quarter
of an hour on two idle cores; what has been measured is said along the way.

The first optimizer of a process makes PyTorch import its compiler. With `--fresh` no cell has run before, so that the checks
that make one pay for it.

    .venv/bin/python benchmarks/visible_checks.py [--fresh] [--rounds N] [TOPIC ...]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot  # noqa: F401 # cells import it: here once, and not in each process
import torch

from autograder import check
from autograder.course.cells import read_cells, task_source
from autograder.student.released import PLACE, find_release

ROOT = Path(__file__).parents[1]
GOAL_MS = 100


def main(topics: list[str], *, fresh: bool, rounds: int) -> int:
    """Measure the tasks of some topics, or of all, and print the slow ones, those that make an optimizer apart.

    Returns the exit code.
    """
    with tempfile.TemporaryDirectory() as place:
        release = shutil.copytree(ROOT / "release", Path(place) / "release")  # where progress is kept
        os.environ[PLACE] = str(release)
        found: dict[tuple[str, str], list[_Run]] = {}
        for topic, card in find_release().card.topics.items():
            if topics and topic not in topics:
                continue
            found |= {(topic, task): [_in_a_fork(topic, task, fresh=fresh) for _ in range(rounds)] for task in card.tasks}
            print(f"measured {topic}", file=sys.stderr)
    wrong = {each: run.said for each, runs in found.items() for run in runs if run.said}
    for trains in (False, True):
        best = {each: min(runs) for each, runs in found.items() if runs[0].trains is trains and each not in wrong}
        if not best:
            continue
        times = {each: run.seconds * 1000 for each, run in best.items()}
        print(f"{'which make an optimizer' if trains else 'all others'}: {len(times)} tasks, best of {rounds}")
        above = sum(ms > GOAL_MS for ms in times.values())
        print(f"  median {statistics.median(times.values()):.0f} ms, {above} above {GOAL_MS} ms")
        for (topic, task), ms in sorted(times.items(), key=lambda item: -item[1])[:10]:
            print(f"  {ms:6.0f} ms  {best[topic, task].processor * 1000:6.0f} ms  {topic}.{task}")
    for (topic, task), said in wrong.items():
        print(f"\n{topic}.{task}: the reference does not pass, so it was not measured:\n{said}")
    return 1 if wrong else 0


class _Run(NamedTuple):
    """The seconds of a task's first check, by the clock and of the processor, whether it made an optimizer, and what was
    said if the task does not pass."""

    seconds: float
    processor: float
    trains: bool
    said: str


def _in_a_fork(topic: str, task: str, *, fresh: bool) -> _Run:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            run = _measured(topic, task, fresh=fresh)
        except BaseException as error:  # nothing of a child may go on in the parent's code
            run = _Run(0, 0, False, f"{type(error).__name__}: {error}")
        print(json.dumps(run), file=os.fdopen(write, "w"), flush=True)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return _Run(*json.loads(text)) if text else _Run(0, 0, False, "The process ended.")


def _measured(topic: str, task: str, *, fresh: bool) -> _Run:
    namespace: dict[str, object] = {"__name__": "__main__", "check": check}
    if not fresh:
        _run_above(topic, task, namespace)
    exec(compile((ROOT / f"solutions/{topic}.py").read_text(encoding="utf-8"), f"{topic}.py", "exec"), namespace)
    made = []
    original = torch.optim.Optimizer.__init__

    def counted(self: torch.optim.Optimizer, *arguments: object, **options: object) -> None:
        made.append(self)
        original(self, *arguments, **options)  # type: ignore[arg-type]

    torch.optim.Optimizer.__init__ = counted  # type: ignore[method-assign, assignment]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        before = time.perf_counter(), time.process_time()
        exec(f"check({task!r}, topic={topic!r})", namespace)
        seconds, processor = time.perf_counter() - before[0], time.process_time() - before[1]
    return _Run(seconds, processor, bool(made), "" if "passes" in said.getvalue() else said.getvalue())


def _run_above(topic: str, task: str, namespace: dict[str, object]) -> None:
    """Run the exercise's cells up to the task's; where one uses an answer, it raises, as the stubs do."""
    file = ROOT / "exercises" / f"{topic}.py"
    for cell in read_cells(file.read_bytes(), file.name):
        if task_source((cell,), task):
            return
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
            exec(compile(cell.source, f"<cell {cell.number}>", "exec"), namespace)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="run none of the notebook's cells before")
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts (default 3)")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="the topics to measure (default: all)")
    options = parser.parse_args()
    sys.exit(main(options.topics, fresh=options.fresh, rounds=options.rounds))
