"""What a zygote runs once before it forks, so that its children share the pages and caches that they will all need.

Forward only: a backward pass in the zygote would break its children.
"""

from __future__ import annotations

import sys

import torch

from autograder.checking.code import Code
from autograder.checking.run_check import load_checks, run_check
from autograder.checking.shell import Shell
from autograder.processes.protocol import Observed, frame
from autograder.records.jobs import Cell, CheckModule, CheckRequest
from autograder.simulation.operations import operation

__all__ = ["rehearse"]

_CELLS = (
    """
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

def rehearsal(x: Tensor) -> Tensor:
    '''A task.'''
    if x.numel() == 0:
        raise ValueError("there is nothing in it")
    return x + 1

class Rehearsal(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 2))
        self.register_buffer("mean", torch.zeros(2))

    def forward(self, x):
        return self.layers(x) - self.mean
""",
    """
nn.Sequential(nn.Conv2d(1, 1, 1), nn.Flatten(), nn.Linear(4, 2))(torch.ones(1, 1, 2, 2))
torch.testing.assert_close(torch.ones(1), torch.ones(1))
buffer = io.BytesIO()
torch.save({"a": torch.ones(1)}, buffer)
buffer.seek(0)
torch.load(buffer)
print(torch.tensor([[1.5, 2], [3, 4]]), torch.arange(6).reshape(2, 3).to(torch.float64), torch.tensor([True]))
x = torch.randn(4, 3, dtype=torch.float64).float()
with torch.no_grad():
    print(F.cross_entropy(Rehearsal()(x), torch.tensor([0, 1, 0, 1])), F.mse_loss(x, x * 2), x @ x.T, x.softmax(1).mean(0))
x.T.contiguous().view(-1)[::2].long().unique(), torch.where(x > 0, x, 0)
torch.cat([x, x]), torch.stack([x, x]).permute(2, 0, 1)
""",
)
_OPTIMIZERS = """
torch.optim.SGD([nn.Parameter(x)], lr=0.1, momentum=0.9), torch.optim.Adam([nn.Parameter(x)])
"""
_PLOT = """
import matplotlib.pyplot as plt

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
left.plot([0, 1, 2], [0, 1, 4], "o-", label="a line")
left.annotate("here", (1, 1), (1, 2), arrowprops={"arrowstyle": "->"})
left.set(title="Title", xlabel="$x$", ylabel="loss")
left.legend()
right.hist([1, 2, 2, 3], bins=3)
right.imshow([[0, 1], [1, 0]])
right.text(0, 0, "text")
right.axis("off")
figure.canvas.draw()
plt.show()
plt.close("all")
"""
_CHECKS = """
import torch
from torch import nn

from autograder import checks, close, exactly, ignoring, only, raises

@checks("rehearsal")
def test_tensors(code, given):
    '''What most checks do.'''
    x, y = given.normal(3, 4), given.normal(2, 3, dtype=torch.float64, requires_grad=True)
    whole, masks, empty = given.integers(5), given.bools(3), given.normal(0, 3)
    return {
        "result": code.rehearsal(x),
        "shape": only({"a": code.rehearsal(y), "b": [whole, masks, given.uniform(2)]}, "shape", "values"),
        "close": close(code.rehearsal(given.non_contiguous(x)), rtol=1e-3),
        "shared": ignoring(x.view(-1), "requires_grad"),
        "bits": exactly(given.permutation(4)),
        "empty": raises(lambda: code.rehearsal(empty)),
        "number": 1.5, "name": "text", "none": None, "flag": True, "dtype": x.dtype,
    }

@checks("rehearsal")
def test_modules(code, given):
    '''What checks of modules do.'''
    model = given.module(code.Rehearsal)
    half = given.module(lambda: nn.Linear(3, 2).double())
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    with torch.no_grad():
        out = model.eval()(given.normal(4, 3))
    return {"model": model, "before": before, "out": out, "half": list(half.parameters()), "keys": list(model.state_dict())}

@checks("rehearsal")
def test_error(code, given):
    '''A check that raises.'''
    with given.default_dtype(torch.float64):
        return code.rehearsal(given.normal(0))

@checks("rehearsal")
def test_device(code, given):
    '''A check with a simulated GPU.'''
    return given.second_device
"""

_OPERATIONS = (
    *("_local_scalar_dense", "_to_copy", "abs", "addmm", "all", "arange", "clone", "copy_", "detach", "equal", "full"),
    *("lift_fresh", "mean", "mm", "ones", "permute", "relu", "round", "stack", "sum", "t", "view", "zeros", "zeros_like"),
    *("add.Tensor", "div.Tensor", "eq.Tensor", "index.Tensor", "mul.Tensor", "ne.Scalar", "pow.Tensor_Scalar", "select.int"),
    *("rand.generator", "randint.low_generator", "randn.generator", "sub.Tensor", "where.self"),
)
"""The aten operations used most on a simulated GPU: `name` or `name.overload`."""


def rehearse(shell: Shell) -> None:
    """Run cells and checks like those of a submission in this process, then forget them."""
    if "matplotlib.pyplot" in sys.modules:
        _run(shell, Cell(1, _PLOT))
    for name in _OPERATIONS:
        packet, _, overload = name.partition(".")
        operation(getattr(getattr(torch.ops.aten, packet), overload or "default"))
    for number, source in enumerate(_CELLS, start=1):
        _run(shell, Cell(number, source))
    if "torch._dynamo" in sys.modules:
        _run(shell, Cell(len(_CELLS) + 1, _OPTIMIZERS))
    code = Code(shell.user_ns)
    for name, check in load_checks(CheckModule("rehearsal", _CHECKS)).items():
        for draw in range(2):
            frame(Observed(run_check(check, code, CheckRequest(name, "rehearsal", draw, draw, 1.0))))
    shell.forget()


def _run(shell: Shell, cell: Cell) -> None:
    error = shell.run(cell)
    if error is not None:
        raise error
