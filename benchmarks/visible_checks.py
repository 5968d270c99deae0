"""How long `check("task")` takes in a student's notebook, for each task, the first time it is asked for in its process.

Each measurement is a process of its own, forked from one that has imported torch and `autograder`, and nothing has been
checked or computed in it before: reading the release, its key and its checks is part of what is measured. The code that
is checked is the reference. Prints the tasks from the slowest on.

    .venv/bin/python benchmarks/visible_checks.py [FOLDER OF A RELEASE] [ROUNDS]
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from autograder import check
from autograder.student.released import PLACE, find_release

ROOT = Path(__file__).parents[1]
GOAL_MS = 100


def main(folder: Path, rounds: int) -> None:
    """Measure all tasks of a release and print the slow ones, those that make an optimizer apart."""
    with tempfile.TemporaryDirectory() as place:
        release = shutil.copytree(folder, Path(place) / "release")  # where progress is kept
        os.environ[PLACE] = str(release)
        tasks = [(topic, task) for topic, card in find_release().card.topics.items() for task in card.tasks]
        found = {each: [_in_a_fork(*each) for _ in range(rounds)] for each in tasks}
    for trains in (False, True):
        times = {each: min(seconds for seconds, _ in runs) * 1000 for each, runs in found.items() if runs[0][1] is trains}
        print(f"{'which make an optimizer' if trains else 'all others'}: {len(times)} tasks, best of {rounds}")
        above = sum(ms > GOAL_MS for ms in times.values())
        print(f"  median {statistics.median(times.values()):.0f} ms, {above} above {GOAL_MS} ms")
        for (topic, task), ms in sorted(times.items(), key=lambda item: -item[1])[:10]:
            print(f"  {ms:6.0f} ms  {topic}.{task}")


def _in_a_fork(topic: str, task: str) -> tuple[float, bool]:
    """The seconds of a task's first check, and whether it made an optimizer."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        print(*_measured(topic, task), file=os.fdopen(write, "w"), flush=True)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        seconds, trains = answer.read().split()
    os.waitpid(child, 0)
    return float(seconds), trains == "True"


def _measured(topic: str, task: str) -> tuple[float, bool]:
    namespace: dict[str, object] = {"__name__": "__main__", "check": check}
    exec(compile((ROOT / f"solutions/{topic}.py").read_text(encoding="utf-8"), f"{topic}.py", "exec"), namespace)
    made = []
    original = torch.optim.Optimizer.__init__

    def counted(self: torch.optim.Optimizer, *arguments: object, **options: object) -> None:
        made.append(self)
        original(self, *arguments, **options)  # type: ignore[arg-type]

    torch.optim.Optimizer.__init__ = counted  # type: ignore[method-assign, assignment]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        before = time.perf_counter()
        exec(f"check({task!r}, topic={topic!r})", namespace)
        seconds = time.perf_counter() - before
    if "passes" not in said.getvalue():
        sys.exit(f"{topic}.{task}: the reference does not pass:\n{said.getvalue()}")
    return seconds, bool(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "release", int(sys.argv[2]) if len(sys.argv) > 2 else 3)
