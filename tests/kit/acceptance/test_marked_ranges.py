"""The guide's tasks that are ranges of a notebook, with an author's own checks: a report, and two functions in one task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from course_files import write_files
from markdown_pages import examples

from autograder import Grader
from autograder.course.cells import read_cells
from autograder.course.course_file import load_course
from autograder.course.marked import marked_lines, marked_parts, marked_text
from autograder.course.stubs import stub_digest, untouched
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell
from autograder.records.results import TaskResult
from autograder.release import build
from autograder.verifying.mutants import make_mutants
from autograder.verifying.verify import verify

REPORT_CHECK = examples("output")[-1]
STUB, CODEC_CHECKS, CODEC_MISTAKE = examples("several-functions")
IMPORTS = "# %%\nimport torch\n\nx = torch.eye(3)\n\n"
ENCODE = "def encode(x):\n    return x - x.mean(), x.mean()\n"
DECODE = "def decode(centred, mean):\n    return centred + mean\n"
CODEC = f"# %%\n# autograde: codec\n{ENCODE}\n\n{DECODE}"
REPORT = "# %%\n# autograde: report\nfor row in x:\n    print(row.mean().item())\n"
MORE_MISTAKES = """

@misconception("codec", "What is the mean of what you return, and what should it be?")
class keeps_the_mean:
    def encode(x):
        return x, x.mean()


@misconception("report", "How many lines does it print? How many rows does x have?")
def takes_columns(x=torch.eye(3)):
    for column in x.T:
        print(column.mean().item())
"""
ALTERNATIVES = """
import torch

from autograder import alternative


@alternative("codec")
class adds_up:
    def encode(x):
        mean = x.sum() / len(x)
        return torch.stack([number - mean for number in x]), mean


@alternative("report")
def in_one_go(x=torch.eye(3)):
    print(*(f"{mean:.6f}" for mean in x.mean(dim=1)), sep="\\n")
"""
HINTS = "codec: [Add up., Divide., Use mean.]\nreport: [Add up., Divide., Use mean.]\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    tasks = "{codec: {points: 3}, report: {points: 1, side_effects: 0}}"
    files = {
        "course.yml": f"title: T\nsolutions: after_pass\ntopics: {{coding: {{title: C, number: 1, tasks: {tasks}}}}}\n",
        "exercises/coding.py": f"{IMPORTS}{STUB}\n# %%\n# autograde: report\n...\n",
        "exercises/hints/coding.yml": HINTS,
        "solutions/coding.py": f"{IMPORTS}{CODEC}\n{REPORT}",
        "solutions/misconceptions/coding.py": f"import torch\n\n{CODEC_MISTAKE}{MORE_MISTAKES}",
        "solutions/alternatives/coding.py": ALTERNATIVES,
        "tests/visible/test_coding.py": CODEC_CHECKS,
        "tests/hidden/test_coding.py": REPORT_CHECK,
    }
    write_files(root, files)
    return root


@pytest.fixture(scope="module")
def grader(root: Path, pool: Pool) -> Iterator[Grader]:
    with Grader(root, seed=3, pool=pool) as running:
        yield running


def graded(grader: Grader, *cells: str) -> tuple[TaskResult, ...]:
    return grader.grade("\n".join((IMPORTS, *cells)), topic="coding").tasks


def test_right_answers_earn_all_points(grader: Grader) -> None:
    assert [task.earned for task in graded(grader, CODEC, REPORT)] == [3, 1]
    apart = f"# %%\n{ENCODE}", f"# %%\n# autograde: codec\n{DECODE}"
    assert [task.earned for task in graded(grader, *apart, REPORT)] == [3, 1]


def test_one_right_function_of_two_earns_its_part(grader: Grader) -> None:
    codec, report = graded(grader, CODEC.replace("+ mean", "- mean"), REPORT.replace("mean()", "max()"))
    assert (codec.earned, report.earned) == (2, 0)
    assert [each.misconception for each in codec.diagnoses if each.exact] == ["takes_it_off_twice"]


def test_a_missing_function_is_named(grader: Grader) -> None:
    codec, report = graded(grader, f"# %%\n# autograde: codec\n{ENCODE}", "# %%\n# autograde: report\nprint(y)")
    assert codec.attempted
    assert [each.sentence for check in codec.checks for each in check.differences] == [
        "`decode` is not defined in your file."
    ]
    assert report.checks[0].differences[0].sentence == "Your code raised NameError in cell 3, line 2."


def test_stubs_are_not_attempted(grader: Grader) -> None:
    assert [task.attempted for task in graded(grader, STUB, "# %%\n# autograde: report\n")] == [False, False]
    assert [task.attempted for task in graded(grader)] == [False, False]


def test_verify_proves_them(root: Path, pool: Pool) -> None:
    assert verify(load_course(root), None, pool, seeds=2, mutants=False).problems == []


def test_mutants_change_the_range_and_not_what_it_is_given() -> None:
    cells = read_cells(f"{IMPORTS}{CODEC}\n{REPORT}".encode(), "coding.py")
    codec, report = make_mutants(cells, "codec", ["report"]), make_mutants(cells, "report", ["codec"])
    assert any("centred + mean" in each.diff for each in codec)
    assert {each.text for each in report} == {"for row in x:", "print(row.mean().item())"}
    assert all("# autograde: report" in each.cells[-1].source for each in report)


def test_worked_solutions_hold_the_range_and_what_it_needs(root: Path, pool: Pool) -> None:
    build.build(load_course(root), pool, root / "release")
    worked = json.loads((root / "release/solutions/coding.json").read_text())["tasks"]
    assert "return centred + mean" in worked["codec"]["source"]
    assert worked["report"]["source"].startswith("import torch")
    assert "print(row.mean().item())" in worked["report"]["source"]


# ---- marks ------------------------------------------------------------------------------------------------------------

SCRIPT = """\
x = 1
# autograde: one
print(x)
# autograde: one, part 2
print(2)

# %%
#autograde:two
print(3)
# autograde: end
print(4)
# autograde: one, part 2
print(5)
"""


def test_a_range_ends_before_the_next_mark_and_with_its_cell() -> None:
    cells = read_cells(SCRIPT.encode(), "script.py")
    assert [(part.cell, part.line, part.source) for part in marked_parts(cells, "one")] == [
        (1, 2, "# autograde: one\nprint(x)"),
        (2, 5, "# autograde: one, part 2\nprint(5)"),
    ]
    assert [part.source for part in marked_parts(cells, "two")] == ["#autograde:two\nprint(3)"]
    assert marked_parts(cells, "end") == marked_parts(cells, "other") == ()
    assert sorted(marked_lines(SCRIPT, "two")) == [8, 9]
    assert marked_text(SCRIPT, "two") == "#autograde:two\nprint(3)"


@pytest.mark.parametrize(
    "line", ["# autograde one", "## autograde: one", " # autograde: one", "# autograde: one two", "# Task"]
)
def test_other_comments_are_no_marks(line: str) -> None:
    assert marked_parts((Cell(1, f"{line}\nprint(1)"),), "one") == ()


@pytest.mark.parametrize(
    ("answer", "work"),
    [("...", False), ("", False), ("pass\n# later", False), ('"later"', False), ("print(1)", True), ("print(", True)],
)
def test_a_stub_is_known_by_doing_nothing(answer: str, work: bool) -> None:
    digest = stub_digest((Cell(1, "# autograde: one\n# Print 1.\n..."),), "one")
    assert (untouched((Cell(1, f"# autograde: one\n{answer}"),), {"one": digest}) == set()) == work
