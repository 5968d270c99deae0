"""The bytes between the trusted process, its zygote, fork servers and children: MessagePack frames with their lengths.

A frame is four bytes (the big-endian length of the rest) and one message. The trusted side trusts nothing from a child: it
checks lengths, numbers of facts, depth and the size of every tensor before anything else reads them.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from autograder.errors import ProtocolError
from autograder.processes.item_count import has_more_items
from autograder.records.jobs import Cell, CheckModule, CheckRequest, HelperFile, Limits, Replacement, ScriptPart
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
    SketchFact,
    SourceFact,
    TensorFact,
)

__all__ = [
    "DTYPE_BYTES",
    "Arranged",
    "Broken",
    "CellFinished",
    "Ended",
    "Fork",
    "Frames",
    "FromChild",
    "FromServer",
    "FromZygote",
    "Hello",
    "Kill",
    "Loaded",
    "Observed",
    "Ready",
    "Replace",
    "Replaced",
    "RunCell",
    "RunChecks",
    "Serve",
    "Serving",
    "Settings",
    "ToChild",
    "ToServer",
    "WriteFiles",
    "decode_from_child",
    "encode",
    "frame",
    "read_frame",
    "validate",
]

_MOST_FACTS = 20_000
_DEEPEST = 32
_MOST_ITEMS = 1_500_000  # an observation of _MOST_FACTS tensors has a million
_SMALL_MESSAGE = 1 << 20
_SHORT_MESSAGE, _MEDIUM_MESSAGE = 1 << 12, 1 << 16
_LONGEST_TEXT = 100_000
_LONGEST_NAME = 1_000
_MOST_DIMENSIONS = 64
_LENGTH = struct.Struct(">I")
_WITHOUT_VALUES = ("UninitializedParameter", "UninitializedBuffer")

DTYPE_BYTES: dict[str, int] = {
    **dict.fromkeys(("bool", "uint8", "int8"), 1),
    **dict.fromkeys(("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu"), 1),
    **dict.fromkeys(("int16", "uint16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("int32", "uint32", "float32", "complex32"), 4),
    **dict.fromkeys(("int64", "uint64", "float64", "complex64"), 8),
    "complex128": 16,
    **dict.fromkeys(("quint8", "qint8", "qint32"), 4),  # sent dequantised
}
"""Bytes per element, by name of the dtype."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the trusted side tells its zygote.

    `control` is the socket's descriptor, `place` an empty folder for the private root. `gpu`: children may use the GPU.
    `many`: there will be many children, so that it pays to arrange the memory for them. `preload` names modules that most of
    them need. `mode` is `auto` or, for tests, `namespaces` (fail without them), `plain` (without namespaces) or `bare` (only
    limits).
    """

    control: int
    mode: str
    place: str
    gpu: bool = False
    many: bool = False
    preload: tuple[str, ...] = ()


class Serve(msgspec.Struct, frozen=True, tag="serve"):
    """Trusted side → zygote, with one descriptor, the new fork server's control socket: fork it.

    `slot` is a number that no other fork server on this machine is likely to have.
    """

    slot: int


class Serving(msgspec.Struct, frozen=True, tag="serving"):
    """Zygote → trusted side, with one descriptor: the new fork server's, from `pidfd_open`."""


class Fork(msgspec.Struct, frozen=True, tag="fork", kw_only=True):
    """Trusted side → fork server, with three descriptors: the child's instructions, its reports and its output."""

    id: int
    limits: Limits
    scratch: str | None = None
    preload: tuple[str, ...] = ()
    gpu: bool = False


class Kill(msgspec.Struct, frozen=True, tag="kill"):
    """Trusted side → fork server. It may arrive after the child has ended, hence the id."""

    id: int


ToServer = Fork | Kill


class Ready(msgspec.Struct, frozen=True, tag="ready", kw_only=True):
    """Zygote or fork server → trusted side, once: it is warm, or `problem` says why it cannot work."""

    problem: str = ""


class Ended(msgspec.Struct, frozen=True, tag="ended", kw_only=True):
    """Fork server → trusted side: a child has ended. `status` is its exit code, or minus the signal that ended it.

    `excess` says why the fork server ended it, if it did by itself; see `sandbox.excess`.
    """

    id: int
    status: int
    cpu_seconds: float
    peak_mb: float
    excess: str = ""


FromZygote = Ready | Serving
FromServer = Ready | Ended


class WriteFiles(msgspec.Struct, frozen=True, tag="write_files"):
    """Put the files into the working folder and answer `Arranged`; `script` is the file that the code is, if it is one.

    With `read_only`, they replace whatever is in their place, and nothing can be written to them.
    """

    files: tuple[HelperFile, ...]
    script: str = ""
    read_only: bool = False


class RunCell(msgspec.Struct, frozen=True, tag="run_cell"):
    """Run a cell and answer `CellFinished`. `has_value` is False for plain Python that does not end in an expression."""

    cell: Cell
    has_value: bool = True


