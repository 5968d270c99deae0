"""The release: built from public files, the same bytes twice, up to date, and free of anything private."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import nbformat
import pytest

from autograder.course import new_topic
from autograder.course.cells import notebook_topic, read_cells
from autograder.course.course_file import Course, load_course
from autograder.errors import AuthoringError, ReleaseError
from autograder.keys.key import read_key, write_key
from autograder.processes.pool import Pool
from autograder.records.course_card import CourseCard, digest
from autograder.release import build
from autograder.release.wheel import student_modules, wheel

PREDICTION = """
# %%
# cat the two rows, then look
x = torch.cat([torch.zeros(2), torch.ones(2)])

# %%
predicted_sum = ...
"""
SECRET_CHECK = '''

@checks("predicted_sum", gate=True)
def test_prediction(code, given):
    """Your prediction is right."""
    return secret(code.predicted_sum)
'''
WHEEL = wheel()[0]
LATE = "late:\n  per_day: 0.1\n"


def made(root: Path) -> Course:
    """A course of one topic with two tasks, complete."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "course.yml").write_text("title: A course\ntopics:\n")
    new_topic.create(root, "means")
    for path in new_topic.topic_paths(root, "means"):
        path.write_text(path.read_text().replace(new_topic.MARK, "Here stands"))
    for name, text in {
        "exercises/means.py": PREDICTION,
        "solutions/means.py": "\n\npredicted_sum = 2.0\n",
        "tests/visible/test_means.py": SECRET_CHECK,
        "course.yml": "      predicted_sum: {points: 1}\n" + LATE,
    }.items():
        path = root / name
        path.write_text(path.read_text().rstrip("\n") + "\n" + text)
    path = root / "tests/visible/test_means.py"
    path.write_text(path.read_text().replace("import checks", "import checks, secret"))
    return load_course(root)


@pytest.fixture(scope="module")
def source(tmp_path_factory, pool: Pool) -> Path:
    """A course with its release, for tests to copy."""
    root = tmp_path_factory.mktemp("course")
    build.build(made(root), pool, root / "release")
    return root


@pytest.fixture
def root(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "course"))


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def checked(root: Path, pool: Pool) -> list[str]:
    return build.check(load_course(root), pool, root / "release")


def test_the_files(root):
    assert set(tree(root / "release")) == {
        "README.md",
        "requirements.txt",
        "course.json",
        f"wheels/{WHEEL}",
        "means.ipynb",
        "checks/test_means.py",
        "hints/means.yml",
        "keys/means.key",
    }
    readme = (root / "release/README.md").read_text()
    assert "| Means | [means.ipynb](means.ipynb) | required | 2 | 5 |" in readme
    assert "1e-05 for float32" in readme
    assert "10 % of the points" in readme
    assert "WRITE" not in readme
    requirements = (root / "release/requirements.txt").read_text().splitlines()
    assert requirements[0] == f"./wheels/{WHEEL}", "so that pip looks at the version of Python first"
    assert requirements[1:3] == ["jupyterlab", "textual"]
    assert requirements[3].startswith("torch==2.")


def test_the_notebook(root):
    data = (root / "release/means.ipynb").read_bytes()
    notebook = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook_topic(data) == "means"
    assert notebook.metadata.autograde.version == read_key(root / "release/keys/means.key").made_from
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert {"task-row_means", "task-predicted_sum"} <= set(ids)
    assert len(ids) == len(set(ids))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert all(not key.startswith("lines_to") for cell in notebook.cells for key in cell.metadata)
    graded = read_cells((root / "exercises/means.py").read_bytes(), "means.py")
    added = [cell.source for cell in code if cell.source not in [each.source for each in graded]]
    assert [cell.source for cell in code if cell.source not in added] == [cell.source for cell in graded]
    assert added[0].startswith("from autograder import check, hint, progress\n")
    assert added[1:] == ['check("row_means")', 'check("predicted_sum")']
    assert [cell.cell_type for cell in notebook.cells[:2]] == ["markdown", "code"]
    after = [notebook.cells[ids.index(f"task-{task}") + 1].id for task in ("row_means", "predicted_sum")]
    assert after == ["check-row_means", "check-predicted_sum"]
    assert any(cell.source.startswith("# cat the two rows") for cell in code)


def test_course_json(root):
    card = msgspec.json.decode((root / "release/course.json").read_bytes(), type=CourseCard)
    topic = card.topics["means"]
    assert (card.title, topic.title, topic.required) == ("A course", "Means", True)
    assert {name: (task.kind, task.arguments, task.points) for name, task in topic.tasks.items()} == {
        "row_means": ("function", "x", 4.0),
        "predicted_sum": ("variable", None, 1.0),
    }
    assert topic.version == read_key(root / "release/keys/means.key").made_from
    assert topic.checks == digest((root / "release/checks/test_means.py").read_bytes())


