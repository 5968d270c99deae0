"""Fuzzes one target with atheris: `fuzz_with_atheris.py TARGET SECONDS FOLDER`. It ends its process; fuzz.py starts it."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["autograder", "yaml", "zipfile", "csv"]):
    from fuzz_targets import CORPUS, TARGETS, check

_SLOWEST_SECONDS, _LARGEST_MB = 60, 4096  # end the process; far above what `check` allows


def main() -> None:
    """Search, guided by coverage; inputs that lead to new places are kept in FOLDER/corpus, faults in FOLDER."""
    target, seconds, found = TARGETS[sys.argv[1]], sys.argv[2], Path(sys.argv[3])
    (found / "corpus").mkdir(parents=True, exist_ok=True)
    words = ["".join(f"\\x{byte:02x}" for byte in word) for word in target.words or (b"\0",)]  # it takes no empty file
    (found / "words").write_text("".join(f'"{word}"\n' for word in words))
    options = {
        "max_total_time": seconds,
        "artifact_prefix": f"{found}/",
        "timeout": _SLOWEST_SECONDS,
        "rss_limit_mb": _LARGEST_MB,
        "dict": found / "words",
        "max_len": 1 << 16,
        "verbosity": 0,
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup(
        [target.name, *arguments, str(found / "corpus"), str(CORPUS / target.name)], lambda data: check(target, data)
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
