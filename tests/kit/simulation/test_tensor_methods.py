"""Tensors on the simulated GPU: moving, making, mixing, gradients, and what is counted."""

from __future__ import annotations

from collections.abc import Callable

import numpy
import pytest
import torch
from torch import nn

from autograder.simulation.places import CPU, UNDECIDED, mark_of
from autograder.simulation.session import SimulatedGpu, simulated_gpu

CUDA = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def gpu() -> SimulatedGpu:
    with simulated_gpu() as machine:
        yield machine


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.to("cuda"),
        lambda x: x.to("cuda:0"),
        lambda x: x.to(CUDA),
        lambda x: x.to(0),
        lambda x: x.to(device="cuda", non_blocking=True),
        lambda x: x.to("cuda", torch.float32, True, True),
        lambda x: x.to(torch.ones(1, device="cuda")),
        lambda x: x.to(other=torch.ones(1, device="cuda")),
        lambda x: x.cuda(),
        lambda x: x.cuda(0),
        lambda x: x.cuda(device="cuda:0"),
        lambda x: x.type("torch.cuda.FloatTensor"),
        lambda x: x.type_as(torch.ones(1, device="cuda")),
        lambda x: torch.as_tensor(x, device="cuda"),
        lambda x: torch.asarray(x, device="cuda"),
        lambda x: x.new_tensor([1.0, 2.0], device="cuda"),
    ],
)
def test_ways_to_the_gpu(move: Callable[[torch.Tensor], torch.Tensor]) -> None:
    x = torch.tensor([1.0, 2.0])
    y = move(x)
    assert (y.device, x.device) == (CUDA, CPU)
    assert y.is_cuda
    assert not y.is_cpu
    assert y.get_device() == torch.get_device(y) == 0
    assert y.tolist() == [1, 2]
    assert y.data_ptr() != x.data_ptr()


@pytest.mark.parametrize(
    "wrong", [lambda x: x.to("cuda", 1, 2, 3, 4), lambda x: x.to(here="cuda"), lambda x: x.to("cuda", "copy")]
)
def test_wrong_arguments_of_to(wrong: Callable[[torch.Tensor], object]) -> None:
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        wrong(torch.ones(1))


def test_to_where_it_is_already_is_itself(gpu: SimulatedGpu) -> None:
    x = torch.ones(2, device="cuda")
    assert x.to("cuda") is x
    assert x.cuda() is x
    assert x.to("cuda", copy=True) is not x
    assert not gpu.transfers


def test_a_dtype_changes_on_the_gpu(gpu: SimulatedGpu) -> None:
    x = torch.ones(2, device="cuda")
    assert (x.double().device, x.to(torch.int64).device, x.half().float().device) == (CUDA, CUDA, CUDA)
    assert not gpu.transfers
    assert x.cpu().double().device == CPU


def test_meta_is_still_meta() -> None:
    x = torch.ones(2, device="meta")
    assert (
        x.device.type
        == torch.ones(2).to("meta").device.type
        == torch.ones(2, device="cuda").to("meta").device.type
        == "meta"
    )
    assert torch.zeros_like(x).is_meta
    with pytest.raises(NotImplementedError):
        x.to("cuda")


MADE = {
    "zeros": lambda d: torch.zeros(2, device=d),
    "arange": lambda d: torch.arange(3, device=d),
    "randn": lambda d: torch.randn(2, 2, device=d),
    "randperm": lambda d: torch.randperm(3, device=d),
    "eye": lambda d: torch.eye(2, device=d),
    "linspace": lambda d: torch.linspace(0, 1, 3, device=d),
    "normal": lambda d: torch.normal(0.0, 1.0, (2,), device=d),
    "tensor": lambda d: torch.tensor([1, 2], device=d),
    "as_tensor": lambda d: torch.as_tensor([1, 2], device=d),
    "fftfreq": lambda d: torch.fft.fftfreq(4, device=d),
    "hann_window": lambda d: torch.hann_window(4, device=d),
    "nn.Linear": lambda d: nn.Linear(2, 2, device=d).weight,
    "nn.Embedding": lambda d: nn.Embedding(3, 2, device=d).weight,
    "nn.Parameter": lambda d: nn.Parameter(torch.ones(2, device=d)),
}