@pytest.mark.slow
def test_the_wheel_holds_what_students_need_and_nothing_of_the_instructors(root, tmp_path):
    path = root / "release/wheels" / WHEEL
    assert wheel() == (WHEEL, path.read_bytes())
    modules = set(student_modules())
    assert {"__init__.py", "student/notebook.py", "scoring/score.py", "comparing/compare.py"} <= modules
    assert not [name for name in modules if name.startswith(("sandbox", "mutation", "pool", "zygote", "release", "verify"))]
    there = str(tmp_path / "there")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", there, str(path)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'there')!r})\n"
        "import autograder\nfrom autograder import check\nprint(autograder.__file__)\n"
        "def row_means(x):\n    return x.mean(1)\ncheck('row_means')\n"
    )
    command = [sys.executable, "-P", "-c", code]
    run = subprocess.run(command, cwd=root / "release", capture_output=True, text=True, check=True)
    assert run.stdout.startswith(str(tmp_path / "there"))
    assert "✓ passes row_means" in run.stdout


def test_the_wheels_metadata():
    name, data = wheel()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        info = name.removesuffix("-py3-none-any.whl") + ".dist-info"
        text = archive.read(f"{info}/METADATA").decode()
        listed = {line.split(",")[0] for line in archive.read(f"{info}/RECORD").decode().splitlines()}
        assert listed == set(archive.namelist())
    assert "Requires-Dist: torch>=" in text
    assert "\nRequires-Python: >=3.11\n" in text
    assert not re.search("nbgrader|sqlalchemy|jupytext|nbformat|pytest|extra", text, re.IGNORECASE)


def test_the_course_may_name_another_source(root, tmp_path, pool):
    path = root / "course.yml"
    path.write_text(path.read_text().replace("title: A course\n", "title: A course\npackage: autograde-torch==9.1\n"))
    build.build(load_course(root), pool, root / "release")
    assert (root / "release/requirements.txt").read_text().splitlines()[0] == "autograde-torch==9.1"
    assert not (root / "release/wheels" / WHEEL).exists()


def test_the_key_has_visible_checks_only_and_no_secret(root):
    path = root / "release/keys/means.key"
    key = read_key(path)
    assert key.public
    assert set(key.reference) == {"test_values", "test_prediction"}
    for draw in key.reference["test_prediction"]:
        assert type(draw.returned).__name__ == "DigestFact"
    assert b"test_float64" not in path.read_bytes()
    assert b"dim=1" not in path.read_bytes()


@pytest.mark.slow
def test_two_builds_are_equal_byte_for_byte_and_changed_cells_change_no_other_id(root, tmp_path, pool):
    course = load_course(root)
    build.build(course, pool, tmp_path / "again")
    assert tree(tmp_path / "again") == tree(root / "release")
    shutil.rmtree(root / ".autograde")
    build.build(course, pool, tmp_path / "anew")
    assert tree(tmp_path / "anew") == tree(root / "release")
    exercise = root / "exercises/means.py"
    exercise.write_text(exercise.read_text().replace("print(x.sum(dim=0))", "print(x.sum(dim=0).shape)"))
    build.build(load_course(root), pool, tmp_path / "changed")
    before, after = (
        [cell["id"] for cell in json.loads((folder / "means.ipynb").read_bytes())["cells"]]
        for folder in (root / "release", tmp_path / "changed")
    )
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1


def test_a_true_release_has_no_problems_and_is_not_written_again(root, pool):
    assert checked(root, pool) == []
    before = {path: path.stat().st_mtime_ns for path in (root / "release").rglob("*")}
    paths = build.build(load_course(root), pool, root / "release")
    assert len(paths) == 8
    assert {path: path.stat().st_mtime_ns for path in (root / "release").rglob("*")} == before


@pytest.mark.slow
def test_each_difference_is_told(root, pool):
    folder = root / "release"
    (folder / "README.md").unlink()
    (folder / "notes.txt").write_text("Mine.\n")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints/means-checkpoint.ipynb").write_text("{}")
    notebook = folder / "means.ipynb"
    notebook.write_text(notebook.read_text().replace("Means", "Medians"))
    problems = checked(root, pool)
    assert problems == [
        f"{folder / 'README.md'} is missing; run `autograde release`.",
        f"{folder / 'means.ipynb'} does not match its sources; run `autograde release`.",
        f"{folder / 'notes.txt'} is not part of the release; remove it.",
    ]
    build.build(load_course(root), pool, folder)
    assert (folder / "notes.txt").read_text() == "Mine.\n"
    assert checked(root, pool) == problems[2:]


