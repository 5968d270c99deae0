"""Counts what is in a message without decoding it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.errors import ProtocolError
from autograder.processes.item_count import has_more_items
from autograder.processes.protocol import decode_from_child

_single = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(),
    st.text(max_size=300),
    st.binary(max_size=70_000),
)
_things = st.recursive(
    _single,
    lambda inner: st.one_of(st.lists(inner, max_size=40), st.dictionaries(st.text(max_size=40), inner)),
    max_leaves=50,
)


def count(thing: Any) -> int:
    match thing:
        case list():
            return 1 + sum(map(count, thing))
        case dict():
            return 1 + sum(1 + count(value) for value in thing.values())
        case _:
            return 1


@given(_things)
def test_it_counts_what_is_there(thing: Any) -> None:
    message = msgspec.msgpack.encode(thing)
    assert not has_more_items(message, count(thing))
    assert has_more_items(message, count(thing) - 1)


@given(st.binary(max_size=200))
def test_nonsense_ends_too(message: bytes) -> None:
    has_more_items(message, 1000)


@pytest.mark.parametrize("thing", ["effects", "warnings"])
def test_millions_of_small_things_are_refused_before_they_are_made(thing: str) -> None:
    head = msgspec.msgpack.encode({"type": "observed", "observation": {"check": "x", "draw": 0, thing: []}})
    many = 5_000_000
    message = head[:-1] + b"\xdd" + many.to_bytes(4, "big") + b"\xa0" * many
    with pytest.raises(ProtocolError, match="too many items"):
        decode_from_child(message)
