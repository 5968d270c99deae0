"""Takes every operation of torch's OpInfo database through the simulated GPU.

For each sample: the operation must not be refused, its results must be on the GPU and the same as on the CPU, gradients
likewise; and with one tensor left on the CPU it must be refused, unless CUDA takes it, too (`ACCEPTED`).
Operations without a CUDA kernel (`NO_KERNEL`) must be refused.

`python benchmarks/devices.py --sweep` runs it and writes its figures.
"""

from __future__ import annotations

import copy
import random
import sys
import unittest
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch.utils import _pytree

from autograder import simulated_gpu

__all__ = ["ACCEPTED", "NO_KERNEL", "Sweep", "sweep"]

_READS_SHAPE = "reads only the shape of its second tensor"
ACCEPTED = {
    "broadcast_tensors": "reads only shapes",
    **dict.fromkeys(("expand_as", "reshape_as", "view_as", "resize_as_"), _READS_SHAPE),
    "narrow": "fetches the start, a number",
    "tensor_split": "wants its indices on the CPU",
    "index_put": "takes indices of the CPU",
    **dict.fromkeys(("slice_scatter", "select_scatter", "diagonal_scatter", "as_strided_scatter"), "copies into a clone"),
    "nn.functional.ctc_loss": "fetches labels and lengths",
}
"""What CUDA accepts with one tensor on the CPU, and why."""

NO_KERNEL = ("histogram", "histogramdd")
"""What CUDA has no kernel for."""

_DTYPES = (torch.float32, torch.int64, torch.bool, torch.complex64)
# Their values mean nothing.
_UNDEFINED = ("empty", "new_empty", "empty_strided", "new_empty_strided", "empty_like", "empty_permuted")


