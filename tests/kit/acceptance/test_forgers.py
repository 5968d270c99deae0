"""Wrong answers that change what checks compute with: a patched library must not earn what the answer does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.comparing.compare import passes
from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell
from autograder.records.observation import Observation

COURSE = load_course(Path(__file__).parents[3])
SEED = 20261129

WRONG = {
    ("initialization", "he_normal_"): """
        def he_normal_(w, mode="fan_in", generator=None):
            with torch.no_grad():
                return w.normal_(generator=generator)
        """,
    ("initialization", "trunc_normal_"): """
        def trunc_normal_(w, mean=0.0, std=1.0, generator=None):
            with torch.no_grad():
                return w.normal_(mean, std, generator=generator).clamp_(mean - 2 * std, mean + 2 * std)
        """,
    ("modes", "mc_dropout"): """
        def mc_dropout(model, x, n):
            with torch.no_grad():
                return model(x), torch.zeros_like(model(x))
        """,
    ("training", "fit"): """
        def fit(model, X, y, *, epochs, batch_size, lr, seed):
            return [0.5 * 0.1**epoch for epoch in range(epochs)]
        """,
    ("training", "minibatches"): """
        def minibatches(X, y, batch_size, generator):
            for start in range(0, len(X), batch_size):
                yield X[start : start + batch_size], y[start : start + batch_size]
        """,
}
PATCHES = """
import math
math.sqrt = lambda x: 1.0
math.prod = lambda x: 1
torch.Tensor.std = lambda self, *a, **k: torch.tensor(0.88)
torch.Tensor.mean = lambda self, *a, **k: torch.tensor(0.99)
torch.Tensor.item = lambda self: 0.99
torch.Tensor.__eq__ = lambda self, other: torch.ones_like(self, dtype=torch.bool)
torch.Tensor.__sub__ = lambda self, other: torch.zeros_like(self)
torch.autograd.grad = lambda loss, inputs, *a, **k: [torch.zeros_like(x) for x in inputs]
torch.nn.functional.cross_entropy = lambda *a, **k: torch.tensor(0.5, requires_grad=True)
"""


def dedented(source: str) -> str:
    lines = source.strip("\n").split("\n")
    return "\n".join(line[8:] for line in lines)


@pytest.mark.attack
@pytest.mark.parametrize(("topic_name", "task"), WRONG)
def test_patches_earn_nothing(topic_name: str, task: str, pool: Pool) -> None:
    topic = load_topic(COURSE, topic_name)
    wrong = f"import torch\n{dedented(WRONG[topic_name, task])}"
    lines = [line for line in PATCHES.strip().split("\n") if "import" not in line and not line.startswith("_")]
    forged = ["\n".join([wrong, "import math", *lines]), *("\n".join([wrong, "import math", line]) for line in lines)]
    sources = [(Cell(0, source),) for source in (wrong, *forged)]
    jobs = [make_job(COURSE, topic, cells, seed=SEED, tasks=[task]) for cells in (topic.reference, *sources)]
    reference, plain, *others = pool.map(jobs)

    def passed(run: object) -> set[str]:
        names: dict[str, bool] = {}
        for key, expected in reference.observations.items():
            seen = run.observations[key]  # type: ignore[attr-defined]
            assert isinstance(expected, Observation)
            good = isinstance(seen, Observation) and passes(expected, seen, COURSE.tolerances)
            names[key[0]] = names.get(key[0], True) and good
        return {name for name, good in names.items() if good}

    assert len(passed(reference)) == len(topic.checks_of(task))
    gained = {line: more for line, run in zip(("all", *lines), others, strict=True) if (more := passed(run) - passed(plain))}
    assert not gained