@pytest.mark.parametrize("name", MADE)
def test_made_where_it_is_wanted(name: str) -> None:
    assert MADE[name]("cuda").device == CUDA
    assert MADE[name]("cpu").device == MADE[name](None).device == CPU
    with torch.device("cuda"):
        assert MADE[name](None).device == CUDA
        assert MADE[name]("cpu").device == CPU


def test_likes_are_where_the_model_is() -> None:
    x = torch.ones(2, device="cuda")
    for like in (torch.zeros_like, torch.randn_like, torch.empty_like, torch.Tensor.new_zeros, torch.Tensor.new_empty):
        made = like(x) if "like" in like.__name__ else like(x, (2,))
        assert made.device == CUDA
    assert torch.zeros_like(x, device="cpu").device == CPU
    assert torch.ones_like(torch.ones(2), device="cuda").device == CUDA
    assert torch.tensor(x).device == CUDA


def test_the_default_device() -> None:
    torch.set_default_device("cuda")
    try:
        assert torch.zeros(2).device == torch.get_default_device() == CUDA
    finally:
        torch.set_default_device(None)


def test_memory_of_an_array_is_not_shared_with_the_gpu() -> None:
    array = numpy.ones(2, dtype=numpy.float32)
    apart = [torch.as_tensor(array, device="cuda"), torch.asarray(array, device="cuda"), torch.from_numpy(array).cuda()]
    array[:] = 5
    assert [x.tolist() for x in apart] == [[1, 1]] * 3


def test_what_no_factory_made_is_on_the_cpu() -> None:
    for made in (torch.Tensor(2, 3), torch.from_numpy(numpy.ones(2)), torch.complex(torch.ones(2), torch.ones(2))):
        assert made.device == CPU
    assert mark_of(torch.Tensor(2, 3)) is None


def test_what_a_function_makes_for_itself_is_decided_at_its_end() -> None:
    x = torch.ones(3, device="cuda")
    for result in (
        torch.nn.functional.one_hot(x.long(), 3),
        torch.cdist(x[None], x[None]),
        x.unique(),
        x.nonzero(),
        x.cov(),
    ):
        assert mark_of(result) == CUDA
    for result in (torch.nn.functional.one_hot(torch.ones(2).long(), 3), torch.ones(2).cov(), torch.ones(3).nonzero()):
        assert mark_of(result) is not UNDECIDED
        assert result.device == CPU


def test_gradients_are_where_their_tensors_are() -> None:
    w = torch.ones(3, requires_grad=True)
    moved = w.to("cuda")
    moved.retain_grad()
    (moved**2).sum().backward()
    assert (w.grad.device, moved.grad.device) == (CPU, CUDA)
    assert w.grad.tolist() == [2, 2, 2]
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.BatchNorm1d(2)).cuda()
    model(torch.randn(4, 3, device="cuda")).sum().backward()
    assert {p.grad.device for p in model.parameters()} == {CUDA}


