"""What adjustments.yml and nbgrader's gradebook say of a student's task, brought together: a merge of three ways.

The third is what both said when they were last brought together. Of points, addition and comment, each for itself, the side
that has changed since counts; where both have, to different values, that is a conflict, which people decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from autograder.gradebook.adjustments import Adjustment

__all__ = ["FIELDS", "Merged", "Prefer", "Said", "entry_for", "merge"]

FIELDS = ("points", "add", "comment")
Prefer = Literal["", "autograde", "nbgrader"]


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people say of a student's task: points instead of those of the checks, or None; points in addition; a comment
    for the student."""

    points: float | None = None
    add: float = 0.0
    comment: str = ""

    def __str__(self) -> str:
        """What is said, for people."""
        parts = [] if self.points is None else [f"points {self.points:g}"]
        parts += [f"add {self.add:g}"] if self.add else []
        parts += [f'comment "{" ".join(self.comment.split())}"'] if self.comment else []
        return ", ".join(parts) or "nothing"


@dataclass(frozen=True)
class Merged:
    """What both sides are to say, and the fields in conflict, in which `said` has our value."""

    said: Said
    conflicts: tuple[str, ...] = ()


def merge(ours: Said, theirs: Said, base: Said, *, prefer: Prefer = "") -> Merged:
    """Bring both sides together.

    Args:
        ours: what adjustments.yml says.
        theirs: what nbgrader's gradebook says.
        base: what both said last; nothing if they were never brought together.
        prefer: whose value to take in a conflict; nobody's if empty.
    """
    values, conflicts = {}, []
    for name in FIELDS:
        our, their, last = (getattr(each, name) for each in (ours, theirs, base))
        values[name] = our
        if our == last or (their != last and prefer == "nbgrader"):
            values[name] = their
        elif their not in (last, our) and not prefer:
            conflicts.append(name)
    return Merged(Said(**values), tuple(conflicts))


def entry_for(student: str, topic: str, task: str, ours: Said, wanted: Said) -> Adjustment | None:
    """The entry after which adjustments.yml says what is wanted; None if it does already.

    Entries add up until one with `points` starts anew (see `adjustments`), so most changes are said completely.
    """
    if ours == wanted:
        return None
    if ours.points == wanted.points and ours.comment in ("", wanted.comment):
        comment = "" if ours.comment else wanted.comment
        add = round(wanted.add - ours.add, 6)
        return Adjustment(student=student, topic=topic, task=task, add=add or None, comment=comment)
    points: float | Literal["auto"] = "auto" if wanted.points is None else wanted.points
    return Adjustment(student=student, topic=topic, task=task, points=points, add=wanted.add or None, comment=wanted.comment)
