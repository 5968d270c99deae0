"""What a zygote imports, and when: one submission pays only for what it mentions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from autograder.processes import zygote
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
    monkeypatch.setitem(zygote._ENVIRONMENT, "PYTHONPATH", str(tmp_path))
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
def test_children_are_the_same_whether_memory_is_arranged_and_modules_are_preloaded_or_not(mode: str) -> None:
    code = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1), sorted(globals()))"
    seen = set()
    for many, preload in ((False, ()), (True, ("torch._dynamo", "os.path"))):
        with Pool(1, many=many, preload=preload, unsafe=True, _mode=mode) as pool:
            seen |= {tuple(printed(pool.run(job(code)))) for _ in range(2)}
            assert printed(pool.run(job(LOADED))) == [" ".join(preload[:1])]
    assert len(seen) == 1


@pytest.mark.parametrize("mode", ["auto", "plain"])
def test_memory_is_arranged_where_children_see_no_proc(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its maps must be read before the private root takes /proc away: huge pages are there afterwards, in the fork server.
    count = "import re; print(sum(map(int, re.findall('AnonHugePages: *([0-9]+)', open('/proc/{}/smaps').read()))))"
    found = []
    for many in (False, True):
        with Pool(1, many=many, _mode=mode) as pool:
            server = pool._servers[0].pid
            done = subprocess.run([sys.executable, "-c", count.format(server)], capture_output=True, text=True, check=True)
            found.append(int(done.stdout))
    assert found[1] > found[0] or not found[1], found


def test_the_second_fork_server_starts_when_there_is_work_for_it_and_shares_the_zygotes_memory() -> None:
    with Pool(2) as two:
        two.run(job("1 + 1"))
        two.run(job("1 + 1"))
        assert len(two._servers) == 1
        runs = list(two.map([job("import time; time.sleep(0.5); print(1)")] * 6))
        assert [printed(run) for run in runs] == [["1"]] * 6
        assert len(two._servers) == 2
        for server in two._servers:
            rollup = Path(f"/proc/{server.pid}/smaps_rollup").read_text()
            kilobytes = {line.split()[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
            assert kilobytes["Private_Dirty:"] < 0.2 * kilobytes["Anonymous:"]


@pytest.mark.parametrize("mode", ["auto", "plain"])
def test_a_lost_zygote_and_a_lost_fork_server_are_replaced(mode: str) -> None:
    with Pool(2, _mode=mode) as pool:
        first = pool._servers[0].pid
        os.kill(first, signal.SIGKILL)
        assert printed(pool.run(job("print(1)"))) == ["1"]
        assert pool._zygote is not None
        zygote = pool._zygote.pid
        os.kill(zygote, signal.SIGKILL)
        assert printed(pool.run(job("print(2)"))) == ["2"]
        assert zygote not in (pool._zygote.pid, pool._servers[0].pid)
