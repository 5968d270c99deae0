"""collected.csv: names that students chose stay text in a spreadsheet, and are read again as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.intake.collected import COLLECTED, Collected


@pytest.mark.attack
def test_a_name_that_is_a_formula_stays_text_and_itself(tmp_path: Path) -> None:
    row = dict.fromkeys(("topic", "counts", "submitted_at", "late", "sha256", "download", "in_download"), "") | {
        "student": "eve",
        "file": "eve/views.py",
        "who": "@eve",
        "handed_in_as": "=cmd|' /C calc'!A0.py",
    }
    collected = Collected(tmp_path / COLLECTED)
    collected.keep(row)
    collected.write()
    assert "'=cmd|' /C calc'!A0.py,'@eve," in collected.path.read_text()
    assert Collected.read(collected.path).rows == {"eve/views.py": row}
