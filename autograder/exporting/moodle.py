"""Moodle: the offline grading worksheet of an assignment, and CSV for Grades > Import.

The worksheet has the columns Identifier (`Participant 1234567`), Full name, …, Grade, Maximum grade, Grade can be changed,
Last modified (grade), Feedback comments. Moodle reads it back as UTF-8 with commas, by Identifier; comments are HTML. It
skips rows whose grade is above the maximum or was changed since. The gradebook's file has First name, Last name, ID number,
Email address, `Assignment: TITLE (Real)`.
Source: mod/assign/feedback/offline of https://github.com/moodle/moodle, https://docs.moodle.org/en/Grade_import and
https://docs.moodle.org/en/Assignment_settings (offline grading worksheet).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from autograder._words import defused
from autograder.errors import ResultError
from autograder.exporting.filling import column_of, students_of_rows, to_maximum
from autograder.exporting.marked_class import MarkedClass, number, remark
from autograder.exporting.tables import Table, read_table, table_text

__all__ = ["moodle"]

_IDENTIFIER = ("identifier", "id", "identificateur", "identificador")
_MODIFIED = ("last modified (grade)", "zuletzt geändert (bewertung)")
_GRADE = ("grade", "bewertung")
_MAXIMUM = ("maximum grade", "bestwertung")
_LOCKED = ("grade can be changed", "bewertung kann geändert werden")
_COMMENTS = ("feedback comments", "feedback als kommentar")
_NAMES = ("full name", "vollständiger name", "first name", "last name", "surname", "vorname", "nachname")
_IDS = (*_IDENTIFIER, "id number", "id-nummer", "email address", "e-mail-adresse", "username", "anmeldename")
_NO = ("no", "nein")


def moodle(marked: MarkedClass, into: Path | None, columns: Mapping[str, str]) -> bytes:
    """The class's marks, filled into a worksheet or gradebook that Moodle exported, or as a new file for the gradebook.

    Args:
        marked: the class; a worksheet takes one topic.
        into: what Moodle exported, if anything.
        columns: headers by topic, where they do not say it themselves.

    Raises:
        ResultError: if the file is not Moodle's, or has no column for the topics.
    """
    if into is None:
        return _new(marked)
    table = read_table(into)
    headers = [cell.strip() for cell in table.rows[0]] if table.rows else []
    plain = [header.casefold() for header in headers]
    if not any(header in _IDS or header in _NAMES for header in plain):
        raise ResultError(f"{into}: is not a file that Moodle exported: no column has names, addresses or identifiers.")
    if plain[:1] in (["student"], ["lastname"]):
        raise ResultError(f"{into}: is Canvas's gradebook; fill it with `autograde export canvas --into {into}`.")
    if any(header in _MODIFIED for header in plain):
        return _worksheet(marked, table, headers, columns)
    return _gradebook(marked, table, headers, columns)


def _worksheet(marked: MarkedClass, table: Table, headers: Sequence[str], columns: Mapping[str, str]) -> bytes:
    if len(marked.topics) != 1:
        known = ", ".join(marked.topics) or "none"
        raise ResultError(f"{table.path}: a grading worksheet is for one assignment; choose one with --topic ({known}).")
    topic = marked.topics[0]
    plain = [header.casefold() for header in headers]
    grade = column_of(marked, topic, headers, columns, table.path) if topic in columns else _first(plain, _GRADE)
    if grade is None:
        raise ResultError(f"{table.path}: no column is called Grade; name it with --column {topic}=HEADER.")
    maximum, locked, comments = (_first(plain, names) for names in (_MAXIMUM, _LOCKED, _COMMENTS))
    rows = table.rows[1:]
    for at, student in _students(marked, rows, table.path, plain).items():
        row, mark = rows[at], marked.mark(student, topic)
        if mark is None or len(row) <= grade:
            continue
        if mark.excused:
            marked.notes.append(f"{student} is excused, which Moodle's worksheet cannot say; the grade is as it was.")
            continue
        if locked is not None and row[locked].strip().casefold() in _NO:
            marked.notes.append(f"{student}: Moodle says that the grade cannot be changed; it is as it was.")
            continue
        most = row[maximum].strip() if maximum is not None else ""
        comma = bool(re.fullmatch(r"\d+,\d+", most))
        limit = _float(most)
        row[grade] = to_maximum(marked, topic, mark, limit, table.path, comma=comma)
        if limit is not None and (_float(row[grade]) or 0.0) > limit:
            marked.notes.append(
                f"{student}: the mark is {row[grade]}, and Moodle takes at most {most}; the file has {most}."
            )
            row[grade] = most
        if comments is not None and comments < len(row) and (text := remark(mark)):
            row[comments] = defused("<br>".join(html.escape(text, quote=False).splitlines()))
    return replace(table, delimiter=",", encoding="utf-8", bom=b"").data()


def _gradebook(marked: MarkedClass, table: Table, headers: Sequence[str], columns: Mapping[str, str]) -> bytes:
    found = {topic: column_of(marked, topic, headers, columns, table.path) for topic in marked.topics}
    places = {topic: at for topic, at in found.items() if at is not None}
    if not places:
        raise ResultError(f"{table.path}: no column is for {', '.join(marked.topics)}; name one with --column TOPIC=HEADER.")
    marked.notes.extend(
        f"{topic} has no column in the file; add --column {topic}=HEADER." for topic in found if topic not in places
    )
    rows = table.rows[1:]
    for at, student in _students(marked, rows, table.path, [header.casefold() for header in headers]).items():
        for topic, column in places.items():
            mark = marked.mark(student, topic)
            if mark is not None and mark.excused:
                marked.notes.append(f"{student} is excused from {topic}, which the file cannot say; the grade is as it was.")
            elif mark is not None and column < len(rows[at]):
                rows[at][column] = number(mark.earned)
    return table.data()


def _students(marked: MarkedClass, rows: Sequence[Sequence[str]], path: Path, plain: Sequence[str]) -> dict[int, str]:
    ids = [at for at, header in enumerate(plain) if header in _IDS]
    names = [at for at, header in enumerate(plain) if header in _NAMES]
    return students_of_rows(marked, rows, path, ids=ids, names=names)


def _new(marked: MarkedClass) -> bytes:
    rows = [["Full name", "ID number", "Email address", *(marked.course.topics[topic].title for topic in marked.topics)]]
    for person in marked.people.values():
        marks = [marked.mark(person.student, topic) for topic in marked.topics]
        marked.notes.extend(
            f"{person.student} is excused from {mark.topic}, which the file cannot say; the cell is empty."
            for mark in marks
            if mark and mark.excused
        )
        cells = [number(mark.earned) if mark and not mark.excused else "" for mark in marks]
        rows.append([defused(person.name or person.student), defused(person.id), defused(person.email), *cells])
    return table_text(rows).encode()


def _first(plain: Sequence[str], names: Sequence[str]) -> int | None:
    return next((at for at, header in enumerate(plain) if header in names), None)


def _float(text: str) -> float | None:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
