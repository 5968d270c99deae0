"""Code of which PyTorch's sources say what CUDA makes: one device or CPU scalars, generators, the CPU alone, pinning."""

from __future__ import annotations

from gpu_snippet import Snippet, fails, works

__all__ = ["SOURCES"]

_X = "x = torch.arange(4.0, device=device)\n"
_GPU = "Expected a 'cuda' device type for generator but found 'cpu'"
_CPU = "Expected a 'cpu' device type for generator but found 'cuda'"


def _takes(call: str) -> Snippet:
    return works(f"`{call}`, of the CPU", f"{_X}a = torch.tensor(2.0)\nresult = {call}")


def _refuses(call: str, text: str = "same device") -> Snippet:
    return fails(f"`{call}`, of the CPU", f"{_X}a = torch.tensor(2.0)\nresult = {call}", text=text)


# `device_check` in native_functions.yaml, and TensorIterator's `allow_cpu_scalars`; `a` is a 0-dimensional CPU tensor.
_SCALARS = [
    *map(
        _takes,
        [
            *(
                "torch.add(x, a)",
                "torch.pow(x, a)",
                "torch.pow(a, x)",
                "torch.maximum(x, a)",
                "x.fmod(a)",
                "torch.atan2(x, a)",
            ),
            *("x == a", "torch.lerp(x, x, a)", "torch.addcmul(x, x, a)", "torch.where(x > 1, x, a)", "x.clone().fill_(a)"),
            *(
                "torch.xlogy(x, a)",
                "torch.hypot(x, a)",
                "torch.copysign(x, a)",
                "torch.logical_and(x, a)",
                "x.masked_fill(x > 1, a)",
            ),
            *("torch.where(x > 1, a, a)", "x.ldexp(a)", "torch.dist(x, a)", "torch.rsub(x, a)", "torch.heaviside(x, a)"),
            *("x.index_fill(0, torch.tensor([0], device=device), a)", "x.select_scatter(a, 0, 1)"),
            *("x.remainder(a)", "torch.floor_divide(x, a)", "torch.fmax(x, a)", "x.clone().mul_(a)", "torch.isclose(x, a)"),
            *("F.mse_loss(x.sum(), a)", "torch.where(torch.tensor(True), x, x)"),
        ],
    ),
    *map(
        _refuses,
        [
            *(
                "torch.clamp(x, max=a)",
                "torch.clamp(x, a, a)",
                "x.clamp_min(a)",
                "torch.logaddexp(x, a)",
                "torch.logaddexp2(x, a)",
            ),
            *("torch.igamma(x, a)", "torch.igammac(x, a)", "torch.nextafter(x, a)", "torch.gcd(x.long(), a.long())"),
            *("torch.lcm(x.long(), a.long())", "torch.addcdiv(x, x, a)", "torch.bucketize(a, x)", "torch.isin(x, a)"),
            *("torch.normal(x, a)", "x.index_select(0, torch.tensor(0))", "x.take(torch.tensor(0))", "torch.polar(x, a)"),
            *(
                "torch.complex(x, a)",
                "torch.equal(x.sum(), a)",
                "F.huber_loss(x.sum(), a)",
                "F.binary_cross_entropy(x[1], a / 2)",
            ),
            *("torch.kron(x, a.view(1))", "torch.dot(x, torch.ones(4))", "x.index_fill(0, torch.tensor([0]), 1.0)"),
            *("torch.searchsorted(x, a)", "torch.quantile(x, a / 4)", "x.clamp_(max=a)", "torch.stack([x.sum(), a])"),
        ],
    ),
    _refuses("torch.addcmul(x, a, a)", "too many CPU scalars"),
    _refuses("torch.lerp(x, a, a)", "too many CPU scalars"),
    works(
        "`fill_` of a CPU tensor with a number of the GPU",
        "result = torch.ones(2).fill_(torch.tensor(3.0, device=device)).tolist()",
        lambda r: r == [3, 3],
    ),
    works(
        "`bernoulli_` with probabilities of the CPU",
        "result = torch.empty(3, device=device).bernoulli_(torch.full((3,), 0.5))",
    ),
    works("`slice_scatter` of CPU values", f"{_X}result = x.slice_scatter(torch.ones(2), 0, 0, 2)"),
]
# `check_generator` in ATen/core/Generator.h, called by every kernel that draws.
_GENERATORS = [
    *(
        fails(
            f"`{call}` with a generator of the GPU",
            f"g = torch.Generator(device)\nx = torch.full((3,), 0.5)\nresult = {call}",
            text=_CPU,
        )
        for call in (
            *(
                "x.normal_(generator=g)",
                "x.uniform_(generator=g)",
                "torch.bernoulli(x, generator=g)",
                "x.exponential_(generator=g)",
            ),
            *("torch.multinomial(x, 2, generator=g)", "torch.randperm(3, generator=g)", "nn.init.normal_(x, generator=g)"),
            *("torch.normal(x, x, generator=g)", "torch.randint(3, (3,), generator=g)", "torch.poisson(x, generator=g)"),
            *("nn.init.kaiming_uniform_(x.view(1, 3), generator=g)", "x.random_(generator=g)", "torch.rand(3, generator=g)"),
        )
    ),
    *(
        fails(
            f"`{call}` on the GPU with a generator of the CPU",
            f"g = torch.Generator()\nx = torch.full((3,), 0.5, device=device)\nresult = {call}",
            text=_GPU,
        )
        for call in (
            *("x.uniform_(generator=g)", "torch.bernoulli(x, generator=g)", "torch.multinomial(x, 2, generator=g)"),
            *("torch.randperm(3, generator=g, device=device)", "nn.init.xavier_normal_(x.view(1, 3), generator=g)"),
        )
    ),
]
# Operations with a CPU kernel and no CUDA one in native_functions.yaml; torch/csrc/utils/tensor_apply.cpp.
_CPU_ALONE = [
    fails("`apply_` on the GPU", f"{_X}result = x.apply_(lambda v: v + 1)", TypeError, "apply_ is only implemented on CPU"),
    fails("`map_` on the GPU", f"{_X}result = x.map_(x, lambda v, w: v + w)", TypeError, "map_ is only implemented on CPU"),
    fails(
        "`map_` with a GPU tensor",
        f"{_X}result = torch.ones(4).map_(x, lambda v, w: v + w)",
        TypeError,
        "expected CPUFloatType",
    ),
    fails("`histogram` on the GPU", f"{_X}result = torch.histogram(x, 3)", NotImplementedError, "aten::histogram.bin_ct"),
    fails(
        "`histogramdd` on the GPU", f"{_X}result = torch.histogramdd(x.view(2, 2), [2, 2])", NotImplementedError, "'CUDA'"
    ),
    works("`histc` on the GPU", f"{_X}result = torch.histc(x, 3)"),
]
# aten/src/ATen/cuda/EmptyTensor.cpp, `empty_cuda`.
_PINNED = [
    *(
        fails(
            f"`{call}, …, pin_memory=True)` on the GPU",
            f"result = torch.{call}, device=device, pin_memory=torch.cuda.is_available())",
            text="Only dense CPU tensors can be pinned",
        )
        for call in ("zeros(3", "empty(3", "randn(3", "arange(3", "full((3,), 1.0")
    ),
    works(
        "`torch.tensor(…, pin_memory=True)` on the GPU",
        "result = torch.tensor([1.0], device=device, pin_memory=torch.cuda.is_available())",
    ),
]
# torch/cuda/__init__.py, memory.py, random.py and _utils.py; assertValidDevice in c10/cuda/CUDACachingAllocator.cpp.
_CUDA = "import torch\nif torch.cuda.is_available():\n    {}\nresult = 0"
_DEVICES = [
    *(
        fails(f"`{call}`, of one GPU", _CUDA.format(call), error, text)
        for call, error, text in (
            ("torch.cuda.get_device_name(1)", AssertionError, "Invalid device id"),
            ("torch.cuda.get_device_properties(1)", AssertionError, "Invalid device id"),
            ("torch.cuda.get_device_capability(1)", AssertionError, "Invalid device id"),
            ("torch.cuda.memory_allocated(1)", RuntimeError, "Invalid device argument"),
            ("torch.cuda.max_memory_allocated('cuda:1')", RuntimeError, "Invalid device argument"),
            ("torch.cuda.reset_peak_memory_stats(1)", RuntimeError, "Invalid device argument"),
            ("torch.cuda.get_rng_state(1)", IndexError, "out of range"),
            ("torch.cuda.set_device(1)", RuntimeError, "invalid device ordinal"),
            ("torch.cuda.synchronize(1)", RuntimeError, "invalid device ordinal"),
            ("torch.cuda.mem_get_info(1)", RuntimeError, "invalid device ordinal"),
            ("torch.cuda.device(1).__enter__()", RuntimeError, "invalid device ordinal"),
            ("torch.ones(1).cuda(1)", RuntimeError, "invalid device ordinal"),
            ("nn.Linear(1, 1, device='cuda:1')", RuntimeError, "invalid device ordinal"),
            ("nn.Linear(1, 1).to(1)", RuntimeError, "invalid device ordinal"),
            ("torch.cuda.set_device('cpu')", ValueError, "Expected a cuda device, but got: cpu"),
            ("torch.cuda.memory_allocated('cpu')", ValueError, "Expected a cuda device, but got: cpu"),
            ("torch.cuda.get_device_name('cpu')", ValueError, "Expected a cuda device, but got: cpu"),
        )
    ),
    works("`torch.cuda.set_device(-1)`", _CUDA.format("torch.cuda.set_device(-1)"), lambda r: r == 0),
    works("`with torch.cuda.device(-1)`", _CUDA.format("torch.cuda.device(-1).__enter__()"), lambda r: r == 0),
]
SOURCES = [*_SCALARS, *_GENERATORS, *_CPU_ALONE, *_PINNED, *_DEVICES]
