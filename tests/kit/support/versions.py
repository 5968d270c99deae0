"""Runs the quick tests with pairs of Python and PyTorch, and writes what came out into docs/versions.md: `make versions`.

A pair is `3.11:2.9.1`; its Python must be installed. Each gets an environment in build/versions/, of up to 8 GB.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "versions.md"
PAIRS = ("3.11:2.9.1", "3.11:2.10.0", "3.12:2.11.0", "3.12:2.13.0", "3.13:2.13.0", "3.13:2.15.0", "3.14:2.15.0")
QUICK = ("tests/kit", "--ignore", "tests/kit/acceptance")
_INSTALLED = "from importlib.metadata import version; print(version('torch'), version('numpy'))"


def environment(python: str, torch: str, folder: Path) -> Path:
    """The Python of an environment with this pair, made if it is missing; everything else is as pinned.

    Raises:
        subprocess.CalledProcessError: if it cannot be installed.
    """
    place = folder / f"{python}-{torch}"
    found = place / "bin" / "python"
    if (place / "ready").exists():
        return found
    interpreter = shutil.which(f"python{python}")
    if interpreter is None:
        raise FileNotFoundError(f"there is no python{python}")
    subprocess.run([interpreter, "-m", "venv", "--clear", place], check=True)
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    others = [pin for pin in pins if not re.match(r"(torch|triton|nvidia|numpy|scikit-learn|scipy|matplotlib)\b", pin)]
    (place / "constraints.txt").write_text("\n".join([*others, f"torch=={torch}"]), encoding="utf-8")
    pip = [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", place / "constraints.txt", "-e", f"{ROOT}[dev]"], check=True)
    (place / "ready").touch()
    return found


def run(python: Path, tests: list[str]) -> str:
    """Run tests; returns pytest's own last words, like `1200 passed in 80 s`."""
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow and not long", *tests]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_COLOR": "1"}
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    print("\n".join(line for line in lines if line.startswith(("FAILED", "ERROR"))))
    return lines[-1].strip("= ") if lines else f"ended with exit code {done.returncode}"


def with_row(page: str, python: str, torch: str, cells: list[str]) -> str:
    """The page with a pair's row replaced, or added at the table's end."""
    lines = page.splitlines()
    row = f"| {' | '.join([python, torch, *cells])} |"
    table = [number for number, line in enumerate(lines) if line.startswith("|")]
    same = [number for number in table if lines[number].startswith(f"| {python} | {torch} |")]
    if same:
        lines[same[0]] = row
    else:
        lines.insert(table[-1] + 1, row)
    return "\n".join(lines) + "\n"


def main() -> int:
    """Try each pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", nargs="*", default=PAIRS, help="PYTHON:TORCH")
    parser.add_argument("--tests", nargs="+", default=QUICK, help="what pytest is to run")
    parser.add_argument("--environments", type=Path, default=ROOT / "build" / "versions", help="where they are made")
    asked = parser.parse_args()
    failed = False
    for python, _, torch in (pair.partition(":") for pair in asked.pairs):
        try:
            interpreter = environment(python, torch, asked.environments)
            words = subprocess.run(
                [interpreter, "-c", _INSTALLED], capture_output=True, text=True, check=True
            ).stdout.split()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{python} with torch {torch}: not tried ({error})")
            continue
        came_out = run(interpreter, list(asked.tests))
        failed |= "failed" in came_out or "error" in came_out or "passed" not in came_out
        tests = "quick tests" if tuple(asked.tests) == QUICK else f"`{' '.join(asked.tests)}`"
        day = datetime.now(UTC).date().isoformat()
        cells = [words[1], f"{platform.system()} {platform.machine()}", tests, came_out, day]
        PAGE.write_text(with_row(PAGE.read_text(encoding="utf-8"), python, torch, cells), encoding="utf-8")
        print(f"{python} with torch {' and numpy '.join(words)}: {came_out}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
