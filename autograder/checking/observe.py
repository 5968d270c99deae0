"""Things that a check returned → facts. Runs next to student code, so it calls none of the things' own methods.

Sequences and dicts are read with the methods of `list`, `tuple` and `dict`, modules through their instance dict, tensors
with hooks off: a subclass that overrides `__iter__`, `__eq__` or `named_parameters` does not change what is seen.
"""

from __future__ import annotations

import collections
import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy
import torch

from autograder.authoring import Marked, Raises, Results
from autograder.checking.code import NotAttempted, UndefinedName
from autograder.checking.error_facts import describe_error, in_words, line_of_init
from autograder.checking.observers import Observers
from autograder.checking.parts import parts_of
from autograder.checking.tensor_facts import (
    MAX_BYTES,
    Extent,
    Unobservable,
    array_extent,
    array_fact,
    hooks_of,
    is_nested,
    is_tensor,
    nested_parts,
    tensor_extent,
    tensor_fact,
)
from autograder.checking.type_names import type_name
from autograder.records.observation import (
    Fact,
    MappingFact,
    ModuleFact,
    OpaqueFact,
    Policy,
    RaisedFact,
    SequenceFact,
    TensorFact,
    ValueFact,
)

__all__ = ["MAX_DEPTH", "MAX_THINGS", "describe_error", "memory_of", "module_parts", "observe"]

MAX_DEPTH = 16
"""How deeply returned things may be nested."""
MAX_THINGS = 20_000
"""How many things one check may return, on all levels together."""
_MOST_FROM_ITERATOR = 1000
_TEXT_LIMIT = 20_000
_SHARES_LIMIT = 32
_ALONE = "result"
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_PLAIN = Policy()
_Module = torch.nn.Module
_ndarray = numpy.ndarray
_generic = numpy.generic
_numpy_dtype = numpy.dtype
_instance_dict = object.__getattribute__
_mro = type.__dict__["__mro__"].__get__
_extra_state = torch.nn.Module.get_extra_state
_OrderedDict = collections.OrderedDict
_FUNCTIONS = (type(lambda: None), type(len), type(Observers().parts))
_ADVICE = "a function is compared by what it returns: results(function, input)"
_NO_OBSERVERS = Observers()


def observe(thing: Any, inputs: Mapping[str, Any] = {}, observers: Observers = _NO_OBSERVERS) -> Fact:
    """The facts of a thing that a check returned.

    Args:
        thing: anything. Tensors, arrays, numbers, strings, modules, what `parts_of` knows, and nested lists, tuples, sets
            and dicts of them are observed; anything of another type, or too large, becomes an `OpaqueFact`. The author's
            marks (`only`, `close`, …) set the policy of everything inside them, and a `raises` is called now.
        inputs: what the check drew, by name: tensors, arrays, modules, optimizers, or nested lists and dicts of tensors.
            A returned tensor that uses their storage names them in `shares`.
        observers: the author's own, for types that are not observed otherwise, or not as they should be.

    Returns:
        The fact. `shares` names returned things by their keys: `gradient`, `parts[0]`, `net.weight`; a thing returned
        alone is `result`.

    Raises:
        UndefinedName, NotAttempted: if the code inside a `raises` is not there yet.
        BaseException: what a returned iterator, or a student's class that an author's observer reads, raises.
    """
    observer = _Observer(observers)
    fact = observer.see(thing, "", _PLAIN, 0)
    return observer.with_shares(fact, inputs)


