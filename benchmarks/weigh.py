"""Weighs changes of the code against each other: grades one class with several checkouts in interleaved rounds.

    .venv/bin/python benchmarks/weigh.py BASE VARIANT… [--rounds N] [--copies N] [--course FOLDER]

BASE and each VARIANT are checkouts with their own `.venv`. Each grades with the course in its own checkout, or all of them
with the one in FOLDER, which then lies outside of any checkout. Each round grades the class once with each checkout, in an
order that turns from round to round. Printed are the medians of what each round's times were, relative to the base's: the
load of a shared machine changes from minute to minute, but hardly within a round.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import measure
from bench import ROOT, Bench


def main() -> None:
    """Measure and print one line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--copies", type=int, default=50, help="copies of each of the twelve notebooks (default 50)")
    parser.add_argument("--course", type=Path, help="grade with this course (default: each checkout's own)")
    options = parser.parse_args()
    base, *variants = (checkout.resolve() for checkout in options.checkouts)
    costs: dict[Path, list[measure.Cost]] = {checkout: [] for checkout in (base, *variants)}
    with tempfile.TemporaryDirectory(prefix="weigh-") as folder:
        bench = Bench(Path(folder), options.copies, options.course or ROOT)
        for number in range(options.rounds + 1):
            order = list(costs)
            for checkout in order[number % len(order) :] + order[: number % len(order)]:
                cost = _grade(checkout, bench, options.course or checkout, number)
                if number:  # the first round only warms up
                    costs[checkout].append(cost)
    submissions = bench.submissions * options.copies
    cpu, wall = (statistics.median(getattr(cost, name) for cost in costs[base]) for name in ("cpu", "wall"))
    print(f"{base.name}: {wall / submissions * 1000:.1f} ms, CPU {cpu / submissions * 1000:.1f} ms per submission")
    for variant in variants:
        print(f"{variant.name}: {_relative(costs, base, variant, 'wall')}; CPU {_relative(costs, base, variant, 'cpu')}")


def _grade(checkout: Path, bench: Bench, course: Path, number: int) -> measure.Cost:
    out = bench.work / f"grades-{checkout.name}-{number}"
    command = [str(checkout / ".venv" / "bin" / "autograde"), "grade", str(bench.ours), "-o", str(out)]
    command += ["--seed", str(1000 + number)]
    return measure.run(command, cwd=course, env=os.environ, log=bench.work / "log")


def _relative(costs: dict[Path, list[measure.Cost]], base: Path, variant: Path, name: str) -> str:
    """The change in percent of a kind of time: median over the rounds, lowest and highest."""
    pairs = zip(costs[base], costs[variant], strict=True)
    changes = [100 * (getattr(theirs, name) / getattr(ours, name) - 1) for ours, theirs in pairs]
    return f"{statistics.median(changes):+.1f} % ({min(changes):+.1f} to {max(changes):+.1f})"


if __name__ == "__main__":
    main()
