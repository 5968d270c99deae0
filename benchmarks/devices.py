"""Shows what the simulated GPU makes of students' code and of PyTorch's operations: the tables of docs/devices.md.

.venv/bin/python benchmarks/devices.py                  print the table of snippets
.venv/bin/python benchmarks/devices.py --write          write it into docs/devices.md
.venv/bin/python benchmarks/devices.py --sweep --write  run all operations, too, and write the row of this release of torch
"""

from __future__ import annotations

import argparse
import functools
import re
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "kit" / "support")]

from gpu_snippets import SNIPPETS, Snippet  # noqa: E402  (its folder is not a package)
from gpu_sweep import Sweep, sweep  # noqa: E402

__all__ = ["PAGE", "figures_row", "snippets_table", "with_row", "with_table", "written_table"]

PAGE = ROOT / "docs" / "devices.md"
_WIDTH = 90
_SAMPLES = 3
_FINDINGS = (
    "refused",
    "result not on the GPU",
    "other values",
    "backward refused",
    "gradient not on the GPU",
    "other gradients",
    "mixed accepted",
    "mixed, another error",
)


@functools.cache
def snippets_table() -> str:
    """Each snippet, and what came of it on the CPU alone and on the simulated GPU."""
    rows = ["| the code | on the CPU alone | on the simulated GPU |", "|---|---|---|"]
    unseen = bugs = 0
    for snippet in SNIPPETS:
        plain, simulated = snippet.run(gpu=False), snippet.on_gpu()
        if not snippet.agrees(simulated):
            raise AssertionError(f"{snippet.name}: {simulated!r}")
        bugs += snippet.bug
        unseen += snippet.bug and not isinstance(plain, Exception)
        rows.append(f"| {snippet.name} | {_shown(plain)} | {_outcome(snippet, simulated)} |")
    head = (
        f"{len(SNIPPETS)} pieces of code, {bugs} of them wrong. {unseen} of these mistakes cannot be seen on the CPU alone; "
        "all are seen on the simulated GPU."
    )
    return head + "\n\n" + "\n".join(rows)


def _shown(outcome: object) -> str:
    return f"`{type(outcome).__name__}`" if isinstance(outcome, Exception) else "runs"


def _outcome(snippet: Snippet, outcome: object) -> str:
    if not isinstance(outcome, Exception):
        return "runs"
    if snippet.error is None:
        return "**runs, and the result is wrong**"
    text = str(outcome).splitlines()[0]
    if "DataLoader worker" in text:  # the worker's own error is the last line of its traceback
        text = str(outcome).strip().splitlines()[-1].partition(": ")[2]
    text = text if len(text) <= _WIDTH else text[:_WIDTH].rpartition(" ")[0] + " …"
    return f"**`{type(outcome).__name__}`**: {text}".replace("|", "\\|")


def figures_row(result: Sweep, seconds: float) -> str:
    """The figures of a sweep, as a row of the page's table."""
    counts = result.counts
    disagreements = sum(counts[kind] for kind in _FINDINGS)
    taken = counts["mixed accepted by CUDA"]
    cells = (
        *(torch.__version__, counts["operations"], counts["samples"], counts["backward passes"]),
        *(f"{counts['mixed refused']} of {counts['mixed']}", taken, disagreements, len(SNIPPETS), f"{seconds:.0f} s"),
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def written_table(page: str) -> str:
    """The table of snippets that stands on the page."""
    return _between("snippets").search(page).group(2).strip()  # type: ignore[union-attr]


def with_table(page: str, table: str) -> str:
    """The page with another table of snippets."""
    return _between("snippets").sub(lambda found: f"{found[1]}\n\n{table}\n\n{found[3]}", page)


def with_row(page: str, row: str) -> str:
    """The page with this row in the place of the one of the same release, or added to the table."""

    def replaced(found: re.Match[str]) -> str:
        head, line, *rows = found[2].strip().splitlines()
        name = row.split("|")[1]
        rows = sorted([*(other for other in rows if other.split("|")[1] != name), row])
        return "\n".join([found[1] + "\n", head, line, *rows, "\n" + found[3]])

    return _between("sweep").sub(replaced, page)


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}:[^>]*-->)(.*?)(<!-- end of {name} -->)", re.DOTALL)


def main() -> None:
    """Print, or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweep", action="store_true", help="run all operations of torch's OpInfo database; minutes")
    parser.add_argument("--write", action="store_true", help=f"write into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    table, row = snippets_table(), ""
    print(table)
    if options.sweep:
        begun = time.perf_counter()
        result = sweep(_SAMPLES)
        row = figures_row(result, time.perf_counter() - begun)
        print(row)
        for kind in _FINDINGS:
            for name, times in result.findings[kind].items():
                print(f"{kind}: {name} ({times})")
    if options.write:
        page = with_table(PAGE.read_text(encoding="utf-8"), table)
        PAGE.write_text(with_row(page, row) if row else page, encoding="utf-8")


if __name__ == "__main__":
    main()
