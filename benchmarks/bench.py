"""Grades the same notebooks with nbgrader, otter, pytest and autograde, in interleaved rounds: the cost per submission.

    make bench                                    measure and print
    .venv/bin/python benchmarks/bench.py --write  also write docs/benchmarks.md

Measured are `nbgrader autograde` on a small class, and on each of its notebooks `otter run` and a pytest process; `autograde
grade` on a class of copies of the same notebooks, large enough that starting up matters as little as it does for a real
class; and the floor (floor.py). Times cover whole commands with everything they start. nbgrader, otter and pytest run one
submission at a time, autograde one per core, as each does by default.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import measure
import nbgrader_course
import otter_course
from cold import BEGIN, END, as_test_file

from autograder.course.course_file import load_course

ROOT = Path(__file__).parents[1]
STUDENTS = ("ada", "boris", "chiara", "dmitri", "elena", "rosa")
"""Students of the example class whose code finishes quickly: nbgrader would wait half a minute for the others."""
TOPICS = ("dtypes", "autograd")
GOAL_THROUGHPUT, GOAL_CPU = 100, 4
SMALL = 20
"""Copies of each notebook in a small class."""
_MOST_LINES = 5


@dataclass
class Series:
    """One grader's costs per submission (seconds), one entry per round; `peak_mb` is for the whole run."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    def add(self, cost: measure.Cost, submissions: int) -> None:
        """Record a round in which `submissions` were graded."""
        self.wall.append(cost.wall / submissions)
        self.cpu.append(cost.cpu / submissions)


class Bench:
    """The folders of one benchmark."""

    def __init__(self, work: Path, copies: int, root: Path = ROOT) -> None:
        """Build both classes of the course in `root`: `copies` of each notebook for autograde, one for nbgrader."""
        self.work, self.copies = work, copies
        course = load_course(root)
        points = {topic: {task: entry.points for task, entry in course.topics[topic].tasks.items()} for topic in TOPICS}
        self.nbgrader = work / "nbgrader"
        self.nbgrader.mkdir()
        nbgrader_course.build_course(self.nbgrader, root / "exercises", points)
        self.otter = {topic: otter_course.build_autograder(work / "otter" / topic, topic, points[topic]) for topic in TOPICS}
        self.ours = work / "class"
        for student in STUDENTS:
            for topic in TOPICS:
                source = root / "examples" / "class" / student / f"{topic}.ipynb"
                target = self.nbgrader / "submitted" / student / topic / f"{topic}.ipynb"
                nbgrader_course.submission(self.nbgrader, topic, source, target, student)
                test_file = work / "pytest" / student / f"test_{topic}.py"
                test_file.parent.mkdir(parents=True, exist_ok=True)
                test_file.write_text(as_test_file(target, topic), encoding="utf-8")
                for number in range(copies):
                    name = f"{student}{number:03d}"
                    target = self.ours / name / f"{topic}.ipynb"
                    nbgrader_course.submission(self.nbgrader, topic, source, target, name, lines=number % _MOST_LINES)

    @property
    def submissions(self) -> int:
        """How many submissions nbgrader grades per round; autograde grades `copies` times as many."""
        return len(STUDENTS) * len(TOPICS)

    def run_nbgrader(self, number: int, *, memory: bool = False) -> measure.Cost:
        """Grade all topics in a fresh copy of the course."""
        root = self.work / f"nbgrader-{number}"
        shutil.copytree(self.nbgrader, root)
        wall = cpu = peak = 0.0
        for topic in TOPICS:
            command = [sys.executable, "-m", "nbgrader", "autograde", topic]
            log = self.work / f"nbgrader-{number}-{topic}.log"
            cost = measure.run(command, cwd=root, env=nbgrader_course.environment(), log=log, memory=memory)
            wall, cpu, peak = wall + cost.wall, cpu + cost.cpu, max(peak, cost.peak_mb or 0.0)
        return measure.Cost(wall, cpu, peak)

    def run_otter(self, *, memory: bool = False) -> measure.Cost:
        """Grade each notebook with `otter run`."""
        commands = []
        for topic, autograder in self.otter.items():
            for path in sorted(self.nbgrader.glob(f"submitted/*/{topic}/{topic}.ipynb")):
                commands.append(otter_course.command(autograder, path, autograder.parent))
        return self._run_each(commands, otter_course.environment(), memory=memory)

    def run_pytest(self, *, memory: bool = False) -> measure.Cost:
        """Run a pytest process for each notebook, as a plain test file."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        commands = [[*command, str(path)] for path in sorted(self.work.glob("pytest/*/*.py"))]
        return self._run_each(commands, os.environ, memory=memory)

    def _run_each(self, commands: Iterable[list[str]], env: Mapping[str, str], *, memory: bool) -> measure.Cost:
        """Run commands, one after the other; 1 is pytest's exit code for tests that failed."""
        log = self.work / "each.log"
        costs = [measure.run(each, cwd=self.work, env=env, log=log, memory=memory, codes=(0, 1)) for each in commands]
        peak = max(cost.peak_mb or 0.0 for cost in costs)
        return measure.Cost(sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs), peak)

    def run_ours(self, number: int, *, memory: bool = False, folder: Path | None = None) -> measure.Cost:
        """Grade the class, or another folder, with a new seed, so that answer keys are built too."""
        out = self.work / f"grades-{number}"
        command = [str(Path(sys.executable).with_name("autograde")), "grade", str(folder or self.ours), "-o", str(out)]
        command += ["--seed", str(1000 + number)]
        return measure.run(command, cwd=ROOT, env=os.environ, log=self.work / f"ours-{number}.log", memory=memory)

    def run_small(self, number: int) -> measure.Cost:
        """Grade a small class, for which starting up matters."""
        folder = self.work / "small"
        for student in STUDENTS:
            for copy in range(SMALL):
                shutil.copytree(self.ours / f"{student}{copy:03d}", folder / f"{student}{copy:03d}")
        return self.run_ours(number, folder=folder)

    def run_floor(self, rounds: int) -> float:
        """Run the floor; returns its CPU time per submission in seconds."""
        folder = self.work / "floor"
        for student in STUDENTS:
            shutil.copytree(self.ours / f"{student}000", folder / student, dirs_exist_ok=True)
        command = [sys.executable, str(ROOT / "benchmarks" / "floor.py"), str(ROOT), str(folder), str(rounds)]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return float(json.loads(done.stdout)["cpu"])