@pytest.mark.slow
def test_a_key_is_compared_by_what_it_says(root, pool):
    path = root / "release/keys/means.key"
    key = read_key(path)
    reference = key.reference["test_values"]
    write_key(msgspec.structs.replace(key, versions={**key.versions, "python": "3.99", "numpy": "9"}), path)
    assert checked(root, pool) == []

    def with_values(change) -> None:
        fact = reference[0].returned
        tensor = fact.items[0]
        items = (msgspec.structs.replace(tensor, values=change(tensor.values)),)
        first = msgspec.structs.replace(reference[0], returned=msgspec.structs.replace(fact, items=items))
        changed = {**key.reference, "test_values": [first, *reference[1:]]}
        write_key(msgspec.structs.replace(key, reference=changed), path)

    with_values(lambda data: bytes([data[0] ^ 1]) + data[1:])
    assert checked(root, pool) == [], "the last bit of one number"
    with_values(lambda data: data[::-1])
    assert [problem.partition(" ")[0] for problem in checked(root, pool)] == [str(path)]
    path.write_bytes(path.read_bytes()[:-20])
    assert [problem.partition(" ")[0] for problem in checked(root, pool)] == [str(path)]
    assert build.build(load_course(root), pool, root / "release")
    assert checked(root, pool) == []


def test_a_change_of_the_reference_makes_the_key_untrue(root, pool):
    path = root / "solutions/means.py"
    path.write_text(path.read_text().replace("predicted_sum = 2.0", "predicted_sum = 3.0"))
    assert checked(root, pool) == [f"{root / 'release/keys/means.key'} does not match its sources; run `autograde release`."]


@pytest.mark.slow
def test_an_old_topic_disappears_and_other_notebooks_stay(root, pool):
    new_topic.create(root, "extra")
    for path in new_topic.topic_paths(root, "extra"):
        path.write_text(path.read_text().replace(new_topic.MARK, "Here stands"))
    folder = root / "release"
    build.build(load_course(root), pool, folder)
    assert (folder / "keys/extra.key").exists()
    (folder / "mine.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    text = (root / "course.yml").read_text()
    start = text.index("  extra:")
    (root / "course.yml").write_text(text[:start] + text[text.index("late:") :])
    build.build(load_course(root), pool, folder)
    assert not [name for name in tree(folder) if "extra" in name]
    assert (folder / "mine.ipynb").exists()


def test_nothing_private_is_written(root, pool):
    (root / "course.yml").write_text(
        (root / "course.yml").read_text().replace("title: A course", "title: See solutions/means.py")
    )
    before = tree(root / "release")
    with pytest.raises(ReleaseError, match=r"README\.md holds `solutions/means\.py`"):
        build.build(load_course(root), pool, root / "release")
    assert tree(root / "release") == before


@pytest.mark.slow
def test_private_things_in_a_committed_release_are_found(root, pool):
    notebook = root / "release/means.ipynb"
    book = json.loads(notebook.read_text())
    book["cells"][1]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": "torch.stack([row.sum() / len(row) for row in x])"}
    ]
    book["cells"][2]["metadata"]["note"] = "test_float64"
    notebook.write_text(json.dumps(book))
    problems = checked(root, pool)
    assert problems[0].endswith("does not match its sources; run `autograde release`.")
    assert any("cells[1].outputs[0].text" in line and "solutions/alternatives/means.py" in line for line in problems)
    assert any("cells[2].metadata.note holds `test_float64` from tests/hidden/test_means.py" in line for line in problems)


def test_an_unwritten_skeleton_is_not_released(tmp_path, pool):
    (tmp_path / "course.yml").write_text("title: A course\ntopics:\n")
    new_topic.create(tmp_path, "means")
    with pytest.raises(ReleaseError, match=r"exercises/means\.py:14: what students will be able to do"):
        build.build(load_course(tmp_path), pool, tmp_path / "release")
    assert not (tmp_path / "release").exists()
    assert any("still marked WRITE:" in line for line in checked(tmp_path, pool))


@pytest.mark.parametrize(
    ("late", "told"),
    [
        ("{per_day: 0.1}", "Late work: after the due time, you lose 10 % of the points for each day begun."),
        (
            "{policy: per_hour, grace_minutes: 10, at_most: 0.5, late_days: 3}",
            "Late work: you lose nothing within 10 minutes of the due time. After that, you lose 1 % of the points for each "
            "hour begun, but at most 50 %. Before that counts, you may be late by 3 days in the whole course.",
        ),
        (
            "{policy: zero, late_days: 1}",
            "Late work: after the due time, it earns nothing. "
            "Before that counts, you may be late by 1 day in the whole course.",
        ),
        ("{policy: none}", "Late work: you lose no points. Your instructor sees that it was late."),
    ],
)  # fmt: skip
def test_students_read_the_late_policy_that_the_course_has(root, late, told):
    path = root / "course.yml"
    path.write_text(path.read_text().replace(LATE, f"late: {late}\n"))
    readme = build._readme(load_course(root), {}).decode()
    assert readme.endswith("\n")
    assert " ".join(readme[readme.index("Late work") :].split()) == told


