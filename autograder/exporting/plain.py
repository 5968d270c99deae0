"""Tables for people and for whatever has no format of its own: CSV per task, XLSX, and the CSV of `nbgrader export`.

XLSX is written with openpyxl; text is text there, so that no name becomes a formula.
Source of nbgrader's columns: https://nbgrader.readthedocs.io/en/stable/user_guide/managing_the_database.html, and
nbgrader/plugins/export.py of https://github.com/jupyter/nbgrader
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from autograder._words import defused
from autograder.exporting.marked_class import MarkedClass, number
from autograder.exporting.tables import table_text
from autograder.gradebook.marks import Mark
from autograder.reporting.labels import readable

__all__ = ["nbgrader_csv", "per_task_csv", "xlsx"]

_PERSON = ("student", "name", "email", "id", "login")
_TASK = ("topic", "task", "earned", "points", "checks_alone", "pending", "task_flags", "mark", "mark_points", "mark_flags")
_WIDEST = 60

Cell = str | float | None


def per_task_csv(marked: MarkedClass) -> bytes:
    """A line per student, topic and task; the mark of the topic, with lateness and all, is repeated in each of its lines."""
    rows = [[_text(cell) for cell in row] for row in _task_rows(marked)]
    return table_text([[*_PERSON, *_TASK, "remark"], *rows]).encode()


def nbgrader_csv(marked: MarkedClass) -> bytes:
    """A line per topic and student, with the columns of `nbgrader export`."""
    headers = ["assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
               "late_submission_penalty", "score", "max_score"]  # fmt: skip
    rows: list[list[str]] = []
    for topic in marked.topics:
        due = marked.course.topics[topic].due
        for student, person in marked.people.items():
            mark = marked.marks.get((student, topic))
            first, _, last = person.name.rpartition(" ")
            score = mark.earned if mark else 0.0
            share = mark.lateness.penalty if mark and mark.lateness else 0.0
            penalty = share * sum(task.earned for task in mark.tasks if not task.excused) if mark else 0.0
            empty = mark and (mark.undecided or mark.excused)
            numbers = ["", "", ""] if empty else map(number, (score + penalty, penalty, score))
            rows.append([
                topic, due.isoformat(" ") if due else "", mark.submitted_at if mark else "", defused(student), defused(last),
                defused(first), defused(person.email), *numbers, number(marked.points(topic)),
            ])  # fmt: skip
    return table_text([headers, *rows]).encode()


def xlsx(marked: MarkedClass) -> bytes:
    """A workbook with a sheet of marks, a line per student, and a sheet with a line per task."""
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook()
    sheet = book.active
    sheet.title = "Marks"
    topics = [f"{marked.course.topics[topic].title} (of {number(marked.points(topic))})" for topic in marked.topics]
    _fill(sheet, [[*_PERSON, *topics, "Total", "Points", "Remarks"], *_mark_rows(marked)])
    _fill(book.create_sheet("Tasks"), [[*_PERSON, *_TASK, "remark"], *_task_rows(marked)])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _mark_rows(marked: MarkedClass) -> Iterator[list[Cell]]:
    for student, person in marked.people.items():
        marks = {topic: marked.mark(student, topic) for topic in marked.topics}
        cells: list[Cell] = [
            "excused" if mark and mark.excused else mark.earned if mark else None for mark in marks.values()
        ]
        total = round(sum(mark.earned for mark in marks.values() if mark), 2)
        known = {topic: marked.marks.get((student, topic)) for topic in marked.topics}
        without = {topic for topic, mark in known.items() if mark and (mark.undecided or (marks[topic] and mark.excused))}
        points = round(sum(marked.points(topic) for topic in marked.topics if topic not in without), 2)
        flags = [
            f"{topic}: {', '.join(mark.flags)}{f' ({mark.problem})' if mark.problem else ''}"
            for topic in marked.topics
            if (mark := known[topic]) and mark.flags
        ]
        yield [student, person.name, person.email, person.id, person.login, *cells, total, points, "; ".join(flags)]


def _task_rows(marked: MarkedClass) -> Iterator[list[Cell]]:
    for student, person in marked.people.items():
        for topic in marked.topics:
            mark = marked.marks.get((student, topic))
            if mark is None:
                continue
            said = marked.mark(student, topic) is not None
            for task in mark.tasks:
                flags = [flag for flag in ("adjusted", "excused", "manual") if getattr(task, flag)]
                yield [
                    student, person.name, person.email, person.id, person.login, topic, task.task,
                    task.earned if not task.excused and (said or task.adjusted) else None, task.points,
                    task.automatic if said else None,
                    task.pending, " ".join(flags), None if mark.excused or not said else mark.earned, mark.points,
                    " ".join(mark.flags), _remark(mark, task.task),
                ]  # fmt: skip


def _remark(mark: Mark, task: str) -> str:
    of_task = (comment for each in mark.tasks if each.task == task for comment in each.comments)
    comments = [*filter(None, [mark.problem]), *mark.comments, *of_task]
    return readable("\n".join(comments))


def _text(cell: Cell) -> str:
    return "" if cell is None else defused(readable(cell)) if isinstance(cell, str) else number(cell)


def _fill(sheet: Any, rows: Iterable[Sequence[Cell]]) -> None:
    from openpyxl.styles import Font  # type: ignore[import-untyped]

    widths: dict[int, int] = {}
    for at, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(at, column)
            if isinstance(value, str):
                cell.value = readable(value)
                cell.data_type = "s"  # never a formula
                cell.quotePrefix = value[:1] in ("=", "+", "-", "@")
            else:
                cell.value = value
            if at == 1:
                cell.font = Font(bold=True)
            widths[column] = min(_WIDEST, max(widths.get(column, 8), len(str(value or "")) + 2))
    for column, width in widths.items():
        sheet.column_dimensions[sheet.cell(1, column).column_letter].width = width
    sheet.freeze_panes = "B2"
