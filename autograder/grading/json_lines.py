"""What `autograde grade --json` prints: a line of JSON for each submission, as soon as it is graded."""

from __future__ import annotations

import msgspec

from autograder.records.results import Graded

__all__ = ["Line", "line_of"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A submission in a line.

    `late` is the share of points taken off (0 to 1). `kept`: unchanged since it was graded. `proposed`: the result waits to
    be accepted. `not_graded`: the machine failed, and `earned` says nothing. `problems` are sentences about what could not
    be read, died or ran out of time, as far as students may know.
    """

    student: str
    topic: str
    earned: float
    points: float
    pending: float
    late: float
    attempted: bool
    kept: bool
    proposed: bool
    not_graded: bool
    problems: tuple[str, ...]


def line_of(graded: Graded) -> str:
    """The line, without its end."""
    line = Line(
        student=graded.student,
        topic=graded.topic,
        earned=graded.earned,
        points=graded.points,
        pending=graded.pending,
        late=graded.penalty,
        attempted=graded.attempted,
        kept=graded.reused,
        proposed=graded.proposed,
        not_graded=graded.not_graded,
        problems=graded.told,
    )
    return msgspec.json.encode(line).decode()
