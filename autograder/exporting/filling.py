"""Fills marks into the file that a learning platform has exported: finds each row's student and each topic's column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from autograder.errors import ResultError
from autograder.exporting.marked_class import MarkedClass, identifiers, name_key, number
from autograder.gradebook.marks import Mark

__all__ = ["column_of", "students_of_rows", "to_maximum"]

_MOST_NAMED = 10


def students_of_rows(
    marked: MarkedClass, rows: Sequence[Sequence[str]], path: Path, *, ids: Iterable[int], names: Iterable[int]
) -> dict[int, str]:
    """Which student each row is about. Who cannot be told is not guessed: `marked.notes` lists them.

    Args:
        marked: the class.
        rows: the table's rows.
        path: the file that they are from.
        ids: the columns with ids, logins and e-mail addresses; they come first.
        names: the columns that together hold a name.

    Raises:
        ResultError: if no row is about anybody here.
    """
    by_id: dict[str, set[str]] = {}
    by_name: dict[tuple[str, ...], set[str]] = {}
    for person in marked.people.values():
        for each in identifiers(person):
            by_id.setdefault(each, set()).add(person.student)
        for key in {name_key(person.name), name_key(person.student)} - {()}:
            by_name.setdefault(key, set()).add(person.student)
    found: dict[int, str] = {}
    unknown = []
    for at, row in enumerate(rows):
        student = _student(row, list(ids), list(names), by_id, by_name)
        if student is not None and student not in found.values():
            found[at] = student
        elif any(cell.strip() for cell in row):
            unknown.append(" ".join(cell for n in names if n < len(row) and (cell := row[n].strip())) or f"row {at + 1}")
    if unknown and not found:
        raise ResultError(
            f"{path}: none of its rows is about a student here, such as {unknown[0]}. Name the file of this class, or give "
            "students the id, login or e-mail address that the file has, in roster.csv."
        )
    _note(marked, "Rows of the file without a student here, left as they were", unknown)
    left = [
        name for name in marked.people if name not in found.values() and any(marked.mark(name, t) for t in marked.topics)
    ]
    _note(marked, "NOT IN THE FILE, and so not in what was written", left)
    return found


def _student(
    row: Sequence[str],
    ids: Sequence[int],
    names: Sequence[int],
    by_id: Mapping[str, set[str]],
    by_name: Mapping[tuple[str, ...], set[str]],
) -> str | None:
    for column in ids:
        cell = row[column].strip().casefold().removeprefix("#") if column < len(row) else ""
        numbered = re.fullmatch(r"[^\d@]+?\s?(\d+)", cell)  # Moodle's `Participant 1234567`, or `Teilnehmer/in1234567`
        for key in (cell, f"participant {numbered[1]}" if numbered else ""):
            who = by_id.get(key, set())
            if key and len(who) == 1:
                return next(iter(who))
    who = by_name.get(name_key(" ".join(row[n] for n in names if n < len(row))), set())
    return next(iter(who)) if len(who) == 1 else None


def _note(marked: MarkedClass, what: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        marked.notes.append(f"{what} ({len(names)}): {'; '.join(names[:_MOST_NAMED])}{more}.")


def column_of(marked: MarkedClass, topic: str, headers: Sequence[str], given: Mapping[str, str], file: object) -> int | None:
    """The column of a topic: the one named with --column, else the only one whose header is or has its name or title.

    Raises:
        ResultError: if the column named is not there, or several fit.
    """
    if topic in given:
        matches = [at for at, header in enumerate(headers) if header.strip() == given[topic].strip()]
        if not matches:
            raise ResultError(f"{file}: there is no column {given[topic]!r}; there are {', '.join(map(repr, headers))}.")
        return matches[0]
    entry = marked.course.topics[topic]
    plain = [_plain(header) for header in headers]
    wanted = (_plain(topic), _plain(entry.title))
    for matches in (
        [at for at, header in enumerate(plain) if header in wanted],
        [at for at, header in enumerate(plain) if any(re.search(rf"\b{re.escape(each)}\b", header) for each in wanted)],
    ):
        if len(matches) > 1:
            several = ", ".join(repr(headers[at]) for at in matches)
            raise ResultError(f"{file}: {several} all fit {topic}; choose one with --column {topic}=HEADER.")
        if matches:
            return matches[0]
    return None


def _plain(header: str) -> str:
    """A header without what platforms add: `Assignment: Views (Real)`, `Views (12345)`."""
    text = re.sub(r"\s*\((?:\d+|real|punkte|points)\)\s*$", "", header.strip(), flags=re.IGNORECASE)
    return re.sub(r"^(?:assignment|aufgabe)\s*:\s*", "", text, flags=re.IGNORECASE).casefold().strip()


def to_maximum(
    marked: MarkedClass, topic: str, mark: Mark, maximum: float | None, file: object, *, comma: bool = False
) -> str:
    """A mark's points, converted if the platform counts to another maximum and --scale allows it.

    Raises:
        ResultError: if the maximum differs and --scale was not given.
    """
    own = marked.points(topic)
    if maximum is None or maximum == own or not own:
        return number(mark.earned, comma=comma)
    if not marked.scale:
        raise ResultError(
            f"{file}: the maximum of {topic} is {number(maximum)} there, but {number(own)} in course.yml; change one of the "
            "two, or use --scale to convert."
        )
    return number(mark.earned * maximum / own, comma=comma)
