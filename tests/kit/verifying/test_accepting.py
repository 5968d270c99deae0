"""What `verify --accept` writes into an author's file, and what it leaves alone."""

from __future__ import annotations

import pytest
import yaml

from autograder.errors import AuthoringError
from autograder.records.jobs import Cell
from autograder.verifying.accepted_mutants import read_accepted
from autograder.verifying.accepting import accept
from autograder.verifying.mutants import Mutant, make_mutants

pytestmark = pytest.mark.slow

SOURCE = "def double(x):\n    return x.contiguous() * 2\n\n\ndef halve(x):\n    return x['a: b'] / 2\n"
REASON = "WRITE: why? no difference on 50 further seeds."


def mutants(task: str, number: int = 2) -> list[Mutant]:
    return list(make_mutants((Cell(0, SOURCE),), task)[:number])


def accepted(tmp_path, before: str | None, *which: Mutant) -> str:
    """The file after some mutants have been accepted, which every reader of it must find in there."""
    path = tmp_path / "solutions" / "equivalent_mutants" / "tiny.yml"
    if before is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(before.encode())
    assert accept(tmp_path, "tiny", which, {mutant.name: REASON for mutant in which}) == path
    entries = read_accepted(tmp_path, "tiny", ["double", "halve"])
    assert {mutant.identity for mutant in which} <= set(entries)
    return path.read_bytes().decode()


def entry(mutant: Mutant) -> dict[str, str]:
    return {"mutant": mutant.description, "line": mutant.text, "reason": REASON}


def test_a_file_is_made(tmp_path):
    (one, two), (three, *_) = mutants("double"), mutants("halve")
    text = accepted(tmp_path, None, one, two, three)
    assert text.startswith("# Mutants of the reference that no check can notice, each with the reason")
    assert "\n\ndouble:\n  - mutant: " in text
    assert "\n\nhalve:\n  - mutant: " in text
    assert yaml.safe_load(text) == {"double": [entry(one), entry(two)], "halve": [entry(three)]}


OLD = '{mutant: "a: b", line: "c", reason: "it makes no difference to anybody"}'
KEPT = [
    # block lists of any indentation, with what stands around them
    f"# mine\n\ndouble:   # of the first week\n  - {OLD}  # really\n\n# about halving\nhalve:\n  - {OLD}\n",
    f"double:\n- {OLD}\n",
    f"halve:\n    - {OLD}\ndouble:\n    - {OLD}",
    'double:\n  - mutant: "a: b"\n    line: c\n    reason: >\n      it makes no\n      difference\n\n\n# the end\n',
    f"halve:\n  - {OLD}\n",
    # flow lists, and none at all
    f"double: [{OLD}]  # one\n",
    f"double: [\n  {OLD},\n]\nhalve: []\n",
    "double: []\n",
    "double:\n",
    "double: ~  # none\nhalve:\n",
    "# nothing yet\n",
    "",
    # a Windows editor's line ends
    f"double:\r\n  - {OLD}\r\n\r\nhalve:\r\n  - {OLD}\r\n",
]


@pytest.mark.parametrize("before", KEPT)
def test_the_rest_of_the_file_stays_as_it_is(tmp_path, before):
    one, two = mutants("double")
    text = accepted(tmp_path, before, one, two)
    old = yaml.safe_load(before) or {}
    assert yaml.safe_load(text) == old | {"double": [*(old.get("double") or ()), entry(one), entry(two)]}
    characters, lines = iter(text), iter(text.splitlines())
    assert all(each in characters for each in before.replace("~", ""))  # nothing is lost, and the order is the same
    assert all(line in lines for line in before.splitlines() if not set("]~") & set(line))
    assert text.count("\r\n") == (text.count("\n") if "\r" in before else 0)


def test_a_second_time_adds_to_what_is_there(tmp_path):
    one, two = mutants("double")
    accepted(tmp_path, None, one)
    text = accepted(tmp_path, None, two)
    assert [each["mutant"] for each in yaml.safe_load(text)["double"]] == [one.description, two.description]


def test_where_there_is_no_place_nothing_is_written(tmp_path):
    path = tmp_path / "solutions" / "equivalent_mutants" / "tiny.yml"
    path.parent.mkdir(parents=True)
    path.write_text("{double: []}\n")
    (one,) = mutants("double", 1)
    with pytest.raises(AuthoringError, match=r"tiny\.yml: there is no place for more entries; write"):
        accept(tmp_path, "tiny", [one], {one.name: REASON})
    assert path.read_text() == "{double: []}\n"
