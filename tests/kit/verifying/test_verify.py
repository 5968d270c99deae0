from pathlib import Path

import pytest
import yaml
from course_files import write_files

import autograder.verifying.accepted_mutants
import autograder.verifying.findings
import autograder.verifying.try_mutants
import autograder.verifying.verify
from autograder.course.course_file import load_course
from autograder.errors import AuthoringError
from autograder.verifying.accepted_mutants import read_accepted
from autograder.verifying.findings import Verification
from autograder.verifying.verify import verify

pytestmark = pytest.mark.slow

REAL = Path(__file__).parents[3]

FILES = {
    "course.yml": """
title: A tiny course
topics:
  tiny:
    title: Tiny
    number: 1
    tasks:
      double: {points: 2, level: easy}
""",
    "exercises/tiny.py": '''
# %%
import torch

# %%
def double(x):
    """Twice x. Raises TypeError unless x is floating."""
    raise NotImplementedError
''',
    "exercises/hints/tiny.yml": """
double:
  - What is a number plus itself?
  - Look at the dtype first.
  - Raise, then multiply.
""",
    "tests/visible/test_tiny.py": '''
from autograder import checks


@checks("double", gate=True)
def test_values(code, given):
    """Every element is doubled."""
    return {"result": code.double(given.normal(2, 3))}
''',
    "tests/hidden/test_tiny.py": '''
from autograder import checks, raises


@checks("double")
def test_gradient(code, given):
    """The result stays in the graph."""
    return {"result": code.double(given.normal(3, requires_grad=True))}


@checks("double")
def test_type(code, given):
    """Whole numbers are refused with a TypeError."""
    return {"integers": raises(lambda: code.double(given.integers(3)))}
''',
    "solutions/tiny.py": """
import torch


def double(x):
    if not x.is_floating_point():
        raise TypeError("a floating tensor is needed")
    return 2 * x
""",
    "solutions/alternatives/tiny.py": """
from autograder import alternative


@alternative("double")
def added(x):
    if not x.is_floating_point():
        raise TypeError
    return x + x
""",
    "solutions/misconceptions/tiny.py": """
from autograder import misconception


@misconception("double", "Two times x is not x times x.")
def double__squares(x):
    if not x.is_floating_point():
        raise TypeError
    return x * x


@misconception("double", "What about whole numbers?")
def double__takes_anything(x):
    return 2 * x
""",
}


@pytest.fixture
def proof(tmp_path, pool):
    """Verify the tiny course after changing some of its files, each by (file, old text, new text)."""

    def run(*changes: tuple[str, str, str], seeds: int = 1) -> Verification:
        files = dict(FILES)
        for name, old, new in changes:
            assert old in files.get(name, ""), f"{old!r} does not stand in {name}"
            files[name] = files.get(name, "").replace(old, new) if old else new
        write_files(tmp_path, files)
        return verify(load_course(tmp_path), None, pool, seeds=seeds)

    return run


def problems(verification: Verification, containing: str) -> list[str]:
    return [problem for problem in verification.problems if containing in problem]


def test_a_sound_topic_has_no_problem(proof):
    verification = proof(seeds=2)
    assert verification.problems == []
    (topic,) = verification.topics
    assert (topic.tasks, topic.checks, topic.alternatives, topic.misconceptions) == (1, 3, 1, 2)
    assert topic.mutants == topic.killed > 15
    assert topic.survivors == topic.equal == ()
    assert "everything holds" in verification.plain()
    assert verification.table().row_count == 1


def test_progress_is_told(tmp_path, pool):
    write_files(tmp_path, FILES)
    told = []
    verify(load_course(tmp_path), ["tiny"], pool, seeds=1, on_progress=lambda *step: told.append(step))
    assert [done for done, _, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][0] == told[-1][1]
    assert {topic for _, _, topic in told} == {"tiny"}


# a weak check lets a mutant through