class _Observer:
    """One call of `observe`: how much more may be sent, and the memory of every leaf seen so far, in order."""

    def __init__(self, observers: Observers) -> None:
        self.own = observers
        self.things_left = MAX_THINGS
        self.bytes_left = MAX_BYTES
        self.extents: list[tuple[str, Extent | None]] = []
        self.alive: list[Any] = []  # else a freed thing's address could be reused

    def see(self, thing: Any, path: str, policy: Policy, depth: int) -> Fact:
        kind = type(thing)
        if kind is Marked:
            # An inner mark replaces the outer one as a whole.
            return self.see(thing.thing, path, thing.policy, depth)
        if kind is Raises:
            return _outcome(thing.call, policy)
        name = type_name(kind)
        self.things_left -= 1
        if self.things_left < 0:
            return OpaqueFact(type=name, reason=f"more than {MAX_THINGS:,} things were returned", policy=policy)
        if depth > MAX_DEPTH:
            return OpaqueFact(type=name, reason=f"it is nested more than {MAX_DEPTH} levels deep", policy=policy)
        try:
            own = self.own.parts(thing)
            if own is not None:
                return self.mapping(own, name, path, policy, depth)
            if kind is Results:
                calls = [(f"call {number}", value) for number, value in enumerate(thing.values, start=1)]
                return self.mapping(calls, "function", path, policy, depth)
            if is_tensor(thing) and is_nested(thing):
                return self.mapping(nested_parts(thing), "NestedTensor", path, policy, depth)
            if is_tensor(thing) or issubclass(kind, _ndarray):
                return self.leaf(thing, path, policy)
            if issubclass(kind, _Module):
                return self.module(thing, path, policy)
            value = _as_value(thing, name, policy)
            if value is not None:
                return value
            parts = self.parts(thing)
            if parts is not None:
                return self.mapping(parts, name, path, policy, depth)
            items = _as_sequence(thing)
            if items is not None:
                return self.sequence(items, name, path, policy, depth)
            if _is_iterator(kind):
                name = name if name == "generator" else "iterator"
                return self.sequence(_drawn(thing), name, path, policy, depth)
        except Unobservable as error:
            return OpaqueFact(type=name, reason=str(error), policy=policy)
        return OpaqueFact(type=name, reason=_ADVICE if kind in _FUNCTIONS else "", policy=policy)

    def parts(self, thing: Any) -> list[tuple[Any, Any]] | None:
        try:
            return _as_mapping(thing)
        except Exception as error:  # a library's thing that is broken, or made by hand
            raise Unobservable(f"its parts cannot be read ({type_name(type(error))})") from None

    def leaf(self, thing: Any, path: str, policy: Policy) -> TensorFact:
        if is_tensor(thing):
            fact, extent = tensor_fact(thing, policy), tensor_extent(thing)
        else:
            fact, extent = array_fact(thing, policy), array_extent(thing)
        self.bytes_left -= len(fact.values) + len(fact.gradient_values or b"")
        if self.bytes_left < 0:
            raise Unobservable("with everything before it, it is more than is compared")
        self.alive.append(thing)
        self.extents.append((f"{_ALONE}{path}" if not path or path.startswith("[") else path, extent))
        return fact

    def sequence(self, items: list[Any], name: str, path: str, policy: Policy, depth: int) -> Fact:
        if len(items) > self.things_left:
            raise Unobservable(f"it has {len(items):,} items, more than are compared")
        inner = msgspec.structs.replace(policy, unordered=False) if policy.unordered else policy
        facts = [self.see(item, f"{path}[{index}]", inner, depth + 1) for index, item in enumerate(items)]
        return SequenceFact(type=name, items=tuple(facts), policy=policy)

    def mapping(self, parts: list[tuple[Any, Any]], name: str, path: str, policy: Policy, depth: int) -> Fact:
        if len(parts) > self.things_left:
            raise Unobservable(f"it has {len(parts):,} entries, more than are compared")
        keys = tuple(_key(key) for key, _ in parts)
        facts = []
        for key, (_, item) in zip(keys, parts, strict=True):
            facts.append(self.see(item, f'{path}["{key}"]' if path else key, policy, depth + 1))
        return MappingFact(type=name, keys=keys, items=tuple(facts), policy=policy)

    def module(self, module: torch.nn.Module, path: str, policy: Policy) -> ModuleFact:
        parts = module_parts(module)
        prefix = f"{path}." if path else ""
        if len(parts.parameters) + len(parts.buffers) > self.things_left:
            raise Unobservable("it has more parameters than are compared")
        self.things_left -= len(parts.parameters) + len(parts.buffers)
        before = len(self.extents)
        try:
            parameters, buffers = (
                tuple((name, self.leaf(tensor, prefix + name, policy)) for name, tensor in tensors)
                for tensors in (parts.parameters, parts.buffers)
            )
        except Unobservable:
            del self.extents[before:]  # the whole module is not observed
            raise
        return ModuleFact(
            type=type_name(type(module)),
            parameters=parameters,
            buffers=buffers,
            training=parts.training,
            state_dict=parts.state_dict,
            policy=policy,
        )

    def with_shares(self, fact: Fact, inputs: Mapping[str, Any]) -> Fact:
        """The same fact with `shares` filled in. Leaves are in the order in which they were seen."""
        if not any(extent for _, extent in self.extents):
            return fact
        known = [entry for name, thing in inputs.items() for entry in memory_of(thing, name)]
        shares = _shared(known, self.extents)
        return _with_shares(fact, iter(shares)) if any(shares) else fact


def _outcome(call: Callable[[], Any], policy: Policy) -> RaisedFact:
    try:
        returned = call()
    except (UndefinedName, NotAttempted):
        raise
    except BaseException as error:  # student code may raise SystemExit or KeyboardInterrupt
        return RaisedFact(error=describe_error(error), policy=policy)
    return RaisedFact(returned=in_words(returned), policy=policy)


