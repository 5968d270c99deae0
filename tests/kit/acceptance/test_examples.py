"""Grades the example class with the real command and compares with what was expected by hand (expected_class.yml)."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import nbformat
import pytest
import yaml
from nbgrader_commands import cell_of, grades, nbgrader

from autograder.course.cells import read_cells, task_source
from autograder.course.course_file import load_course
from autograder.grading.result_files import read_result
from autograder.records.jobs import Outcome
from autograder.records.results import TaskResult, TopicResult

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.slow

CLASS = ROOT / "examples" / "class"
COMMAND = Path(sys.executable).with_name("autograde")
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("expected_class.yml").read_text(encoding="utf-8")
)
SEED = 20_261_123
"""One for all runs here, so that the answer keys are built once."""
SLOW = {"ivan", "jun", "katya"}
"""Students whose code runs out of time, dies or prints megabytes."""
STUDENTS = tuple(sorted({name.split("/")[0] for name in EXPECTED}))
QUICK = tuple(name for name in STUDENTS if name not in SLOW)
ONE_OF_EACH_KIND = ("ada", "elena", "goran", "hana", "ivan", "jun", "liam", "pavel", "yara")
HONEST = ("ada", "boris", "chiara", "dmitri", "elena", "rosa", "uma")


ONE = ("--jobs", "1")
"""For a few submissions: starting a second worker takes longer than they do."""


def grade(course: Path, folder: Path, out: Path, *arguments: str, timeout: float = 280) -> None:
    command = [str(COMMAND), "grade", str(folder), "-o", str(out), *arguments]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr


def only(students: tuple[str, ...]) -> list[str]:
    return [argument for student in students for argument in ("--student", student)]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, with a shorter limit for a draw of a check: one student's loops never end."""
    root = tmp_path_factory.mktemp("course")
    for name in ("exercises", "solutions", "tests/visible", "tests/hidden"):
        shutil.copytree(ROOT / name, root / name)
    text = (ROOT / "course.yml").read_text(encoding="utf-8")
    shorter = re.sub(r"check_seconds: \d+", "check_seconds: 2", text, count=1)
    assert shorter != text
    (root / "course.yml").write_text(shorter, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def graded(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the whole example class."""
    out = tmp_path_factory.mktemp("class")
    grade(course, CLASS, out, "--seed", str(SEED))
    return out


def result(out: Path, name: str) -> TopicResult:
    return read_result(out / f"{name}.json")


def contents(out: Path) -> dict[str, dict[str, Any]]:
    """All results, without what may differ between two runs: times, those that %time and %timeit print among them."""
    found = {}
    for path in sorted(out.glob("*/*.json")):
        content = json.loads(path.read_bytes())
        for key in ("graded_at", "usage"):
            content.pop(key)
        for cell in content["cells"]:
            cell["output"] = re.sub(r"[\d.e+]+ (ns|[µμ]s|us|ms|s)\b", "TIME", cell["output"])
        found[path.relative_to(out).with_suffix("").as_posix()] = content
    return found


def stamps(out: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path.relative_to(out)): (path.stat().st_mtime_ns, path.read_bytes()) for path in out.glob("*/*.json")}


# ---- the golden results -----------------------------------------------------------------------------------------------


def test_every_submission_has_an_expected_result_and_a_result(graded: Path) -> None:
    submitted = {
        f"{path.relative_to(CLASS).parts[0]}/{path.stem if len(path.relative_to(CLASS).parts) == 2 else path.parent.name}"
        for path in CLASS.rglob("*.*")
        if path.suffix in (".ipynb", ".py")
    }
    assert submitted == set(EXPECTED)
    assert set(contents(graded)) == set(EXPECTED)
    assert len(submitted) >= 18
    assert sum(path.suffix == ".py" for path in CLASS.rglob("*")) == 2


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_result_is_as_expected_by_hand(graded: Path, name: str) -> None:
    expected, found = EXPECTED[name], result(graded, name)
    course = load_course(ROOT)
    points = {task: entry.points for task, entry in course.topics[found.topic].tasks.items()}
    assert found.points == sum(points.values())
    assert found.seed == SEED
    if "problem" in expected:
        assert expected["problem"] in found.problem
        assert found.earned == 0
        assert all(check.outcome is Outcome.NOT_RUN for task in found.tasks for check in task.checks)
        return
    assert not found.problem
    assert [task.task for task in found.tasks] == list(points)
    for task in found.tasks:
        compare_task(task, points[task.task], expected.get("tasks", {}).get(task.task))
    compare_cells(found, expected)
    total = sum(task.earned for task in found.tasks)
    late = expected.get("late", 0)
    assert found.earned == pytest.approx(total, abs=0.011)
    marks = {f"{mark['student']}/{mark['topic']}": mark for mark in json.loads((graded / "marks.json").read_text())["marks"]}
    assert marks[name]["earned"] == pytest.approx(round(total * (1 - late), 2), abs=0.011)
    assert (marks[name]["lateness"] or {"penalty": 0})["penalty"] == late


def compare_task(task: TaskResult, points: float, expected: dict[str, Any] | None) -> None:
    outcomes = {check.name: check.outcome for check in task.checks}
    if expected is None:
        wrong = {name: outcome for name, outcome in outcomes.items() if outcome is not Outcome.PASSED}
        assert not wrong, [check for check in task.checks if check.name in wrong]
        assert (task.earned, task.points, task.diagnoses) == (points, points, ())
        return
    earned = expected["earned"]
    if isinstance(earned, str):
        assert int(earned.split("/")[1]) == len(task.checks), f"{task.task} has {len(task.checks)} checks"
        earned = round(float(Fraction(earned)) * points, 2)
    assert task.earned == pytest.approx(earned, abs=0.006)
    assert task.attempted is expected.get("attempted", True)
    if "failed" in expected:
        assert {name for name, outcome in outcomes.items() if outcome is Outcome.FAILED} == set(expected["failed"])
    if "outcome" in expected:
        assert {outcome.value for name, outcome in outcomes.items() if name != "side_effects"} == {expected["outcome"]}
        assert outcomes["side_effects"] is not Outcome.PASSED
    mistakes = expected.get("mistakes", [])
    if mistakes != "any":
        assert [diagnosis.misconception for diagnosis in task.diagnoses] == mistakes


def compare_cells(found: TopicResult, expected: dict[str, Any]) -> None:
    wanted = expected.get("cells", {})
    if wanted == "any" or found.student == "hana":
        return
    ended = Counter(cell.outcome.value for cell in found.cells if cell.outcome is not Outcome.PASSED)
    assert dict(ended) == wanted, [cell for cell in found.cells if cell.outcome is not Outcome.PASSED]


def test_syntax_error_is_told_with_its_line(graded: Path) -> None:
    (cell,) = [cell for cell in result(graded, "goran/autograd").cells if cell.outcome is Outcome.FAILED]
    assert cell.error is not None
    assert cell.error.type == "SyntaxError"
    assert "never closed" in cell.error.message


def test_megabytes_of_output_are_cut(graded: Path) -> None:
    assert (graded / "katya" / "dtypes.json").stat().st_size < 1_000_000


def test_what_became_of_a_dead_or_endless_task_is_said(graded: Path) -> None:
    for name, task, words in (
        ("ivan/autograd", "sign_ste", "did not end"),
        ("jun/autograd", "gradient_penalty", "ended"),
        ("jun/dtypes", "mean_any", "crashed"),
    ):
        (found,) = [one for one in result(graded, name).tasks if one.task == task]
        assert all(words in check.reason for check in found.checks if check.name != "side_effects")


def test_nothing_of_the_reference_stands_in_a_result(graded: Path) -> None:
    """The right answer of a prediction is not told to those who did not find it."""
    for name in ("fatima/dtypes", "elena/dtypes"):
        tasks = {task.task: task for task in result(graded, name).tasks}
        assert "44" not in msgspec.json.encode(tasks["predicted_pixel"]).decode()


# ---- runs -------------------------------------------------------------------------------------------------------------


def test_two_runs_with_one_seed_agree_and_unchanged_files_are_left_alone(course: Path, graded: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    grade(course, CLASS, out, "--seed", str(SEED), *ONE, *only(QUICK))
    first, second = contents(graded), contents(out)
    assert set(second) == {name for name in EXPECTED if name.split("/")[0] in QUICK}
    for name, content in second.items():
        assert content == first[name], name

    before = stamps(out)
    grade(course, CLASS, out, *ONE, *only(QUICK))
    assert stamps(out) == before

    grade(course, CLASS, out, "--seed", str(SEED), "--force", *ONE, *only(("ada",)))
    after = stamps(out)
    assert {name for name in after if after[name] != before[name]} == {"ada/dtypes.json", "ada/autograd.json"}
    assert contents(out) == second


def test_a_changed_submission_is_graded_again_alone(course: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "out"
    copies(folder, 3)
    grade(course, folder, out, "--seed", str(SEED), *ONE)
    before = stamps(out)
    changed = sorted(folder.glob("*/*"))[0]
    changed.write_bytes(changed.read_bytes() + b"\n")
    grade(course, folder, out, *ONE)
    after = stamps(out)
    student, topic = changed.parent.name, changed.stem
    assert {name for name in after if after[name] != before[name]} == {f"{student}/{topic}.json"}


def copies(folder: Path, number: int) -> None:
    """A class of `number` students, each with a copy of an honest student's notebook."""
    for index in range(number):
        source = sorted(CLASS.glob(f"{HONEST[index % 5]}/*.ipynb"))[index // 5 % 2]
        target = folder / f"student{index:03d}" / source.name
        target.parent.mkdir(parents=True)
        shutil.copyfile(source, target)


def test_an_interrupted_run_goes_on_where_it_stopped(course: Path, tmp_path: Path) -> None:
    folder, out, whole = tmp_path / "class", tmp_path / "out", tmp_path / "whole"
    copies(folder, 24)
    grade(course, folder, whole, "--seed", str(SEED), *ONE)
    command = [str(COMMAND), "grade", str(folder), "-o", str(out), "--seed", str(SEED)]
    process = subprocess.Popen(command, cwd=course, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while len(list(out.glob("*/*.json"))) < 5 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    before = stamps(out)
    assert 5 <= len(before) < 24

    grade(course, folder, out, *ONE)  # the seed is that of the results which are there
    after = stamps(out)
    assert {name: after[name] for name in before} == before
    assert contents(out) == contents(whole)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("students", [ONE_OF_EACH_KIND, pytest.param(STUDENTS, marks=pytest.mark.long)], ids=["some", "all"])
def test_nbgrader_scores_the_class_as_we_do(course: Path, graded: Path, tmp_path: Path, students: Sequence[str]) -> None:
    submitted, folder = tmp_path / "class", tmp_path / "nbgrader"
    for student in students:
        shutil.copytree(CLASS / student, submitted / student)
    command = [str(COMMAND), "export-nbgrader", "-o", str(folder), "--submissions", str(submitted), "--seed", str(SEED)]
    subprocess.run(command, cwd=course, check=True, capture_output=True, timeout=500)
    marks = json.loads((graded / "marks.json").read_text())["marks"]
    ours = {
        (each["student"], each["topic"]): (each["earned"], each["points"]) for each in marks if each["student"] in students
    }
    for topic in sorted({topic for _, topic in ours}):
        nbgrader(folder, "generate_assignment", topic)
        nbgrader(folder, "autograde", topic)
    rows = grades(folder)
    theirs = {key: (float(rows[key]["score"]), float(rows[key]["max_score"])) for key in ours}
    assert {student for student, _ in ours} == set(students)
    assert {key for key in ours if ours[key] != pytest.approx(theirs[key], abs=0.011)} == set()
    each_gets_feedback(folder, sorted(student for student, topic in ours if topic == "dtypes"))
    the_reference_validates(folder / "release" / "dtypes")


def each_gets_feedback(folder: Path, students: list[str]) -> None:
    nbgrader(folder, "generate_feedback", "dtypes")
    pages = {path.parts[-3]: path.read_text(encoding="utf-8") for path in folder.glob("feedback/*/dtypes/dtypes.html")}
    assert sorted(pages) == students
    hidden = re.findall(r"def (test_\w+)", (ROOT / "tests/hidden/test_dtypes.py").read_text(encoding="utf-8"))
    for student, page in pages.items():
        assert re.search(r"Score: \d+\.\d+ / 25\.0", page), student
        assert not [name for name in hidden if name in page], student


def the_reference_validates(folder: Path) -> None:
    notebook = nbformat.read(folder / "dtypes.ipynb", as_version=4)
    cells = read_cells((ROOT / "solutions/dtypes.py").read_bytes(), "dtypes.py")
    for task in load_course(ROOT).topics["dtypes"].tasks:
        cell_of(notebook, f"task-{task}").source += f"\n\n{task_source(cells, task)}"
    nbformat.write(notebook, folder / "mine.ipynb")
    assert "Success! Your notebook passes all the tests." in nbgrader(folder, "validate", "mine.ipynb")


# ---- memory -----------------------------------------------------------------------------------------------------------


def family(root: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def peaks(course: Path, folder: Path, out: Path) -> tuple[float, float]:
    """The peak resident memory, in MB, of the grader and of its largest lasting process (a zygote)."""
    command = [str(COMMAND), "grade", str(folder), "-o", str(out), "--seed", str(SEED)]
    process = subprocess.Popen(command, cwd=course, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    highest: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    rounds = 0
    while process.poll() is None:
        rounds += 1
        for pid in family(process.pid):
            highest[pid] = max(highest[pid], resident_mb(pid))
            seen[pid] += 1
        time.sleep(0.05)
    assert process.returncode == 0
    lasting = [highest[pid] for pid in seen if pid != process.pid and seen[pid] > rounds / 2]
    return highest[process.pid], max(lasting)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_memory_does_not_grow_with_the_class(course: Path, tmp_path: Path) -> None:
    """The grader keeps a few hundred bytes of a submission for its table, a zygote nothing. A result in memory would take
    100 kB and more, an observed run a megabyte, so that 80 further submissions would add 8 MB at the very least; two
    runs of the same class differ by about 2 MB, in what the allocators happen to keep."""
    copies(tmp_path / "few", 20)
    copies(tmp_path / "many", 100)
    # The answer keys are built now, not in what is measured.
    grade(course, tmp_path / "few", tmp_path / "warm", "--seed", str(SEED), *ONE)
    few = peaks(course, tmp_path / "few", tmp_path / "out-few")
    many = peaks(course, tmp_path / "many", tmp_path / "out-many")
    assert len(list((tmp_path / "out-many").glob("*/*.json"))) == 100
    assert many[0] - few[0] < 6
    assert many[1] - few[1] < 6
