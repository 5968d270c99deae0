"""docs/devices.md: its tables are what the simulated GPU does, and its examples say what happens."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "benchmarks"))

import devices  # noqa: E402  (its folder is not a package)
from gpu_sweep import sweep  # noqa: E402

pytestmark = pytest.mark.slow
PAGE = devices.PAGE.read_text(encoding="utf-8")


def test_the_table_of_snippets_is_what_happens() -> None:
    assert devices.written_table(PAGE) == devices.snippets_table(), "run `python benchmarks/devices.py --write`"


def test_the_sweep_of_this_release_is_on_the_page() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| {torch.__version__} |")]
    assert len(rows) == 1, "run `python benchmarks/devices.py --sweep --write`"
    assert rows[0].split("|")[8].strip() == str(len(devices.SNIPPETS))


def test_a_sample_of_the_sweep() -> None:
    result = sweep(2, operations=90, seed=11)
    assert result.counts["samples"] > 100
    assert result.counts["mixed refused"] > 30
    assert {kind: dict(names) for kind, names in result.findings.items()} == {}


def test_the_example_raises_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[:1]
    said = re.search(r"# RuntimeError: (.*), …", code)
    assert said
    with pytest.raises(RuntimeError, match=re.escape(said[1])):
        exec(code)


def test_rows_of_other_releases_are_kept() -> None:
    before = "<!-- sweep: x -->\n\n| torch | n |\n|---|---|\n| 1.0 | 5 |\n| 2.0 | 6 |\n\n<!-- end of sweep -->"
    after = devices.with_row(before, "| 2.0 | 7 |")
    assert "| 1.0 | 5 |\n| 2.0 | 7 |" in after
    assert "| 6 |" not in after
    assert devices.with_row(after, "| 2.0 | 7 |") == after
