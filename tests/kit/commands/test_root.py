"""What holds for every command: an example that parses, exit codes, versions, completion, and near misses."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer
from marked_class_example import result
from tiny_course import make_course
from typer.testing import CliRunner

from autograder._files import PACKAGE
from autograder.commands import instructor, student
from autograder.commands.root import EXIT_CODES
from autograder.grading.result_files import GradingRecord, write_result, write_run
from autograder.keys.build import CACHE

APPS = {"instructor": instructor.app, "student": student.app}
BUILT: dict[str, Any] = {name: typer.main.get_command(app) for name, app in APPS.items()}
COMMANDS = [(name, command) for name, built in BUILT.items() for command in built.commands]
HEAVY = re.compile(r"\| +(torch|numpy|jinja2|IPython)$", re.MULTILINE)


@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_every_command_has_an_example_that_parses(app: str, name: str) -> None:
    command = BUILT[app].commands[name]
    [example] = re.findall(r"^ *Example: (.+)$", command.help, re.MULTILINE)
    program, said, *words = shlex.split(example)
    assert (program, said) == ("autograde", name)
    assert command.make_context(name, words).params
    shown = " ".join(CliRunner().invoke(APPS[app], [name, "--help"], env={"COLUMNS": "200"}).output.split())
    assert f"Example: {example}" in shown


def test_an_example_with_a_mistake_would_be_found() -> None:
    with pytest.raises(Exception, match="No such option"):
        BUILT["instructor"].commands["grade"].make_context("grade", ["submitted/", "--tpoic", "autograd"])


@pytest.mark.parametrize(("app", "codes"), [("instructor", EXIT_CODES), ("student", [0, 2, 130])])
def test_exit_codes_are_told_by_the_help_and_the_docs(app: str, codes: list[int]) -> None:
    page = (PACKAGE.parent / "docs/commands.md").read_text()
    table = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert table == {str(code): f"{what}." for code, what in EXIT_CODES.items()}
    lines = CliRunner().invoke(APPS[app], ["--help"], env={"COLUMNS": "200"}).output.splitlines()
    said = [line.strip() for line in lines[[line.strip() for line in lines].index("Exit codes:") + 1 :] if line.strip()]
    assert said == [f"{code}  {EXIT_CODES[code]}" for code in codes]


@pytest.mark.parametrize("app", APPS)
def test_versions(app: str) -> None:
    run = CliRunner().invoke(APPS[app], ["--version"])
    assert run.exit_code == 0
    assert run.output.startswith(f"autograde {metadata.version('autograde-torch')} (Python {sys.version_info[0]}.")
    assert f"torch {metadata.version('torch')})" in run.output


@pytest.mark.parametrize("name", ["grade", "release", "serve", "desk", "export-nbgrader"])
def test_what_keeps_answer_keys_says_where(name: str) -> None:
    [option] = [each for each in BUILT["instructor"].commands[name].params if each.name == "cache"]
    assert (option.opts, option.envvar) == (["--cache"], CACHE)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with a roster, a result, and a release as far as completion looks at it."""
    root = make_course(tmp_path_factory.mktemp("course"))
    (root / "roster.csv").write_text("student\nada\nadam\n")
    write_run(GradingRecord(course="A tiny course", seed=1, device="cpu"), root / "grades")
    write_result(result("ann", "views", double=4), root / "grades")
    (root / "submitted/amy").mkdir(parents=True)
    return root


def completed(app: str, line: str) -> list[str]:
    """What bash would offer after a line."""
    said = {"_AUTOGRADE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    run = CliRunner().invoke(APPS[app], [], prog_name="autograde", env=said)
    assert run.exit_code == 0, run.output
    return run.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("autograde gra", ["grade"]),
        ("autograde grade --topic v", ["views"]),
        ("autograde grade --student a", ["ada", "adam", "amy", "ann"]),
        ("autograde grade --device c", ["cpu", "cuda"]),
        ("autograde show an", ["ann"]),
        ("autograde show ann ", ["views"]),
        ("autograde adjust ada views d", ["double"]),
        ("autograde adjust ada nothing d", []),
        ("autograde export c", ["canvas", "csv"]),
        ("autograde report --format x", ["xlsx"]),
        ("autograde verify --course nowhere v", []),
    ],
)
def test_names_of_the_course_are_completed(
    root: Path, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]
) -> None:
    monkeypatch.chdir(root)
    assert completed("instructor", line) == offered


def test_students_names_are_completed_from_the_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(PACKAGE.parent / "release")
    assert completed("student", "autograde start autog") == ["autograd"]
    assert completed("student", "autograde hint --topic autograd sign_") == ["sign_ste"]
    assert completed("instructor", "autograde solution sign_") == ["sign_ste"]
    monkeypatch.chdir(tmp_path)
    assert completed("student", "autograde hint s") == []


def test_completion_is_light(root: Path) -> None:
    called = "import sys; sys.argv[0] = 'autograde'; from autograder.commands.instructor import main; main()"
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", called],
        env=os.environ | {"_AUTOGRADE_COMPLETE": "complete_bash", "COMP_WORDS": "autograde show an", "COMP_CWORD": "2"},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout.split() == ["ann"]
    assert not HEAVY.search(run.stderr)


