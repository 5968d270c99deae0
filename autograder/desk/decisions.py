"""From a form to an entry of adjustments.yml, written by the functions of `autograde adjust` and `autograde extend`.

A form says what its page showed (`seen`). If something else has been decided or graded by the time that it comes back,
nothing is written: whoever sent it sees both versions and decides again. This is looked at under the lock of
adjustments.yml, so it holds between desks, and between a desk and the commands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.desk.books import Books, Entry, seen_of
from autograder.errors import CourseError, RequestError
from autograder.gradebook.adjustments import Adjustment, Adjustments, signed, write_adjustment
from autograder.reporting.labels import points_text

__all__ = ["Attempt", "DecisionForm", "StaleForm", "decide", "sentence_of"]

_LONGEST_COMMENT = 10_000


class StaleForm(Exception):
    """Something else has been decided or graded since the form was shown."""


@dataclass(frozen=True)
class DecisionForm:
    """What a person typed, as text. `task` is empty for the whole topic; `used` is a comment from the bank."""

    task: str = ""
    seen: str = ""
    points: str = ""
    auto: bool = False
    add: str = ""
    comment: str = ""
    used: str = ""
    excused: str = ""
    extension: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> DecisionForm:
        """The form that a request's fields are."""
        words = ("task", "seen", "points", "add", "comment", "used", "excused", "extension")
        texts = {name: fields.get(name, "").replace("\r\n", "\n").strip() for name in words}
        return cls(**texts, auto=bool(fields.get("auto")))

    @property
    def words(self) -> str:
        """What it would decide, in a few words."""
        parts = {
            "points": self.points, "in addition": self.add, "points of the checks again": "yes" if self.auto else "",
            "excused": self.excused, "more time": self.extension, "chosen comment": self.used, "comment": self.comment,
        }  # fmt: skip
        return "; ".join(f"{name}: {text}" for name, text in parts.items() if text)


@dataclass(frozen=True)
class Attempt:
    """A form that was not saved, and why: a mistake in it (`problem`), or a decision that came before (`stale`)."""

    form: DecisionForm
    problem: str
    stale: bool = False


def decide(books: Books, entry: Entry, form: DecisionForm, *, by: str) -> Attempt | None:
    """Write what a form decides about a student's topic. Returns None, or the attempt if nothing was written."""
    course = books.course
    student, topic, task = entry.student, entry.topic, form.task

    def unchanged(decided: Adjustments) -> None:
        now = seen_of(decided.get(student, ()), topic, task, books.result(student, topic))
        if now != form.seen:
            raise StaleForm

    try:
        write_adjustment(course, signed(_adjustment(entry, form, by)), check=unchanged)
    except StaleForm:
        return Attempt(form, "Something else was decided or graded after you opened this page, so nothing was saved.", True)
    except (CourseError, RequestError) as error:
        return Attempt(form, str(error))
    return None


def _adjustment(entry: Entry, form: DecisionForm, by: str) -> Adjustment:
    """The decision.

    Raises:
        RequestError: if the form decides nothing, gives no reason where there has to be one, or has a number that is none.
    """
    comment = "\n".join(dict.fromkeys(text for text in (form.used, form.comment) if text))
    if len(comment) > _LONGEST_COMMENT:
        raise RequestError(f"The comment is longer than {_LONGEST_COMMENT} characters; shorten it.")
    if form.auto and form.points:
        raise RequestError("Either give points, or take those of the checks again.")
    adjustment = Adjustment(
        student=entry.student,
        topic=entry.topic,
        task=form.task,
        points="auto" if form.auto else _number(form.points),
        add=_number(form.add),
        comment=comment,
        excused={"yes": True, "no": False}.get(form.excused),
        extension=form.extension,
        by=by,
    )
    task = entry.task(form.task)
    changes = adjustment.points not in (None, "auto") or adjustment.add is not None
    if changes and not comment and not (task and task.manual):
        raise RequestError("Say why the mark changes: write a comment, or choose one. The student reads it.")
    if adjustment == Adjustment(student=entry.student, topic=entry.topic, task=form.task, by=by):
        raise RequestError("There is nothing to save: the form is empty.")
    return adjustment


def _number(text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RequestError(f"“{text[:40]}” is not a number of points; write a number, like 2.5.")
    return number


def sentence_of(entry: Adjustment) -> str:
    """What a decision says, in a few words, without its comment."""
    parts = []
    if entry.points is not None:
        parts.append("the checks’ points again" if entry.points == "auto" else f"points: {points_text(entry.points)}")
    if entry.add is not None:
        parts.append(f"in addition: {points_text(entry.add)}")
    if entry.excused is not None:
        parts.append("excused" if entry.excused else "not excused")
    if entry.extension:
        until = "until" if "T" in entry.extension or "-" in entry.extension else "more time:"
        parts.append(f"{until} {entry.extension}")
    return ", ".join(parts) or "a comment"