class Replace(msgspec.Struct, frozen=True, tag="replace"):
    """Put the replacement in its task's place and answer `Replaced`. `code` is its compiled file."""

    replacement: Replacement
    code: bytes = b""


class RunChecks(msgspec.Struct, frozen=True, tag="run_checks"):
    """Load the checks and answer `Loaded`; then run the requests in order and answer each with `Observed` or `Broken`.

    `code` is the compiled checks file; `scripts` are the tasks that are ranges of cells.
    """

    module: CheckModule
    requests: tuple[CheckRequest, ...]
    device: str
    code: bytes = b""
    scripts: dict[str, tuple[ScriptPart, ...]] = {}


ToChild = WriteFiles | RunCell | Replace | RunChecks


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """The first frame, sent before any student code is there: what confines the child."""

    layers: dict[str, str]


class Arranged(msgspec.Struct, frozen=True, tag="arranged"):
    """The files are there, unless there is a `problem`."""

    problem: str = ""


class CellFinished(msgspec.Struct, frozen=True, tag="cell_finished", kw_only=True):
    """A cell has run; everything it printed is in the output pipe."""

    error: ErrorFact | None = None
    note: str = ""


class Replaced(msgspec.Struct, frozen=True, tag="replaced"):
    """The replacement is in place, unless there is a `problem`."""

    problem: str = ""


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """The checks file is loaded, unless there is a `problem`."""

    problem: str = ""


class Observed(msgspec.Struct, frozen=True, tag="observed"):
    """What a check saw."""

    observation: Observation


class Broken(msgspec.Struct, frozen=True, tag="broken"):
    """There is no observation for this request. `reason` is the type of what was raised; only that of own code is shown."""

    check: str
    draw: int
    reason: str


FromChild = Hello | Arranged | CellFinished | Replaced | Loaded | Observed | Broken

_from_child: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)
_encoder = msgspec.msgpack.Encoder()


def encode(message: ToChild | FromChild | Serve | FromZygote | ToServer | FromServer) -> bytes:
    """A message's bytes, without their length."""
    return _encoder.encode(message)


def frame(message: ToChild | FromChild) -> bytes:
    """A message as a frame."""
    body = encode(message)
    return _LENGTH.pack(len(body)) + body


def read_frame(descriptor: int) -> bytearray:
    """Read one frame's message from a blocking descriptor.

    Raises:
        EOFError: if the other side has closed its end.
    """
    return _read_exactly(descriptor, _LENGTH.unpack(_read_exactly(descriptor, _LENGTH.size))[0])


def _read_exactly(descriptor: int, size: int) -> bytearray:
    data = bytearray(size)
    unread = memoryview(data)
    while unread:
        count = os.readv(descriptor, [unread])
        if not count:
            raise EOFError
        unread = unread[count:]
    return data


class Frames:
    """Cuts a stream of bytes into frames, on the trusted side."""

    def __init__(self, most_bytes: int) -> None:
        """Allow `most_bytes` for the whole stream; `bytes_left` is how many of them may still come."""
        self.bytes_left = most_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes as they come.

        Raises:
            ProtocolError: if the stream exceeds its limit.
        """
        self.bytes_left -= len(data)
        if self.bytes_left < 0:
            raise ProtocolError("it sent more than its limit allows")
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole frame's message, or None.

        Raises:
            ProtocolError: if a length exceeds the limit.
        """
        if len(self._buffer) < _LENGTH.size:
            return None
        size = _LENGTH.unpack_from(self._buffer)[0]
        end = _LENGTH.size + size
        if size > len(self._buffer) + self.bytes_left:
            raise ProtocolError(f"it announced a message of {size:,} bytes, more than its limit allows")
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_LENGTH.size : end])
        del self._buffer[:end]
        return body


def decode_from_child(body: bytes) -> FromChild:
    """Decode and validate a child's message.

    Most answers to a check are right, or wrong in a common way: short messages seen before are returned as the same object.

    Raises:
        ProtocolError: if it is not a valid message.
    """
    if len(body) <= _SHORT_MESSAGE:
        return _decode_short(body)
    return _decode_medium(body) if len(body) <= _MEDIUM_MESSAGE else _decode(body)


def _decode(body: bytes) -> FromChild:
    if len(body) > _SMALL_MESSAGE and has_more_items(body, _MOST_ITEMS):
        raise ProtocolError("it sent a message with too many items")
    try:
        message = _from_child.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, MemoryError, OverflowError) as error:
        raise ProtocolError(f"it sent something that is not a message ({str(error)[:200]})") from error
    if isinstance(message, Observed):
        validate(message.observation)
    elif isinstance(message, CellFinished):
        _check_text(message.note)
        _check_error(message.error)
    elif isinstance(message, Broken):
        _check_text(message.reason)
        _check_text(message.check, _LONGEST_NAME)
    elif isinstance(message, Hello):
        for layer, state in message.layers.items():
            _check_text(layer, _LONGEST_NAME)
            _check_text(state, _LONGEST_NAME)
    else:
        _check_text(message.problem)
    return message