def test_completion_is_for_the_shell_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda *args, **kwargs: ("bash", "/bin/bash"))
    run = CliRunner().invoke(instructor.app, ["--show-completion"], prog_name="autograde")
    assert "complete -o default -F _autograde_completion autograde" in run.output


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("grad", "'grade'"),
        ("grade --tpoic views", "--topic"),
        ("grade submitted --topic vews", "'views'"),
        ("grade submitted --device cda", "'cuda'"),
        ("grade submitted --require-sandbox=ful", "'full'"),
        ("show ane views", "'ann'"),
        ("show ann vews", "'views'"),
        ("adjust anne views --add 1", "'ann'"),
        ("adjust ann vews --add 1", "'views'"),
        ("adjust ann views duble --add 1", "'double'"),
        ("extend ann vews 2d", "'views'"),
        ("export canvsa", "'canvas'"),
        ("export csv --topic vews", "'views'"),
        ("export csv --student anne", "'ann'"),
        ("export canvas --column vews=Views", "'views'"),
        ("report --format htm", "'html'"),
        ("report --format csv --table task", "'tasks'"),
        ("report --topic vews", "'views'"),
        ("feedback -o out --zip moodl", "'moodle'"),
        ("feedback -o out --topic vews", "'views'"),
        ("similar --topic vews", "'views'"),
        ("collect submitted -o class --from moodl", "'moodle'"),
        ("collect submitted -o class --topic vews", "'views'"),
        ("verify vews", "'views'"),
        ("serve --port 0 --topic vews", "'views'"),
        ("serve --port 0 --device cud", "'cuda'"),
        ("serve --port 0 --require-sandbox standrad", "'standard'"),
        ("export-gradescope vews", "'views'"),
        ("report --course nowhere", "nowhere"),
    ],
)
def test_near_misses_are_suggested(root: Path, monkeypatch: pytest.MonkeyPatch, words: str, hint: str) -> None:
    monkeypatch.chdir(root)
    run = CliRunner().invoke(instructor.app, words.split(), env={"COLUMNS": "200"})
    assert run.exit_code == 2, run.output
    assert hint in run.stderr
    assert not (root / "adjustments.yml").exists()


@pytest.mark.parametrize(
    ("words", "hint"),
    [("start autogrd", "'autograd'"), ("hint sign_st", "'sign_ste'"), ("solution sign_st", "'sign_ste'"),
     ("hint sign_ste --topic autogrd", "'autograd'"), ("progress --topic autogrd", "'autograd'"), ("chek", "'check'"),
     ("check autogrd.ipynb", "autograd.ipynb'?")],
)  # fmt: skip
def test_near_misses_are_suggested_to_students(monkeypatch: pytest.MonkeyPatch, words: str, hint: str) -> None:
    monkeypatch.chdir(PACKAGE.parent / "release")
    run = CliRunner().invoke(student.app, words.split(), env={"COLUMNS": "200"})
    assert (run.exit_code, hint in run.output) == (2, True), run.output


def json_of(*words: str) -> tuple[list[Any], str]:
    """The lines of JSON on standard output, and standard error."""
    run = CliRunner().invoke(instructor.app, [*words, "--json"])
    assert run.exit_code == 0, run.output
    return [json.loads(line) for line in run.stdout.splitlines()], run.stderr


def test_json_is_all_that_is_on_standard_output(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(root)
    write_result(result("ann", "views", double=4, guess=1), tmp_path / "new")
    [change], _ = json_of("diff", "grades", str(tmp_path / "new"))
    reasons = change.pop("reasons")
    assert change == {"student": "ann", "topic": "views", "before": 4, "after": 5, "difference": 1}
    assert reasons[0].startswith("guess 0 -> 1")
    write_result(result("bo", "views", double=4, guess=1), tmp_path / "others")
    gone, come = json_of("diff", str(tmp_path / "new"), str(tmp_path / "others"))[0]
    assert (gone["student"], gone["before"], gone["after"], gone["reasons"]) == ("ann", 5, None, ["no longer there"])
    assert (come["student"], come["before"], come["after"]) == ("bo", None, 5)
    [shown], _ = json_of("show", "ann", "views")
    assert (shown["mark"]["earned"], shown["result"]["student"]) == (4, "ann")
    (tmp_path / "class/ada").mkdir(parents=True)
    (tmp_path / "class/ada/views.py").write_text("guess = 7")
    [collected], said = json_of("collect", str(tmp_path / "class"), "-o", str(tmp_path / "out"))
    assert (collected["new"], collected["students"], collected["missing"]) == (["ada/views"], ["ada"], ["adam"])
    assert "Next: autograde grade" in said


def test_every_command_with_json_is_in_the_docs() -> None:
    page = (PACKAGE.parent / "docs/commands.md").read_text()
    table = page.partition("## JSON for scripts")[2].partition("## ")[0]
    have = {
        name for name, command in BUILT["instructor"].commands.items() if any("--json" in p.opts for p in command.params)
    }
    assert have == set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))
