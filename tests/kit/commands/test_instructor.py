"""The command `autograde`, as people run it."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from tiny_course import RIGHT, make_class, make_course, write_notebook
from typer.testing import CliRunner

from autograder.commands.instructor import app
from autograder.course.course_file import load_course
from autograder.errors import AutogradeError
from autograder.processes import machine
from autograder.processes import pool as pool_module
from autograder.records.results import Graded
from autograder.reporting.terminal import ClassSummary, confinement

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from autograder.commands.instructor import main; main()"]
KEPT = ["--seed", "11", "--cache", "kept"]  # with these, answer keys are built once
HEAVY = re.compile(r"\| +(torch|jupytext|nbformat|IPython)$", re.MULTILINE)


def autograde(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command with its output piped."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a class that has been graded once; `first.txt` and `first.err` hold the output."""
    root = make_course(tmp_path_factory.mktemp("course"))
    make_class(root / "class")
    (root / "class/ann/vews.ipynb").write_text("{}")
    run = autograde("grade", "class", *KEPT, cwd=root, PYTHONPROFILEIMPORTTIME="1")
    assert run.returncode == 0, run.stderr
    assert not (root / ".autograde").exists()
    (root / "first.txt").write_text(run.stdout)
    (root / "first.err").write_text(run.stderr)
    return root


def test_help_is_light(tmp_path: Path) -> None:
    run = autograde("--help", cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert run.returncode == 0
    assert all(command in run.stdout for command in ("grade", "show", "verify", "new", "release"))
    assert not HEAVY.search(run.stderr)
    assert not re.search(r"\| +(autograder\.(pool|course|grading)|numpy|rich\.progress)$", run.stderr, re.MULTILINE)


def test_a_class_is_graded(folder: Path) -> None:
    out = (folder / "first.txt").read_text()
    assert "\x1b" not in out
    for line in [
        "NOT GRADED, because not recognised (1):",
        "  class/ann/vews.ipynb: no topic of the course is called “vews”; did you mean 'views'?",
        "  1 × views: double (squares)",
        "      Is the result what you get by adding x to itself?",
        "Seed 11 (given with --seed); `--seed 11` repeats this run.",
        "Reports: grades/index.html and grades/STUDENT/TOPIC.html",
        "  di, views: views.ipynb is not a notebook: line 1 is not valid JSON.",
        "* handed in late: points were deducted",
    ]:
        assert line in out.splitlines()
    rows = {words[0]: words[1:] for words in map(str.split, out.splitlines()) if words and words[0] in ("ann", "bo", "fay")}
    assert rows == {"ann": ["5"], "bo": ["0"], "fay": ["*", "2.5"]}
    assert re.search(r"^Confinement: ", out, re.MULTILINE)
    assert re.search(r"^Graded 6 submissions in [\d.]+ s; 6 students\.$", out, re.MULTILINE)
    assert (folder / "grades/index.html").is_file()
    assert (folder / "grades/ann/views.json").is_file()
    assert len(list((folder / "kept/keys").glob("views-*.key"))) == 1
    assert "test_two_dimensions" not in (folder / "grades/ann/views.html").read_text()
    assert "test_two_dimensions" in (folder / "grades/instructor-pages/ann/views.html").read_text()


def test_the_grading_process_never_imports_torch(folder: Path) -> None:
    imported = (folder / "first.err").read_text()
    assert "| autograder.commands.instructor" in re.sub(r" +", " ", imported)
    assert not HEAVY.search(imported)


def test_a_second_run_keeps_what_has_not_changed(folder: Path) -> None:
    before = (folder / "grades/bo/views.json").stat().st_mtime_ns
    write_notebook(folder / "class/gus/views.ipynb", RIGHT)
    run = autograde("grade", "class", "--student", "gus", "--student", "bo", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert re.search(r"^Graded 1 submission in [\d.]+ s and kept 1 unchanged; 2 students\.$", run.stdout, re.MULTILINE)
    assert "Seed 11 (the seed of the results in grades)" in run.stdout
    assert (folder / "grades/bo/views.json").stat().st_mtime_ns == before


def test_show(folder: Path) -> None:
    run = autograde("show", "bo", "views", cwd=folder)
    assert run.returncode == 0
    lines = run.stdout.splitlines()
    assert lines[0] == "bo: Views, 0 of 5 points"
    assert "double  0 of 4, no points because its values are wrong" in lines
    assert "  failed  Every element is doubled.  [test_values]" in lines
    assert any("matches the misconception squares" in line for line in lines)
    assert lines[-1] == "As a page: grades/bo/views.html"
    assert "\x1b" not in run.stdout


@pytest.mark.slow
def test_colour_only_where_it_is_wanted(folder: Path) -> None:
    assert "\x1b[" in autograde("show", "bo", "views", cwd=folder, FORCE_COLOR="1", TERM="xterm").stdout
    plain = autograde("show", "bo", "views", cwd=folder, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").stdout
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", plain)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "nowhere"], "nowhere: there is no such file or folder."),
        (["grade"], "Name the folder to grade: there is no "),
        (["grade", "class", "--topic", "vews"], "--topic vews: the course has no such topic; did you mean 'views'?"),
        (["grade", "class", "--student", "anne"], "--student anne: there is no such student; did you mean 'ann'?"),
        (["grade", "class", "--course", "other"], "other: there is no such file; run the command in the course's folder"),
        (["show", "anne", "views"], "anne: no results in grades; did you mean 'ann'?"),
        (["show", "ann", "views", "--results", "x"], "x: there is no such folder; run `autograde grade` first"),
        (["verify", "vews"], "vews: the course has no such topic; did you mean 'views'?"),
        (["verify", "--accept", "--no-mutants"], "--accept needs mutants to accept; leave out --no-mutants."),
        (["new", "views"], "topics.views already exists; choose another name."),
    ],
)
def test_a_mistake_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str) -> None:
    monkeypatch.chdir(folder)
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 2
    assert run.stdout == ""
    assert len(run.stderr.splitlines()) == 1
    assert message in run.stderr


