"""`torch.cuda`, random numbers, mixed precision and files on the simulated GPU."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from autograder.simulation.session import SimulatedGpu, simulated_gpu

CUDA = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def gpu() -> SimulatedGpu:
    with simulated_gpu() as machine:
        yield machine


def test_questions() -> None:
    assert torch.cuda.is_available()
    assert (torch.cuda.device_count(), torch.cuda.current_device()) == (1, 0)
    assert torch.cuda.get_device_name(0) == torch.cuda.get_device_properties("cuda").name == "Simulated GPU"
    assert torch.cuda.get_device_capability() >= (8, 0)
    assert torch.accelerator.is_available()
    assert torch.accelerator.current_accelerator().type == "cuda"
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.cuda.set_device(3)


def test_memory_in_use() -> None:
    before = torch.cuda.memory_allocated()
    x = torch.ones(1024, device="cuda")
    assert torch.cuda.memory_allocated() == before + 4096
    view = x[10:]
    del x
    assert torch.cuda.memory_allocated() == before + 4096
    del view
    assert torch.cuda.memory_allocated() == before
    assert torch.cuda.max_memory_allocated() >= before + 4096
    torch.cuda.reset_peak_memory_stats()
    assert torch.cuda.max_memory_allocated() == before


def test_events_and_streams() -> None:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    with torch.cuda.stream(torch.cuda.Stream()):
        torch.ones(2, device="cuda")
    end.record()
    torch.cuda.synchronize()
    assert start.elapsed_time(end) >= 0
    with pytest.raises(ValueError, match="enable_timing"):
        torch.cuda.Event().elapsed_time(end)
    with pytest.raises(RuntimeError, match="not simulated"):
        torch.cuda.CUDAGraph()


def test_old_tensor_types() -> None:
    x = torch.cuda.LongTensor([1, 2])
    assert (x.device, x.dtype) == (CUDA, torch.int64)
    assert isinstance(x, torch.cuda.LongTensor)
    assert not isinstance(x.cpu(), torch.cuda.LongTensor)
    assert not isinstance(x, torch.cuda.FloatTensor)


def test_random_numbers_of_the_gpu_are_its_own() -> None:
    state = torch.get_rng_state()
    torch.randn(3, device="cuda")
    F.dropout(torch.ones(8, device="cuda"))
    torch.empty(3, device="cuda").normal_()
    nn.Linear(2, 2, device="cuda")
    assert torch.equal(torch.get_rng_state(), state)
    on_gpu = torch.cuda.get_rng_state()
    torch.randn(3)
    assert torch.equal(torch.cuda.get_rng_state(), on_gpu)


def test_seeds() -> None:
    torch.manual_seed(3)
    first = torch.randn(3, device="cuda")
    torch.cuda.manual_seed_all(3)
    assert torch.equal(torch.randn(3, device="cuda"), first)
    state = torch.cuda.get_rng_state()
    second = torch.randn(3, device="cuda")
    torch.cuda.set_rng_state(state)
    assert torch.equal(torch.randn(3, device="cuda"), second)
    with torch.random.fork_rng():
        torch.randn(3, device="cuda")
    torch.cuda.set_rng_state(state)
    assert torch.equal(torch.randn(3, device="cuda"), second)


def test_generators() -> None:
    generator = torch.Generator("cuda").manual_seed(1)
    assert generator.device == CUDA
    assert isinstance(generator, torch.Generator)
    assert torch.Generator().device.type == "cpu"
    state = torch.cuda.get_rng_state()
    x = torch.randn(3, device="cuda", generator=generator)
    assert torch.equal(torch.cuda.get_rng_state(), state)
    assert torch.equal(torch.empty(3, device="cuda").normal_(generator=generator.manual_seed(1)), x)


def test_activation_checkpoints() -> None:
    layer = nn.Sequential(nn.Linear(3, 3), nn.Dropout()).cuda()
    x = torch.ones(4, 3, device="cuda", requires_grad=True)
    checkpoint(layer, x, use_reentrant=False).sum().backward()
    assert x.grad.device == CUDA


def test_a_compiled_model_is_the_model() -> None:
    model = nn.Linear(2, 2).cuda()
    assert torch.compile(model) is model
    assert torch.compile(mode="default")(model) is model


LOWER = {
    "linear": lambda x, w: F.linear(x, w),
    "matmul": lambda x, w: x @ w,
    "mm": lambda x, w: torch.mm(x, w),
    "mv": lambda x, w: torch.mv(x, w[0]),
    "einsum": lambda x, w: torch.einsum("ij,jk->ik", x, w),
    "nn.Linear": lambda x, w: nn.Linear(4, 2).cuda()(x),
    "attention": lambda x, w: nn.MultiheadAttention(4, 2).cuda()(x, x, x)[0],
    "conv1d": lambda x, w: F.conv1d(x[None], w[:, :, None]),
}
FLOAT32 = {
    "softmax": lambda h: h.softmax(-1),
    "log_softmax": lambda h: F.log_softmax(h, -1),
    "cross_entropy": lambda h: F.cross_entropy(h, torch.zeros(4, dtype=torch.int64, device="cuda")),
    "mse_loss": lambda h: F.mse_loss(h, torch.zeros_like(h)),
    "layer_norm": lambda h: F.layer_norm(h, (4,)),
    "exp": torch.exp,
    "sum": torch.sum,
    "power": lambda h: h**2,
    "norm": lambda h: h.norm(),
}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", LOWER)
def test_autocast_lowers(name: str, dtype: torch.dtype) -> None:
    x, w = torch.randn(4, 4, device="cuda"), torch.randn(4, 4, device="cuda")
    with torch.autocast("cuda", dtype=dtype):
        assert LOWER[name](x, w).dtype == dtype
    assert LOWER[name](x, w).dtype == torch.float32


@pytest.mark.parametrize("name", FLOAT32)
def test_autocast_keeps_in_float32(name: str) -> None:
    half = torch.ones(4, 4, device="cuda", dtype=torch.float16)
    with torch.autocast("cuda"):
        assert FLOAT32[name](half).dtype == torch.float32
        assert FLOAT32[name](half.double()).dtype == torch.float64
        assert torch.relu(half).dtype == torch.float16


def test_autocast_is_for_one_device() -> None:
    on_cpu, on_gpu = torch.ones(2, 2), torch.ones(2, 2, device="cuda")
    with torch.autocast("cuda"):
        assert ((on_cpu @ on_cpu).dtype, (on_gpu @ on_gpu).dtype) == (torch.float32, torch.float16)
        with torch.autocast("cuda", enabled=False):
            assert (on_gpu @ on_gpu).dtype == torch.float32
        assert torch.is_autocast_enabled("cuda")
        assert torch.get_autocast_dtype("cuda") == torch.float16
    with torch.autocast("cpu"):
        assert ((on_cpu @ on_cpu).dtype, (on_gpu @ on_gpu).dtype) == (torch.bfloat16, torch.float32)
    assert (on_gpu @ on_gpu).dtype == torch.float32


def test_autocast_as_a_decorator_and_the_old_names() -> None:
    x = torch.ones(2, 2, device="cuda")
    assert torch.autocast("cuda")(lambda: x @ x)().dtype == torch.float16
    with pytest.warns(FutureWarning), torch.cuda.amp.autocast():
        assert (x @ x).dtype == torch.float16


def test_gradients_under_autocast_have_the_weights_dtype() -> None:
    model = nn.Linear(3, 2).cuda()
    with torch.autocast("cuda"):
        loss = F.mse_loss(model(torch.ones(4, 3, device="cuda")), torch.zeros(4, 2, device="cuda"))
    loss.backward()
    assert (model.weight.grad.dtype, model.weight.grad.device) == (torch.float32, CUDA)


def test_a_scaler_skips_steps_that_overflow() -> None:
    model = nn.Linear(1, 1, bias=False).cuda()
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.1), torch.amp.GradScaler("cuda", init_scale=8.0)
    before = model.weight.detach().clone()
    scaler.scale(model(torch.full((1, 1), float("inf"), device="cuda")).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert torch.equal(model.weight, before)
    assert scaler.get_scale() == 4.0


def saved(thing: object) -> io.BytesIO:
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return file


def test_files_remember_the_device(gpu: SimulatedGpu) -> None:
    state = nn.Linear(2, 2).cuda().state_dict() | {"on the cpu": torch.ones(2)}
    loaded = torch.load(saved(state))
    assert (loaded["weight"].device, loaded["on the cpu"].device.type) == (CUDA, "cpu")
    for where in ("cpu", torch.device("cpu"), lambda storage, location: storage, {"cuda:0": "cpu"}):
        mapped = torch.load(saved(state), map_location=where)
        assert mapped["weight"].device.type == "cpu", where
    assert torch.load(saved(state), map_location="cuda")["on the cpu"].device == CUDA
    with gpu.hidden():
        with pytest.raises(RuntimeError, match=r"torch\.cuda\.is_available"):
            torch.load(saved(state))
        assert torch.load(saved(state), map_location="cpu")["weight"].device.type == "cpu"


def test_a_file_from_the_gpu_is_one_without_the_simulation() -> None:
    file = saved(torch.ones(2, device="cuda"))
    assert b"cuda:0" in file.getvalue()


def test_copies_stay_where_they_are() -> None:
    model = nn.Linear(2, 2).cuda()
    assert copy.deepcopy(model).weight.device == pickle.loads(pickle.dumps(model)).weight.device == CUDA
    assert copy.copy(model.weight).device == copy.deepcopy(model.weight).device == CUDA
    fresh = nn.Linear(2, 2)
    fresh.load_state_dict(model.state_dict())
    assert fresh.weight.device.type == "cpu"
    assert torch.equal(fresh.weight, model.weight.cpu())


def test_what_knows_devices_by_number_or_tensor() -> None:
    with torch.cuda.device_of(torch.ones(1, device="cuda")), torch.accelerator.device_index(0):
        assert torch.accelerator.current_device_index() == 0
    assert torch.get_device_module() is torch.get_device_module("cuda") is torch.cuda
    assert torch.Stream(device="cuda").device == CUDA
    torch.Event(device="cuda", enable_timing=True).synchronize()
    torch.cuda.set_per_process_memory_fraction(0.5)
    assert torch.cuda.memory_stats()["allocated_bytes.all.current"] == torch.cuda.memory_allocated()


def test_a_random_state_belongs_on_the_cpu() -> None:
    for state, put in ((torch.get_rng_state(), torch.set_rng_state), (torch.cuda.get_rng_state(), torch.cuda.set_rng_state)):
        put(state)
        with pytest.raises(TypeError, match=r"must be a torch\.ByteTensor"):
            put(state.cuda())


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers(layer: type[nn.Module]) -> None:
    model, x = layer(4, 3).cuda(), torch.ones(5, 2, 4, device="cuda")
    with pytest.raises(RuntimeError, match="Input and parameter tensors are not at the same device"):
        model(x.cpu())
    state = torch.zeros(1, 2, 3)
    with pytest.raises(RuntimeError, match="Input and hidden tensors are not at the same device"):
        model(x, (state, state) if layer is nn.LSTM else state)
    with torch.autocast("cuda"):
        out = model(x)[0]
    assert (out.dtype, out.device) == (torch.float16, CUDA)
    out.sum().backward()
    assert {(p.grad.dtype, p.grad.device) for p in model.parameters()} == {(torch.float32, CUDA)}
    packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 2]))
    assert packed.batch_sizes.device.type == "cpu"
    assert model(packed)[0].data.device == CUDA


def test_several_gradients_are_checked_one_by_one() -> None:
    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):  # type: ignore[no-untyped-def]
            return x * y

        @staticmethod
        def backward(ctx, gradient):  # type: ignore[no-untyped-def]
            return gradient, torch.ones(2)

    x, y = torch.ones(2, device="cuda", requires_grad=True), torch.ones(2, device="cuda", requires_grad=True)
    with pytest.raises(RuntimeError, match="Function ScaleBackward returned an invalid gradient at index 1"):
        Scale.apply(x, y).sum().backward()
    with pytest.raises(RuntimeError, match="expected device cuda:0 but got cpu"):
        torch.autograd.grad(x * 2, x, torch.ones(2))
    (found,) = torch.autograd.grad((x * 2).sum(), x, torch.tensor(3.0))
    assert (found.tolist(), found.device) == ([6, 6], CUDA)
