"""What only a machine with a GPU can show: its errors are the simulated GPU's, and the course's checks hold on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gpu_snippets import SNIPPETS

from autograder.course import load_course
from autograder.errors import DeviceUnavailable
from autograder.gpu import find_gpu
from autograder.pool import Pool
from autograder.verify import verify

ROOT = Path(__file__).parents[2]
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
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.startswith("True"), done.stdout + done.stderr[-1000:]


@pytest.mark.timeout(1500)
def test_the_topic_of_devices_proves_itself_on_a_gpu() -> None:
    with Pool(device="cuda") as pool:
        verification = verify(load_course(ROOT), ["devices"], pool, seeds=2, device="cuda", mutants=False)
    assert verification.problems == []
