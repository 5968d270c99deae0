"""Mutants that no check notices: set aside, offered for acceptance, or told with the check that would notice them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from autograder.course.course_file import load_course
from autograder.verifying.explore import Found, Same
from autograder.verifying.findings import Survivor, TopicVerification, Verification
from autograder.verifying.verify import verify

pytestmark = pytest.mark.slow

FILES = {
    "course.yml": """
title: A tiny course
draws: 2
topics:
  tiny:
    title: Tiny
    number: 1
    verify: {hints: off, alternatives: warning, misconceptions: off}
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
    "tests/hidden/test_tiny.py": '''
from autograder import checks, only


@checks("double", gate=True)
def test_values(code, given):
    """Every element is doubled."""
    return only({"result": code.double(given.normal(2, 3))}, "shape", "values")
''',
    # Nothing shows that the copy is needed; no gradient flows; no check draws whole numbers.
    "solutions/tiny.py": """
import torch


def double(x):
    if not x.is_floating_point():
        raise TypeError("a floating tensor is needed")
    y = x.contiguous()
    return 2 * y[0 : len(y)]
""",
}


def write(root: Path, **changes: str) -> None:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(changes.get(path.stem, text), encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    write(root)
    return root


def proved(root: Path, pool, **options) -> TopicVerification:
    (topic,) = verify(load_course(root), None, pool, seeds=1, **options).topics
    return topic


@pytest.fixture(scope="module")
def topic(root, pool):
    return proved(root, pool)


def survivor(topic: TopicVerification, description: str) -> Survivor:
    (found,) = (each for each in topic.survivors if each.description.startswith(description))
    return found


def test_gradients_are_left_alone_where_none_flow(topic):
    assert not [each for each in topic.survivors if "detach" in each.description or ".data" in each.description]
    assert dict(topic.idle) == {"double": topic.set_aside}
    assert topic.set_aside == 2
    assert topic.mutants == topic.killed + topic.set_aside + topic.accepted + len(topic.survivors)


def test_slices_that_are_the_same_are_no_mutants(topic):
    assert not [each for each in topic.survivors if each.description.startswith("other slice: y[0:len(y)] → y[")]


def test_a_survivor_that_never_differs_seems_equivalent(topic):
    verdict = survivor(topic, "call dropped: x.contiguous()").verdict
    assert isinstance(verdict, Same)
    assert (verdict.seeds, verdict.variations) == (50, 11)  # int32 changes nothing here
    told = survivor(topic, "call dropped: x.contiguous()").sentence
    assert "It seems equivalent: no difference on 50 further seeds and 11 variations of what the checks draw." in told


def test_of_any_other_the_check_is_suggested_that_notices_it(topic):
    dropped = survivor(topic, "statement dropped: if not x.is_floating_point()")
    assert isinstance(dropped.verdict, Found)
    assert dropped.verdict.variation == "int64"
    assert (
        "Your checks would see it with int64 inputs: the mutant raises nothing; it should raise TypeError"
        in dropped.sentence
    )
    assert dropped.suggestion is not None
    assert dropped.suggestion.file == "tests/hidden/test_tiny.py"
    assert dropped.suggestion.code == (
        "from autograder import raises\n\n\n"
        '@checks("double")\n'
        "def test_double_int64(code, given):\n"
        '    """The result is right for int64 inputs, too."""\n'
        "    x = given.integers(2, 3, low=-4, high=5)\n"
        '    return {"double(x)": raises(lambda: code.double(x))}'
    )


def test_a_check_is_suggested_once(topic):
    told = [each for each in topic.survivors if each.suggestion is not None]
    assert [each.told_before for each in told] == [False, *[True] * (len(told) - 1)]
    assert "test_double_int64, above, notices it, too." in told[1].sentence


def test_what_is_the_same_is_accepted_in_one_go_and_only_once(topic, tmp_path, pool):
    write(tmp_path)
    (tmp_path / "solutions/equivalent_mutants").mkdir()
    path = tmp_path / "solutions/equivalent_mutants/tiny.yml"
    path.write_text("# mine\ndouble: []   # none so far\n")
    same = [each for each in topic.survivors if isinstance(each.verdict, Same)]
    accepting = proved(tmp_path, pool, accept=True)
    assert accepting.newly_accepted == accepting.accepted == len(same) > 0
    assert {type(each.verdict) for each in accepting.survivors} == {Found}
    text = path.read_text()
    assert text.startswith("# mine\ndouble: [{")
    assert text.endswith("}]   # none so far\n")
    entries = yaml.safe_load(text)["double"]
    assert {entry["mutant"] for entry in entries} == {each.description for each in same}
    assert all(entry["reason"].startswith("WRITE: why? no difference on 50 further seeds") for entry in entries)
    assert sum("begins with WRITE:" in warning for warning in accepting.warnings) == len(entries)

    # Again, with the suggested check pasted in: nothing is left to accept, and nothing survives.
    suggestion = accepting.survivors[0].suggestion
    write(tmp_path, test_tiny=f"{FILES['tests/hidden/test_tiny.py']}\n\n{suggestion.code}\n")
    again = proved(tmp_path, pool, accept=True)
    assert (again.survivors, again.newly_accepted, again.accepted) == ((), 0, len(same))
    assert path.read_text() == text


def test_demands_can_be_warnings_or_off(topic):
    assert topic.warnings == ("double has no alternative; write one in solutions/alternatives/tiny.py.",)
    assert {problem for problem in topic.problems if "no check notices" not in problem} == set()
    whole = Verification((topic,))
    assert "tiny: warning: double has no alternative; " in whole.plain()
    assert whole.summary().endswith(f": {len(topic.survivors)} problems, 1 warning.")
    assert topic.counts()["warnings"] == topic.warnings


def test_warnings_alone_are_no_problem():
    whole = Verification((TopicVerification("tiny", warnings=("double has no gate; mark one.",)),))
    assert whole.problems == []  # the exit code is 0
    assert whole.summary().endswith(": everything holds, 1 warning.")


def test_operators_can_be_left_out(tmp_path, pool, topic):
    without = "without: [errors, call dropped, statements]"
    write(tmp_path, course=FILES["course.yml"].replace("hints: off", f"{without}, hints: off"))
    entry = {"mutant": "call dropped: x.contiguous() → x", "line": "y = x.contiguous()", "reason": "it stays in the file"}
    (tmp_path / "solutions/equivalent_mutants").mkdir()
    (tmp_path / "solutions/equivalent_mutants/tiny.yml").write_text(yaml.safe_dump({"double": [entry]}))
    left = proved(tmp_path, pool)
    assert left.mutants < topic.mutants
    titles = {each.description.partition(":")[0] for each in left.survivors}
    assert titles <= {"other condition", "other slice"}
    assert not [problem for problem in left.problems if "out of date" in problem]
