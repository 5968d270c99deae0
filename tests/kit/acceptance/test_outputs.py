"""Tasks of kind: output, from course.yml to the student's check and the mark."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from course_files import write_files
from markdown_pages import examples
from tiny_course import write_notebook
from typer.testing import CliRunner

from autograder.commands.student import app
from autograder.course.course_file import load_course
from autograder.errors import AuthoringError, CourseError
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import find_submissions
from autograder.keys.key import read_key
from autograder.processes.pool import Pool
from autograder.records.jobs import Outcome
from autograder.records.results import TaskResult
from autograder.release import build
from autograder.student.notebook import check
from autograder.verifying.verify import verify

(TASKS,) = examples("output", "yaml")
STUBS, RIGHT, MISTAKES, _ = examples("output")
TOLD = "      greeting: {points: 1, kind: output}\n"
TOLD += "      squares: {points: 1, kind: output, inputs: {rows: [2, 3, 5]}, tells: verdict, unordered: true}\n"
COURSE = f"title: Scripts\ntopics:\n  steps:\n    number: 1\n    title: Steps\n    tasks:\n{TASKS}{TOLD}"
GREETING = "# %%\n# autograde: greeting\nprint('Hello, class')\n"
SQUARES = "# %%\n# autograde: squares\nfor k in range(rows):\n    print(k * k)\n"
EXERCISE = (
    f"{STUBS}\n# %% [markdown]\n# ### Squares\n\n# %%\n# autograde: squares\n...\n\n# %%\n# autograde: greeting\n...\n"
)
REFERENCE = f"{RIGHT}\n{SQUARES}\n{GREETING}"
NAMES = ("greeting", "squares", "table")
ROWS = "rows = 5"
TABLE = "# autograde: table\n"
ANSWERS = {
    "right": "for k in range(1, rows + 1):\n    print(f'{k}   {1 / k:.3f}  ')\nprint()",
    "constant": "print('1 1.0\\n2 0.5\\n3 0.3333333333333333\\n4 0.25\\n5 0.2')",
    "early": "for k in range(1, rows):\n    print(k, 1 / k)",
    "coarse": "for k in range(1, rows + 1):\n    print(f'{k} {1 / k:.1f}')",
    "words": "for k in range(1, rows + 1):\n    print(f'{k}: {1 / k:.4f}')",
    "silent": "for k in range(1, rows + 1):\n    1 / k",
    "raises": "for k in range(rows):\n    print(k, 1 / k)",
    "leaves": "raise SystemExit",
    "parts": "def line(k):\n    print(k, 1 / k)\n\n# autograde: table, part 2\nfor k in range(1, rows + 1):\n    line(k)",
    "stub": "# Print one line …\n...",
    "empty": "",
}


def make_course(root: Path) -> Path:
    write_files(
        root,
        {
            "course.yml": COURSE,
            "exercises/steps.py": EXERCISE,
            "solutions/steps.py": REFERENCE,
            "solutions/misconceptions/steps.py": MISTAKES,
        },
    )
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """The guide's course, with its release."""
    root = make_course(tmp_path_factory.mktemp("course"))
    build.build(load_course(root), pool, root / "release")
    return root


@pytest.fixture(scope="module")
def results(root: Path, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[TaskResult, ...]]:
    submitted, out = tmp_path_factory.mktemp("submitted"), tmp_path_factory.mktemp("grades")
    for student, answer in ANSWERS.items():
        write_notebook(
            submitted / student / "steps.ipynb",
            ROWS,
            TABLE + answer,
            SQUARES[5:],
            "# autograde: greeting\nprint('Hello,', ' class')",
        )
    write_notebook(submitted / "unmarked" / "steps.ipynb", ROWS, ANSWERS["right"])
    (submitted / "script").mkdir()
    (submitted / "script/steps.py").write_text(
        f"{ROWS}\n{TABLE}{ANSWERS['right']}\n# autograde: end\nrows = 99\n{SQUARES[5:]}{GREETING[5:]}"
    )
    reversed_squares = "# autograde: squares\nfor k in reversed(range(rows)):\n    print(k ** 2)"
    write_notebook(submitted / "backwards" / "steps.ipynb", ROWS, reversed_squares)
    write_notebook(submitted / "cubes" / "steps.ipynb", ROWS, reversed_squares.replace("k ** 2", "k ** 3 + 7"))
    course = load_course(root)
    prepared = {"steps": prepare(course, "steps", pool, seed=3, device="cpu")}
    list(grade(course, prepared, find_submissions([submitted], course).submissions, pool, out))
    return {path.parent.name: read_result(path).tasks for path in out.glob("*/steps.json")}