def main() -> None:
    """Measure, print the table, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="interleaved rounds (default 2)")
    parser.add_argument("--copies", type=int, default=200, help="copies of each notebook for autograde (default 200)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print("Building both classes …", flush=True)
        bench = Bench(Path(folder), options.copies)
        theirs, ours, floors = Series("nbgrader autograde"), Series("autograde grade"), []
        otter, pytest = Series("otter run"), Series("pytest")
        print("Warming up, measuring memory …", flush=True)
        theirs.peak_mb = bench.run_nbgrader(0, memory=True).peak_mb or 0.0
        ours.peak_mb = bench.run_ours(0, memory=True).peak_mb or 0.0
        otter.peak_mb = bench.run_otter(memory=True).peak_mb or 0.0
        pytest.peak_mb = bench.run_pytest(memory=True).peak_mb or 0.0
        for number in range(1, options.rounds + 1):
            theirs.add(bench.run_nbgrader(number), bench.submissions)
            otter.add(bench.run_otter(), bench.submissions)
            pytest.add(bench.run_pytest(), bench.submissions)
            ours.add(bench.run_ours(number), bench.submissions * options.copies)
            floors.append(bench.run_floor(3))
            print(
                f"round {number}: {theirs.wall[-1]:.3f} s, {ours.wall[-1]:.3f} s, floor {floors[-1]:.3f} s CPU", flush=True
            )
        small = bench.run_small(options.rounds + 1).wall
        table = report(theirs, ours, (otter, pytest), floors, small, bench)
    print("\n" + table)
    if options.write:
        page = ROOT / "docs" / "benchmarks.md"
        kept = page.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
        page.write_text(PAGE.format(table=table, cold=f"{BEGIN}{kept}{END}"), encoding="utf-8")


def report(theirs: Series, ours: Series, others: Iterable[Series], floors: list[float], small: float, bench: Bench) -> str:
    """The tables, in Markdown; `small` is how many seconds the small class took."""
    median = statistics.median
    floor = median(floors)
    times = median(a / b for a, b in zip(theirs.wall, ours.wall, strict=True))
    share = median(a / b for a, b in zip(ours.cpu, floors, strict=True))
    few = bench.submissions * SMALL
    rows = [
        "| | wall time per submission | CPU time per submission | peak memory of all processes |",
        "|---|---|---|---|",
        *(
            f"| `{series.name}` | {median(series.wall) * 1000:,.0f} ms ({min(series.wall) * 1000:,.0f} to "
            f"{max(series.wall) * 1000:,.0f}) | {median(series.cpu) * 1000:,.0f} ms | {series.peak_mb:,.0f} MB |"
            for series in (theirs, *others, ours)
        ),
        f"| floor | | {floor * 1000:,.0f} ms ({min(floors) * 1000:,.0f} to {max(floors) * 1000:,.0f}) | |",
        "",
        "| | measured | goal |",
        "|---|---|---|",
        f"| throughput, relative to nbgrader's | {times:.0f} times | at least {GOAL_THROUGHPUT} times |",
        f"| CPU time, relative to the floor's | {share:.1f} times | at most {GOAL_CPU} times |",
        "",
        f"Medians of {len(floors)} interleaved rounds (lowest to highest in brackets): autograde with "
        f"{bench.submissions * bench.copies:,} submissions a round, the others with {bench.submissions} (each notebook "
        f"once), on {datetime.now(UTC):%d %B %Y}; {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, torch {version('torch')}, nbgrader {version('nbgrader')}, otter-grader "
        f"{otter_course.VERSION}.",
        "",
        "That is the throughput for a large class: starting up and building the answer keys of both topics take a few "
        f"seconds per run. A class of {few} took {small:.1f} s, or {small / few * 1000:.0f} ms per submission.",
    ]
    missed = [
        name for name, holds in (("throughput", times >= GOAL_THROUGHPUT), ("CPU time", share <= GOAL_CPU)) if not holds
    ]
    if missed:
        rows += ["", f"**Missed**: the goal for {' and that for '.join(missed)}."]
    return "\n".join(rows)


PAGE = """# Benchmarks