def test_both_guides_for_students_set_colab_up_with_the_same_cell() -> None:
    cell = ["!unzip -q -o release.zip", "%cd release", "%pip install -q -r requirements.txt"]
    for path in ("docs/students.md", "autograder/release/templates/release_readme.md.j2"):
        lines = [line.strip() for line in (Path(__file__).parents[3] / path).read_text(encoding="utf-8").splitlines()]
        start = lines.index(cell[0])
        assert lines[start - 1 : start + 4] == ["```", *cell, "```"], path


START = """# %% [markdown]
# # Welcome
#
# <!-- topics -->

# %%
import numpy

# %%
print("Hello")
"""


def numbered(root: Path) -> Course:
    """The course, with numbers before its notebooks' names."""
    path = root / "course.yml"
    path.write_text(path.read_text().replace("topics:\n", "numbered: true\ntopics:\n").replace(
        "    title: Means\n", "    title: Means | rows\n    summary: what a mean is\n    required: false\n"
    ))  # fmt: skip
    return load_course(root)


def worked_in(path: Path) -> bytes:
    """Save a notebook as JupyterLab does after a cell was run."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.language_info = {"name": "python", "version": "3.12.1"}
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.source, cell.execution_count = "def row_means(x):\n    return 'my own work'", 1
    nbformat.write(notebook, path)
    return path.read_bytes()


@pytest.mark.slow
def test_numbers_before_the_names(root, pool):
    course = numbered(root)
    (root / "exercises/00_start.py").write_text(START)
    release = root / "release"
    build.build(course, pool, release)
    assert {path.name for path in release.glob("*.ipynb")} == {"00_start.ipynb", "01_means.ipynb"}
    assert {name for name in tree(release) if "/" in name} == {
        "checks/test_means.py", "hints/means.yml", "keys/means.key", f"wheels/{WHEEL}"
    }  # fmt: skip
    readme = (release / "README.md").read_text()
    assert "[01_means.ipynb](01_means.ipynb)" in readme
    assert readme.index("**Begin with [00_start.ipynb](00_start.ipynb).**") < readme.index("| topic")
    card = msgspec.json.decode((release / "course.json").read_bytes(), type=CourseCard)
    assert (list(card.topics), card.topics["means"].notebook) == (["means"], "01_means.ipynb")
    assert "numpy" in (release / "requirements.txt").read_text().splitlines()
    notebook = nbformat.read(release / "00_start.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "| 1 | [means](01_means.ipynb) | Means \\| rows | what a mean is | optional |" in notebook.cells[0].source
    assert [cell.source for cell in notebook.cells[1:]] == ["import numpy", 'print("Hello")']
    assert checked(root, pool) == []
    (root / "exercises/00_start.py").unlink()
    build.build(course, pool, release)
    assert not (release / "00_start.ipynb").exists()
    assert "Begin with" not in (release / "README.md").read_text()


def test_a_start_notebook_that_is_none(root, pool):
    (root / "exercises/00_start.py").write_text("x = 1\n# %%\ny = 2\n")
    build.build(load_course(root), pool, root / "release")  # code before the first mark is a cell, as in exercises
    (root / "exercises/00_start.py").write_text("")
    with pytest.raises(AuthoringError, match=r"exercises/00_start\.py is empty"):
        build.build(load_course(root), pool, root / "release")


@pytest.mark.slow
def test_no_release_costs_anybody_work(root, pool):
    """A course that numbers its notebooks in the middle of the term, in a folder where somebody works."""
    release = root / "release"
    before = (release / "means.ipynb").read_bytes()
    mine = worked_in(release / "means.ipynb")
    notes: list[str] = []
    build.build(numbered(root), pool, release, notes)
    assert (release / "means.ipynb").read_bytes() == mine
    assert notes == [f"{release / 'means.ipynb'} was worked in, so it was kept."]
    assert (release / "01_means.ipynb").exists()
    assert checked(root, pool) == [f"{release / 'means.ipynb'} is not part of the release; remove it."]
    # One as the release wrote it goes.
    (release / "means.ipynb").write_bytes(before)
    build.build(load_course(root), pool, release)
    assert not (release / "means.ipynb").exists()
    # One whose name is needed for a new version gets another name, as often as it takes.
    for copy in ("01_means-Copy1.ipynb", "01_means-Copy2.ipynb"):
        mine = worked_in(release / "01_means.ipynb")
        notes.clear()
        build.build(load_course(root), pool, release, notes)
        assert (release / copy).read_bytes() == mine
        assert notes[-1] == f"{release / '01_means.ipynb'} was worked in, so it was kept as {copy}."
        assert b'execution_count": 1' not in (release / "01_means.ipynb").read_bytes()
