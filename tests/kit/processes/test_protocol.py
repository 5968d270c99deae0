"""Frames and messages: what is sent arrives unchanged, and nothing invalid gets through."""

from __future__ import annotations

import os
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.errors import ProtocolError
from autograder.processes.protocol import (
    DTYPE_BYTES,
    Broken,
    CellFinished,
    Frames,
    Hello,
    Loaded,
    Observed,
    decode_from_child,
    encode,
    frame,
    read_frame,
)
from autograder.records.observation import (
    DigestFact,
    ErrorFact,
    Fact,
    MappingFact,
    ModuleFact,
    Observation,
    OpaqueFact,
    RaisedFact,
    SequenceFact,
    SourceFact,
    SourceLine,
    TensorFact,
    ValueFact,
)


@st.composite
def tensors(draw: st.DrawFn) -> TensorFact:
    dtype = draw(st.sampled_from(sorted(DTYPE_BYTES)))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = DTYPE_BYTES[dtype]
    for length in shape:
        size *= length
    return TensorFact(
        type="Tensor", dtype=dtype, shape=shape, device="cpu", values=draw(st.binary(min_size=size, max_size=size))
    )


text = st.text(max_size=20)
errors = st.builds(
    ErrorFact, type=text, message=text, at=st.none() | st.builds(SourceLine, st.integers(0, 9), st.integers(1, 9), text)
)
leaves: st.SearchStrategy[Fact] = st.one_of(
    tensors(),
    st.builds(
        ValueFact,
        type=text,
        value=st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | text,
    ),
    st.builds(RaisedFact, error=st.none() | errors, returned=text),
    st.builds(OpaqueFact, type=text, reason=text),
    st.builds(ModuleFact, type=text, parameters=st.lists(st.tuples(text, tensors()), max_size=2).map(tuple)),
)
facts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(SequenceFact, type=text, items=st.lists(inner, max_size=3).map(tuple)),
        st.lists(st.tuples(text, inner), max_size=3).map(
            lambda pairs: MappingFact(type="dict", keys=tuple(k for k, _ in pairs), items=tuple(v for _, v in pairs))
        ),
    ),
    max_leaves=6,
)
observations = st.builds(Observation, check=text, draw=st.integers(0, 99), returned=facts, error=st.none())


@settings(max_examples=60)
@given(observations, st.integers(1, 50))
def test_an_observation_comes_back_as_it_was_however_it_is_cut(observation: Observation, size: int) -> None:
    stream = frame(Observed(observation)) + frame(Loaded("x"))
    frames, seen = Frames(1 << 20), []
    for start in range(0, len(stream), size):
        frames.feed(stream[start : start + size])
        while (body := frames.next()) is not None:
            seen.append(decode_from_child(body))
    assert seen == [Observed(observation), Loaded("x")]


def decoded(body: bytes) -> object:
    """The message, or None; any error but our own is a failure."""
    try:
        return decode_from_child(body)
    except ProtocolError:
        return None


@pytest.mark.attack
@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error_of_ours(body: bytes) -> None:
    decoded(body)


@pytest.mark.attack
@settings(max_examples=200)
@given(observations, st.data())
def test_a_changed_byte_is_a_message_or_an_error_of_ours(observation: Observation, data: st.DataObject) -> None:
    body = bytearray(encode(Observed(observation)))
    position = data.draw(st.integers(0, len(body) - 1))
    body[position] = data.draw(st.integers(0, 255))
    decoded(bytes(body))


def tensor(**changes: object) -> TensorFact:
    fact = TensorFact(type="Tensor", dtype="float32", shape=(2,), device="cpu", values=bytes(8))
    return msgspec.structs.replace(fact, **changes)


def observation_of(returned: Fact) -> Observation:
    return Observation(check="test_a", draw=0, returned=returned)


def nested(depth: int) -> Fact:
    fact: Fact = ValueFact(type="int", value=1)
    for _ in range(depth):
        fact = SequenceFact(type="list", items=(fact,))
    return fact