class Sweep:
    """What was counted, and the names of operations for each kind of disagreement."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.counts: Counter[str] = Counter()
        self.findings: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def found(self, kind: str, name: str) -> None:
        """Note a disagreement."""
        self.counts[kind] += 1
        self.findings[kind][name] += 1


def sweep(samples: int = 3, only: str = "", *, operations: int | None = None, seed: int = 0) -> Sweep:
    """Run up to `samples` samples of each operation whose name contains `only`; of so many `operations`, drawn by `seed`."""
    # torch.testing._internal wants this package, of which nothing is needed here.
    sys.modules.setdefault("expecttest", SimpleNamespace(TestCase=unittest.TestCase))  # type: ignore[arg-type]
    from torch.testing._internal.common_methods_invocations import op_db

    result = Sweep()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for op in op_db if operations is None else random.Random(seed).sample(op_db, operations):
            name = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
            if only not in name:
                continue
            result.counts["operations"] += 1
            for sample in _samples(op, samples):
                _try(result, op, name, sample)
    return result


def _samples(op: Any, limit: int) -> Iterator[tuple[Any, Any]]:
    dtype = next((dtype for dtype in _DTYPES if dtype in op.dtypes), None)
    if dtype is None:
        return
    try:
        found = list(op.sample_inputs("cpu", dtype, requires_grad=False))[:limit]
    except Exception:
        return
    for sample in found:
        args, kwargs = (sample.input, *sample.args), dict(sample.kwargs)
        tensors = _tensors((args, kwargs))
        kwargs.pop("device", None)
        if all(tensor.layout == torch.strided and not tensor.is_nested for tensor in tensors):
            yield args, kwargs


def _try(result: Sweep, op: Any, name: str, sample: Any) -> None:
    expected = _run(op, sample, lambda tensor: tensor)
    if isinstance(expected, Exception):
        return
    result.counts["samples"] += 1
    with simulated_gpu():
        actual = _run(op, _for_gpu(name, sample), _to_gpu)
        if name in NO_KERNEL:
            if not isinstance(actual, NotImplementedError):
                result.found("mixed accepted", f"{name}: it has no kernel")
            return
        if isinstance(actual, Exception):
            result.found("refused", f"{name}: {str(actual).splitlines()[0][:100] if str(actual) else type(actual).__name__}")
            return
        if any(tensor.device.type != "cuda" for tensor in _tensors(actual)):
            result.found("result not on the GPU", name)
        values = [tensor.detach().cpu() for tensor in _tensors(actual)]
    if not name.startswith(_UNDEFINED) and not _agree(values, _tensors(expected)):
        result.found("other values", name)
    _try_gradient(result, op, name, sample)
    _try_mixed(result, op, name, sample)


def _try_gradient(result: Sweep, op: Any, name: str, sample: Any) -> None:
    if not op.supports_autograd:
        return
    expected = _gradients(op, sample, lambda tensor: tensor)
    if isinstance(expected, Exception) or not expected:
        return
    result.counts["backward passes"] += 1
    with simulated_gpu():
        actual = _gradients(op, _for_gpu(name, sample), _to_gpu)
        if isinstance(actual, Exception):
            result.found(
                "backward refused", f"{name}: {str(actual).splitlines()[0][:100] if str(actual) else type(actual).__name__}"
            )
            return
        if any(gradient is not None and gradient.device.type != "cuda" for gradient in actual):
            result.found("gradient not on the GPU", name)
        values = [None if gradient is None else gradient.detach().cpu() for gradient in actual]
    if not name.startswith(_UNDEFINED) and not _agree(values, expected):
        result.found("other gradients", name)


def _try_mixed(result: Sweep, op: Any, name: str, sample: Any) -> None:
    tensors = _tensors(sample)
    if len(tensors) < 2:
        return
    for index, tensor in enumerate(tensors):
        if tensor.dim() == 0:
            continue
        numbers = iter(range(len(tensors)))
        with simulated_gpu():
            outcome = _run(op, sample, lambda tensor: tensor if next(numbers) == index else _to_gpu(tensor))  # noqa: B023
        result.counts["mixed"] += 1
        if isinstance(outcome, RuntimeError):
            result.counts["mixed refused"] += 1
        elif isinstance(outcome, Exception):
            result.found("mixed, another error", f"{name}: {type(outcome).__name__}")
        elif name in ACCEPTED:
            result.counts["mixed accepted by CUDA"] += 1
        else:
            result.found("mixed accepted", name)


def _for_gpu(name: str, sample: Any) -> Any:
    """The same call for the GPU: what names a device names the GPU, and what makes tensors from numbers is told to there."""
    args, kwargs = _pytree.tree_map_only(torch.device, lambda device: torch.device("cuda"), sample)
    args, kwargs = _pytree.tree_map_only(str, lambda text: "cuda" if text == "cpu" else text, (args, kwargs))
    makes_tensors = not _tensors(sample) and name != "broadcast_shapes"
    if makes_tensors or name.startswith(("linspace", "logspace")):
        kwargs = {**kwargs, "device": "cuda"}
    return args, kwargs


def _to_gpu(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to("cuda")


def _tensors(things: Any) -> list[Any]:
    return [leaf for leaf in _pytree.tree_leaves(things) if isinstance(leaf, torch.Tensor)]


def _run(op: Any, sample: Any, place: Callable[[Any], Any], *, gradients: bool = False) -> Any:
    def fresh(tensor: torch.Tensor) -> torch.Tensor:
        placed: torch.Tensor = place(tensor.detach().clone())
        return placed.requires_grad_() if gradients and (placed.is_floating_point() or placed.is_complex()) else placed

    try:
        args, kwargs = _pytree.tree_map_only(torch.Tensor, fresh, (copy.copy(sample[0]), dict(sample[1])))
        torch.manual_seed(0)
        out = op(*args, **kwargs)
    except Exception as error:
        return error
    return (out, _tensors((args, kwargs))) if gradients else out


def _gradients(op: Any, sample: Any, place: Callable[[Any], Any]) -> Any:
    ran = _run(op, sample, place, gradients=True)
    if isinstance(ran, Exception):
        return ran
    out, inputs = ran
    outputs = [tensor for tensor in _tensors(out) if tensor.requires_grad]
    leaves = [tensor for tensor in inputs if tensor.requires_grad]
    if not outputs:
        return []
    try:
        total = sum((output * output.conj()).real.sum() for output in outputs)
        return list(torch.autograd.grad(total, leaves, allow_unused=True))  # type: ignore[arg-type]
    except Exception as error:
        return error


def _agree(actual: list[Any], expected: list[Any]) -> bool:
    for one, other in zip(actual, expected, strict=True):
        if (one is None) != (other is None):
            return False
        if one is None or one.layout != torch.strided:
            continue
        try:
            torch.testing.assert_close(one, other, equal_nan=True, rtol=1e-4, atol=1e-4)
        except AssertionError:
            return False
    return True
