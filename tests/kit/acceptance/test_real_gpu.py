"""What only a machine with a GPU can show: its errors are the simulated GPU's, and the course's checks hold on it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gpu_snippets import SNIPPETS

from autograder.course.course_file import load_course
from autograder.errors import DeviceUnavailable
from autograder.processes.gpu import find_gpu
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Limits, Outcome
from autograder.verifying.verify import verify

ROOT = Path(__file__).parents[3]
pytestmark = [pytest.mark.cuda, pytest.mark.slow]


@pytest.fixture(autouse=True, scope="module")
def gpu() -> None:
    try:
        find_gpu()
    except DeviceUnavailable as error:
        pytest.skip(str(error))


# An index out of range spoils the process's CUDA for good, so each snippet has a process of its own.
_RUN = """
import sys
from gpu_snippets import SNIPPETS
snippet = SNIPPETS[int(sys.argv[1])]
outcome = snippet.run(gpu=True)
agrees = snippet.agrees(outcome) or (snippet.luck and not isinstance(outcome, Exception))
print(agrees, type(outcome).__name__, str(outcome)[:300] if isinstance(outcome, Exception) else "")
"""


@pytest.mark.parametrize("number", range(len(SNIPPETS)), ids=lambda number: SNIPPETS[number].name)
def test_cuda_does_what_the_simulation_does(number: int) -> None:
    command = [sys.executable, "-c", _RUN, str(number)]
    done = subprocess.run(command, cwd=ROOT / "tests/kit/support", capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.startswith("True"), done.stdout + done.stderr[-1000:]


_WORK = """
import torch
from torch import nn
torch.backends.cudnn.benchmark = False
x = torch.randn(8, 3, 32, 32).pin_memory().to("cuda", non_blocking=True)
net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 900, 10)).cuda()
optimizer, scaler = torch.optim.Adam(net.parameters()), torch.amp.GradScaler("cuda")
for _ in range(3):
    with torch.autocast("cuda"):
        loss = nn.functional.cross_entropy(net(x), torch.arange(8, device="cuda"))
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
rows, _ = nn.LSTM(4, 5).cuda()(torch.ones(7, 2, 4, device="cuda"))
rows.sum().backward()
attention = nn.MultiheadAttention(8, 2).cuda()(*[torch.ones(3, 2, 8, device="cuda")] * 3)
product = torch.randn(4000, 4000, device="cuda") @ torch.randn(4000, 4000, device="cuda")
solved = torch.linalg.solve(torch.eye(50, device="cuda") * 2, torch.ones(50, device="cuda"))
large = torch.ones(1500 << 20, dtype=torch.uint8, device="cuda")
torch.compiler.is_compiling(), torch.cuda.synchronize()
torch.save({"net": net.state_dict()}, "net.pt")
torch.load("net.pt", map_location="cpu")
del large
"""
_TOO_MUCH = """
try:
    torch.ones(3 << 30, dtype=torch.uint8, device="cuda")
except torch.OutOfMemoryError:
    print("refused")
"""


def test_a_child_on_a_gpu_is_confined_and_works() -> None:
    with Pool(1, device="cuda") as pool:
        layers = dict(pool.layers)
        run = pool.run(Job(topic="gpu", cells=(Cell(1, _WORK), Cell(2, _TOO_MUCH)), limits=Limits(cell_seconds=60)))
    assert layers == dict.fromkeys(layers, "on") or os.geteuid() != 0
    assert [cell.outcome for cell in run.cells] == [Outcome.PASSED, Outcome.PASSED], run.cells
    assert run.cells[1].output == "refused\n"
    assert run.usage.children == 1


@pytest.mark.timeout(1500)
def test_the_topic_of_devices_proves_itself_on_a_gpu() -> None:
    with Pool(device="cuda") as pool:
        verification = verify(load_course(ROOT), ["devices"], pool, seeds=2, device="cuda", mutants=False)
    assert verification.problems == []