def _as_value(thing: Any, name: str, policy: Policy) -> Fact | None:
    """A single value, read as its base type would, so a subclass of `int` or `str` cannot choose its value."""
    kind = type(thing)
    if thing is None or kind is bool:
        return ValueFact(type=name, value=thing, policy=policy)
    if issubclass(kind, _generic):
        return _numpy_scalar(thing, name, policy)
    if issubclass(kind, int):
        number = int.__pos__(thing)
        if _INT_MIN <= number <= _INT_MAX:
            return ValueFact(type=name, value=number, policy=policy)
        if int.bit_length(number) > _TEXT_LIMIT:
            raise Unobservable("a number this large is not compared")
        return ValueFact(type=name, value=hex(number), policy=policy)
    if issubclass(kind, float):
        return ValueFact(type=name, value=float.__pos__(thing), policy=policy)
    if issubclass(kind, str):
        if str.__len__(thing) > _TEXT_LIMIT:
            raise Unobservable(f"it has {str.__len__(thing):,} characters, more than are compared")
        return ValueFact(type=name, value=_encodable(str.__str__(thing)), policy=policy)
    if kind in (torch.dtype, torch.device, torch.layout, torch.memory_format) or issubclass(kind, _numpy_dtype):
        return ValueFact(type=name, value=str(thing), policy=policy)
    if kind in (bytes, bytearray):
        if len(thing) > _TEXT_LIMIT:
            raise Unobservable(f"it has {len(thing):,} bytes, more than are compared")
        return ValueFact(type=name, value=thing.hex(), policy=policy)
    if issubclass(kind, complex):
        halves = (complex.real.__get__(thing), complex.imag.__get__(thing))
        return SequenceFact(type=name, items=tuple(ValueFact(type="float", value=x) for x in halves), policy=policy)
    if thing is ...:
        return ValueFact(type=name, policy=policy)
    return None


def _numpy_scalar(thing: Any, name: str, policy: Policy) -> Fact | None:
    value = _generic.item(thing)
    if type(value) in (bool, int, float, str):
        return ValueFact(type=name, value=value if type(value) is not str else _encodable(value), policy=policy)
    if type(value) is complex:
        items = (ValueFact(type="float", value=value.real), ValueFact(type="float", value=value.imag))
        return SequenceFact(type=name, items=items, policy=policy)
    return None


def _as_mapping(thing: Any) -> list[tuple[Any, Any]] | None:
    kind = type(thing)
    if issubclass(kind, dict):
        return list(_OrderedDict.items(thing) if issubclass(kind, _OrderedDict) else dict.items(thing))
    return parts_of(thing)


def _as_sequence(thing: Any) -> list[Any] | None:
    kind = type(thing)
    if issubclass(kind, list):
        return list(list.__iter__(thing))
    if issubclass(kind, tuple):
        return list(tuple.__iter__(thing))
    if issubclass(kind, (set, frozenset)):
        items = set.__iter__(thing) if issubclass(kind, set) else frozenset.__iter__(thing)
        return sorted(items, key=_key)
    if kind is collections.deque or kind in (type({}.keys()), type({}.values()), type({}.items())):
        return list(thing)
    if kind in (range, slice):
        return [thing.start, thing.stop, thing.step]
    return None


def _is_iterator(kind: type) -> bool:
    """Whether things of this type are iterators; open files do not count."""
    return not issubclass(kind, io.IOBase) and any("__next__" in vars(base) for base in _mro(kind))


def _drawn(iterator: Any) -> list[Any]:
    """All that an iterator still has to give: what it raises is raised here."""
    items = list(itertools.islice(iterator, _MOST_FROM_ITERATOR + 1))
    if len(items) > _MOST_FROM_ITERATOR:
        raise Unobservable(f"it gives more than {_MOST_FROM_ITERATOR:,} items; return some of them, with itertools.islice")
    return items


def _key(key: Any) -> str:
    """A dict's key as text; a key that is not a string is in angle brackets, so 1 and "1" differ."""
    if type(key) is str:
        return _encodable(key if len(key) <= 200 else key[:199] + "…")
    if type(key) is tuple and len(key) <= 20:
        return f"<{', '.join(_key(part) for part in key)}>"
    return f"<{in_words(key)}>"


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


class ModuleParts(msgspec.Struct, frozen=True):
    """What a module registers, by dotted names, in its own order; a thing with two names is listed twice."""

    parameters: list[tuple[str, Any]]
    buffers: list[tuple[str, Any]]
    training: tuple[tuple[str, bool], ...]
    state_dict: tuple[str, ...]
    hooks: tuple[tuple[str, int], ...]
    """How many hooks, of all kinds together, each module and each tensor has."""