WEAK = ("tests/hidden/test_tiny.py", "given.integers(3)", "given.normal(3)")
DROPPED = {
    "mutant": "statement dropped: if not x.is_floating_point(): …",
    "line": "if not x.is_floating_point():",
    "reason": "whole numbers are left to a later topic on purpose",
}


def accepted(*entries: dict[str, str]) -> tuple[str, str, str]:
    return "solutions/equivalent_mutants/tiny.yml", "", yaml.safe_dump({"double": list(entries)}, allow_unicode=True)


def test_a_check_that_returns_nothing_is_named(proof):
    silent = ("tests/hidden/test_tiny.py", "    return ", "    seen = ")
    assert problems(proof(silent), "returns nothing; return what is to be compared")


def test_a_survivor_is_reported_with_its_line_and_its_diff(proof):
    verification = proof(WEAK)
    survivors = verification.topics[0].survivors
    (dropped,) = (survivor for survivor in survivors if survivor.description == DROPPED["mutant"])
    assert (dropped.file, dropped.line) == ("solutions/tiny.py", 6)
    assert dropped.diff.startswith("-    if not x.is_floating_point():\n-        raise TypeError(")
    (problem,) = problems(verification, f"({DROPPED['mutant']})")
    assert problem.startswith("tiny: solutions/tiny.py:6: double: no check notices this mutant")
    assert yaml.safe_load(dropped.entry) == [{**DROPPED, "reason": "…"}]
    text = verification.plain()
    assert dropped.diff.splitlines()[1] in text
    assert "solutions/equivalent_mutants/tiny.yml" in text


def test_a_survivors_line_is_that_of_the_file_in_a_reference_with_cells(proof):
    cell = ("solutions/tiny.py", "def double", "# %%\ndef double")
    survivors = proof(WEAK, cell).topics[0].survivors
    (dropped,) = (survivor for survivor in survivors if survivor.description == DROPPED["mutant"])
    assert dropped.line == 7


def test_a_survivor_with_a_reason_is_accepted(proof):
    before = proof(WEAK).topics[0]
    after = proof(WEAK, accepted(DROPPED)).topics[0]
    assert (after.accepted, len(after.survivors)) == (1, len(before.survivors) - 1)
    assert not any(f"({DROPPED['mutant']})" in problem for problem in after.problems)


def test_acceptance_does_not_depend_on_where_the_line_stands(proof):
    moved = ("solutions/tiny.py", "import torch\n", "import torch\n\n\ndef unrelated():\n    return 3\n")
    assert proof(WEAK, accepted(DROPPED), moved).topics[0].accepted == 1


def test_an_entry_that_accepts_nothing_is_a_problem(proof):
    gone = {**DROPPED, "line": "if not x:"}
    verification = proof(accepted(DROPPED, gone))
    assert len(verification.problems) == 2
    assert "a check now notices it" in verification.problems[0]
    assert "there is no such mutant" in verification.problems[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("double: [", "check the indentation, colons and quotes here"),
        ("double: 3", "write a list of mutant, line and reason"),
        ("double:\n- {mutant: a, line: b}", "missing required field `reason`"),
        ("double:\n- {mutant: a, line: b, reason: dunno}", "is too short; say why"),
        ("triple:\n- {mutant: a, line: b, reason: long enough to be a reason}", "triple is not a task of tiny"),
        ("double:\n" + "- {mutant: a, line: b, reason: long enough to be a reason}\n" * 2, "is listed twice"),
    ],
)
def test_mistakes_in_the_file_of_accepted_mutants(tmp_path, text, message):
    path = tmp_path / "solutions" / "equivalent_mutants" / "tiny.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(AuthoringError, match=message):
        read_accepted(tmp_path, "tiny", ["double"])


# what must pass, and what must fail


def test_a_wrong_alternative_is_reported(proof):
    verification = proof(("solutions/alternatives/tiny.py", "return x + x", "return (x + x).double()"))
    (problem, *_) = problems(verification, "the alternative added")
    assert "test_values is failed" in problem
    assert "float64" in problem