def sentence(task: TaskResult) -> str:
    return next((each.differences[0].sentence for each in reversed(task.checks) if each.differences), "")


@pytest.mark.parametrize("student", ["right", "parts", "script"])
def test_right_output_earns_all_points(results: dict[str, tuple[TaskResult, ...]], student: str) -> None:
    assert [task.earned for task in results[student]] == [3, 1, 1]


@pytest.mark.parametrize(
    ("student", "told"),
    [
        ("constant", "`output for rows = N` has 5 lines; it should have N."),
        ("early", "`output for rows = N` has N lines; it should have N."),
        ("coarse", "Line 3 of `output for rows = N` differs in a number."),
        ("words", "Line 1 of `output for rows = N` differs in its words."),
        ("silent", "`output for rows = N` is empty: the code prints nothing."),
        ("raises", "Your code raised ZeroDivisionError in cell 2, line 3."),
        ("leaves", "Your code raised SystemExit in cell 2, line 2."),
    ],
)
def test_wrong_output_earns_nothing_and_is_told_where(
    results: dict[str, tuple[TaskResult, ...]], student: str, told: str
) -> None:
    table, greeting, squares = results[student]
    assert (table.attempted, table.earned, greeting.earned, squares.earned) == (True, 0, 1, 1)
    assert re.fullmatch(re.escape(told).replace("N", r"\d"), sentence(table))


def test_a_misconception_is_known_by_what_it_prints(results: dict[str, tuple[TaskResult, ...]]) -> None:
    assert [each.misconception for each in results["early"][0].diagnoses if each.exact] == ["stops_early"]
    assert not results["coarse"][0].diagnoses or not results["coarse"][0].diagnoses[0].exact


@pytest.mark.parametrize("student", ["stub", "empty", "unmarked"])
def test_a_range_without_work_is_not_attempted(results: dict[str, tuple[TaskResult, ...]], student: str) -> None:
    assert (results[student][0].attempted, results[student][0].earned) == (False, 0)


def test_a_lost_mark_is_asked_for(results: dict[str, tuple[TaskResult, ...]]) -> None:
    assert results["unmarked"][0].note == (
        "No cell has the line `# autograde: table`, which the exercise begins this task with; write it above your answer."
    )


def test_lines_may_come_in_any_order_where_the_author_says_so(results: dict[str, tuple[TaskResult, ...]]) -> None:
    assert results["backwards"][2].earned == 1
    assert results["cubes"][2].earned == 0
    assert re.fullmatch(
        r"\d lines of `output for rows = \d` should not be there, e\.g\. '\d+' \(their order does not matter\)\.",
        sentence(results["cubes"][2]),
    )


def test_only_the_output_has_weight(results: dict[str, tuple[TaskResult, ...]]) -> None:
    weights = {check.name: check.weight for check in results["right"][0].checks}
    assert weights == {"test_running_of_table": 0, "test_output_of_table": 1, "side_effects": 0}
    assert results["silent"][0].checks[0].outcome is Outcome.FAILED


def test_verify_proves_it(root: Path, pool: Pool) -> None:
    assert verify(load_course(root), None, pool, seeds=6).problems == []


def test_the_release_holds_no_output_but_what_the_author_lets_be_told(root: Path, pool: Pool) -> None:
    key = read_key(root / "release/keys/steps.key")
    assert sorted(key.reference) == ["test_output_of_squares", *(f"test_running_of_{name}" for name in NAMES)]
    assert key.misconceptions == {}
    assert build.check(load_course(root), pool, root / "release") == []