def test_the_operators_of_mutants_are_listed_without_a_course(tmp_path: Path) -> None:
    run = autograde("verify", "--operators", cwd=tmp_path)
    assert run.returncode == 0
    assert "gradients\n  detach inserted " in run.stdout
    assert "return y → return y.detach()" in run.stdout


@pytest.mark.parametrize(
    "arguments", [["grade", "--seed", "x"], ["grade", "--jobs", "0"], ["grade", "--device", "tpu"], ["grad"]]
)
def test_usage_mistakes(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(folder)
    run = CliRunner().invoke(app, arguments)
    assert run.exit_code == 2
    assert arguments[-2 if len(arguments) > 1 else -1] in run.stderr
    assert "Traceback" not in run.stderr


def test_mistakes_in_the_course(tmp_path: Path) -> None:
    root = make_course(tmp_path)
    course = root / "course.yml"
    course.write_text(course.read_text().replace("points: 4", "pionts: 4").replace("draws: 2", "draws: two"))
    run = autograde("grade", ".", cwd=root)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.splitlines() == [
        "course.yml: topics.views.tasks.double.pionts is not a valid key; did you mean 'points'?",
        'course.yml: draws is "two"; write a whole number from 1 to 100.',
    ]


def test_nothing_to_grade(folder: Path, tmp_path: Path) -> None:
    run = autograde("grade", str(tmp_path), cwd=folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "There is nothing to grade here. A submission is a file STUDENT/TOPIC.ipynb or STUDENT/TOPIC.py; "
        "`autograde collect` makes such a folder from a download.\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_keeps_the_results_so_far(folder: Path, tmp_path: Path, end: signal.Signals, code: int) -> None:
    write_notebook(tmp_path / "class/ann/views.ipynb", RIGHT)
    for name in ("bo", "cy", "di", "ed", "fay", "gus"):
        write_notebook(tmp_path / "class" / name / "views.ipynb", "import time\ntime.sleep(4.5)")
    process = subprocess.Popen(
        [*COMMAND, "grade", str(tmp_path / "class"), "-o", str(tmp_path / "grades"), "--jobs", "1", *KEPT],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "grades/ann/views.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    (os.killpg if end is signal.SIGINT else os.kill)(process.pid, end)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.strip() == "Interrupted. The results so far are kept; run the same command again to resume."
    assert (tmp_path / "grades/ann/views.json").exists()
    assert not (tmp_path / "grades/gus/views.json").exists()
    page = (tmp_path / "grades/index.html").read_text()
    assert "instructor-pages/ann/views.html" in page
    assert "not graded yet" in page
    run = autograde("export", "csv", "--zero-missing", "--results", str(tmp_path / "grades"), cwd=folder)
    marks = {row["student"]: row["mark"] for row in csv.DictReader(run.stdout.splitlines())}
    assert (marks["ann"], marks["gus"]) == ("5", "")
    assert "has not been graded, and is left empty" in run.stderr


@pytest.mark.slow
def test_an_interrupted_regrade_leaves_no_old_mark_unnamed(folder: Path, tmp_path: Path) -> None:
    """bo hands in another file, and grading it is interrupted: his mark is named as that of the earlier file, everywhere."""
    for name in ("ann", "bo"):
        write_notebook(tmp_path / "class" / name / "views.ipynb", RIGHT)
    words = ["grade", str(tmp_path / "class"), "-o", str(tmp_path / "grades"), "--jobs", "1", *KEPT]
    assert autograde(*words, cwd=folder).returncode == 0
    write_notebook(tmp_path / "class/ann/views.ipynb", "guess = 7", RIGHT)
    write_notebook(tmp_path / "class/bo/views.ipynb", "import time\ntime.sleep(4.5)", "guess = 7")
    before = (tmp_path / "grades/ann/views.json").read_bytes()
    process = subprocess.Popen([*COMMAND, *words], cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while (tmp_path / "grades/ann/views.json").read_bytes() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    results = ["--results", str(tmp_path / "grades")]
    page = (tmp_path / "grades/index.html").read_text()
    assert "1 changed since, with the mark of the earlier file." in page
    assert page.count("changed since; not graded yet") == 1
    table = autograde("report", "--format", "csv", "--table", "students", *results, cwd=folder).stdout
    assert [row["student"] for row in csv.DictReader(table.splitlines()) if "changed since" in row["remarks"]] == ["bo"]
    for audience in ("", "instructor-pages/"):
        assert "This page is about an earlier file." in (tmp_path / f"grades/{audience}bo/views.html").read_text()
        assert "earlier file" not in (tmp_path / f"grades/{audience}ann/views.html").read_text()
    assert "Another file has been handed in since" in autograde("show", "bo", "views", *results, cwd=folder).stdout
    run = autograde("export", "csv", *results, cwd=folder)
    marks = {row["student"]: (row["mark"], row["mark_flags"]) for row in csv.DictReader(run.stdout.splitlines())}
    assert marks == {"ann": ("5", ""), "bo": ("5", "changed since; not graded yet")}
    note = (
        "1 × has changed since it was graded: the mark is that of the earlier file. Run `autograde grade` first: bo (views)."
    )
    assert note in run.stderr
    assert autograde(*words, cwd=folder).returncode == 0
    assert "changed since" not in (tmp_path / "grades/index.html").read_text()
    assert "earlier file" not in autograde("export", "csv", *results, cwd=folder).stderr


@pytest.mark.slow
def test_what_the_machine_failed_at_is_tried_again_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_course(tmp_path)
    write_notebook(root / "class/ann/views.ipynb", RIGHT)
    write_notebook(
        root / "class/bo/views.ipynb", "import ctypes\nguess = 7\nctypes.string_at(0)", "def double(x): return 2 * x"
    )
    monkeypatch.chdir(root)
    words = ["grade", "class", "--jobs", "1"]
    with monkeypatch.context() as starved:
        starved.setattr(machine, "free_memory_mb", lambda: 10.0)
        first = CliRunner().invoke(app, words)
    assert first.exit_code == 3, first.output
    assert "NOT GRADED, because the machine failed (1):" in first.stdout
    assert re.search(r"^ *bo +not graded *$", first.stdout, re.MULTILINE)
    assert first.stdout.splitlines()[-1].endswith("grade the rest with --retry.")
    again = CliRunner().invoke(app, [*words, "--retry"])
    assert again.exit_code == 0, again.output
    assert "Graded 1 submission in" in again.stdout
    assert "bo, views: it was run 2 times" in again.stdout
    nothing = CliRunner().invoke(app, [*words, "--retry"])
    assert (nothing.exit_code, nothing.stdout) == (0, "There is nothing to try again: each result in grades is graded.\n")


def test_what_is_required_of_the_sandbox_is_read_strictly(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[list[str]] = []

    class NoPool:
        def __init__(self, *arguments: object, require: list[str], **options: object) -> None:
            wanted.append(require)
            raise AutogradeError("no pool")

    monkeypatch.chdir(folder)
    monkeypatch.setattr(pool_module, "Pool", NoPool)
    for words in (["--require-sandbox", "class"], ["class", "--require-sandbox=landlock,seccomp"], ["class"]):
        assert CliRunner().invoke(app, ["grade", *words]).exit_code == 2
    assert wanted == [["full"], ["landlock", "seccomp"], []]
    (tmp_path / "strict").mkdir()
    strict = make_course(tmp_path / "strict")
    (strict / "course.yml").write_text(f"sandbox: standard\n{(strict / 'course.yml').read_text()}")
    assert CliRunner().invoke(app, ["grade", "class", "--course", str(strict)]).exit_code == 2
    assert wanted.pop() == ["standard"]
    wrong = CliRunner().invoke(app, ["grade", "class", "--require-sandbox=landlok"])
    assert wrong.exit_code == 2
    assert wrong.stderr == "--require-sandbox=landlok: there is no such layer or level; did you mean 'landlock'?\n"


def graded(student: str, earned: float, **changes: object) -> Graded:
    values = {
        "student": student, "topic": "views", "points": 5.0, "earned": earned, "pending": 0.0, "penalty": 0.0,
        "reused": False, "attempted": True, "diagnoses": (), "troubles": (),
    }  # fmt: skip
    return Graded(**(values | changes))  # type: ignore[arg-type]


def test_a_narrow_terminal_gets_lines_instead_of_a_table(tmp_path: Path) -> None:
    course = load_course(make_course(tmp_path))
    students = ["ann [bold]", "a student with a very long name indeed"]
    summary = ClassSummary(course, students)
    summary.add(graded(students[0], 5.0))
    summary.add(graded(students[1], 1.25, troubles=("it died [red]",), diagnoses=(("double", "m", "Look [here]."),)))
    for width, table in ((100, True), (30, False)):
        out = StringIO()
        summary.print(Console(file=out, width=width, force_terminal=True, color_system=None, markup=False, highlight=False))
        text = out.getvalue()
        assert ("─" in text) is table
        for part in ("ann [bold]", "! 1.25", "it died [red]", "Look [here]."):
            assert part in " ".join(text.split())


def test_the_line_about_confinement_is_loud_where_something_is_missing() -> None:
    assert (
        confinement({"limits": "on", "seccomp": "on"}, unsafe=False).plain
        == "Confinement: none, all 2 layers on (limits, seccomp)."
    )
    missing = confinement({"limits": "on", "seccomp": "off: old kernel"}, unsafe=False)
    assert missing.plain == "Confinement: none. Missing: seccomp off: old kernel."
    assert "NOT REQUIRED (--unsafe)" in confinement({}, unsafe=True).plain
