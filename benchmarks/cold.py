"""What one submission costs from a cold start, as on a push to CI: each grader grades one right notebook, side by side.

    .venv/bin/python benchmarks/cold.py [--rounds N] [--write]

Each round runs every command once, on one processor and on all, in an order that turns from round to round. Ratios are
those within a round, to `python -c "import torch"`: no grader of PyTorch that starts cold can take less.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jupytext
import measure
import nbgrader_course
import otter_course

from autograder.course.course_file import load_course

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TOPIC, STUDENT = "autograd", "ada"
IMPORT = '`python -c "import torch"`'
BEGIN, END = "<!-- cold -->\n", "<!-- end of cold -->\n"


class Cold:
    """One submission, ready for each grader."""

    def __init__(self, work: Path) -> None:
        """Build what the graders need in `work`."""
        self.work = work
        source = ROOT / "examples" / "class" / STUDENT / f"{TOPIC}.ipynb"
        points = {TOPIC: {task: entry.points for task, entry in load_course(ROOT).topics[TOPIC].tasks.items()}}
        self.nbgrader = work / "nbgrader"
        self.nbgrader.mkdir()
        nbgrader_course.build_course(self.nbgrader, ROOT / "exercises", points)
        notebook = self.nbgrader / "submitted" / STUDENT / TOPIC / f"{TOPIC}.ipynb"
        nbgrader_course.submission(self.nbgrader, TOPIC, source, notebook, STUDENT)
        self.ours = work / "submitted" / STUDENT / f"{TOPIC}.ipynb"
        self.ours.parent.mkdir(parents=True)
        shutil.copyfile(notebook, self.ours)
        self.pytest = work / "pytest" / "test_submission.py"
        self.pytest.parent.mkdir()
        self.pytest.write_text(as_test_file(notebook, TOPIC), encoding="utf-8")
        self.otter = otter_course.build_autograder(work / "otter", TOPIC, points[TOPIC])
        self.points = sum(points[TOPIC].values())

    def commands(self, number: int) -> Iterator[tuple[str, list[str], Path]]:
        """Name, command and folder of each row; `number` is the round's."""
        yield IMPORT, [sys.executable, "-c", "import torch"], self.work
        yield (
            "pytest",
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(self.pytest)],
            self.pytest.parent,
        )
        grade = [str(Path(sys.executable).with_name("autograde")), "grade", str(self.ours.parents[1])]
        for what, cache in (("a new answer key", f"cache-{number}"), ("a cached answer key", "cache")):
            out = tempfile.mkdtemp(dir=self.work)
            row = f"`autograde grade`, {what}"
            yield row, [*grade, "-o", out, "--cache", str(self.work / cache), "--seed", "1001"], ROOT
            shutil.rmtree(self.work / f"cache-{number}", ignore_errors=True)
        course = Path(tempfile.mkdtemp(dir=self.work)) / "course"
        shutil.copytree(self.nbgrader, course)
        yield "`nbgrader autograde`", [sys.executable, "-m", "nbgrader", "autograde", TOPIC], course
        yield "`otter run`", otter_course.command(self.otter, self.ours, self.otter.parent), self.work

    def costs(self, number: int, *, one: bool) -> dict[str, measure.Cost]:
        """What each command took in this round, on one processor or on all."""
        prefix = ["taskset", "-c", str(min(os.sched_getaffinity(0)))] if one else []
        costs = {
            name: measure.run(
                [*prefix, *command], cwd=folder, env=nbgrader_course.environment(), log=self.work / f"{number}.log"
            )
            for name, command, folder in self.commands(number)
        }
        assert otter_course.score(self.otter.parent) == self.points
        return costs


def as_test_file(notebook: Path, topic: str) -> str:
    """A plain test file: the notebook's code, and a test for each task with the asserts that nbgrader's cells have."""
    code = [cell.source for cell in jupytext.read(notebook).cells if cell.cell_type == "code"]
    asserts = nbgrader_course.read_tests(topic)
    tests = [
        f"def test_{task}():\n" + "".join(f"    {line}\n" for line in body.splitlines()) for task, body in asserts.items()
    ]
    kept = [source for source in code if not any(f"test-{task}" in source for task in asserts)]
    return "\n\n".join([*kept, *tests])


def table(rounds: dict[bool, list[dict[str, measure.Cost]]]) -> str:
    """The rows in Markdown. `rounds` are those on one processor (True) and on all."""
    rows = ["| | one processor | relative | all processors | relative |", "|---|---|---|---|---|"]
    for name in rounds[True][0]:
        cells = []
        for one in (True, False):
            walls = [costs[name].wall for costs in rounds[one]]
            ratios = [costs[name].wall / costs[IMPORT].wall for costs in rounds[one]]
            cells += [
                f"{statistics.median(walls):.2f} s",
                f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print the table, and write it into the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--write", action="store_true", help="write the table into docs/benchmarks.md")
    options = parser.parse_args()
    rounds: dict[bool, list[dict[str, measure.Cost]]] = {True: [], False: []}
    with tempfile.TemporaryDirectory(prefix="cold-") as folder:
        cold = Cold(Path(folder))
        cold.costs(0, one=False)  # warms up, and fills the cache
        for number, one in itertools.product(range(1, options.rounds + 1), (True, False)):
            rounds[one].append(cold.costs(number, one=one))
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}"
    text = (
        f"{table(rounds)}\n\nWall time of the whole command, median of {options.rounds} interleaved rounds; relative to the "
        f"first row of the same round (lowest to highest in brackets). On {datetime.now(UTC):%d %B %Y}; {machine}, "
        f"torch {version('torch')}, nbgrader {version('nbgrader')}, otter-grader {otter_course.VERSION}.\n"
    )
    print(text)
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}{text}{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
