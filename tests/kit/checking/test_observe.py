import collections
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import msgspec
import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder import close, exactly, only, raises, secret, unordered
from autograder.checking.code import Code, UndefinedName
from autograder.checking.observe import MAX_THINGS, module_parts, observe
from autograder.records.observation import (
    DEFAULT_FACTS,
    Fact,
    MappingFact,
    ModuleFact,
    OpaqueFact,
    RaisedFact,
    SequenceFact,
    TensorFact,
    ValueFact,
)


def refuse(*arguments: object, **options: object) -> NoReturn:
    raise AssertionError("student code was called")


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=20,
)


@given(plain)
@settings(max_examples=200)
def test_whatever_is_observed_can_be_sent_and_read_back(thing: Any) -> None:
    fact = observe(thing)
    assert repr(msgspec.msgpack.decode(msgspec.msgpack.encode(fact), type=Fact)) == repr(fact)
    assert repr(observe(thing)) == repr(fact)


@given(plain, plain)
@settings(max_examples=200)
def test_things_that_differ_have_facts_that_differ(one: Any, other: Any) -> None:
    assert (repr(one) == repr(other)) == (repr(observe(one)) == repr(observe(other)))


@pytest.mark.parametrize(
    ("thing", "fact"),
    [
        (3, ValueFact(type="int", value=3)),
        (True, ValueFact(type="bool", value=True)),
        (2**70, ValueFact(type="int", value=hex(2**70))),
        (numpy.float32(1.5), ValueFact(type="numpy.float32", value=1.5)),
        (numpy.bool_(True), ValueFact(type="numpy.bool", value=True)),
        (torch.float16, ValueFact(type="dtype", value="torch.float16")),
        (torch.device("cuda:1"), ValueFact(type="device", value="cuda:1")),
        ("\ud800", ValueFact(type="str", value="\\ud800")),
        (None, ValueFact(type="NoneType")),
        (..., ValueFact(type="ellipsis")),
        (property(), OpaqueFact(type="property")),
    ],
)
def test_single_values(thing: object, fact: ValueFact) -> None:
    assert observe(thing) == fact


def test_sequences_and_mappings() -> None:
    Pair = collections.namedtuple("Pair", "a b")
    size = observe(torch.Size([2, 3]))
    assert isinstance(size, SequenceFact)
    assert (size.type, [item.value for item in size.items]) == ("Size", [2, 3])  # type: ignore[union-attr]
    pair = observe(Pair(1, 2))
    assert isinstance(pair, SequenceFact)
    assert pair.type.endswith("Pair")
    mapping = observe({"a": 1, 1: 2, torch.float32: 3, (0, "b"): 4})
    assert isinstance(mapping, MappingFact)
    assert mapping.keys == ("a", "<1>", "<torch.float32>", "<<0>, b>")
    assert observe({3, 1, 2}) == observe({2, 3, 1})
    ordered = collections.OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    assert observe(ordered).keys == ("b", "a")  # type: ignore[union-attr]


def test_a_dataclass_is_a_mapping() -> None:
    @dataclass
    class Result:
        loss: float
        steps: int

    fact = observe(Result(0.5, 3))
    assert isinstance(fact, MappingFact)
    assert fact.keys == ("loss", "steps")


def test_subclasses_cannot_lie() -> None:
    class Items(list):  # type: ignore[type-arg]
        __iter__ = __len__ = __getitem__ = __eq__ = __repr__ = refuse  # type: ignore[assignment]

    class Table(dict):  # type: ignore[type-arg]
        items = keys = __iter__ = __len__ = __eq__ = __repr__ = refuse  # type: ignore[assignment]

    class Number(int):
        __int__ = __index__ = __eq__ = __repr__ = __pos__ = refuse  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    class Text(str):
        __slots__ = ()
        __str__ = __repr__ = __eq__ = __len__ = refuse  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    items = observe(Items([1, Number(2), Text("three")]))
    assert isinstance(items, SequenceFact)
    assert [item.value for item in items.items] == [1, 2, "three"]  # type: ignore[union-attr]
    assert items.type.endswith("Items")
    table = observe(Table(a=1))
    assert isinstance(table, MappingFact)
    assert table.keys == ("a",)


