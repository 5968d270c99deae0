"""Grades copies of the whole example class and says how much memory the grader and its zygotes hold, quarter by quarter.

    .venv/bin/python benchmarks/memory.py [--copies N]

Endless loops, crashes and floods are among the copies. They are given one second for a cell or a check, in place of the
course's 20 and 5, so that a hundred copies end within half an hour.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure

ROOT = Path(__file__).parents[1]
_SAMPLE_SECONDS = 0.5
_LASTING_SECONDS = 20.0
"""A process that is there for longer is the grader or a zygote; a child is not."""


def main(copies: int) -> None:
    """Grade, sample, print."""
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        course, students, out = Path(folder, "course"), Path(folder, "class"), Path(folder, "grades")
        for part in ("exercises", "solutions", "tests"):
            shutil.copytree(ROOT / part, course / part)
        limits = (ROOT / "course.yml").read_text(encoding="utf-8")
        for usual, short in (("cell_seconds: 20 ", "cell_seconds: 1 "), ("check_seconds: 5 ", "check_seconds: 1 ")):
            assert usual in limits
            limits = limits.replace(usual, short)
        (course / "course.yml").write_text(limits, encoding="utf-8")
        for number in range(copies):
            for student in sorted((ROOT / "examples" / "class").iterdir()):
                shutil.copytree(student, students / f"{number:03d}{student.name}")
        command = [str(Path(sys.executable).with_name("autograde")), "grade", str(students), "-o", str(out), "--seed", "1"]
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=course, stdout=subprocess.DEVNULL)
        first: dict[int, float] = {}
        samples: list[tuple[float, int, int, float]] = []
        while process.poll() is None:
            now = time.monotonic() - start
            done = len(list(out.glob("*/*.json")))
            for pid in measure.family(process.pid):
                first.setdefault(pid, now)
                samples.append((now, done, pid, measure.memory_mb(pid)))
            time.sleep(_SAMPLE_SECONDS)
        if process.returncode:
            sys.exit(f"autograde grade ended with status {process.returncode}")
        total = len(list(out.glob("*/*.json")))
    last = {pid: now for now, _, pid, _ in samples}
    lasting = {pid for pid in last if last[pid] - first[pid] > _LASTING_SECONDS}
    print(f"{total} results of {copies} copies of each submission in {samples[-1][0]:.0f} s; MB in the mean")
    print("results so far | grader | all zygotes")
    for quarter in range(4):
        low, high = total * quarter / 4, total * (quarter + 1) / 4
        times = {now for now, done, _, _ in samples if low <= done < high or (quarter == 3 and done >= high)}
        held = [(pid == process.pid, mb) for now, _, pid, mb in samples if now in times and pid in lasting]
        grader = sum(mb for is_grader, mb in held if is_grader) / max(1, len(times))
        zygotes = sum(mb for is_grader, mb in held if not is_grader) / max(1, len(times))
        print(f"{low:6.0f} to {high:6.0f} | {grader:.1f} | {zygotes:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=100, help="copies of each submission (default 100)")
    main(parser.parse_args().copies)