def module_parts(module: torch.nn.Module) -> ModuleParts:
    """What a module and its submodules register, read from their instance dicts without calling their methods.

    Raises:
        Unobservable: if modules contain each other, or a registry contains something that does not belong there.
    """
    parameters: list[tuple[str, Any]] = []
    buffers: list[tuple[str, Any]] = []
    training: list[tuple[str, bool]] = []
    state: list[str] = []
    hooks: list[tuple[str, int]] = []

    def walk(part: torch.nn.Module, prefix: str, depth: int) -> None:
        if depth > MAX_DEPTH * 2 or len(training) > MAX_THINGS:
            raise Unobservable("its modules are nested too deeply, or contain each other")
        attributes = _instance_dict(part, "__dict__")
        if type(attributes.get("_parameters")) is not dict or type(attributes.get("_modules")) is not dict:
            at = line_of_init(type(part))
            place = "" if at is None else f" (cell {at.cell}, line {at.line})" if at.cell else f" (line {at.line})"
            raise Unobservable(f"its __init__{place} did not call super().__init__()")
        training.append((prefix.removesuffix("."), attributes.get("training") is True))
        registers = [held for key, held in attributes.items() if type(key) is str and key.endswith("_hooks")]
        hooks.append(
            (prefix.removesuffix("."), sum(dict.__len__(held) for held in registers if issubclass(type(held), dict)))
        )
        unsaved = attributes.get("_non_persistent_buffers_set", ())
        for tensors, registry in ((parameters, "_parameters"), (buffers, "_buffers")):
            for name, tensor in dict.items(attributes.get(registry, {})):
                if tensor is None:
                    continue
                if type(name) is not str or not is_tensor(tensor):
                    raise Unobservable(f"its {registry} contains something that is not a tensor")
                tensors.append((prefix + name, tensor))
                hooks.append((prefix + name, hooks_of(tensor)))
                if registry == "_parameters" or name not in unsaved:
                    state.append(prefix + name)
        for name, child in dict.items(attributes["_modules"]):
            if child is None:
                continue
            if type(name) is not str or not issubclass(type(child), _Module):
                raise Unobservable("its _modules contains something that is not a module")
            walk(child, f"{prefix}{name}.", depth + 1)
        if type(part).get_extra_state is not _extra_state:
            state.append(f"{prefix}_extra_state")

    walk(module, "", 0)
    return ModuleParts(parameters, buffers, tuple(training), tuple(state), tuple(hooks))


def memory_of(thing: Any, name: str) -> list[tuple[str, Extent | None]]:
    """The memory of every tensor and array in an input, by name."""
    kind = type(thing)
    if is_tensor(thing):
        return [(name, tensor_extent(thing))]
    if issubclass(kind, _ndarray):
        return [(name, array_extent(thing))]
    if issubclass(kind, _Module):
        try:
            parts = module_parts(thing)
        except Unobservable:
            return []
        return [(f"{name}.{inner}", tensor_extent(tensor)) for inner, tensor in (*parts.parameters, *parts.buffers)]
    if kind in (list, tuple):
        return [entry for index, item in enumerate(thing) for entry in memory_of(item, f"{name}[{index}]")]
    if kind in (dict, _OrderedDict):
        return [entry for key, item in thing.items() for entry in memory_of(item, f'{name}["{_key(key)}"]')]
    return []


def _shared(known: list[tuple[str, Extent | None]], seen: list[tuple[str, Extent | None]]) -> list[tuple[str, ...]]:
    """For each thing seen, the names of at most 32 inputs and other things seen that share its memory."""
    everything = [*known, *seen]
    order = sorted(
        (extent.device, extent.start, extent.end, index) for index, (_, extent) in enumerate(everything) if extent
    )
    groups: list[list[int]] = []
    device, reach = "", -1
    for place, start, end, index in order:
        if place == device and start < reach:
            groups[-1].append(index)
            reach = max(reach, end)
        else:
            groups.append([index])
            device, reach = place, end
    shares: list[tuple[str, ...]] = [()] * len(seen)
    for group in groups:
        group.sort()
        for index in group:
            if index >= len(known) and len(group) > 1:
                others = [everything[other][0] for other in group[: _SHARES_LIMIT + 1] if other != index]
                shares[index - len(known)] = tuple(others[:_SHARES_LIMIT])
    return shares


def _with_shares(fact: Fact, shares: Iterator[tuple[str, ...]]) -> Fact:
    replace = msgspec.structs.replace
    if isinstance(fact, TensorFact):
        names = next(shares)
        return replace(fact, shares=names) if names else fact
    if isinstance(fact, (SequenceFact, MappingFact)):
        return replace(fact, items=tuple([_with_shares(item, shares) for item in fact.items]))
    if isinstance(fact, ModuleFact):
        return replace(
            fact,
            parameters=tuple([(name, _with_shares(part, shares)) for name, part in fact.parameters]),
            buffers=tuple([(name, _with_shares(part, shares)) for name, part in fact.buffers]),
        )
    return fact
