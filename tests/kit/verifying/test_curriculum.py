from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_course import write_course

from autograder.course.course_file import load_course
from autograder.verifying.curriculum import count, page, read_measured

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def test_the_page_is_what_the_course_holds() -> None:
    written = (ROOT / "docs" / "curriculum.md").read_text(encoding="utf-8")
    assert written == page(load_course(ROOT), read_measured(written)), "run `python -m autograder.verifying.curriculum`"


def test_counts_of_a_small_course(tmp_path: Path) -> None:
    counts = count(load_course(write_course(tmp_path)), "small")
    assert (counts.tasks, counts.predictions, counts.checks, counts.hidden) == (3, 1, 6, 2)
    assert counts.misconceptions > 0
    assert counts.mutants > counts.accepted == 0


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    write_course(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "autograder.verifying.curriculum", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "`small`" in (tmp_path / "docs" / "curriculum.md").read_text(encoding="utf-8")
