"""Things that are observed by their parts: equal ones are equal, and a difference in any part is seen."""

from __future__ import annotations

import enum
import subprocess
import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal
from torch.nn.utils.rnn import pack_sequence

from autograder.checking.observe import observe
from autograder.comparing.arrays import DEFAULT_TOLERANCES as TOLERANCES
from autograder.comparing.compare import compare
from autograder.records.observation import MappingFact, Observation, OpaqueFact


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass(slots=True)
class Base:
    a: int


@dataclass(slots=True)
class Slotted(Base):
    b: float = 0.5


def figure(title: str = "Loss", points: tuple[float, ...] = (1.0, 0.5), label: str = "training", legend: bool = True) -> Any:
    from matplotlib.figure import Figure

    made = Figure()
    axes = made.add_subplot()
    axes.plot(range(len(points)), points, label=label)
    axes.set_title(title)
    if legend:
        axes.legend()
    return made


def bars(*heights: float) -> Any:
    from matplotlib.figure import Figure

    made = Figure()
    made.add_subplot().bar(range(len(heights)), heights)
    return made


def image(shade: int) -> Any:
    from PIL import Image

    return Image.new("L", (3, 2), shade)


def sentences(right: Any, other: Any) -> list[str]:
    seen = [Observation(check="test", draw=0, returned=observe({"it": thing})) for thing in (right, other)]
    return [each.sentence for each in compare(*seen, TOLERANCES)]


PAIRS: dict[str, tuple[Any, Any, Any]] = {
    "SimpleNamespace": (lambda: SimpleNamespace(a=1), lambda: SimpleNamespace(a=2), lambda: SimpleNamespace()),
    "enum": (lambda: Colour.RED, lambda: Colour.BLUE, lambda: 1),
    "slots": (lambda: Slotted(1), lambda: Slotted(1, 0.6), lambda: Base(1)),
    "distribution": (lambda: Normal(0.0, 1.0), lambda: Normal(0.0, 2.0), lambda: torch.zeros(())),
    "logits": (
        lambda: Categorical(torch.tensor([0.25, 0.75])),
        lambda: Categorical(torch.tensor([0.5, 0.5])),
        lambda: Normal(0.0, 1.0),
    ),
    "nested distribution": (
        lambda: Independent(Normal(torch.zeros(2), torch.ones(2)), 1),
        lambda: Independent(Normal(torch.ones(2), torch.ones(2)), 1),
        lambda: Independent(Normal(torch.zeros(2), torch.ones(2)), 0),
    ),
    "packed sequence": (
        lambda: pack_sequence([torch.ones(2), torch.zeros(1)]),
        lambda: pack_sequence([torch.ones(2), torch.ones(1)]),
        lambda: [torch.ones(2)],
    ),
    "sparse": (lambda: torch.eye(2).to_sparse(), lambda: torch.eye(2).to_sparse() * 2, lambda: torch.eye(2)),
    "figure": (figure, lambda: figure(points=(1.0, 0.6)), lambda: figure(title="")),
    "legend": (figure, lambda: figure(label="validation"), lambda: figure(legend=False)),
    "bars": (lambda: bars(1, 2), lambda: bars(1, 3), lambda: bars()),
    "image": (lambda: image(7), lambda: image(8), lambda: None),
}


@pytest.mark.parametrize("name", PAIRS)
def test_right_wrong_and_another_thing(name: str) -> None:
    right, wrong, other = PAIRS[name]
    assert sentences(right(), right()) == []
    assert sentences(right(), wrong()) != []
    assert sentences(right(), other()) != []


def test_logits_and_probabilities_of_one_distribution_are_equal() -> None:
    logits = torch.tensor([0.25, 0.75]).log()
    assert sentences(Categorical(torch.tensor([0.25, 0.75])), Categorical(logits=logits)) == []


def test_the_sentence_names_the_part() -> None:
    assert sentences(SimpleNamespace(a=1), SimpleNamespace(a=2)) == [
        '`it["a"]` is 2; it should be 1. Your value is 2 times the expected one.'
    ]


def test_a_students_subclass_is_not_asked() -> None:
    class Mine(Normal):
        def __repr__(self) -> str:
            raise RuntimeError

    assert isinstance(observe(Mine(0.0, 1.0)), OpaqueFact)


def test_a_thing_that_breaks_while_it_is_read() -> None:
    broken = figure()
    broken.axes[0].title = None
    fact = observe(broken)
    assert isinstance(fact, MappingFact)
    assert "its parts cannot be read" in str(fact)


def test_nothing_is_imported_to_look_at_things() -> None:
    code = "import sys; from autograder.checking.observe import observe; observe(object()); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100).stdout
    assert {"matplotlib", "pandas", "PIL"} & set(loaded.split()) == set()
