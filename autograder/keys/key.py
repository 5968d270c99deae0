"""Answer keys: what the reference and every misconception were seen to do, under one seed; and their files.

`autograder.keys.build` makes them. The *public* key of a topic holds the visible checks only, on seed 0, without any line,
message or output of the reference, and secret answers as salted digests.
"""

from __future__ import annotations

import hashlib
import platform
import zlib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from autograder._files import decode_versioned, read_whole, write_whole
from autograder.errors import KeyMismatch
from autograder.records.jobs import NotObserved
from autograder.records.observation import Observation

__all__ = [
    "KEY_FORMAT",
    "PUBLIC_SEED",
    "AnswerKey",
    "current_versions",
    "packed_part",
    "read_key",
    "torch_release",
    "write_key",
]

KEY_FORMAT = 2
"""Counts up whenever keys written by an older version can no longer be read."""
PUBLIC_SEED = 0


class AnswerKey(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The observations of a topic's reference and misconceptions under one seed.

    `reference` and each misconception map a check's name to its observations, one a draw, in order; a misconception
    has the checks of its task only, and a `NotObserved` where it timed out or died. `tasks` and `feedback` are by
    misconception, in the order of their file, even of those that have not been run yet. `made_from` tells what the key was
    built from.
    """

    topic: str
    seed: int
    device: str
    versions: dict[str, str]
    made_from: str
    reference: dict[str, list[Observation]]
    misconceptions: dict[str, dict[str, list[Observation | NotObserved]]]
    tasks: dict[str, str]
    feedback: dict[str, str]
    public: bool = False

    def knows(self, task: str) -> bool:
        """Whether all misconceptions of a task have been run."""
        return all(name in self.misconceptions for name, of in self.tasks.items() if of == task)

    @cached_property
    def wrong_checks(self) -> dict[tuple[str, tuple[tuple[str, float], ...]], set[str]]:
        """By misconception and tolerances, the checks that it fails: worked out once, by diagnosis, for all submissions."""
        return {}


# ---- what a key depends on --------------------------------------------------------------------------------------------


@cache
def current_versions() -> dict[str, str]:
    """The versions that observations depend on, without importing what they belong to."""
    found = {"python": platform.python_version()}
    for package in ("torch", "numpy", "autograde-torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


# ---- files ------------------------------------------------------------------------------------------------------------

_MAGIC = b"autograde answer key\n"


_Draws = dict[str, list[int]]
"""Check → for each draw a place in a list: of observations, or if it is negative, from the end, of failures."""


class _KeyFile(msgspec.Struct, kw_only=True):
    """A key as it is written. Equal observations stand in it once: most misconceptions do in most checks what the reference
    does. Failures have a list of their own, since a file's types must be told apart."""

    format_version: int
    topic: str
    seed: int
    device: str
    versions: dict[str, str]
    made_from: str
    public: bool
    observations: list[Observation]
    failures: list[NotObserved]
    reference: _Draws
    misconceptions: dict[str, _Draws]
    tasks: dict[str, str]
    feedback: dict[str, str]


def write_key(key: AnswerKey, path: Path, *, private: bool = False) -> None:
    """Write a key; a reader sees the old file or the new one, never half of it.

    Args:
        key: the key.
        path: the file.
        private: whether nobody but the owner may read it.
    """
    data = zlib.compress(msgspec.msgpack.encode(_to_file(key)), 9)
    content = _MAGIC + hashlib.blake2b(data, digest_size=32).digest() + data
    write_whole(path, content, mode=0o600 if private else 0o666)


def packed_part(content: bytes) -> bytes | None:
    """What a key's file holds, as MessagePack; None if it is no key, or damaged."""
    head = len(_MAGIC) + 32
    if (
        not content.startswith(_MAGIC)
        or hashlib.blake2b(content[head:], digest_size=32).digest() != content[len(_MAGIC) : head]
    ):
        return None
    try:
        return zlib.decompress(content[head:])
    except zlib.error:
        return None


def _to_file(key: AnswerKey) -> _KeyFile:
    places: dict[bytes, int] = {}
    observations: list[Observation] = []
    failures: list[NotObserved] = []

    def place(seen: Observation | NotObserved) -> int:
        written = msgspec.msgpack.encode(seen)
        if written not in places:
            if isinstance(seen, Observation):
                places[written] = len(observations)
                observations.append(seen)
            else:
                failures.append(seen)
                places[written] = -len(failures)
        return places[written]

    return _KeyFile(
        format_version=KEY_FORMAT,
        topic=key.topic,
        seed=key.seed,
        device=key.device,
        versions=key.versions,
        made_from=key.made_from,
        public=key.public,
        observations=observations,
        failures=failures,
        reference={check: [place(seen) for seen in draws] for check, draws in key.reference.items()},
        misconceptions={
            name: {check: [place(seen) for seen in draws] for check, draws in checks.items()}
            for name, checks in key.misconceptions.items()
        },
        tasks=key.tasks,
        feedback=key.feedback,
    )


def read_key(path: Path, *, versions: dict[str, str] | None = None) -> AnswerKey:
    """Read a key.

    Args:
        path: the file.
        versions: as `current_versions` gives them; if given, the key must be for this release of torch.

    Raises:
        KeyMismatch: if the file is missing, damaged, of another format, or for another release of torch.
    """
    try:
        content = read_whole(path)
    except FileNotFoundError as error:
        raise KeyMismatch(f"{path}: there is no answer key; take it from the release.") from error
    except OSError as error:
        raise KeyMismatch(f"{path}: cannot be read ({error.strerror}).") from error
    if not content.startswith(_MAGIC):
        raise KeyMismatch(f"{path}: is not an answer key; take a fresh one from the release.")
    data = packed_part(content)
    if data is None:
        raise KeyMismatch(f"{path}: is damaged; take a fresh one from the release.")
    file = decode_versioned(
        data,
        _KeyFile,
        KEY_FORMAT,
        codec=msgspec.msgpack,
        path=path,
        error=KeyMismatch,
        remedy="take a fresh one from the release",
        newer="install the release's requirements again",
    )
    if versions is not None and torch_release(file.versions) != torch_release(versions):
        raise KeyMismatch(
            f"{path}: was made with torch {file.versions.get('torch')}, but torch {versions.get('torch')} is installed; "
            f"install torch {torch_release(file.versions)}."
        )
    try:
        return _from_file(file)
    except IndexError as error:
        raise KeyMismatch(f"{path}: is damaged; take a fresh one from the release.") from error


def _from_file(file: _KeyFile) -> AnswerKey:
    def seen_at(place: int) -> Observation | NotObserved:
        return file.observations[place] if place >= 0 else file.failures[-place - 1]

    return AnswerKey(
        topic=file.topic,
        seed=file.seed,
        device=file.device,
        versions=file.versions,
        made_from=file.made_from,
        reference={check: [file.observations[place] for place in draws] for check, draws in file.reference.items()},
        misconceptions={
            name: {check: [seen_at(place) for place in draws] for check, draws in checks.items()}
            for name, checks in file.misconceptions.items()
        },
        tasks=file.tasks,
        feedback=file.feedback,
        public=file.public,
    )


def torch_release(versions: Mapping[str, str]) -> str:
    """The first two numbers of torch's version: values may change from one such release to the next."""
    return ".".join(versions.get("torch", "unknown").split("+")[0].split(".")[:2])
