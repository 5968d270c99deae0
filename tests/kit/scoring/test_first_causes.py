"""Why checks never got to look at an answer: real submissions, graded, and what is said of them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from tiny_course import make_course, write_notebook

from autograder.course.course_file import load_course
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.processes.pool import Pool
from autograder.records.results import TopicResult
from autograder.reporting.class_page import write_index
from autograder.reporting.labels import cause_sentence

DOUBLE = "def double(x):\n    return 2 * x"
STUB = 'def double(x):\n    """Twice x."""\n    raise NotImplementedError'
NO_PANDAS = "ModuleNotFoundError: No module named 'pandas_of_another_machine'"
IMPORTS = "import pandas_of_another_machine as pd\nimport torch\nimport math"
CELLS = {
    "fine": ("import torch", "guess = 7", DOUBLE),
    "import fails": (IMPORTS, "guess = 7", "def double(x):\n    return torch.mul(x, 2)"),
    "annotation": (IMPORTS, "guess = 7", "def double(x: torch.Tensor):\n    return 2 * x"),
    "in the same cell": (f"{IMPORTS}\nguess = 7", DOUBLE),
    "quotes": ("guess = 7", "def double(x):\n    print(“x”)\n    return 2 * x"),
    "one task": (DOUBLE,),
    "reused": ("guess = 7", DOUBLE, 'import re\ndouble = re.match("a", "abc")'),
    "star": ("guess = 7", DOUBLE.replace("double", "match"), "double = match\nfrom re import *"),
    "loop": (DOUBLE, "guess = 7\nfor guess in range(3):\n    print(guess)"),
    "deleted": ("guess = 7", DOUBLE, "del double"),
    "reset": ("guess = 7", DOUBLE, "%reset -f"),
    "copied stub": ("guess = 7", DOUBLE, STUB),
    "twice": ("guess = 7", DOUBLE, "def double(x):\n    return x + 1"),
    "timed": ("guess = 7", f"%%timeit -n 1 -r 1\n{DOUBLE}"),
    "in a class": ("guess = 7", f"class Answers:\n{textwrap.indent(DOUBLE, '    ')}"),
    "alias": ("guess = 7", "def helper(x):\n    return 2 * x\n\ndouble = helper"),
}
NOTES = {
    "import fails": f"`double` uses `torch` from cell 1, but that failed: {NO_PANDAS}.",
    "annotation": "Cell 3 defines `double`, but failed: NameError: name 'torch' is not defined. "
    f"That is because cell 1 failed: {NO_PANDAS}.",
    "quotes": "Cell 2 defines `double`, but failed: SyntaxError: invalid character '“' (U+201C).",
    "reused": "`double` is no longer what cell 2, line 1 defines: cell 3, line 2 reuses its name "
    '(`double = re.match("a", "abc")`). Use a different name there.',
    "deleted": "`double` is defined in cell 2, line 1, but cell 3, line 1 deletes it (`del double`). Delete that line.",
    "reset": "`double` is defined in cell 2, line 1, but `%reset` in cell 3, line 1 deletes every name. Delete that line.",
    "copied stub": "`double` is defined in cell 2, line 1, and again in cell 3, line 1, where it is the unchanged stub of "
    "the exercise. The last definition counts: delete the stub.",
    "timed": "Cell 2 defines `double` under `%%timeit`, which keeps it to itself; delete that line.",
    "in a class": "Cell 2 defines `double` inside `Answers`; define it on its own, without indentation.",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> tuple[Path, dict[str, TopicResult]]:
    root = tmp_path_factory.mktemp("causes")
    course, out = load_course(make_course(root / "course")), root / "grades"
    for name, cells in CELLS.items():
        write_notebook(root / "class" / name / "views.ipynb", *cells)
    (root / "class" / "file").mkdir()
    (root / "class" / "file" / "views.py").write_text(f"{IMPORTS}\nguess = 7\n\n{DOUBLE}\n")
    prepared = {"views": prepare(course, "views", pool, seed=5, device="cpu")}
    list(grade(course, prepared, find_submissions([root / "class"], course).submissions, pool, out))
    return out, {path.parent.name: read_result(path) for path in sorted(out.glob("*/views.json"))}


def of(result: TopicResult, task: str) -> tuple[str, str]:
    one = next(each for each in result.tasks if each.task == task)
    return one.note, one.standing


def test_each_task_is_told_what_keeps_its_answer_away(graded: tuple[Path, dict[str, TopicResult]]) -> None:
    results = graded[1]
    assert {name: of(results[name], "double") for name in NOTES} == {name: (note, "stopped") for name, note in NOTES.items()}
    for name in NOTES:
        task = next(each for each in results[name].tasks if each.task == "double")
        assert (task.earned, task.gated, task.diagnoses) == (0, False, ())
    assert of(results["fine"], "double") == of(results["fine"], "guess") == ("", "")


def test_what_is_not_in_the_file_is_not_attempted(graded: tuple[Path, dict[str, TopicResult]]) -> None:
    out, results = graded
    (missing,) = [task for task in results["one task"].tasks if task.task == "guess"]
    assert (missing.standing, missing.attempted, missing.note) == ("missing", False, "Your file does not define `guess`.")
    page = (out / "one task" / "views.html").read_text(encoding="utf-8")
    assert "Not in your file" in page
    assert "is not defined in your file" not in page
    assert results["one task"].earned == 4.0


def test_a_line_that_may_have_taken_the_name_is_named(graded: tuple[Path, dict[str, TopicResult]]) -> None:
    results = graded[1]
    loop = "`guess` gets a value in cell 2, line 1, and again in cell 2, line 2 (`for guess in range(3):`)."
    assert of(results["loop"], "guess") == (f"{loop} The last one counts.", "")
    twice = "`double` is defined in cell 2, line 1, and again in cell 3, line 1. The last definition counts."
    assert of(results["twice"], "double") == (twice, "")


def test_one_failed_cell_is_one_line_for_a_submission_and_for_the_class(
    graded: tuple[Path, dict[str, TopicResult]],
) -> None:
    out, results = graded
    assert [cause_sentence(cause) for cause in results["in the same cell"].causes] == [
        f"Cell 1 failed: {NO_PANDAS}; 1 task depends on it."
    ]
    assert [cause_sentence(cause) for cause in results["file"].causes] == [
        f"The file failed: {NO_PANDAS}; 2 tasks depend on it."
    ]
    assert [cause.tasks for cause in results["annotation"].causes] == [("double",)]
    assert "1 task depends on it" in (out / "import fails" / "views.html").read_text(encoding="utf-8")
    page = write_index(iter(results.values()), out).read_text(encoding="utf-8")
    section = page[page.index('<h2 id="troubles">') :]
    assert "<strong>4 ×</strong> no module named" in section
    assert "5 tasks could not be judged" in section


def test_the_page_shows_the_helper_behind_an_alias(graded: tuple[Path, dict[str, TopicResult]]) -> None:
    task = next(each for each in graded[1]["alias"].tasks if each.task == "double")
    assert task.source == "def helper(x):\n    return 2 * x\n\ndouble = helper"
    assert task.earned == task.points