What it costs to grade a submission, compared with nbgrader on the same notebooks and with the least possible (the floor).
`make bench` measures again; `.venv/bin/python benchmarks/bench.py --write` also writes this page.

{table}

## How it is measured

* The submissions are twelve from the example class, in two topics: right ones and wrong ones, whose code finishes quickly.
  They are nbgrader's released notebooks with the students' cells inserted, so that both graders get the same files.
  autograde's class has many copies of each, with 0 to 4 lines of comments above each of the students' cells.
* nbgrader's grade cells (benchmarks/nbgrader_tests) test what our checks test, on newly drawn inputs, with asserts, as an
  instructor would write them. Our checks observe more. Both draw once per test. `otter run` and pytest run the same asserts,
  otter in its format for tests, pytest in a plain test file below the notebook's code; pytest confines nothing.
* nbgrader runs all cells of a notebook; autograde and the floor skip the handed-out examples that nothing needs.
* Wall and CPU times are those of the whole command and everything it starts. For nbgrader, that is opening its database and
  a kernel per submission. For autograde, it is starting its zygotes, building the answer keys for a new seed (the reference
  and every misconception run through all their checks), and writing result files and pages. Processes that outlive their
  parents count too.
* nbgrader, otter and pytest run one submission at a time, autograde one per core: each does so by default.
* Memory is the sum of the proportional set sizes of all processes, sampled ten times a second in a separate run.
* The floor is one warm process that runs cells and checks, observes and compares, without isolation, files or pages. Its
  start is not counted.

## One submission

What a push to CI costs, where everything starts anew: one right notebook of one topic. `benchmarks/cold.py --write` measures
again. The second row is a plain test file, with the notebook's code and asserts that test the same; it confines nothing.

{cold}
autograde imports torch once in a process that forks, runs the reference and the submission in children of it, and writes
result and pages. Misconceptions run only for tasks that are wrong. A cached answer key saves the reference's run.

## Memory and the size of a class

`.venv/bin/python benchmarks/memory.py` grades a hundred copies of the whole example class, 4,000 submissions with endless
loops, crashes and floods of output among them, and samples the memory of the long-lived processes (mean proportional set
size in MB). On the machine above, on 27 November 2026, this took 18 minutes:

| results so far | grader | both zygotes |
|---|---|---|
| 0 to 1,000 | 87.7 | 461.6 |
| 1,000 to 2,000 | 91.6 | 475.0 |
| 2,000 to 3,000 | 92.8 | 475.0 |
| 3,000 to 4,000 | 93.7 | 471.3 |

Memory grows a little until the caches are full, and hardly at all after that. The class's table takes a few hundred bytes
per submission.

## Reading it

nbgrader starts a kernel and imports torch for each submission; autograde imports torch once per core and forks. Beyond the
floor, autograde pays for the fork, the confinement, copy-on-write faults, encoding, the answer keys for a new seed, and the
result files. In a child, a fifth of the time goes into memory pages that it touches for the first time. The rest goes into
the checks themselves: each draws, watches, runs and observes once, in Python code that has not run in this process before.

The copies of a notebook differ only in comments, and so in the line numbers of errors. This saves the trusted side some
work: an answer seen before is neither decoded nor scored again. In a real class, right answers are equal too, and so are
those with a common misconception; only the others are scored one by one. Without this saving, and with up to 19 lines of
comments, a submission took 3.7 ms more on 27 November 2026.

The ratio depends on the load from the machine's other tenants, because autograde keeps both cores busy and nbgrader only
one: three runs on 27 November 2026 gave 100, 102 and 114 times.

Notes on running nbgrader: it calls `alembic` by name, so the virtual environment's `bin` must be on PATH. Anything on stderr
in a grade cell, even a warning, scores 0.
"""


if __name__ == "__main__":
    main()