def test_a_second_derivative_through_a_move() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    (first,) = torch.autograd.grad((x.to("cuda") ** 3).sum().cpu(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert (first.item(), second.item(), second.device) == (12, 12, CPU)


def test_function_transforms() -> None:
    x = torch.ones(3, 2, device="cuda")
    assert torch.func.vmap(lambda row: row.sum())(x).device == CUDA
    assert torch.func.grad(lambda t: (t.cpu() ** 2).sum())(x).device == CUDA


def test_a_copy_across_devices_passes_gradients_on() -> None:
    x = torch.ones(2, requires_grad=True)
    target = torch.zeros(2, device="cuda")
    target.copy_(x)
    (target * 2).sum().backward()
    assert (x.grad.device, x.grad.tolist()) == (CPU, [2, 2])


def test_transfers_are_counted(gpu: SimulatedGpu) -> None:
    def counted(action: Callable[[], object]) -> list[tuple[str, str, str]]:
        before = len(gpu.transfers)
        action()
        return [(t.source.type, t.destination.type, t.how) for t in gpu.transfers[before:]]

    x, host = torch.ones(3, device="cuda"), torch.ones(3)
    back, there = [("cuda", "cpu", "copy")], [("cpu", "cuda", "copy")]
    one = [("cuda", "cpu", "item")]
    assert counted(lambda: host.cuda()) == there
    assert counted(lambda: x.cpu()) == counted(lambda: x.tolist()) == counted(lambda: x.numpy(force=True)) == back
    assert counted(lambda: host.copy_(x)) == back
    assert counted(lambda: x.__setitem__(0, torch.ones(1)[0])) == there
    assert counted(lambda: x[0].item()) == counted(lambda: float(x[0])) == counted(lambda: bool(x[0] > 0)) == one
    assert counted(lambda: x.sum() + 1) == counted(lambda: host.sum().item()) == []
    assert counted(lambda: torch.tensor([1.0], device="cuda")) == [("cpu", "cuda", "create")]
    assert counted(lambda: torch.zeros(3, device="cuda")) == []
    assert counted(lambda: nn.Linear(2, 2).cuda()) == there * 2


def test_who_waits(gpu: SimulatedGpu) -> None:
    x, pinned = torch.ones(3, device="cuda"), torch.ones(3).pin_memory()
    pinned.to("cuda", non_blocking=True)
    torch.ones(3).to("cuda", non_blocking=True)
    pinned.to("cuda")
    x.to("cpu", non_blocking=True)
    x.cpu()
    assert [t.waited for t in gpu.transfers] == [False, True, True, False, True]


def test_pinned_memory() -> None:
    x = torch.ones(3)
    pinned = x.pin_memory()
    assert (x.is_pinned(), pinned.is_pinned(), pinned[1:].is_pinned()) == (False, True, True)
    assert pinned.pin_memory() is pinned
    assert not pinned.cuda().is_pinned()
    assert torch.empty(3, pin_memory=True).is_pinned()
    assert torch.ones(3, device="cuda").to("cpu", non_blocking=True).is_pinned()


@pytest.mark.parametrize(
    "wait",
    [
        lambda: torch.cuda.synchronize(),
        lambda: torch.cuda.current_stream().synchronize(),
        lambda: torch.ones(1, device="cuda").item(),
        lambda: torch.ones(1, device="cuda").cpu(),
        lambda: torch.accelerator.synchronize(),
    ],
)
def test_a_copy_to_the_cpu_that_nobody_waited_for(wait: Callable[[], object]) -> None:
    x = torch.arange(3.0, device="cuda", requires_grad=True)
    y = x.to("cpu", non_blocking=True)
    whole = torch.arange(3, device="cuda").to("cpu", non_blocking=True)
    assert y.isnan().all()
    assert whole.tolist() == [0, 0, 0]
    wait()
    assert y.tolist() == whole.tolist() == [0, 1, 2]
    (y * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_what_is_allowed_across_devices() -> None:
    x, number = torch.arange(4.0, device="cuda"), torch.tensor(2.0)
    assert (x + number).device == (number * x).device == torch.where(x > 1, x, number).device == CUDA
    assert x[torch.tensor([0, 1])].device == CUDA
    assert torch.arange(4.0)[torch.tensor(1, device="cuda")].device == CPU
    x[torch.tensor([True, False, False, True])] = 1.0
    assert x.masked_fill(x > 1, number).device == CUDA
    assert torch.ones(4).copy_(x).device == CPU
    assert x.view_as(torch.ones(2, 2)).device == CUDA


def test_an_in_place_change_of_a_cpu_scalar_is_refused() -> None:
    total = torch.tensor(0.0)
    with pytest.raises(RuntimeError, match="at least two devices, cuda:0 and cpu"):
        total += torch.ones((), device="cuda")


def test_printing_names_the_device() -> None:
    assert repr(torch.ones(2, device="cuda")) == "tensor([1., 1.], device='cuda:0')"
    assert "device='cuda:0'" in repr(nn.Parameter(torch.ones(2, device="cuda")))
    assert "device" not in repr(torch.ones(2))
    assert torch.ones(2, device="cuda").type() == "torch.cuda.FloatTensor"


def test_an_index_error_of_python_stays_one() -> None:
    x = torch.ones(2, device="cuda")
    with pytest.raises(IndexError):
        x[5]
    with pytest.raises(IndexError):
        x.sum(dim=3)
    with pytest.raises(RuntimeError, match="device-side assert"):
        x.gather(0, torch.tensor([5], device="cuda"))


MESSAGES = {
    # All should be where the first tensor is. A structured kernel has its own name; any other has an underscore in front.
    "mat2 is on cuda:0, different from other tensors on cpu (when checking argument in method wrapper_CUDA_mm)": (
        lambda x, y: torch.mm(x, y)
    ),
    "mat1 is on cpu, different from other tensors on cuda:0 (when checking argument in method wrapper_CUDA_addmm)": (
        lambda x, y: nn.functional.linear(x, y, y[0])
    ),
    "tensors is on cuda:0, different from other tensors on cpu (when checking argument in method wrapper_CUDA_cat)": (
        lambda x, y: torch.cat([x, y])
    ),
    "index is on cpu, different from other tensors on cuda:0 "
    "(when checking argument in method wrapper_CUDA__index_select)": (lambda x, y: nn.functional.embedding(x.long(), y)),
}


@pytest.mark.parametrize("message", MESSAGES)
def test_the_message_names_argument_and_kernel(message: str) -> None:
    with pytest.raises(RuntimeError) as raised:
        MESSAGES[message](torch.ones(2, 2), torch.ones(2, 2, device="cuda"))
    assert str(raised.value) == f"Expected all tensors to be on the same device, but got {message}"


def test_what_fetches_a_number_is_counted_as_on_a_gpu(gpu: SimulatedGpu) -> None:
    labels = torch.zeros(2, dtype=torch.int64, device="cuda")
    before = len(gpu.transfers)
    torch.nn.functional.one_hot(labels, 3)
    assert len(gpu.transfers) == before
    torch.nn.functional.one_hot(labels)
    assert len(gpu.transfers) == before + 1
    torch.equal(labels, labels)
    assert [t.how for t in gpu.transfers[before:]] == ["item", "item"]


@pytest.mark.parametrize(
    "wait", [lambda x: x.nonzero(), lambda x: x[x > 0], lambda x: x.masked_select(x > 0), lambda x: x.unique()]
)
def test_who_has_to_know_how_large_a_result_is_waits(wait: Callable[[torch.Tensor], object]) -> None:
    early = torch.arange(3.0, device="cuda").to("cpu", non_blocking=True)
    assert early.isnan().all()
    wait(torch.ones(2, device="cuda"))
    assert early.tolist() == [0, 1, 2]


def test_a_copy_into_pinned_memory_that_nobody_waited_for(gpu: SimulatedGpu) -> None:
    pinned, ordinary = torch.zeros(3).pin_memory(), torch.zeros(3)
    for target in (pinned, ordinary):
        target.copy_(torch.arange(3.0, device="cuda"), non_blocking=True)
        assert target.isnan().all().item() == (target is pinned)
    assert [t.waited for t in gpu.transfers] == [False, True]
    assert pinned.tolist() == [0, 1, 2]


def test_numbers_name_gpus() -> None:
    assert torch.device(0) == CUDA
    assert torch.device("cpu") == CPU
    assert nn.Linear(2, 2).to(0).weight.device == CUDA
    assert nn.Linear(2, 2).to(device=0).weight.device == CUDA
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        nn.Linear(2, 2).to(1)


def test_new_is_where_the_tensor_is() -> None:
    x = torch.ones(2, device="cuda")
    assert x.new([1.0]).device == x.new(3).device == CUDA
    assert x.cpu().new(3).device == x.new([1.0], device="cpu").device == CPU


def test_storages_know_their_device() -> None:
    storage = torch.ones(2, device="cuda").untyped_storage()
    assert (storage.device, storage.is_cuda, storage.cpu().device, storage.cpu().cuda().device) == (CUDA, True, CPU, CUDA)


def test_sparse_tensors() -> None:
    indices, values = torch.tensor([[0, 1], [1, 0]]), torch.ones(2)
    for made in (
        torch.sparse_coo_tensor(indices, values, (2, 2), device="cuda"),
        torch.eye(2, device="cuda").to_sparse(),
        torch.eye(2).to_sparse().cuda(),
    ):
        assert made.device == made.to_dense().device == (made @ torch.ones(2, 2, device="cuda")).device == CUDA
    assert torch.sparse_coo_tensor(indices, values, (2, 2)).device == CPU
