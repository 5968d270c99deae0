"""Fuzzes the readers in fuzz_targets.py for as long as you like: `make fuzz`, or this file with the names of targets.

With atheris, where its wheels install, coverage guides the search; without it, hypothesis draws new inputs. What goes wrong
is in build/fuzz/TARGET/: mend its kind, and put the input into the target's corpus, where it is tried ever after.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
import traceback
from pathlib import Path

from fuzz_targets import TARGETS, Target, check
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

FOUND = Path(__file__).parents[3] / "build" / "fuzz"
_LONG = 2000


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Any bytes; words of the format, some many times; and examples with some edits."""
    word = st.one_of(st.sampled_from(target.words or (b"\0",)), st.binary(min_size=1, max_size=4))
    piece = st.tuples(word, st.sampled_from([1] * 9 + [_LONG])).map(lambda drawn: drawn[0] * drawn[1])
    text = st.lists(piece, max_size=20).map(b"".join)
    edits = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 40), piece), min_size=1, max_size=6)
    example = st.sampled_from([*target.corpus().values()] or [b""])
    return st.one_of(st.binary(max_size=200), text, st.builds(_edited, example, edits))


def _edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """Put a piece in the place of some bytes, several times."""
    for place, length, piece in edits:
        start = place % (len(data) + 1)
        data = data[:start] + piece + data[start + length :]
    return data


def try_some(target: Target, *, examples: int, number: int) -> None:
    """Try inputs that a seed draws; raises what goes wrong, with the smallest input in a note."""

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(inputs(target))
    def trial(data: bytes) -> None:
        check(target, data)

    trial()


def _fuzz(target: Target, seconds: float) -> None:
    if importlib.util.find_spec("atheris") is None:
        _with_hypothesis(target, seconds)
        return
    command = [sys.executable, str(Path(__file__).with_name("fuzz_with_atheris.py")), target.name, str(int(seconds))]
    subprocess.run([*command, str(FOUND / target.name)], check=True)  # it ends its process


def _with_hypothesis(target: Target, seconds: float) -> None:
    ends, number = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        number += 1
        try_some(target, examples=200, number=number)
    print(f"{target.name}: {number * 200} inputs drawn by hypothesis, nothing found")


def main() -> int:
    """Fuzz one target after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="which readers (default: all)")
    parser.add_argument("--seconds", type=float, default=60, help="for each target")
    asked = parser.parse_args()
    failed = []
    for name in asked.targets or TARGETS:
        print(f"{name}: {asked.seconds:g} s", flush=True)
        try:
            _fuzz(TARGETS[name], asked.seconds)
        except Exception:
            traceback.print_exc()
            failed.append(name)
    print(f"went wrong: {', '.join(failed)}; see above and {FOUND}" if failed else "nothing found")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
