"""What a zygote imports, and when: one submission pays only for what it mentions."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from autograder.confined import zygote
from autograder.processes import fork_server
from autograder.processes.drive_job import JobRun
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Limits, Outcome, Run

pytestmark = pytest.mark.slow

WATCHED = "('matplot' + 'lib.pyplot', 'torch.' + '_dynamo')"
LOADED = f"import sys; print(*(name for name in {WATCHED} if name in sys.modules))"
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('loss')\nplt.gcf().canvas.draw()"
OPTIMIZER = "import torch\ntorch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.1).step()"


def job(*sources: str) -> Job:
    cells = tuple(Cell(number, source) for number, source in enumerate(sources, 1))
    return Job(topic="views", cells=cells, limits=Limits(cell_seconds=60.0, topic_seconds=120.0))


def printed(run: Run) -> list[str]:
    assert [cell.outcome for cell in run.cells] == [Outcome.PASSED] * len(run.cells), run
    return [cell.output.strip() for cell in run.cells]


@pytest.mark.parametrize("mode", ["auto", "plain"])
def test_a_process_imports_what_the_code_mentions(mode: str) -> None:
    with Pool(1, _mode=mode) as pool:
        assert printed(pool.run(job(LOADED))) == [""]
        assert printed(pool.run(job(OPTIMIZER, LOADED))) == ["", "torch._dynamo"]
        assert printed(pool.run(job(PLOT, LOADED)))[1] == "matplotlib.pyplot torch._dynamo"


@pytest.mark.parametrize("failure", ["raise ImportError", "raise ValueError('made for another NumPy')"])
def test_what_cannot_be_imported_is_tried_once(failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pandas.py").write_text(f"open({str(tmp_path / 'tried')!r}, 'a').write('once ')\n{failure}\n")
    monkeypatch.setitem(fork_server._ENVIRONMENT, "PYTHONPATH", str(tmp_path))
    with Pool(1, unsafe=True, _mode="bare") as pool:
        assert [printed(pool.run(job("print(1)  # pandas"))) for _ in range(3)] == [["1"]] * 3
    assert (tmp_path / "tried").read_text() == "once "


def test_cells_that_do_not_run_import_nothing() -> None:
    mentions = job(PLOT)
    assert JobRun(mentions, None, None)._preload == ("matplotlib.pyplot",)  # type: ignore[arg-type]
    unneeded = msgspec.structs.replace(mentions, unneeded=frozenset([1]))
    assert JobRun(unneeded, None, None)._preload == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "source",
    [
        "torch.func.grad_and_value(f)(x)",
        "from torch.func import grad, vmap",
        "from torch import func",
        "import functorch",
        "import torch.autograd.forward_ad as fwad",
    ],
)
def test_what_differentiates_functions_is_imported_once_for_all(source: str) -> None:
    # Otherwise each child that calls it imports PyTorch's compiler again, which takes as long as twenty submissions.
    assert "torch._dynamo" in JobRun(job(source), None, None)._preload  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["auto", "plain", "bare"])
def test_children_are_the_same_before_and_after_memory_is_arranged(mode: str) -> None:
    code = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1), sorted(globals()))"
    with Pool(1, unsafe=True, _mode=mode) as pool:
        seen = {tuple(printed(pool.run(job(code)))) for _ in range(zygote._FORKS_BEFORE_SETTLING + 3)}
    assert len(seen) == 1


def test_the_second_process_starts_when_there_is_work_for_it() -> None:
    with Pool(2) as two:
        two.run(job("1 + 1"))
        two.run(job("1 + 1"))
        assert len(two._servers) == 1
        runs = list(two.map([job("import time; time.sleep(0.5); print(1)")] * 6))
        assert [printed(run) for run in runs] == [["1"]] * 6
        assert len(two._servers) == 2
    with Pool(2, at_once=True) as both:
        assert len(both._servers) == 2
        assert printed(both.run(job("print(1)"))) == ["1"]
