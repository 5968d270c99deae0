"""The simulation as a whole: what it changes, and that it leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import empty_like, nn, zeros
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder import simulated_gpu
from autograder.simulation.places import device_of
from autograder.simulation.session import SimulatedGpu

CUDA = torch.device("cuda", 0)


def snapshot() -> dict[str, object]:
    owners = (torch, torch.Tensor, torch.cuda, torch.accelerator, torch.serialization, torch.amp.autocast_mode.autocast)
    owners += (torch.backends.cuda, torch.backends.cudnn, torch.storage._StorageBase, threading.Thread, torch.fft)
    return {f"{owner.__name__}.{name}": value for owner in owners for name, value in vars(owner).items()}


def test_nothing_is_left_behind() -> None:
    before = snapshot()
    with simulated_gpu():
        assert torch.cuda.is_available()
    after = snapshot()
    assert {name for name in before | after if before.get(name) is not after.get(name)} == set()
    assert not torch.cuda.is_available()
    assert torch.zeros(1).device.type == "cpu"
    assert torch._C._len_torch_function_stack() == torch._C._len_torch_dispatch_stack() == 0


def test_it_ends_with_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), simulated_gpu():
        print(1 / 0)
    assert "device" not in vars(torch.Tensor)


def test_what_the_code_left_switched_on_ends_with_it() -> None:
    class Mine(TorchDispatchMode):
        pass

    class Other(TorchFunctionMode):
        pass

    with simulated_gpu():
        Mine().__enter__()
        Other().__enter__()
        torch.autocast("cuda").__enter__()
    assert torch._C._len_torch_function_stack() == torch._C._len_torch_dispatch_stack() == 0
    assert not torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cuda")


def test_one_within_another_is_the_same_machine() -> None:
    with simulated_gpu(2) as outer:
        with simulated_gpu() as inner:
            torch.ones(2).to("cuda:1")
        assert len(inner.transfers) == len(outer.transfers) == 1
        assert torch.cuda.device_count() == 2


def test_a_tensor_outlives_the_simulation() -> None:
    with simulated_gpu():
        x = torch.ones(2, 2, device="cuda")
    assert x.device.type == "cpu"
    assert device_of(x) == device_of(x[0]) == CUDA


def test_importing_autograder_imports_no_torch() -> None:
    code = "import sys, autograder; autograder.simulated_gpu; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_observing_does_not_import_the_simulation() -> None:
    code = "import sys, autograder.check_run; sys.exit('autograder.simulation.session' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_views_and_parameters_are_pytorchs_own() -> None:
    with simulated_gpu():
        model = nn.Linear(2, 2)
        parameters = list(model.parameters())
        model.to("cuda")
        assert [id(p) for p in model.parameters()] == [id(p) for p in parameters]
        weight = model.weight
        assert type(weight) is nn.Parameter
        places = {weight.view(-1).device, weight.t().device, weight.data.device, weight.detach()[0].device}
        assert places == {CUDA}
        assert weight.view(-1).data_ptr() == weight.data_ptr()


def test_functions_that_were_imported_before_take_part() -> None:
    with simulated_gpu():
        x = zeros(2, device="cuda")
        assert x.device == empty_like(x).device == CUDA
        assert empty_like(x, device="cpu").device.type == "cpu"


@pytest.mark.parametrize("start", ["thread", "pool"])
def test_threads_take_part(start: str) -> None:
    def work() -> tuple[str, str]:
        made = torch.ones(2, device="cuda") * 2
        with pytest.raises(RuntimeError, match="same device"):
            made + torch.ones(2)
        return str(made.device), str(torch.zeros(2).device)

    with simulated_gpu():
        if start == "pool":
            with ThreadPoolExecutor() as pool:
                assert pool.submit(work).result() == ("cuda:0", "cpu")
        else:
            seen: list[object] = []
            thread = threading.Thread(target=lambda: seen.append(work()))
            thread.start()
            thread.join()
            assert seen == [("cuda:0", "cpu")]


def test_a_thread_that_begins_after_the_end_is_an_ordinary_one() -> None:
    with simulated_gpu():
        pass
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(torch._C._len_torch_dispatch_stack()))
    thread.start()
    thread.join()
    assert seen == [0]


def test_a_machine_with_two_gpus() -> None:
    with simulated_gpu(2):
        assert torch.cuda.device_count() == 2
        one, two = torch.ones(2, device="cuda:0"), torch.ones(2, device="cuda:1")
        with pytest.raises(RuntimeError, match="cuda:0 and cuda:1"):
            one + two
        assert (one.to("cuda:1") + two).device.index == 1
        with torch.cuda.device(1):
            assert torch.ones(2, device="cuda").device.index == 1
        assert torch.ones(2, device="cuda").device.index == 0


def test_at_least_one_gpu() -> None:
    with pytest.raises(ValueError, match="one GPU or more"), simulated_gpu(0):
        pass


def test_a_machine_whose_gpu_is_hidden(tmp_path: object) -> None:
    with simulated_gpu() as gpu:
        assert isinstance(gpu, SimulatedGpu)
        assert gpu.device == CUDA
        with gpu.hidden():
            assert not torch.cuda.is_available()
            assert torch.cuda.device_count() == 0
            assert not torch.accelerator.is_available()
            assert torch.accelerator.current_accelerator() is None
            for wrong in (
                lambda: torch.ones(1).cuda(),
                lambda: torch.ones(1, device="cuda"),
                lambda: nn.Linear(1, 1).to("cuda"),
            ):
                with pytest.raises(RuntimeError, match="No CUDA GPUs are available"):
                    wrong()
        assert torch.cuda.is_available()
