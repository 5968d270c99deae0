"""The machine's GPU, as far as a machine without one can test it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from autograder import simulated_gpu
from autograder.errors import DeviceUnavailable
from autograder.keys.build import versions_on
from autograder.keys.key import current_versions
from autograder.processes import gpu, zygote
from autograder.processes.gpu import Gpu, find_gpu
from autograder.records.jobs import Limits

pytestmark = pytest.mark.slow

H100 = Gpu(name="NVIDIA H100", memory_mb=81559, capability="9.0", cuda="13.0")
ANSWER = '{"gpu":{"name":"NVIDIA H100","memory_mb":81559,"capability":"9.0","cuda":"13.0"}}'


@pytest.fixture(autouse=True)
def nobody_asked_before() -> Iterator[None]:
    find_gpu.cache_clear()
    yield
    find_gpu.cache_clear()


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a script answer the question."""

    def answer(script: str) -> None:
        file = tmp_path / "python"
        file.write_text("#!/bin/sh\n" + script)
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(sys, "executable", str(file))

    return answer


def test_the_question_is_asked_in_a_process_that_is_thrown_away(answering: Callable[[str], None], tmp_path: Path) -> None:
    answering(f"echo \"$@\" > '{tmp_path}/arguments'\necho $$ >> '{tmp_path}/arguments'\necho '{ANSWER}'")
    assert find_gpu() == H100
    arguments, pid = (tmp_path / "arguments").read_text().splitlines()
    assert arguments == "-P -m autograder.confined.look_for_gpu"
    assert int(pid) != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_whoever_asks_imports_no_torch() -> None:
    code = (
        "import sys\nfrom autograder.processes.gpu import find_gpu\nfrom autograder.errors import DeviceUnavailable\n"
        "try:\n    find_gpu()\nexcept DeviceUnavailable:\n    pass\nsys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo \'{"problem":"PyTorch finds no CUDA device"}\'', "PyTorch finds no CUDA device"),
        ("echo 'Traceback' >&2; echo 'ImportError: libcuda is broken' >&2; exit 1", "ImportError: libcuda is broken"),
        ("echo hello", "asking for it ended with status 0"),
        ("kill -SEGV $$", "asking for it ended with status -11"),
    ],
)
def test_without_an_answer_it_says_why_and_what_to_do(answering: Callable[[str], None], script: str, said: str) -> None:
    answering(script)
    with pytest.raises(DeviceUnavailable) as raised:
        find_gpu()
    assert f"There is no GPU to grade on: {said}. Use --device cpu" in str(raised.value)
    assert "--resume --device cuda" in str(raised.value)


def test_a_driver_that_hangs_is_not_waited_for(answering: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_SECONDS", 0.2)
    answering("exec sleep 5")
    with pytest.raises(DeviceUnavailable, match=r"took more than 0\.2 s"):
        find_gpu()


def test_results_on_a_gpu_say_which_and_how(answering: Callable[[str], None]) -> None:
    answering(f"echo '{ANSWER}'")
    facts = {"gpu": "NVIDIA H100", "capability": "9.0", "cuda": "13.0", "tf32": "off", "deterministic": "on"}
    assert versions_on("cuda:0") == current_versions() | facts
    assert versions_on("cpu") == current_versions()


def test_what_must_be_set_before_cuda_starts_is_set_for_its_zygotes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    wanted = {**gpu.ENVIRONMENT, "CUDA_VISIBLE_DEVICES": "1"}
    assert wanted["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert wanted["NVIDIA_TF32_OVERRIDE"] == "0"
    assert wanted.items() <= zygote._environment(on_gpu=True).items()
    assert not wanted.keys() & zygote._environment(on_gpu=False).keys()


# A child's settings, printed by a process of its own because they stay. The simulated GPU has 16 GB.
_SETTINGS = """
import torch
from autograder import simulated_gpu
from autograder.confined import child
with simulated_gpu():
    torch.cuda.set_per_process_memory_fraction = lambda share: print(share)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    child._open_gpu(MEMORY)
    cudnn = torch.backends.cudnn
    print(torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic)
"""


@pytest.mark.parametrize(("memory_mb", "share"), [(Limits().gpu_memory_mb, 0.125), (100_000, 1.0)])
def test_a_child_has_its_share_of_the_memory_and_no_tf32(memory_mb: int, share: float) -> None:
    command = [sys.executable, "-c", _SETTINGS.replace("MEMORY", str(memory_mb))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(share), "False", "False", "False", "True"]


def test_the_command_answers_in_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "autograder.confined.look_for_gpu"], capture_output=True, text=True, check=True
    )
    assert ('"gpu":null' in done.stdout) == (not torch.cuda.is_available())


def test_a_simulated_gpu_is_none_to_grade_on() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with simulated_gpu(), pytest.raises(DeviceUnavailable):
        find_gpu()