def test_what_pretends_to_be_something_else_is_opaque() -> None:
    class Pretender:
        __class__ = dict  # type: ignore[assignment]
        __getattribute__ = refuse  # type: ignore[assignment]

    assert isinstance(observe(Pretender()), OpaqueFact)


def test_nesting_and_size_are_limited() -> None:
    circle: list[Any] = []
    circle.append(circle)
    assert "levels deep" in repr(observe(circle))
    assert observe(list(range(MAX_THINGS + 1))) == OpaqueFact(
        type="list", reason=f"it has {MAX_THINGS + 1:,} items, more than are compared"
    )
    wide = observe([list(range(MAX_THINGS // 2)) for _ in range(3)])
    assert isinstance(wide, SequenceFact)
    assert [type(item) for item in wide.items] == [SequenceFact, OpaqueFact, OpaqueFact]
    assert isinstance(observe("x" * 10**6), OpaqueFact)
    assert isinstance(observe(1 << 10**6), OpaqueFact)
    many = observe([torch.zeros(2**21) for _ in range(5)])
    assert isinstance(many, SequenceFact)
    assert [type(item).__name__ for item in many.items] == ["TensorFact"] * 4 + ["OpaqueFact"]


# Policies


def leaf(fact: Any, *keys: Any) -> Any:
    for key in keys:
        fact = fact.items[key]
    return fact


def test_a_mark_holds_for_all_that_is_inside() -> None:
    fact = observe(only({"a": [torch.ones(1)], "b": nn.Linear(1, 1)}, "dtype"))
    assert leaf(fact, 0, 0).policy.facts == ("dtype",)
    assert leaf(fact, 1).parameters[0][1].policy.facts == ("dtype",)


def test_an_inner_mark_wins_as_a_whole() -> None:
    fact = observe(only({"a": close(torch.ones(1), rtol=0.5), "b": exactly(1.0)}, "dtype"))
    assert leaf(fact, 0).policy.facts == DEFAULT_FACTS
    assert leaf(fact, 0).policy.rtol == 0.5
    assert "bits" in leaf(fact, 1).policy.facts


def test_unordered_holds_for_the_sequence_not_for_its_items() -> None:
    fact = observe(unordered(secret([torch.ones(1)])))
    assert fact.policy.unordered
    assert not leaf(fact, 0).policy.unordered
    assert leaf(fact, 0).policy.secret
    assert leaf(observe(unordered({"a": [1]})), 0).policy.unordered


# Shared storage


def test_shares_names_inputs_and_other_returned_things() -> None:
    x = torch.arange(6.0)
    fact = observe({"view": x[2:], "copy": x.clone(), "again": [x.detach()], "array": x.numpy()}, {"x": x})
    shares = [leaf(fact, 0).shares, leaf(fact, 1).shares, leaf(fact, 2, 0).shares, leaf(fact, 3).shares]
    assert shares == [("x", "again[0]", "array"), (), ("x", "view", "array"), ("x", "view", "again[0]")]


def test_empty_tensors_share_nothing() -> None:
    x = torch.ones(3)
    assert observe(x[:0], {"x": x}).shares == ()  # type: ignore[union-attr]
    assert observe([torch.ones(0), torch.ones(0)]) == observe([torch.ones(0), torch.ones(0)])


def test_names_of_things_in_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    assert observe(model[0].weight.data, {"model": model}).shares == ("model.0.weight",)  # type: ignore[union-attr]
    assert observe({"net": model, "w": model[0].weight.t()}).items[1].shares == ("net.0.weight",)  # type: ignore[union-attr]
    assert observe(model[0].bias, {"state": model.state_dict()}).shares == ('state["0.bias"]',)  # type: ignore[union-attr]


def test_items_of_a_list_are_called_by_the_name_of_the_whole() -> None:
    x = torch.ones(3)
    fact = observe([x, x.view(3), {"a": x[1:]}])
    assert leaf(fact, 0).shares == ("result[1]", 'result[2]["a"]')


def test_a_thousand_slices_name_at_most_32() -> None:
    fact = observe(list(torch.ones(1000).split(1)))
    assert {len(item.shares) for item in fact.items} == {32}  # type: ignore[union-attr]


# Modules


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(2, 2, bias=False)
        self.two = nn.Linear(2, 2, bias=False)
        self.two.weight = self.one.weight
        self.register_buffer("kept", torch.ones(1))
        self.register_buffer("unsaved", torch.ones(1), persistent=False)
        self.register_parameter("none", None)
        self.plain = torch.ones(1)

    named_parameters = parameters = state_dict = modules = named_modules = children = refuse  # type: ignore[assignment]


def test_a_module_is_read_without_asking_it() -> None:
    module = Tied()
    nn.Module.eval(module.one)
    fact = observe(module)
    assert isinstance(fact, ModuleFact)
    assert [name for name, _ in fact.parameters] == ["one.weight", "two.weight"]
    assert fact.parameters[1][1].shares == ("one.weight",)
    assert [name for name, _ in fact.buffers] == ["kept", "unsaved"]
    assert fact.training == (("", True), ("one", False), ("two", True))
    assert fact.state_dict == ("kept", "one.weight", "two.weight")


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU()),
        nn.LSTM(2, 3),
        nn.TransformerEncoderLayer(4, 2),
        nn.ParameterList([torch.ones(2)]),
        nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)),
        nn.Embedding(3, 2),
    ],
)
def test_names_are_those_of_pytorch(module: nn.Module) -> None:
    parts = module_parts(module)
    assert [name for name, _ in parts.parameters] == [name for name, _ in module.named_parameters(remove_duplicate=False)]
    assert [name for name, _ in parts.buffers] == [name for name, _ in module.named_buffers(remove_duplicate=False)]
    assert parts.state_dict == tuple(module.state_dict())
    assert [name for name, _ in parts.training] == [name for name, _ in module.named_modules(remove_duplicate=False)]


