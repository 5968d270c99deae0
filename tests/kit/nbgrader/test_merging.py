"""Decisions of both sides are merged field by field; a field that both changed is a conflict."""

from __future__ import annotations

from itertools import product

import pytest

from autograder.gradebook.adjustments import Adjustment
from autograder.gradebook.marks import decided_by
from autograder.nbgrader.merging import Said, entry_for, merge

NOTHING = Said()


@pytest.mark.parametrize(
    ("ours", "theirs", "base", "wanted", "conflicts"),
    [
        (NOTHING, NOTHING, NOTHING, NOTHING, ()),
        (Said(points=3), NOTHING, NOTHING, Said(points=3), ()),
        (NOTHING, Said(points=3, comment="c"), NOTHING, Said(points=3, comment="c"), ()),
        (Said(points=3), Said(points=2), Said(points=3), Said(points=2), ()),
        (Said(points=3), Said(points=2), Said(points=2), Said(points=3), ()),
        (Said(points=3), NOTHING, Said(points=3), NOTHING, ()),
        (Said(points=3, comment="ours"), Said(points=1), Said(points=1), Said(points=3, comment="ours"), ()),
        (Said(points=3), Said(points=1, comment="theirs"), Said(points=1), Said(points=3, comment="theirs"), ()),
        (Said(points=3, add=1), Said(points=1, add=1), NOTHING, Said(points=3, add=1), ("points",)),
        (Said(comment="a"), Said(comment="b"), Said(comment="c"), Said(comment="a"), ("comment",)),
        (Said(points=3), Said(points=3), Said(points=1), Said(points=3), ()),
    ],
)
def test_the_side_that_changed_counts(
    ours: Said, theirs: Said, base: Said, wanted: Said, conflicts: tuple[str, ...]
) -> None:
    merged = merge(ours, theirs, base)
    assert (merged.said, merged.conflicts) == (wanted, conflicts)


def test_a_preferred_side_decides_conflicts_and_nothing_else() -> None:
    ours, theirs, base = Said(points=3, comment="new"), Said(points=2, add=1), Said(points=1)
    assert merge(ours, theirs, base, prefer="nbgrader").said == Said(points=2, add=1, comment="new")
    assert merge(ours, theirs, base, prefer="autograde").said == Said(points=3, add=1, comment="new")
    assert not merge(ours, theirs, base, prefer="autograde").conflicts


def test_after_the_entry_adjustments_say_what_is_wanted() -> None:
    every = [Said(points=p, add=a, comment=c) for p, a, c in product((None, 0.0, 2.5), (0.0, -1.0, 0.1), ("", "a", "b"))]
    for ours, wanted in product(every, every):
        said = [Adjustment(student="ada", topic="t", task="k", points=ours.points, add=ours.add, comment=ours.comment)]
        entry = entry_for("ada", "t", "k", ours, wanted)
        assert (entry is None) == (ours == wanted)
        decided = decided_by([*said, entry] if entry else said)
        assert Said(points=decided.points, add=round(decided.add, 6), comment="\n\n".join(decided.comments)) == wanted
