"""A course with data: what students read, what only hidden checks read, and what handed-in copies and changed files do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from course_files import write_files
from markdown_pages import examples
from tiny_course import write_notebook
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.errors import AuthoringError, ReleaseError
from autograder.grading.grade import grade, prepare
from autograder.grading.result_files import read_result
from autograder.grading.submissions import files_of, find_submissions
from autograder.keys.build import hash_of_sources
from autograder.nbgrader import export
from autograder.processes.pool import Pool
from autograder.records.results import TopicResult
from autograder.release import build
from autograder.verifying.verify import verify

SEED = 5
COURSE = """\
title: A course with data
draws: 1
limits: {scratch_mb: 1}
topics:
  tables:
    number: 1
    title: Tables
    tasks:
      column_mean: {points: 4}
"""
EXERCISE = '''\
# %%
import csv

# %%
def column_mean(path, name):
    """Return the mean of a column of a CSV file."""
    raise NotImplementedError
'''
RIGHT = """\
import csv


def column_mean(path, name):
    with open(path) as file:
        numbers = [float(row[name]) for row in csv.DictReader(file)]
    return sum(numbers) / len(numbers)
"""
IMPORT = "from autograder import checks\n\n\n"
VISIBLE, HIDDEN = (IMPORT + block for block in examples("data"))
MISTAKES = """\
from autograder import misconception


@misconception("column_mean", "What does the first line of the file tell you?")
def takes_the_first_column(path, name):
    with open(path) as file:
        next(file)
        numbers = [float(line.split(",")[0]) + 1 for line in file]
    return sum(numbers) / len(numbers)
"""
ALTERNATIVE = """\
import statistics
from csv import DictReader

from autograder import alternative


@alternative("column_mean")
def with_statistics(path, name):
    return statistics.fmean(float(row[name]) for row in DictReader(open(path)))
"""
HINTS = 'column_mean: ["Read the file.", "Which column?", "csv.DictReader helps."]\n'
SOLVED = RIGHT.removeprefix("import csv\n\n\n")
SPY = """\
import os
for folder, _, names in os.walk("."):
    print(folder, sorted(names))