def test_a_misconception_that_no_check_exposes_is_reported(proof):
    verification = proof(("solutions/misconceptions/tiny.py", "return x * x", "return x + x"))
    assert problems(verification, "the misconception double__squares passes every check")


def test_a_misconception_that_behaves_differently_each_time_is_reported(proof):
    random = "import os, struct\n    return x * x + struct.unpack('I', os.urandom(4))[0]"
    verification = proof(("solutions/misconceptions/tiny.py", "return x * x", random))
    assert problems(verification, "its observations change from run to run")


def test_equal_misconceptions_are_listed_and_no_problem(proof):
    third = '\n\n@misconception("double", "A power?")\ndef double__power(x):\n' + (
        "    if not x.is_floating_point():\n        raise TypeError\n    return x**2\n"
    )
    source = FILES["solutions/misconceptions/tiny.py"]
    verification = proof(("solutions/misconceptions/tiny.py", source, source + third))
    assert verification.problems == []
    assert [equal.misconceptions for equal in verification.topics[0].equal] == [("double__power", "double__squares")]
    assert "double__power = double__squares" in verification.plain()


def test_a_stub_that_earns_points_is_reported(proof):
    verification = proof(("exercises/tiny.py", "raise NotImplementedError", "return x + x"))
    assert problems(verification, "double: the untouched stub earns")


def test_a_reference_that_fails_its_own_bound_is_reported(proof):
    bound = '{"bound": at_least(abs(given.normal(1)).item(), 0.5), "result":'
    verification = proof(
        ("tests/visible/test_tiny.py", '{"result":', bound),
        ("tests/visible/test_tiny.py", "import checks", "import at_least, checks"),
        seeds=5,
    )
    assert problems(verification, "the reference after")


def test_a_check_that_is_not_repeatable_is_reported(proof):
    verification = proof(
        ("tests/visible/test_tiny.py", "code.double(given.normal(2, 3))", "code.double(given.normal(2) + time.time() % 1)"),
        ("tests/visible/test_tiny.py", "from autograder", "import time\n\nfrom autograder"),
    )
    assert problems(verification, "test_values, draw 0: sees something different each time")


def test_a_reference_that_raises_is_a_problem_of_its_topic(proof):
    verification = proof(("solutions/tiny.py", "return 2 * x", "return 2 * y"))
    assert problems(verification, "NameError") or problems(verification, "'y' is not defined")


def test_mutants_in_endless_loops_are_ended_soon(proof, monkeypatch):
    monkeypatch.setattr(autograder.verifying.try_mutants, "_QUICK_SECONDS", 0.5)
    loop = "y = x\n    n = 1\n    while n < 2:\n        y = y + x\n        n += 1\n    return y"
    verification = proof(("solutions/tiny.py", "return 2 * x", loop))
    assert verification.topics[0].timed_out > 0
    assert "stopped by a time limit" in verification.plain()


# what every task must have


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("tests/visible/test_tiny.py", ", gate=True", ""), "double has no gate; mark its check of values"),
        (("exercises/hints/tiny.yml", "  - Raise, then multiply.\n", ""), "double has 2 hints; write 3"),
        (("exercises/hints/tiny.yml", "double:", "doubel:"), "has hints for doubel, which is not a task"),
        (("solutions/alternatives/tiny.py", FILES["solutions/alternatives/tiny.py"], ""), "double has no alternative"),
        (("solutions/misconceptions/tiny.py", FILES["solutions/misconceptions/tiny.py"], ""), "double has no misconception"),
    ],
)
def test_missing_parts_are_reported(proof, change, message):
    assert problems(proof(change), message)


def test_a_check_without_docstring_is_reported(proof):
    verification = proof(("tests/visible/test_tiny.py", '    """Every element is doubled."""\n', ""))
    assert problems(verification, "test_values has no docstring")


def test_public_names():
    for module in (autograder.verifying.verify, autograder.verifying.findings, autograder.verifying.accepted_mutants):
        assert all(hasattr(module, name) for name in module.__all__)
