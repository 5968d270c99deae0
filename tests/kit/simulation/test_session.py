"""The simulation as a whole: what it changes, and that it leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import accelerator, empty_like, nn, zeros
from torch import compile as compiled
from torch.accelerator import current_accelerator
from torch.cuda import Event, Stream, device_count, get_device_name, is_available, manual_seed, memory_allocated, synchronize
from torch.cuda.memory import max_memory_allocated
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


def test_names_imported_before_belong_to_the_simulated_machine() -> None:
    tensor, layer = torch.ones(3), nn.Linear(2, 2)
    moved, moved_layer, asked = tensor.cuda, layer.cuda, tensor.get_device
    with simulated_gpu() as gpu:
        assert (is_available(), device_count(), get_device_name(), current_accelerator()) == (
            True,
            1,
            "Simulated GPU",
            torch.device("cuda"),
        )
        assert (moved().device, moved_layer().weight.device, asked()) == (CUDA, CUDA, -1)
        assert (memory_allocated(), max_memory_allocated()) == (
            torch.cuda.memory_allocated(),
            torch.cuda.memory.max_memory_allocated(),
        )
        assert compiled(layer) is layer
        manual_seed(1)
        drawn = torch.rand(2, device="cuda")
        torch.cuda.random.manual_seed(1)
        assert torch.equal(torch.rand(2, device="cuda"), drawn)
        event = Event(enable_timing=True)
        event.record(Stream())
        synchronize()
        with gpu.hidden():
            assert not is_available()
    assert (is_available(), device_count()) == (torch.cuda.is_available(), torch.cuda.device_count()) == (False, 0)


def test_functions_imported_before_are_as_before_afterwards() -> None:
    functions = [is_available, device_count, memory_allocated, accelerator.synchronize, torch.compile]
    before = [(function.__code__, function.__defaults__) for function in functions]
    creators = Event.__new__, Stream.__new__, torch.cuda.device.__init__
    with simulated_gpu():
        assert is_available.__code__ is not before[0][0]
    assert [(function.__code__, function.__defaults__) for function in functions] == before
    assert (Event.__new__, Stream.__new__, torch.cuda.device.__init__) == creators


def test_each_time_it_is_a_new_machine() -> None:
    with simulated_gpu(seed=3) as first:
        drawn = torch.rand(2, device="cuda")
        assert first.drawn_from
    before = len(first.transfers)
    with simulated_gpu(seed=3) as second:
        assert (second.transfers, second.drawn_from, torch.cuda.memory_allocated()) == ([], False, 0)
        assert torch.equal(torch.rand(2, device="cuda"), drawn)
        torch.ones(1).cuda()
    assert len(first.transfers) == before
    with simulated_gpu(seed=4):
        assert not torch.equal(torch.rand(2, device="cuda"), drawn)


def test_what_was_changed_in_between_stays_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated_gpu():
        torch.full((1,), 2.0, device="cuda")
    usual = snapshot()
    monkeypatch.setattr(torch, "full", torch.zeros)  # which takes no value
    with simulated_gpu(), pytest.raises(TypeError):
        torch.full((1,), 2.0, device="cuda")
    assert torch.full is torch.zeros
    monkeypatch.undo()
    assert {name for name, value in snapshot().items() if value is not usual[name]} == set()
    with simulated_gpu():
        assert torch.full((1,), 2.0, device="cuda").item() == 2.0
    assert snapshot() == usual


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
    code = "import sys, autograder.checking.run_check; sys.exit('autograder.simulation.session' in sys.modules)"
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
    with pytest.raises(ValueError, match="at least one GPU"), simulated_gpu(0):
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


def test_two_gpus_share_the_work_of_data_parallel() -> None:
    with simulated_gpu(2) as gpu:
        model = nn.DataParallel(nn.Sequential(nn.Linear(2, 3), nn.ReLU())).to("cuda")
        model(torch.ones(4, 2)).sum().backward()
        assert {str(t.destination) for t in gpu.transfers} == {"cuda:0", "cuda:1"}
        assert model.module[0].weight.grad.device == CUDA
    assert torch.nn.parallel._functions._streams is None


def test_a_process_forked_from_it_has_no_gpu() -> None:
    with simulated_gpu():
        x = torch.ones(2, device="cuda")
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            said = []
            for action in (lambda: torch.ones(2).cuda(), lambda: x + 1, lambda: torch.cuda.synchronize()):
                try:
                    said.append(repr(action()))
                except RuntimeError as error:
                    said.append(str(error)[:40])
            os.write(writer, "\n".join([*said, str(torch.cuda._is_in_bad_fork())]).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        forked = "Cannot re-initialize CUDA in forked subprocess"[:40]
        assert os.read(reader, 9999).decode().split("\n") == [forked, "CUDA error: initialization error", forked, "True"]
        assert (x + 1).device == CUDA


# ---- in a notebook: many cells, one of them interrupted


def test_a_cell_that_failed_does_not_spoil_the_next() -> None:
    for _ in range(2):
        with pytest.raises(RuntimeError, match="same device"), simulated_gpu():
            torch.ones(2, device="cuda") + torch.ones(2)
    with pytest.raises(KeyboardInterrupt), simulated_gpu():
        raise KeyboardInterrupt
    assert torch.ones(2).device.type == "cpu"
    assert not torch.cuda.is_available()


def test_an_exception_in_an_inner_context_leaves_the_outer_one() -> None:
    with simulated_gpu():
        with pytest.raises(ValueError, match="inner"), simulated_gpu():
            raise ValueError("inner")
        assert torch.cuda.is_available()
        assert torch.ones(2, device="cuda").device == CUDA
    assert not torch.cuda.is_available()


def test_a_model_goes_on_in_the_next_cell() -> None:
    with simulated_gpu():
        model = nn.Linear(2, 2).cuda()
        optimizer = torch.optim.Adam(model.parameters())
        scaler = torch.amp.GradScaler("cuda")
        with torch.autocast("cuda"):
            loss = model(torch.ones(3, 2, device="cuda")).float().pow(2).sum()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    assert model.weight.device.type == "cpu"  # outside, everything reads as it is, even printed by the next cell
    assert model.weight.detach().numpy().shape == (2, 2)
    assert model(torch.ones(1, 2)).shape == (1, 2)
    with simulated_gpu():
        assert model.weight.device == model.weight.grad.device == CUDA
        scaler.scale(model(torch.ones(3, 2, device="cuda")).sum()).backward()
        scaler.step(optimizer)
        with pytest.raises(RuntimeError, match="mat1 is on cpu"):
            model(torch.ones(1, 2))


def test_a_checkpoint_goes_out_of_it_and_back(tmp_path: Path) -> None:
    with simulated_gpu():
        model = nn.Linear(2, 2).cuda()
        torch.save(model.state_dict(), tmp_path / "model.pt")
    assert torch.load(tmp_path / "model.pt", map_location="cpu")["weight"].device.type == "cpu"
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="map_location"):
            torch.load(tmp_path / "model.pt")
    with simulated_gpu():
        assert torch.load(tmp_path / "model.pt")["weight"].device == CUDA


def test_a_data_loader_pins_and_its_batches_outlive_it() -> None:
    with simulated_gpu() as gpu:
        batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(6, 2)), 2, pin_memory=True)
        kept = [x.to("cuda", non_blocking=True) for (x,) in batches]
    assert [(t.destination.type, t.waited) for t in gpu.transfers] == [("cuda", False)] * 3
    assert [device_of(x).type for x in kept] == ["cuda"] * 3
