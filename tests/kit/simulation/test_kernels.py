"""The table of kernels is what the installed torch's native_functions.yaml says, and the rules follow from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder import simulated_gpu
from autograder.simulation.kernels import CHECKED, CPU_ONLY, UNCHECKED
from autograder.simulation.operations import Rule, operation

sys.path.insert(0, str(Path(__file__).parents[3] / "benchmarks"))

import cuda_kernels

KERNELS = cuda_kernels.read()
WRITTEN_FROM = cuda_kernels.TARGET.read_text(encoding="utf-8").split("of torch ")[1].split(";")[0]


def overload(key: str) -> Any:
    name, _, variant = key.partition(".")
    return getattr(getattr(torch.ops.aten, name), variant or "default")


@pytest.mark.parametrize(
    ("table", "read"),
    [(CHECKED, KERNELS.checked), (UNCHECKED, KERNELS.unchecked), (CPU_ONLY, KERNELS.cpu_only)],
    ids=["checked", "unchecked", "cpu_only"],
)
def test_the_table_is_what_this_torch_says(table: frozenset[str], read: frozenset[str]) -> None:
    known = CHECKED | UNCHECKED | CPU_ONLY
    assert table >= read & known, "run `python benchmarks/cuda_kernels.py --write`"
    if torch.__version__.partition("+")[0] == WRITTEN_FROM:
        assert table == read, "run `python benchmarks/cuda_kernels.py --write`"


def test_a_kernel_with_a_device_check_allows_no_tensor_elsewhere() -> None:
    others = {key for key in KERNELS.checked if hasattr(torch.ops.aten, key.partition(".")[0])}
    lenient = {key for key in others if operation(overload(key)).rule in (Rule.ELEMENTWISE, Rule.FIRST, Rule.INDEX)}
    assert lenient == set()
    assert len(others) > 400


def test_a_kernel_without_one_is_not_refused_by_it() -> None:
    strict = {key for key in KERNELS.unchecked if operation(overload(key)).rule is Rule.SAME}
    assert strict == set()


@pytest.mark.parametrize(
    "key", ["clamp.Tensor", "huber_loss", "logaddexp", "equal", "igamma", "nextafter", "gcd", "polar.out"]
)
def test_operations_with_a_device_check(key: str) -> None:
    assert operation(overload(key)).rule is Rule.SAME


@pytest.mark.parametrize(
    "key", ["add.Tensor", "clamp.Tensor_out", "lerp.Tensor", "_foreach_add.Tensor", "logical_and", "ldexp.Tensor"]
)
def test_operations_that_take_a_scalar_of_the_cpu(key: str) -> None:
    assert operation(overload(key)).rule is Rule.ELEMENTWISE


def test_what_the_cpu_chooses_for_itself_is_not_refused() -> None:
    with simulated_gpu():
        q = torch.randn(1, 2, 4, 8, device="cuda", requires_grad=True)
        out = torch.nn.functional.scaled_dot_product_attention(q, q, q)
        out.sum().backward()
        volume = torch.nn.functional.conv3d(torch.ones(1, 1, 3, 3, 3).cuda(), torch.ones(1, 1, 2, 2, 2).cuda())
        layer = torch.nn.LSTM(4, 3).cuda()
        assert {out.device.type, volume.device.type, layer(torch.ones(2, 1, 4).cuda())[0].device.type} == {"cuda"}
