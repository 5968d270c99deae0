"""The figures of a class in other formats than a page: Markdown, JSON, CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from autograder._words import counted, defused
from autograder.reporting.class_figures import ClassFigures, Entry, Student
from autograder.reporting.class_page import percent, why_text
from autograder.reporting.labels import escaped, points_text, readable

__all__ = ["CSV_TABLES", "as_csv", "as_json", "as_markdown", "as_xlsx", "tables"]

_FORMAT_VERSION = 1
_Value = str | int | float | None
CSV_TABLES = ("students", "topics", "tasks", "checks", "misconceptions", "again", "troubles")
"""The tables of a report; `students` is the one that CSV has unless another is asked for."""


@dataclass(frozen=True)
class _Table:
    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[_Value, ...], ...]


def tables(figures: ClassFigures) -> dict[str, _Table]:
    """All tables of a report, by the names of CSV_TABLES. Shares and correlations are numbers, None where there are none."""
    made = (
        _students(figures),
        _table("topics", "Topics", figures.topics, _TOPICS),
        _table("tasks", "Tasks", figures.tasks, _TASKS),
        _table("checks", "Checks", figures.checks, _CHECKS),
        _table("misconceptions", "Misconceptions", figures.misconceptions, _MISCONCEPTIONS),
        _table("again", "What to teach again", figures.again, _AGAIN),
        _table("troubles", "What did not run", figures.troubles, _TROUBLES),
    )
    return {each.name: each for each in made}


_Columns = Mapping[str, Callable[[Any], _Value]]

_TOPICS: _Columns = {
    "topic": lambda each: each.topic,
    "points": lambda each: each.points,
    "handed in": lambda each: each.handed_in,
    "unreadable": lambda each: each.unreadable,
    "median": lambda each: _rounded(each.spread and each.spread.middle),
    "lower quartile": lambda each: _rounded(each.spread and each.spread.lower),
    "upper quartile": lambda each: _rounded(each.spread and each.spread.upper),
    "seconds": lambda each: each.seconds,
    "longest": lambda each: each.longest_seconds,
}
_TASKS: _Columns = {
    "topic": lambda each: each.topic,
    "task": lambda each: each.task,
    "points": lambda each: each.points,
    "complete": lambda each: each.complete,
    "partly": lambda each: each.partial,
    "no points": lambda each: each.none,
    "not attempted": lambda each: each.untouched,
    "mean": lambda each: _rounded(each.facility),
    "discrimination": lambda each: _rounded(each.discrimination),
    "lost": lambda each: each.lost,
}
_CHECKS: _Columns = {
    "topic": lambda each: each.topic,
    "task": lambda each: each.task,
    "check": lambda each: each.check,
    "sentence": lambda each: each.sentence,
    "visible": lambda each: "yes" if each.visible else "no",
    "passed": lambda each: each.passed,
    "of": lambda each: each.ran,
    "share": lambda each: _rounded(each.share),
    "discrimination": lambda each: _rounded(each.discrimination),
    "tells": lambda each: each.tells,
}
_MISCONCEPTIONS: _Columns = {
    "topic": lambda each: each.topic,
    "task": lambda each: each.task,
    "misconception": lambda each: ", ".join(each.names),
    "feedback": lambda each: each.feedback,
    "students": lambda each: len(each.students),
    "for certain": lambda each: each.exact,
    "lost": lambda each: each.lost,
    "who": lambda each: ", ".join(each.students),
}
_AGAIN: _Columns = {
    "topic": lambda each: each.topic,
    "task": lambda each: each.task,
    "why": lambda each: each.why,
    "text": lambda each: each.text,
    "students": lambda each: len(each.students),
    "of": lambda each: each.of,
    "lost": lambda each: each.lost,
    "who": lambda each: ", ".join(each.students),
}
_TROUBLES: _Columns = {
    "count": lambda each: len(each.where),
    "tasks not judged": lambda each: each.tasks,
    "trouble": lambda each: each.text,
    "who": lambda each: ", ".join(f"{student} ({topic})" for student, topic in each.where),
}


def _table(name: str, title: str, figures: Iterable[object], columns: _Columns) -> _Table:
    rows = tuple(tuple(value(each) for value in columns.values()) for each in figures)
    return _Table(name, title, tuple(columns), rows)


def _students(figures: ClassFigures) -> _Table:
    points = sum(each.points for each in figures.topics)
    topics = (f"{each.topic} /{points_text(each.points)}" for each in figures.topics)
    return _Table(
        "students",
        "Students",
        ("student", "name", *topics, f"total /{points_text(points)}", "share", "remarks"),
        tuple(map(_student_row, figures.students)),
    )


def _student_row(student: Student) -> tuple[_Value, ...]:
    share = _rounded(student.earned / student.points) if student.points else None
    remarks = "; ".join(_remarks(student.entries))
    return (student.student, student.name, *map(_mark, student.entries), student.earned, share, remarks)


def as_json(figures: ClassFigures) -> bytes:
    """The figures as they are counted, with `format_version`."""
    data = {"format_version": _FORMAT_VERSION, **msgspec.to_builtins(figures)}
    return msgspec.json.format(msgspec.json.encode(data), indent=2) + b"\n"


def as_csv(figures: ClassFigures, table: str = "students") -> bytes:
    """One table as UTF-8 CSV, in which no cell is a formula for a spreadsheet."""
    chosen = tables(figures)[table]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_defused, chosen.columns))
    writer.writerows([_defused(value) for value in row] for row in chosen.rows)
    return text.getvalue().encode()


def as_xlsx(figures: ClassFigures) -> bytes:
    """All tables as a workbook, a sheet for each."""
    from openpyxl import Workbook  # type: ignore[import-untyped]
    from openpyxl.styles import Font  # type: ignore[import-untyped]
    from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]

    book = Workbook()
    del book[book.sheetnames[0]]
    for table in tables(figures).values():
        sheet = book.create_sheet(table.title)
        sheet.freeze_panes = "B2"
        for number, row in enumerate((table.columns, *table.rows), start=1):
            for column, value in enumerate(row, start=1):
                cell = sheet.cell(number, column, _for_sheet(value))
                if isinstance(value, str):
                    cell.data_type = "s"  # a text that starts with = is no formula
                if number == 1:
                    cell.font = Font(bold=True)
        for column in range(1, len(table.columns) + 1):
            longest = max((len(str(row[column - 1] or "")) for row in (table.columns, *table.rows)), default=0)
            sheet.column_dimensions[get_column_letter(column)].width = min(60, max(8, longest + 2))
        if table.rows:
            sheet.auto_filter.ref = sheet.dimensions
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def as_markdown(figures: ClassFigures) -> bytes:
    """The figures as Markdown, without the single checks that tell students apart."""
    by_name = tables(figures)
    parts = [f"# {_plain(figures.title)}", *_again_lines(figures), *_trouble_lines(figures)]
    for name in ("topics", "students", "misconceptions", "tasks"):
        if by_name[name].rows:
            parts += [f"## {by_name[name].title}", _markdown_table(by_name[name])]
    silent = [each for each in figures.checks if each.tells]
    if silent:
        lines = [f"* `{each.task}`: {_plain(each.sentence)} ({each.tells}; {each.check}, {each.topic})" for each in silent]
        parts += ["## Checks that tell nothing", "\n".join(lines)]
    return ("\n\n".join(parts) + "\n").encode()


def _mark(entry: Entry) -> float | None:
    """The points; None if there is no result, and nobody decided on any."""
    decided = entry.state in ("graded", "unreadable") or (entry.state == "missing" and entry.remarks)
    return entry.earned if decided else None


def _remarks(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        words = [*({"missing": ["missing"], "waiting": ["not graded yet"]}.get(entry.state, [])), *entry.remarks]
        if words:
            yield f"{entry.topic}: {', '.join(words)}"


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def _again_lines(figures: ClassFigures) -> list[str]:
    if not figures.again:
        return []
    lines = []
    for number, each in enumerate(figures.again[:10], start=1):
        text = f" {_plain(each.text)}" if each.text else ""
        lines.append(
            f"{number}. `{each.task}` in {each.topic}: {why_text(each)}.{text} ({_plain(', '.join(each.students))})"
        )
    return ["## What to teach again", "\n".join(lines)]


def _trouble_lines(figures: ClassFigures) -> list[str]:
    several = [each for each in figures.troubles if len(each.where) > 1]
    once = len(figures.troubles) - len(several)
    lines = [f"* {len(each.where)} × {_plain(each.text)}" for each in several]
    if once:
        lines.append(f"* {counted(once, 'trouble')} that happened once; see the page")
    return ["## What did not run", "\n".join(lines)] if lines else []


def _markdown_table(table: _Table) -> str:
    shares = [name in ("median", "lower quartile", "upper quartile", "mean", "share") for name in table.columns]
    lines = [f"| {' | '.join(table.columns)} |", f"|{' --- |' * len(table.columns)}"]
    for row in table.rows:
        cells = [_markdown_cell(value, share=share) for value, share in zip(row, shares, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _markdown_cell(value: _Value, *, share: bool) -> str:
    if share and not isinstance(value, str):
        return percent(value)
    return "–" if value is None else _plain(value) if isinstance(value, str) else points_text(value)


def _plain(text: str) -> str:
    """Text on one line that cannot end a cell, or become HTML, a link or a picture."""
    return " ".join(escaped(readable(text), "\\|<[").split())


def _for_sheet(value: _Value) -> _Value:
    return readable(value)[:32_000] if isinstance(value, str) else value


def _defused(value: _Value) -> _Value:
    """A cell that no spreadsheet takes for a formula ; 5.0 is written as 5."""
    if isinstance(value, float):
        return f"{value:.10g}"
    if not isinstance(value, str):
        return value
    return defused(readable(value))
