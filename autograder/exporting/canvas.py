"""Canvas's gradebook CSV, to be imported under Grades > Import.

Columns: Student, ID, SIS User ID, SIS Login ID, Section, then one per assignment, headed `Title (id)`. A row
`    Points Possible` comes before the students; `(read only)` columns are ignored; excused is `EX`; numbers have two
decimals.
Source: lib/gradebook_importer.rb and lib/gradebook_exporter.rb of https://github.com/instructure/canvas-lms, and
https://community.canvaslms.com/t5/Instructor-Guide/How-do-I-import-grades-in-the-Gradebook/ta-p/807
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from autograder._words import defused
from autograder.course.roster import Person
from autograder.errors import ResultError
from autograder.exporting.filling import column_of, students_of_rows, to_maximum
from autograder.exporting.marked_class import MarkedClass, number
from autograder.exporting.tables import Table, read_table, table_text

__all__ = ["canvas"]

_HEADERS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_IDS = ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
_EXCUSED = "EX"


def canvas(marked: MarkedClass, into: Path | None, columns: Mapping[str, str]) -> bytes:
    """The class's marks: filled into a file that Canvas exported, or as a new file, from which Canvas makes new assignments.

    Args:
        marked: the class.
        into: what Canvas exported, if anything.
        columns: headers by topic, where they do not say it themselves.

    Raises:
        ResultError: if the file is not Canvas's, or has no column for any of the topics.
    """
    return _filled(marked, read_table(into), columns) if into else _new(marked)


def _filled(marked: MarkedClass, table: Table, columns: Mapping[str, str]) -> bytes:
    headers = [cell.strip() for cell in table.rows[0]] if table.rows else []
    if "ID" not in headers or headers[0] not in ("Student", "LastName"):
        raise ResultError(f"{table.path}: is not a gradebook that Canvas exported: its first line starts with Student,ID.")
    start = 1 + next((at for at, row in enumerate(table.rows) if row and "Points Possible" in row[0]), 0)
    possible = table.rows[start - 1] if start > 1 else []
    read_only = {at for at, cell in enumerate(possible) if "read only" in cell.lower()}
    open_headers = ["" if at in read_only or header in (*_HEADERS, *_IDS) else header for at, header in enumerate(headers)]
    found = {topic: column_of(marked, topic, open_headers, columns, table.path) for topic in marked.topics}
    places = {topic: at for topic, at in found.items() if at is not None}
    if not places:
        raise ResultError(
            f"{table.path}: no column is for {', '.join(marked.topics)}; name one with --column TOPIC=HEADER. There are "
            f"{', '.join(filter(None, open_headers)) or 'none'}."
        )
    marked.notes.extend(
        f"{topic} has no column in the file; add --column {topic}=HEADER." for topic in found if topic not in places
    )
    ids = [at for at, header in enumerate(headers) if header in _IDS]
    names = [at for at, header in enumerate(headers) if header in ("Student", "LastName", "FirstName")]
    rows = table.rows[start:]
    for at, student in students_of_rows(marked, rows, table.path, ids=ids, names=names).items():
        for topic, column in places.items():
            mark = marked.mark(student, topic)
            if mark is not None and column < len(rows[at]):
                maximum = _float(possible[column]) if column < len(possible) else None
                rows[at][column] = _EXCUSED if mark.excused else to_maximum(marked, topic, mark, maximum, table.path)
    return table.data()


def _new(marked: MarkedClass) -> bytes:
    rows = [[*_HEADERS, *(marked.course.topics[topic].title for topic in marked.topics)]]
    rows.append(["    Points Possible", "", "", "", "", *(number(marked.points(topic)) for topic in marked.topics)])
    rows += [
        [*_person(person), *(_cell(marked, person.student, topic) for topic in marked.topics)]
        for person in marked.people.values()
    ]
    return table_text(rows).encode()


def _person(person: Person) -> list[str]:
    canvas_id = person.id if person.id.isdecimal() else ""
    return [
        defused(person.name or person.student),
        canvas_id,
        "" if canvas_id else defused(person.id),
        defused(person.login),
        "",
    ]


def _cell(marked: MarkedClass, student: str, topic: str) -> str:
    mark = marked.mark(student, topic)
    return "" if mark is None else _EXCUSED if mark.excused else number(mark.earned)


def _float(text: str) -> float | None:
    """A number as Canvas reads it: decimals follow the last comma or point, as in `1,000.00` and `1.000,00`."""
    whole, _, decimals = text.strip().replace(",", ".").rpartition(".")
    try:
        return float(f"{whole.replace('.', '')}.{decimals}" if whole else decimals)
    except ValueError:
        return None