# At most 8 MB of short ones and 16 MB of longer ones.
_decode_short = lru_cache(maxsize=2048)(_decode)
_decode_medium = lru_cache(maxsize=256)(_decode)


def validate(observation: Observation) -> None:
    """Check what types do not: that either a result or an error is set, counts, depth, and the bytes of every tensor.

    Raises:
        ProtocolError: if the observation is not as described in `autograder.records.observation`.
    """
    if (observation.returned is None) == (observation.error is None):
        raise ProtocolError("an observation has neither a result nor an error, or both")
    _check_error(observation.error)
    _check_text(observation.output)
    for text in (observation.check, *observation.effects, *observation.warnings):
        _check_text(text)
    if len(observation.effects) + len(observation.warnings) > _MOST_FACTS:
        raise ProtocolError("an observation has too many effects or warnings")
    if observation.returned is not None:
        for count, (fact, depth) in enumerate(_walk(observation.returned, 1)):
            if depth > _DEEPEST or count >= _MOST_FACTS:
                raise ProtocolError("an observation is nested too deeply, or has too many facts")
            _check_fact(fact)


def _walk(fact: Fact, depth: int) -> Iterator[tuple[Fact, int]]:
    pending: list[tuple[Fact, int]] = [(fact, depth)]
    while pending:
        fact, depth = pending.pop()
        yield fact, depth
        if isinstance(fact, SequenceFact | MappingFact):
            pending.extend((item, depth + 1) for item in fact.items)
        elif isinstance(fact, ModuleFact):
            pending.extend((item, depth + 1) for _, item in (*fact.parameters, *fact.buffers))


def _check_fact(fact: Fact) -> None:
    if isinstance(fact, TensorFact):
        _check_tensor(fact)
    elif isinstance(fact, MappingFact):
        if len(fact.keys) != len(fact.items):
            raise ProtocolError("a mapping does not have one key per item")
        for key in fact.keys:
            _check_text(key)
    elif isinstance(fact, OpaqueFact):
        _check_text(fact.reason)
    elif isinstance(fact, RaisedFact):
        _check_error(fact.error)
        _check_text(fact.returned)
    elif isinstance(fact, ModuleFact):
        if max(len(fact.training), len(fact.state_dict)) > _MOST_FACTS:
            raise ProtocolError("a module has too many names")
        for name in (*fact.state_dict, *(pair[0] for pair in (*fact.parameters, *fact.buffers, *fact.training))):
            _check_text(name, _LONGEST_NAME)
    elif isinstance(fact, DigestFact | SketchFact | SourceFact):
        raise ProtocolError("it sent what only the trusted side makes")
    if not isinstance(fact, RaisedFact | DigestFact | SketchFact | SourceFact):
        _check_text(fact.type, _LONGEST_NAME)


def _check_tensor(fact: TensorFact) -> None:
    _check_text(fact.dtype, _LONGEST_NAME)
    _check_text(fact.device, _LONGEST_NAME)
    _check_text(fact.layout, _LONGEST_NAME)
    for name in fact.shares:
        _check_text(name, _LONGEST_NAME)
    if len(fact.shape) > _MOST_DIMENSIONS or any(size < 0 for size in fact.shape):
        raise ProtocolError(f"a tensor has the shape {str(fact.shape)[:100]}")
    if fact.stride is not None and len(fact.stride) != len(fact.shape):
        raise ProtocolError("a tensor does not have one stride per dimension")
    expected = _bytes_of(fact)
    for values in (fact.values, fact.gradient_values):
        if values is not None and values and len(values) != expected:
            raise ProtocolError(f"a tensor of {expected} bytes came with {len(values)}")
    if not fact.values and expected and not fact.device.startswith("meta") and fact.type not in _WITHOUT_VALUES:
        raise ProtocolError(f"a tensor of {expected} bytes came without its values")


def _bytes_of(fact: TensorFact) -> int:
    itemsize = DTYPE_BYTES.get(fact.dtype)
    if itemsize is None:
        # A quantised or unknown dtype: all that can be checked is that elements have one size.
        count = math.prod(fact.shape)
        if (count == 0) != (len(fact.values) == 0) or (count and len(fact.values) % count):
            raise ProtocolError(f"a tensor of dtype {fact.dtype} came with {len(fact.values)} bytes")
        return len(fact.values)
    return math.prod(fact.shape) * itemsize


def _check_error(error: ErrorFact | None) -> None:
    if error is None:
        return
    texts = [value for name in error.__struct_fields__ if isinstance(value := getattr(error, name), str)]
    for text in (*texts, *error.bases, "" if error.at is None else error.at.text):
        _check_text(text)
    if len(error.bases) > _LONGEST_NAME:
        raise ProtocolError("an error has too many bases")


def _check_text(text: str, longest: int = _LONGEST_TEXT) -> None:
    if len(text) > longest:
        raise ProtocolError(f"a text has {len(text):,} characters; at most {longest:,} are allowed")
