"""`solution("task")`: open when the course says so, and otherwise a sentence that says when."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from released_course import release_course
from typer.testing import CliRunner

import autograder
from autograder.commands.student import app
from autograder.course.course_file import load_course
from autograder.processes.pool import Pool
from autograder.release.solutions import passphrase_of
from autograder.student.as_html import html
from autograder.student.notebook import check, hint, solution
from autograder.student.released import PLACE
from autograder.student.solutions import worked_solution
from autograder.student.store import Store, TaskRecord

KEEPER = "class Keeper:\n    def keep(self, x):\n        return x\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    return release_course(tmp_path_factory.mktemp("course"), pool, solutions=("after_due", "after_pass"))


@pytest.fixture(scope="module")
def passphrase(source: Path) -> str:
    return passphrase_of(load_course(source.parent), "small", source)


@pytest.fixture
def folder(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's copy of the release, as the working folder."""
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.chdir(shutil.copytree(source, tmp_path / "mine"))
    return Path.cwd()


@pytest.fixture
def say(folder: Path, capsys: pytest.CaptureFixture[str]):
    def run(code: str) -> str:
        exec(code, {"__name__": "__main__", "check": check, "hint": hint, "solution": solution})
        return capsys.readouterr().out

    return run


def command(*words: str) -> str:
    run = CliRunner().invoke(app, list(words))
    return run.stdout + run.stderr


def test_it_opens_once_the_visible_checks_pass(say):
    assert 'opens once your own passes all visible checks; run check("Keeper") first.' in say("solution('Keeper')")
    say(KEEPER.replace("return x", "return -x") + "check('Keeper')")
    assert "opens once" in say("solution('Keeper')")
    said = say(KEEPER + "check('Keeper')\nsolution(Keeper)")
    assert said.endswith(
        "A worked solution of Keeper\n    class Keeper:\n        def keep(self, x):\n            return x\n"
    )


def test_the_terminal_has_it_too(folder):
    assert "run autograde check first." in command("solution", "Keeper")
    Store(folder).keep("other", {"Keeper": TaskRecord(state="complete")})
    assert command("solution", "Keeper").startswith("A worked solution of Keeper\n    class Keeper:")


def test_a_passphrase_opens_what_is_sealed_and_is_remembered(say, folder, passphrase):
    said = say("solution('scale')")
    assert "The solutions of small are sealed until your instructor publishes the passphrase." in said
    assert 'Then write solution("scale", passphrase="…").' in said
    said = say(f"solution('scale', passphrase={passphrase.upper()!r})")
    assert "    def scale(x, by):\n" in said
    assert "        return x * by  # a secret comment of the solution\n" in said
    assert "What is wrong with the common wrong ways:\n  • Look at the sign.\n  • What about a factor of zero?" in said
    assert "def noise" not in said
    assert "import torch\n\n\n    def noise(n):" in say("solution('noise')").replace("    \n", "\n")
    assert (folder / "solutions/small.passphrase").is_file()


def test_a_published_passphrase_opens_it_without_a_word(folder, passphrase):
    (folder / "solutions/small.passphrase").write_text(passphrase)
    assert "def scale(x, by):" in command("solution", "scale")
    (folder / "solutions/small.passphrase").write_text("of another topic")
    assert "small.passphrase does not open the solutions of small" in command("solution", "scale")


def test_a_wrong_passphrase(folder, say):
    assert "This passphrase does not open the solutions of small" in say("solution('scale', passphrase='abcd')")
    assert 'write autograde solution scale --passphrase "…"' in command("solution", "scale", "--passphrase", "abcd")
    assert not (folder / "solutions/small.passphrase").exists()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("solution('scael')", "There is no task 'scael'; did you mean 'scale'?"),
        ("solution('guess')", "guess is a value, not code, so it has no worked solution"),
        ("solution()", "Give the name of a task in quotes, as in solution("),
        ("solution('scale', password='x')", "`solution` takes no argument called password"),
        ("solution('scale', topic='other')", "There is no task 'scale' in other: it is a task of small."),
    ],
)
def test_mistakes_in_the_call(say, call, sentence):
    assert sentence in say(call)


def test_files_that_are_missing_or_damaged(say, folder, passphrase):
    path = folder / "solutions/small.sealed"
    path.write_text("{")
    assert "is damaged" in say(f"solution('scale', {passphrase!r})")
    path.unlink()
    assert "small.sealed is missing; take it from the release." in say(f"solution('scale', {passphrase!r})")


def test_without_the_package_that_opens_it(say, passphrase, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert say(f"solution('scale', {passphrase!r})").endswith("run: pip install cryptography\n")


def test_the_last_hint_says_where_the_way_out_is(say):
    assert "`solution(" not in say("hint('scale')")
    said = say("hint('scale')\nhint('scale')")
    assert 'This is the last hint. `solution("scale")` shows a worked solution once your instructor' in said


def test_a_course_that_has_none_says_so(say, folder):
    path = folder / "course.json"
    path.write_text(path.read_text().replace('"after_due"', '"never"'))
    assert "There are no worked solutions of small." in say("solution('scale')")


def test_html_escapes_the_source(folder):
    Store(folder).keep("other", {"Keeper": TaskRecord(state="complete")})
    path = folder / "solutions/other.json"
    path.write_text(path.read_text().replace("return x", "return x < 1"))
    shown = html(worked_solution("Keeper"))
    assert "return x &lt; 1" in shown
    assert 'aria-label="Solution of Keeper"' in shown


def test_the_public_name(monkeypatch):
    # Where notebooks are graded, as other tests in this process may do, names stand for what does nothing.
    monkeypatch.delitem(sys.modules, "autograder.checking.shell", raising=False)
    assert autograder.solution is solution
    assert "solution" in autograder.__all__
