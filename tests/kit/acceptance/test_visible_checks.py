"""Visible checks answer at once: none but those that train makes torch import what takes it long.

benchmarks/visible_checks.py measures the time.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
RUN = """
import sys
from pathlib import Path

import torch

from autograder.checking.run_check import load_checks, run_check
from autograder.checking.code import Code
from autograder.course.course_file import load_course
from autograder.records.jobs import CheckModule, CheckRequest
from autograder.course.declarations import read_checks

def no_training(*arguments, **options):
    raise RuntimeError("no training here")

torch.optim.Optimizer.__init__ = no_training  # every optimizer imports torch._dynamo, which takes a second
slow = [name for name in ("sympy", "torch._dynamo", "torch._decomp.decompositions_for_jvp") if name not in sys.modules]
count = 0
for topic in load_course(Path("course.yml")).topics:
    namespace = {}
    exec(compile(Path(f"solutions/{topic}.py").read_text(), "solution", "exec"), namespace)
    path = Path(f"tests/visible/test_{topic}.py")
    functions = load_checks(CheckModule(str(path), path.read_text()))
    for spec in read_checks(path):
        request = CheckRequest(check=spec.name, task=spec.task, draw=0, seed=1, seconds=60)
        seen = run_check(functions[spec.name], Code(namespace), request)
        if seen.error is not None and seen.error.message != "no training here":
            print(f"{topic}, {spec.name}: {seen.error}")
        for name in [each for each in slow if each in sys.modules]:
            print(f"{topic}, {spec.name}: imports {name}")
            slow.remove(name)
        count += 1
print(count > 100)
"""


def test_nothing_slow_is_imported() -> None:
    run = subprocess.run([sys.executable, "-c", RUN], cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)
    assert (run.stdout, run.returncode) == ("True\n", 0), run.stdout + run.stderr