def test_broken_modules_are_opaque() -> None:
    circle = nn.Linear(1, 1)
    circle._modules["self"] = circle
    unfinished = nn.Linear.__new__(nn.Linear)
    odd = nn.Linear(1, 1)
    odd._parameters["weight"] = "no tensor"  # type: ignore[assignment]
    for module in (circle, unfinished, odd):
        assert isinstance(observe(module), OpaqueFact)


def test_a_lazy_module() -> None:
    fact = observe(nn.LazyLinear(3))
    assert isinstance(fact, ModuleFact)
    assert fact.parameters[0][1].type == "UninitializedParameter"


# raises


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_raises_sees_every_exception(error: BaseException) -> None:
    def fail() -> None:
        raise error

    fact = observe({"call": raises(fail)}).items[0]  # type: ignore[union-attr]
    assert isinstance(fact, RaisedFact)
    assert fact.error is not None
    assert fact.error.type == type(error).__name__


def test_raises_without_an_exception_tells_what_came_back() -> None:
    fact = observe(raises(lambda: torch.ones(2, 3)))
    assert fact == RaisedFact(returned="float32 tensor of shape (2, 3)")


def test_a_name_that_is_missing_inside_raises_is_no_observation() -> None:
    with pytest.raises(UndefinedName):
        observe({"call": raises(lambda: Code({}).match(1))})


def test_raises_runs_with_the_hooks_of_subclasses_on() -> None:
    class Loud(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            raise ValueError("loud")

    x = torch.ones(1).as_subclass(Loud)
    fact = observe([x, raises(lambda: torch.add(x, 1))])
    assert leaf(fact, 1).error.type == "ValueError"
    assert isinstance(leaf(fact, 0), TensorFact)


def test_other_things_are_opaque() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    class Own:
        __eq__ = __repr__ = __len__ = __iter__ = refuse  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    assert observe(numbers()).type == "generator"
    assert observe(lambda: None).type == "function"
    assert observe(Own()).type.endswith("Own")
    assert isinstance(observe(NamedTuple), OpaqueFact)
