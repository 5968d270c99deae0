"""A piece of code as a student writes it, and what a GPU makes of it: what gpu_snippets.py is written with."""

from __future__ import annotations

import re
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from autograder import simulated_gpu

__all__ = ["SAME_DEVICE", "Snippet", "fails", "on_cuda", "works", "wrong"]

SAME_DEVICE = "Expected all tensors to be on the same device"

PRELUDE = """
import copy, io, threading
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
X, Y = torch.randn(32, 4), torch.randint(0, 3, (32,))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 3)
    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))

def loop(model, xs, ys, optimizer, n=8):
    losses = []
    for _ in range(n):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xs), ys)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

class WithPart(nn.Module):
    def __init__(self, forward, buffer=False):
        super().__init__()
        self.fc, self._forward = nn.Linear(4, 4), forward
        if buffer:
            self.register_buffer("mask", torch.ones(4))
        else:
            self.mask = torch.ones(4)
    def forward(self, x):
        return self._forward(self, x)
"""


@dataclass(frozen=True)
class Snippet:
    """`code` leaves a `result`. `right` looks at it on a GPU; or `error` and `text` say what is raised there.

    `bug` says whether the code is wrong; what runs and gives a result that is not right has neither error nor text.
    `luck` says that a real GPU may give the right result all the same.
    """

    name: str
    code: str
    bug: bool = False
    right: Callable[[Any], bool] | None = None
    error: type[Exception] | None = None
    text: str = ""
    luck: bool = False

    def run(self, gpu: bool) -> Any:
        """The result, or the exception that ended it."""
        namespace: dict[str, Any] = {}
        torch.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                exec(PRELUDE + textwrap.dedent(self.code), namespace)
                if gpu:
                    torch.cuda.synchronize()  # what a kernel finds wrong is told at the next occasion
            except Exception as error:
                return error
        result = namespace["result"]
        if self.right is not None and gpu:
            return result if self.right(result) else AssertionError("the result is not right")
        return result

    def on_gpu(self) -> Any:
        """The same on a simulated GPU."""
        with simulated_gpu():
            return self.run(gpu=True)

    def agrees(self, outcome: Any) -> bool:
        """Whether an outcome is the one of CUDA."""
        if self.error is not None:
            return isinstance(outcome, self.error) and re.search(self.text, str(outcome)) is not None
        if self.bug:
            return isinstance(outcome, AssertionError)
        return not isinstance(outcome, Exception)


def on_cuda(result: Any) -> bool:
    return bool(result.device.type == "cuda")


def fails(name: str, code: str, error: type[Exception] = RuntimeError, text: str = SAME_DEVICE) -> Snippet:
    return Snippet(name, code, bug=True, error=error, text=text)


def works(name: str, code: str, right: Callable[[Any], bool] = on_cuda) -> Snippet:
    return Snippet(name, code, right=right)


def wrong(name: str, code: str, right: Callable[[Any], bool] = on_cuda, *, luck: bool = False) -> Snippet:
    return Snippet(name, code, bug=True, right=right, luck=luck)