"""
REPLACES = "open('data/points.csv', 'w').write('x,y')"
ONLY_PUBLIC = "def column_mean(path, name):\n    return {'x': 101.5, 'y': 301.5}[name]"


def rows(start: int) -> str:
    return "x,y\n" + "".join(f"{start + number}.25000,{start + 200 + number}.25000\n" for number in range(100))


def make_data_course(root: Path) -> Path:
    write_files(
        root,
        {
            "course.yml": COURSE,
            "exercises/tables.py": EXERCISE,
            "exercises/hints/tables.yml": HINTS,
            "solutions/tables.py": RIGHT,
            "solutions/misconceptions/tables.py": MISTAKES,
            "solutions/alternatives/tables.py": ALTERNATIVE,
            "tests/visible/test_tables.py": VISIBLE,
            "tests/hidden/test_tables.py": HIDDEN,
            "data/points.csv": rows(1000),
            "data/.DS_Store": "no data",
            "data/hidden/test.csv": rows(5000),
        },
    )
    (root / "data/images").mkdir()
    (root / "data/images/a.bin").write_bytes(bytes(2 << 20))
    return root


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    """A course with its release, for tests to copy."""
    root = make_data_course(tmp_path_factory.mktemp("course"))
    build.build(load_course(root), pool, root / "release")
    return root


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    return shutil.copytree(source, tmp_path / "course")


@pytest.fixture(scope="module")
def results(source: Path, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TopicResult]:
    """What each of a class gets."""
    submitted, out = tmp_path_factory.mktemp("submitted"), tmp_path_factory.mktemp("grades")
    for student, cells in {
        "right": (SPY, SOLVED),
        "wrong": (ONLY_PUBLIC,),
        "broken": (REPLACES, SOLVED),
        "in_the_way": ("open('data/hidden', 'w').write('')\nimport os\nos.symlink('/', 'data/images/b')", SOLVED),
        "own_copy": (f"# data/points.csv, data/hidden/test.csv, data/mine.csv\n{SOLVED}", SPY),
    }.items():
        write_notebook(submitted / student / "tables.ipynb", "import csv", *cells)
    for name in ("data/points.csv", "data/hidden/test.csv", "data/mine.csv"):
        (submitted / "own_copy" / name).parent.mkdir(parents=True, exist_ok=True)
        (submitted / "own_copy" / name).write_text("x,y\n1,2\n")
    course = load_course(source)
    prepared = {"tables": prepare(course, "tables", pool, seed=SEED, device="cpu")}
    list(grade(course, prepared, find_submissions([submitted], course).submissions, pool, out))
    return {path.name: read_result(out / path.name / "tables.json") for path in submitted.iterdir()}


def test_code_reads_the_data_by_the_path_that_students_have(results: dict[str, TopicResult]) -> None:
    assert results["right"].earned == 4
    assert results["wrong"].earned < 4


def test_hidden_data_are_not_there_while_cells_run(results: dict[str, TopicResult]) -> None:
    output = next(cell.output for cell in results["right"].cells if cell.output)
    assert "./data ['points.csv']" in output
    assert "hidden" not in output


def test_the_data_cannot_be_written_to(results: dict[str, TopicResult]) -> None:
    error = next(cell.error for cell in results["broken"].cells if cell.error)
    assert error.type == "PermissionError"
    assert results["broken"].earned == 4


def test_what_code_puts_in_their_place_makes_way(results: dict[str, TopicResult]) -> None:
    assert results["in_the_way"].earned == 4


def test_a_handed_in_copy_is_not_used(results: dict[str, TopicResult]) -> None:
    assert results["own_copy"].earned == 4
    output = next(cell.output for cell in results["own_copy"].cells if cell.output)
    assert "./data ['mine.csv', 'points.csv']" in output


def test_a_handed_in_copy_makes_no_other_version(root: Path, tmp_path: Path) -> None:
    write_notebook(tmp_path / "class/ann/tables.ipynb", "open('data/points.csv'), open('mine.csv')")
    (tmp_path / "class/ann/data").mkdir()
    (tmp_path / "class/ann/data/points.csv").write_text("x,y\n")
    (tmp_path / "class/ann/mine.csv").write_text("x,y\n")
    course = load_course(root)
    [submission] = find_submissions([tmp_path / "class"], course).submissions
    files, _ = files_of(submission, submission.read(), course)
    assert [file.name for file in files] == ["mine.csv"]


@pytest.mark.parametrize("name", ["data/points.csv", "data/hidden/test.csv"])
def test_results_depend_on_the_data(root: Path, name: str) -> None:
    course = load_course(root)
    before = hash_of_sources(course, load_topic(course, "tables"), SEED, "cpu")
    (root / name).write_text(rows(7000))
    assert hash_of_sources(course, load_topic(course, "tables"), SEED, "cpu") != before


def test_a_topic_gets_the_data_that_it_names(
    root: Path, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "course.yml").write_text(f"{COURSE}    data: [points.csv, hidden/test.csv]\n")
    course = load_course(root)
    prepared = {"tables": prepare(course, "tables", pool, seed=SEED, device="cpu")}
    write_notebook(tmp_path / "in/ada/tables.ipynb", "import csv", SPY, SOLVED)
    list(grade(course, prepared, find_submissions([tmp_path / "in"], course).submissions, pool, tmp_path / "out"))
    result = read_result(tmp_path / "out/ada/tables.json")
    assert result.earned == 4
    assert "images" not in "".join(cell.output for cell in result.cells)
    build.build(course, pool, root / "release")
    assert json.loads((root / "release/course.json").read_bytes())["topics"]["tables"]["data"] == ["data/points.csv"]
    assert (root / "release/data/images/a.bin").exists()
    export._write_source(root / "release", "tables", "tables.ipynb", tmp_path / "source")
    assert [path.name for path in (tmp_path / "source/data").rglob("*")] == ["points.csv"]
    assert json.loads((tmp_path / "source/course.json").read_bytes())["data"] == ["data/points.csv"]
    (root / "release/tables.py").write_text(f"# %%\n{SPY}\n# %%\n{RIGHT}\nassert not os.path.exists('data/images')")
    monkeypatch.chdir(root / "release")
    done = CliRunner().invoke(app, ["check", "tables.py"])
    assert done.exit_code == 0, done.output
    assert "AssertionError" not in done.output


def test_verify_proves_a_topic_with_data(root: Path, pool: Pool) -> None:
    report = verify(load_course(root), None, pool, seeds=2)
    assert report.problems == []


def test_the_release_has_the_public_data_only(source: Path, pool: Pool) -> None:
    release = source / "release"
    names = sorted(path.relative_to(release).as_posix() for path in release.glob("data/**/*") if path.is_file())
    assert names == ["data/images/a.bin", "data/points.csv"]
    assert json.loads((release / "course.json").read_bytes())["data"] == names
    assert "`data/images/a.bin`" in (release / "README.md").read_text()
    assert build.check(load_course(source), pool, release) == []


def test_hidden_data_in_a_release_are_found(root: Path, pool: Pool) -> None:
    shutil.copy(root / "data/hidden/test.csv", root / "data/more.csv")
    with pytest.raises(ReleaseError, match=r"release/data/more\.csv holds `64 of 64 samples` from data/hidden/test\.csv;"):
        build.build(load_course(root), pool, root / "release")


def test_data_that_the_course_no_longer_has_leave_the_release(root: Path, pool: Pool) -> None:
    (root / "data/images/a.bin").rename(root / "data/hidden/a.bin")
    (root / "release/data/own.txt").write_text("no release wrote this")
    build.build(load_course(root), pool, root / "release")
    assert not (root / "release/data/images/a.bin").exists()
    assert (root / "release/data/own.txt").exists()


def test_a_visible_check_cannot_read_hidden_data(root: Path, pool: Pool) -> None:
    path = root / "tests/visible/test_tables.py"
    path.write_text(VISIBLE.replace("data/points.csv", "data/hidden/test.csv"))
    with pytest.raises(
        AuthoringError, match=r"test_points: the reference raises FileNotFoundError: .*data/hidden/test\.csv"
    ):
        prepare(load_course(root), "tables", pool, seed=SEED, device="cpu")


def test_a_file_is_checked_beside_the_released_data(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = shutil.copytree(source / "release", tmp_path / "release")
    (release / "tables.py").write_text(RIGHT)
    monkeypatch.chdir(release)
    done = CliRunner().invoke(app, ["check", "tables.py"])
    assert done.exit_code == 0, done.output
    assert "FileNotFoundError" not in done.output
