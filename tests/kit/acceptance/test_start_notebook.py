"""The start notebook: an early win that holds, a map that is true, and nothing that grading could stumble over."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from notebooks import too_wide
from warm_python import WarmPython, warm_python

from autograder.course.cells import notebook_topic, read_cells
from autograder.course.course_file import load_course
from autograder.release.notebooks import start_bytes
from autograder.student.released import PLACE

ROOT = Path(__file__).parents[3]
COURSE = load_course(ROOT / "course.yml")
SOURCE = ROOT / "exercises/00_start.py"
CELLS = read_cells(SOURCE.read_bytes(), SOURCE.name)


@pytest.fixture(scope="module")
def notebook() -> bytes:
    assert COURSE.start == SOURCE
    return start_bytes(COURSE, SOURCE)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmPython]:
    """Runs programs beside a copy of the release; a warning is an error in them."""
    place = tmp_path_factory.mktemp("python")
    release = shutil.copytree(ROOT / "release", place / "release")  # where progress is kept
    before = os.environ.get(PLACE)
    os.environ[PLACE] = str(release)
    try:
        with warm_python(place) as running:
            yield running
    finally:
        os.environ.pop(PLACE)
        if before is not None:
            os.environ[PLACE] = before


def text_of(notebook: bytes) -> str:
    cells = json.loads(notebook)["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def training() -> str:
    """The cell that trains."""
    return next(cell.source for cell in CELLS if "backward()" in cell.source)


def test_the_map_is_the_course(notebook: bytes) -> None:
    rows = re.findall(r"(?m)^\| (\d+) \| \[(\w+)\]\((.+?)\) \| (.+?) \| (.+?) \| (required|optional) \|$", text_of(notebook))
    assert rows == [
        (
            str(number),
            name,
            f"{number:02d}_{name}.ipynb",
            topic.title,
            topic.summary,
            "required" if topic.required else "optional",
        )
        for number, (name, topic) in enumerate(COURSE.topics.items(), 1)
    ]
    assert all(topic.summary for topic in COURSE.topics.values())
    assert "<!--" not in text_of(notebook)


def test_what_it_names_is_there(notebook: bytes) -> None:
    tasks = {task for topic in COURSE.topics.values() for task in topic.tasks}
    calls = set(re.findall(r'(?:check|hint)\("(\w+)"\)', SOURCE.read_text(encoding="utf-8")))
    assert calls
    assert calls <= tasks
    in_brackets = re.findall(r"\(`(\w+)`\)", text_of(notebook))
    assert len(in_brackets) > 5
    assert set(in_brackets) <= set(COURSE.topics)


def test_it_has_no_tasks_and_says_what_it_is(notebook: bytes) -> None:
    assert notebook_topic(notebook) == "00_start"
    assert "NotImplementedError" not in notebook.decode()
    assert not [cell for cell in json.loads(notebook)["cells"] if "nbgrader" in cell["metadata"]]


def test_it_is_short_and_fits_the_window(notebook: bytes) -> None:
    assert too_wide(notebook) == []
    assert len([line for line in training().splitlines() if line.strip()]) <= 15


def test_it_runs_and_the_model_reads(python: WarmPython, tmp_path: Path) -> None:
    done = python.run("\n\n".join(cell.source for cell in CELLS), tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ of 397 are right: 9\d\.\d%", done.stdout), done.stdout
    assert "not right yet scale_pixels" in done.stdout
    assert "Hint 1 of 3 for scale_pixels" in done.stdout
    assert COURSE.topics["dtypes"].title in done.stdout


def test_the_model_reads_whatever_the_seed(python: WarmPython, tmp_path: Path) -> None:
    """More than 90 % of the pictures that were held out, in less than five seconds of a processor's time."""
    sources = [cell.source for cell in CELLS]
    split = sources.index(training()) - 1
    before = "\n".join(sources[:split])
    exam = next(cell.source for cell in CELLS if "argmax" in cell.source)
    looped = "\n".join(f"    {line}" for line in f"{sources[split]}\n{training()}\n{exam}".splitlines()).replace(
        "torch.manual_seed(0)", "torch.manual_seed(seed)"
    )
    program = f"{before}\nimport time\nfor seed in range(12):\n    started = time.process_time()\n{looped}\n"
    program += "    print('SHARE', right.float().mean().item(), time.process_time() - started)\n"
    done = python.run(program, tmp_path)
    assert done.returncode == 0, done.stderr
    found = [tuple(map(float, line.split()[1:])) for line in done.stdout.splitlines() if line.startswith("SHARE")]
    assert len(found) == 12
    assert min(share for share, _ in found) > 0.93, found
    assert min(seconds for _, seconds in found) < 5, found