REFUSED: dict[str, Observation] = {
    "nothing": Observation(check="test_a", draw=0),
    "both": Observation(check="test_a", draw=0, returned=tensor(), error=ErrorFact(type="E")),
    "too few bytes": observation_of(tensor(values=bytes(7))),
    "too many bytes": observation_of(tensor(values=bytes(9))),
    "no bytes": observation_of(tensor(values=b"")),
    "a negative size": observation_of(tensor(shape=(-2, -1))),
    "an enormous size": observation_of(tensor(shape=(2**62, 2**62))),
    "many dimensions": observation_of(tensor(shape=(1,) * 65, values=bytes(4))),
    "strides that do not fit": observation_of(tensor(stride=(1, 1))),
    "a gradient that does not fit": observation_of(tensor(gradient="value", gradient_values=bytes(4))),
    "an unknown dtype that does not fit": observation_of(tensor(dtype="float3", values=bytes(7))),
    "keys without items": observation_of(MappingFact(type="dict", keys=("a",))),
    "too deep": observation_of(nested(40)),
    "far too deep": observation_of(nested(200)),
    "too many": observation_of(SequenceFact(type="list", items=(ValueFact(type="int", value=1),) * 30_000)),
    "a long text": observation_of(ValueFact(type="x" * 2000)),
    "a long message": Observation(check="a", draw=0, error=ErrorFact(type="E", message="x" * 200_000)),
    "a long reason": observation_of(OpaqueFact(type="E", reason="x" * 200_000)),
    "a digest": observation_of(DigestFact(salt=b"", digest=b"")),
    "that a rule is kept": observation_of(SourceFact(demand="No loops.")),
    "a tensor in a module that does not fit": observation_of(
        ModuleFact(type="Linear", parameters=(("w", tensor(values=bytes(4))),))
    ),
}


@pytest.mark.attack
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_observation_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode_from_child(encode(Observed(REFUSED[name])))


@pytest.mark.attack
@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(ErrorFact) if field.type is str])
def test_every_text_of_an_exception_has_an_end(name: str) -> None:
    error = ErrorFact(**{"type": "E", name: "x" * 200_000})
    with pytest.raises(ProtocolError):
        decode_from_child(encode(Observed(Observation(check="a", draw=0, error=error))))


def test_tensors_without_values_are_those_that_have_none() -> None:
    sound = (
        tensor(device="meta", values=b""),
        tensor(shape=(0, 3), values=b""),
        tensor(type="UninitializedParameter", shape=(), values=b""),
        tensor(dtype="bfloat16", values=bytes(4)),
        tensor(dtype="qint8", values=bytes(8)),
    )
    for fact in sound:
        assert decode_from_child(encode(Observed(observation_of(fact)))) == Observed(observation_of(fact))


@pytest.mark.attack
@pytest.mark.parametrize("message", [Hello({"a": "x" * 2000}), CellFinished(note="x" * 200_000), Broken("x" * 2000, 0, "")])
def test_long_texts_are_refused_everywhere(message: Hello | CellFinished | Broken) -> None:
    with pytest.raises(ProtocolError, match="characters"):
        decode_from_child(encode(message))


@pytest.mark.attack
@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\x80", b"\x81\xa4type\xa4none"]
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="not a message"):
        decode_from_child(body)


@pytest.mark.attack
def test_a_stream_is_bounded_in_all_and_in_each_length() -> None:
    frames = Frames(100)
    frames.feed(struct.pack(">I", 1000))
    with pytest.raises(ProtocolError, match="1,000 bytes"):
        frames.next()
    with pytest.raises(ProtocolError, match="more than its limit"):
        Frames(100).feed(bytes(101))


def test_frames_are_read_from_a_pipe() -> None:
    read, write = os.pipe()
    os.write(write, frame(Loaded("a")) + frame(Loaded("b")))
    os.close(write)
    assert [decode_from_child(bytes(read_frame(read))) for _ in range(2)] == [Loaded("a"), Loaded("b")]
    with pytest.raises(EOFError):
        read_frame(read)
    os.close(read)
