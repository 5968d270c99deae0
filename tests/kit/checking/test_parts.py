"""Things that are observed by their parts: equal ones are equal, and a difference in any part is seen."""

from __future__ import annotations

import enum
import importlib.util
import itertools
import subprocess
import sys
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.distributions import Categorical, Independent, Normal
from torch.nn.utils.rnn import pack_sequence

from autograder.authoring import results
from autograder.checking.observe import observe
from autograder.comparing.arrays import DEFAULT_TOLERANCES as TOLERANCES
from autograder.comparing.compare import compare
from autograder.records.observation import MappingFact, Observation, OpaqueFact

Point = namedtuple("Point", "x y")


@dataclass
class Plain:
    x: int
    y: str


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


def nested(last: float, layout: torch.layout = torch.jagged) -> torch.Tensor:
    return torch.nested.nested_tensor([torch.zeros(2), torch.tensor([1.0, 2.0, last])], layout=layout)


def quantised(values: list[float]) -> torch.Tensor:
    return torch.quantize_per_tensor(torch.tensor(values), scale=0.5, zero_point=2, dtype=torch.quint8)


def frame(column: str, values: list[Any]) -> Any:
    import pandas

    return pandas.DataFrame({"name": ["a", "b"], column: values})


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
    "dataclass": (lambda: Plain(1, "a"), lambda: Plain(1, "b"), lambda: {"x": 1, "y": "a"}),
    "named tuple": (lambda: Point(1, 2), lambda: Point(1, 3), lambda: (1, 2)),
    "iterator": (lambda: iter([1, 2]), lambda: (n for n in (1, 3)), lambda: [1, 2]),
    "generator": (lambda: (n for n in (1, 2)), lambda: (n for n in (1, 2, 3)), lambda: (1, 2)),
    "function": (
        lambda: results(lambda x: x + 1, 1, 2),
        lambda: results(lambda x: 2 * x, 1, 2),
        lambda: results(torch.ones(2), 1, 2),
    ),
    "nested tensor": (lambda: nested(3.0), lambda: nested(4.0), lambda: nested(3.0, torch.strided)),
    "nested strided tensor": (
        lambda: nested(3.0, torch.strided),
        lambda: nested(4.0, torch.strided),
        lambda: torch.zeros(2, 3),
    ),
    "quantised": (lambda: quantised([0.5, 1]), lambda: quantised([0.5, 2]), lambda: torch.tensor([0.5, 1.0])),
    "sparse rows": (
        lambda: torch.eye(2).to_sparse_csr(),
        lambda: (torch.eye(2) * 2).to_sparse_csr(),
        lambda: torch.eye(2).to_sparse(),
    ),
    "sparse": (lambda: torch.eye(2).to_sparse(), lambda: torch.eye(2).to_sparse() * 2, lambda: torch.eye(2)),
    "figure": (figure, lambda: figure(points=(1.0, 0.6)), lambda: figure(title="")),
    "legend": (figure, lambda: figure(label="validation"), lambda: figure(legend=False)),
    "bars": (lambda: bars(1, 2), lambda: bars(1, 3), lambda: bars()),
    "image": (lambda: image(7), lambda: image(8), lambda: None),
}


if importlib.util.find_spec("pandas"):
    PAIRS["frame"] = (lambda: frame("x", [1, 2]), lambda: frame("x", [1, 3]), lambda: frame("y", [1, 2]))


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


def test_iterators_of_any_kind_are_as_good_as_each_other() -> None:
    assert sentences(iter([1, 2]), (n for n in (1, 2))) == []
    assert sentences((n for n in (1, 2)), map(int, "12")) == []


def test_an_iterator_without_an_end_is_not_waited_for() -> None:
    fact = observe(itertools.count())
    assert isinstance(fact, OpaqueFact)
    assert fact.reason == "it gives more than 1,000 items; return some of them, with itertools.islice"


def test_what_an_iterator_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        observe({"it": (1 / n for n in (1, 0))})


def test_an_open_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("a")
    with (tmp_path / "words").open() as file:
        assert isinstance(observe(file), OpaqueFact)


def test_a_function_is_compared_by_its_results() -> None:
    assert sentences(results(max, (1, 2)), results(min, (1, 2))) == [
        '`it["call 1"]` is 1; it should be 2. Your value is 1/2 of the expected one.'
    ]
    assert sentences(results(abs, 1), results(3, 1)) == ["`it` is an int; it should be a function."]
    fact = observe(lambda: 1)
    assert isinstance(fact, OpaqueFact)
    assert fact.reason == "a function is compared by what it returns: results(function, input)"


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
