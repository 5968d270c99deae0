import json
import sys
from pathlib import Path

import pytest

from autograder.checking.run_check import run_check
from autograder.course.topic_checks import derive_seed
from autograder.keys.key import AnswerKey, current_versions, write_key
from autograder.pytest_plugin.code_files import Codes
from autograder.records.jobs import CheckRequest

pytestmark = pytest.mark.slow

pytest_plugins = ["pytester"]

CHECKS = '''
import pytest
from autograder import checks, raises

@checks("double", gate=True)
def test_values(code, given):
    """The result is
    twice x."""
    return {"result": code.double(given.normal(3, name="x"))}

@checks("double", draws=1)
@pytest.mark.slow
def test_refuses(code, given):
    """A list is refused."""
    return {"list": raises(lambda: code.double([1]))}

def test_plain():
    assert 1 + 1 == 2
'''
REFERENCE = """
# %%
import torch
# %%
def double(x):
    if not isinstance(x, torch.Tensor):
        raise TypeError
    return x * 2
"""
PYTEST = ("-p", "no:cacheprovider", "-p", "autograder.pytest_plugin.plugin", "-W", "ignore::pytest.PytestWarning")


@pytest.fixture
def course(pytester: pytest.Pytester) -> Path:
    root = pytester.path
    for folder in ("tests/visible", "solutions"):
        (root / folder).mkdir(parents=True)
    (root / "tests/visible/test_doubling.py").write_text(CHECKS, encoding="utf-8")
    (root / "solutions/doubling.py").write_text(REFERENCE, encoding="utf-8")
    return root


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest with only this plugin; finding all the others takes longer than the tests."""
    main = sys.modules["__main__"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        result = pytester.runpytest_inprocess(*PYTEST, *arguments)
    assert sys.modules["__main__"] is main
    return result


def test_without_code_the_reference_is_run(pytester: pytest.Pytester, course: Path) -> None:
    run(pytester, "tests").assert_outcomes(passed=3)


def test_right_code_passes(pytester: pytest.Pytester, course: Path) -> None:
    cells = ["import torch\n%time pass", "def double(x):\n    return x + x if torch.is_tensor(x) else [] @ x"]
    notebook = {"cells": [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]}
    notebook |= {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    (course / "mine.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    run(pytester, "tests", "--code", "mine.ipynb").assert_outcomes(passed=3)


def test_wrong_code_fails_with_what_differs(pytester: pytest.Pytester, course: Path) -> None:
    (course / "mine.py").write_text("def double(x):\n    print('seen')\n    return x.mul_(2).double()\n", encoding="utf-8")
    result = run(pytester, "tests", "--code", "mine.py", "--code-seed", "5")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "`result` has dtype float64; it should be float32.",
            "Side effect: the code changes values of `x`.",
            "This check: The result is twice x.",
            "seen",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*autograder*")


def test_code_that_raises(pytester: pytest.Pytester, course: Path) -> None:
    (course / "mine.py").write_text("1 / 0\n\ndef double(x):\n    pass\n", encoding="utf-8")
    result = run(pytester, "tests", "--code", "mine.py", "-k", "values")
    result.stdout.fnmatch_lines(["*`double` is not defined in your file.*", "mine.py, cell 0: ZeroDivisionError: *"])
    (course / "mine.py").write_text("def double(x):\n    return x[7]\n", encoding="utf-8")
    result = run(pytester, "tests", "--code", "mine.py", "-k", "values")
    result.stdout.fnmatch_lines(
        [
            "Your code raised*IndexError* on line 2.",
            "index 7 is out of bounds*",
            "(called with x: float32 tensor of shape (3,))",
        ]
    )


def test_a_stub_is_not_attempted(pytester: pytest.Pytester, course: Path) -> None:
    (course / "mine.py").write_text("def double(x):\n    raise NotImplementedError\n", encoding="utf-8")
    result = run(pytester, "tests", "--code", "mine.py", "-k", "values")
    result.stdout.fnmatch_lines(["`double` is not attempted yet."])


def test_selection_and_marks(pytester: pytest.Pytester, course: Path) -> None:
    run(pytester, "tests", "-k", "refuses").assert_outcomes(passed=1, deselected=2)
    run(pytester, "tests", "-m", "slow").assert_outcomes(passed=1, deselected=2)
    result = run(pytester, "tests", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["tests/visible/test_doubling.py::test_values"])


def test_code_is_run_on_the_checks_of_its_topic(pytester: pytest.Pytester, course: Path) -> None:
    (course / "tests/visible/test_other.py").write_text(CHECKS.replace("double", "halve"), encoding="utf-8")
    (course / "doubling.py").write_text(REFERENCE, encoding="utf-8")
    run(pytester, "tests", "--code", "doubling.py").assert_outcomes(passed=4, deselected=2)
    (course / "01_doubling.py").write_text(REFERENCE, encoding="utf-8")
    run(pytester, "tests", "--code", "01_doubling.py").assert_outcomes(passed=4, deselected=2)
    (course / "mine.py").write_text(REFERENCE, encoding="utf-8")
    result = run(pytester, "tests", "--code", "mine.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --code mine.py: is it for doubling or for other? Name one file of checks*"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.py", "ERROR: --code nothing.py: there is no such file."),
        ("notes.txt", "ERROR: --code notes.txt: give a notebook (.ipynb) or a Python file (.py)."),
    ],
)
def test_misuse(pytester: pytest.Pytester, course: Path, name: str, message: str) -> None:
    (course / "notes.txt").write_text("x", encoding="utf-8")
    result = run(pytester, "tests", "--code", name)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message.replace("[", "[[]")])


def test_nothing_to_compare_with(pytester: pytest.Pytester, course: Path) -> None:
    (course / "solutions/doubling.py").unlink()
    result = run(pytester, "tests", "-k", "values")
    result.stdout.fnmatch_lines(["test_doubling.py: there is nothing to compare with: neither *solutions/doubling.py nor *"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_release_is_compared_with_its_key(pytester: pytest.Pytester, course: Path) -> None:
    release = course / "release"
    for folder in ("checks", "keys"):
        (release / folder).mkdir(parents=True)
    (release / "checks/test_doubling.py").write_text(CHECKS, encoding="utf-8")
    codes = Codes(course / "solutions/doubling.py", None)
    namespace: dict[str, object] = {}
    exec(CHECKS, namespace)
    reference = {
        name: [
            run_check(
                namespace[name],  # type: ignore[arg-type]
                codes.run(course / "solutions/doubling.py"),
                CheckRequest(name, "double", draw, derive_seed(0, "doubling", name, draw), 5.0),
            )
            for draw in range(2)
        ]
        for name in ("test_values", "test_refuses")
    }
    codes.close()
    (course / "solutions/doubling.py").unlink()
    key = AnswerKey(
        topic="doubling",
        seed=0,
        device="cpu",
        versions=current_versions(),
        made_from="",
        reference=reference,
        misconceptions={},
        tasks={},
        feedback={},
        public=True,
    )
    write_key(key, release / "keys/doubling.key")
    (release / "doubling.py").write_text(REFERENCE, encoding="utf-8")
    run(pytester, "release/checks", "--code", "release/doubling.py").assert_outcomes(passed=3)
    (release / "doubling.py").write_text("def double(x):\n    return 3 * x\n", encoding="utf-8")
    run(pytester, "release/checks", "--code", "release/doubling.py").assert_outcomes(passed=1, failed=2)
    result = run(pytester, "release/checks", "-k", "values")
    result.stdout.fnmatch_lines(["test_doubling.py: name the code to check with --code FILE."])


def test_the_debugger_opens_in_the_students_code(pytester: pytest.Pytester, course: Path) -> None:
    (course / "mine.py").write_text("def double(x):\n    local = 17\n    return x[local]\n", encoding="utf-8")
    child = pytester.spawn_pytest("-p no:cacheprovider --pdb tests --code mine.py -k values", expect_timeout=60)
    child.expect("Pdb")
    child.sendline("p local")
    child.expect("17")
    child.sendeof()
    child.wait()