@pytest.fixture
def release(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    release = shutil.copytree(root / "release", tmp_path / "release")
    monkeypatch.chdir(release)
    return release


def checked(release: Path, answer: str, squares: str = SQUARES) -> str:
    (release / "steps.py").write_text(f"# %%\n{ROWS}\n\n# %%\n{TABLE}{answer}\n\n{squares}")
    return re.sub(r"\s+", " ", CliRunner().invoke(app, ["check", "steps.py"]).output)


def test_check_tells_whether_it_runs_and_the_rest_only_where_the_author_allows_it(release: Path) -> None:
    right, wrong = checked(release, ANSWERS["right"]), checked(release, ANSWERS["words"], SQUARES.replace("k * k", "k + k"))
    for told in (right, wrong):
        assert "✓ answered table" in told
        assert "Grading says whether table is right." in told.replace("`", "")
    assert "✓ passes squares" in right
    assert "of `output for rows =" in wrong
    assert "should not be there" in wrong
    assert "It prints nothing." in checked(release, ANSWERS["silent"])
    assert "ZeroDivisionError" in checked(release, ANSWERS["raises"])
    assert "○ not attempted table" in checked(release, ANSWERS["stub"])


MISTAKES_IN_FILES = [
    ("course.yml", "[3, 4, 6, 9]", "[3, .inf]", "table.inputs.rows holds a number that is not finite; write a list of 2"),
    (
        "course.yml",
        "inputs: {rows: [3, 4, 6, 9]}",
        "inputs: [rows]",
        "table.inputs is a list; write names and the values that",
    ),
    ("course.yml", "inputs: {rows: [3, 4, 6, 9]}", "inputs: {rows: 3}", "table.inputs.rows is 3; write a list of 2 to 100"),
    ("course.yml", "[3, 4, 6, 9]}", "[3, 4, 6, 9], 1: [1, 2]}", "table.inputs.1 is not a valid name; use ASCII letters"),
    (
        "course.yml",
        "tolerance: 0.001}",
        "options: [a, b]}",
        "table.options is only for a choice; remove it, or write kind: ch",
    ),
    (
        "course.yml",
        "kind: output, inputs: {rows: [3",
        "inputs: {rows: [3",
        "table.inputs is only for an output; remove it, or",
    ),
    (
        "course.yml",
        "tolerance: 0.001}",
        "side_effects: 2}",
        "table.side_effects is 2, but nothing of an output has side eff",
    ),
    ("course.yml", "tolerance: 0.001}", "unordered: 1}", "table.unordered is 1; write true or false."),
    (
        "exercises/steps.py",
        TABLE,
        "table = ...\n",
        "table is an output; write `# autograde: table` above its lines in exercises",
    ),
    ("solutions/steps.py", TABLE, "", "table is a marked range; write `# autograde: table` above its lines in solutions/st"),
    ("solutions/steps.py", TABLE, f"{TABLE}rows = 4\n", "table.inputs.rows is set in the range itself in solutions/steps.p"),
    (
        "solutions/steps.py",
        "range(1, rows + 1)",
        "range(1, 6)",
        "table.inputs.rows is not used in the range in solutions/ste",
    ),
    (
        "exercises/steps.py",
        "rows = 5\n",
        "",
        "table.inputs.rows has no value in exercises/steps.py; set it in a cell above.",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES_IN_FILES)
def test_mistakes_of_the_author_are_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    course = make_course(tmp_path)
    (course / "tests/visible").mkdir(parents=True)
    (course / "tests/visible/test_steps.py").write_text("")
    text = (course / file).read_text()
    assert old in text
    (course / file).write_text(text.replace(old, new, 1))
    with pytest.raises(CourseError) as caught:
        load_course(course)
    assert f"course.yml: topics.steps.tasks.{message}" in str(caught.value)


def test_an_output_has_no_other_checks(tmp_path: Path, pool: Pool) -> None:
    course = make_course(tmp_path)
    (course / "tests/hidden").mkdir(parents=True)
    own = 'from autograder import checks\n\n\n@checks("table")\ndef test_own(code, given):\n    """Own."""\n'
    (course / "tests/hidden/test_steps.py").write_text(own)
    with pytest.raises(AuthoringError, match=r"test_steps\.py:5: test_own is for table, an output, which has checks of its"):
        prepare(load_course(course), "steps", pool, seed=3, device="cpu")


def test_a_reference_that_fails_is_the_authors_mistake(tmp_path: Path, pool: Pool) -> None:
    course = make_course(tmp_path)
    (course / "solutions/steps.py").write_text(REFERENCE.replace("1 / step", "1 / (rows - 9)"))
    with pytest.raises(AuthoringError, match=r"test_output_of_table: the reference raises ZeroDivisionError"):
        prepare(load_course(course), "steps", pool, seed=3, device="cpu")


def told_in_notebook(capsys: pytest.CaptureFixture[str], *cells: str) -> str:
    """What `check("squares")` says after these cells have run."""
    names: dict[str, object] = {"__name__": "__main__", "check": check, "In": ["", *cells]}
    for cell in cells:
        exec(cell, names)
    capsys.readouterr()
    exec('check("squares")', names)
    assert names["rows"] == 5
    return re.sub(r"\s+", " ", capsys.readouterr().out)


def test_a_notebook_is_told(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = SQUARES.replace("k * k", "k + 1")
    assert "3 of 3 visible checks passed" in told_in_notebook(capsys, ROWS, wrong, SQUARES)
    assert "should not be there" in told_in_notebook(capsys, ROWS, SQUARES, wrong)
    assert "not attempted" in told_in_notebook(capsys, ROWS, "# autograde: squares\n...")
    missing = "There is no `# autograde: squares` yet: run the cell that begins with it, then check again."
    assert missing in told_in_notebook(capsys, ROWS)
