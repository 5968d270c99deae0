"""What the command and its courier say to each other: MessagePack, each message after its length in four bytes."""

from __future__ import annotations

import struct
from typing import IO

import msgspec

from autograder.cluster.wire import Conditions
from autograder.errors import ProtocolError

__all__ = [
    "Back",
    "Begin",
    "Connected",
    "Drop",
    "FromCourier",
    "Note",
    "Part",
    "Post",
    "Room",
    "SetAside",
    "Stopped",
    "ToCourier",
    "read_message",
    "write_message",
]

_LENGTH = struct.Struct(">I")
_LARGEST = 1 << 30


class Begin(msgspec.Struct, frozen=True, tag="begin", kw_only=True):
    """The first message. `silent_seconds`: for how long a worker may say nothing before its jobs go elsewhere."""

    address: str
    conditions: Conditions
    silent_seconds: float


class Part(msgspec.Struct, frozen=True, tag="part"):
    """What jobs share; it goes to each worker once."""

    name: str
    content: bytes


class Post(msgspec.Struct, frozen=True, tag="post", kw_only=True):
    """A job: the name of its part and what is its own. After `seconds` on a worker it counts as lost."""

    number: int
    part: str
    own: bytes
    seconds: float


class Drop(msgspec.Struct, frozen=True, tag="drop"):
    """Nobody waits any more for what was posted so far."""


ToCourier = Begin | Part | Post | Drop


class Connected(msgspec.Struct, frozen=True, tag="connected"):
    """The scheduler has answered."""


class Room(msgspec.Struct, frozen=True, tag="room"):
    """How many jobs the workers can have at a time."""

    jobs: int


class Back(msgspec.Struct, frozen=True, tag="back", kw_only=True):
    """A job's run, and the worker that it comes from."""

    number: int
    run: bytes
    worker: str


class SetAside(msgspec.Struct, frozen=True, tag="set_aside"):
    """A job that is not tried again, and why: a sentence."""

    number: int
    reason: str


class Note(msgspec.Struct, frozen=True, tag="note"):
    """A sentence that the person at the command should see."""

    text: str


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """The last message: nothing more will be run, and why: a sentence."""

    reason: str


FromCourier = Connected | Room | Back | SetAside | Note | Stopped


def write_message(stream: IO[bytes], message: ToCourier | FromCourier) -> None:
    """Write a message at once."""
    body = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_message(stream: IO[bytes]) -> bytes:
    """The next message's bytes; empty if the other side has closed.

    Raises:
        ProtocolError: if it is announced with more than a gigabyte.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return b""
    size = _LENGTH.unpack(head)[0]
    if size > _LARGEST:
        raise ProtocolError(f"a message of {size:,} bytes was announced")
    body = stream.read(size)
    return body if len(body) == size else b""
