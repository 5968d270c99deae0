"""Finds a course's hidden data in bytes of a release.

Up to 64 samples, spread evenly over each file, stand for it: lines of a text, else 32 bytes. What is recoded (another
format, other compression, rounded numbers) is not recognised, nor are fewer than an eighth of the samples, since rows may be
alike by chance, nor a file of less than 8 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from autograder.course.data_files import data_names, is_private

__all__ = ["Found", "HiddenData"]

_SAMPLES = 64
_SHORTEST_LINE = 12
_SAMPLE_BYTES = 32
_START = 8  # bytes by which samples are looked up
_DISTINCT = 4  # different bytes in the start, or it could be anywhere
_SHARE = 8


class Found(NamedTuple):
    """A hidden file, and how many of its samples were found."""

    name: str
    samples: int
    of: int


class HiddenData:
    """The samples of a course's hidden data."""

    def __init__(self, root: Path) -> None:
        """Read the files below `data/hidden/` and `data/answers/` in a course's folder."""
        self._samples: dict[bytes, list[tuple[str, bytes]]] = {}
        self._counts: dict[str, int] = {}
        for name in sorted(filter(is_private, data_names(root))):
            samples = _spread(tuple(dict.fromkeys(_candidates((root / name).read_bytes()))))
            self._counts[name] = len(samples)
            for sample in samples:
                self._samples.setdefault(sample[:_START], []).append((name, sample))
        self._starts = np.sort(np.frombuffer(b"".join(self._samples), np.uint64))

    def search(self, data: bytes) -> list[Found]:
        """The files of which at least an eighth of the samples occur in `data`, and two of them if there are two."""
        seen: dict[str, set[bytes]] = {}
        for position in self._positions(data):
            for name, sample in self._samples[data[position : position + _START]]:
                if data.startswith(sample, position):
                    seen.setdefault(name, set()).add(sample)
        return [
            Found(name, len(samples), self._counts[name])
            for name, samples in seen.items()
            if len(samples) >= max(min(2, self._counts[name]), self._counts[name] // _SHARE)
        ]

    def _positions(self, data: bytes) -> Iterator[int]:
        """Where a sample may start."""
        for offset in range(min(_START, len(data) - _START + 1) if len(self._starts) else 0):
            words = np.frombuffer(data, np.uint64, (len(data) - offset) // _START, offset)
            places = np.searchsorted(self._starts, words).clip(max=len(self._starts) - 1)
            yield from (np.flatnonzero(self._starts[places] == words) * _START + offset).tolist()


def _candidates(content: bytes) -> Iterator[bytes]:
    """What may stand for a file: lines without the first, which names columns, else pieces without regard to lines."""
    lines = [] if b"\0" in content else [line.strip() for line in content.splitlines()]
    long = [line for line in lines[1:] or lines if len(line) >= _SHORTEST_LINE and _is_telling(line)]
    if long:
        yield from long
        return
    step = max(1, len(content) // (4 * _SAMPLES))
    last = max(1, len(content) - _SAMPLE_BYTES + 1)
    pieces = (content[start : start + _SAMPLE_BYTES] for start in range(0, last, step))
    yield from filter(_is_telling, pieces)


def _is_telling(sample: bytes) -> bool:
    return len(sample) >= _START and len(set(sample[:_START])) >= _DISTINCT


def _spread(samples: tuple[bytes, ...]) -> tuple[bytes, ...]:
    step = max(1.0, len(samples) / _SAMPLES)
    return tuple(samples[int(number * step)] for number in range(min(_SAMPLES, len(samples))))
