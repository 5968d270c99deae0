"""Which things share storage, in sentences that are true of each part of whatever a check returns."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from autograder.authoring import only
from autograder.checking.observe import observe
from autograder.comparing.arrays import DEFAULT_TOLERANCES as TOLERANCES
from autograder.comparing.compare import compare
from autograder.records.observation import MappingFact, Observation, OpaqueFact, TensorFact

A = torch.arange(12.0).reshape(3, 4)


def seen(thing: Any, **inputs: Any) -> Observation:
    return Observation(check="test_it", draw=0, returned=observe(thing, inputs))


@dataclass
class Cuts:
    row: Any
    column: Any


class Kept(torch.nn.Module):
    def __init__(self, row: Any, column: Any) -> None:
        super().__init__()
        self.register_buffer("row", row)
        self.register_buffer("column", column)


def figure_of(row: Any, column: Any) -> Any:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    for line in (row, column):
        figure.add_subplot().plot(line.numpy())
    return figure


def frame_of(row: Any, column: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame({"row": row[:3].numpy(), "column": column.numpy()}, copy=False)


Pair = namedtuple("Pair", "row column")
CONTAINERS = {
    "tuple": (lambda row, column: (row, column), "result[0]", "result[1]"),
    "list": (lambda row, column: {"cuts": [row, column]}, "cuts[0]", "cuts[1]"),
    "dict": (lambda row, column: {"row": row, "column": column}, "row", "column"),
    "dict in a dict": (lambda row, column: {"cuts": {"row": row, "column": column}}, 'cuts["row"]', 'cuts["column"]'),
    "named tuple": (Pair, "result[0]", "result[1]"),
    "dataclass": (Cuts, "row", "column"),
    "dataclass in a dict": (lambda *cuts: {"cuts": Cuts(*cuts)}, 'cuts["row"]', 'cuts["column"]'),
    "namespace": (lambda row, column: SimpleNamespace(row=row, column=column), "row", "column"),
    "module": (Kept, "row", "column"),
    "module in a dict": (lambda *cuts: {"net": Kept(*cuts)}, "net.row", "net.column"),
    "iterator": (lambda *cuts: iter(cuts), "result[0]", "result[1]"),
    "figure": (figure_of, 'axes[0]["lines"][0]["y"]', 'axes[1]["lines"][0]["y"]'),
    "frame": (frame_of, "values[0]", "values[1]"),
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_aliasing_is_true_of_each_part_of_whatever_is_returned(kind: str) -> None:
    make, row, column = CONTAINERS[kind]

    def told(right: Any, wrong: Any, **inputs: Any) -> dict[str, str]:
        expected = seen(only(right, "aliasing"), **inputs)
        return {each.where: each.sentence for each in compare(expected, seen(wrong, **inputs), TOLERANCES)}

    right, half = lambda: make(A[-1], A[:, 2]), lambda: make(A[-1], A[:, 2].clone())
    if told(right(), make(A[-1].clone(), A[:, 2].clone()), x=A) == {}:
        pytest.skip("it copies what it is made of")
    sentences = list(told(right(), half(), x=A).values())
    assert f"`{row}` and `{column}` share no storage; they should." in sentences
    assert f"`{column}` has its own storage; it should share that of `x`." in sentences
    assert len(sentences) == 2
    # Of what is cut from something that nobody watches, it is not known which of the two has the wrong storage.
    assert set(told(right(), half()).values()) == {
        f"`{row}` and `{column}` share no storage; they should.",
        f"`{column}` and `{row}` share no storage; they should.",
    }


def test_a_module_that_cannot_be_observed_shifts_no_storage() -> None:
    gone = torch.zeros(1000)
    gone.untyped_storage().resize_(0)
    fact = observe({"net": Kept(torch.ones(3), gone), "view": A[0], "own": torch.ones(2)}, {"x": A})
    assert isinstance(fact, MappingFact)
    assert isinstance(fact.items[0], OpaqueFact)
    assert [item.shares for item in fact.items[1:] if isinstance(item, TensorFact)] == [("x",), ()]
