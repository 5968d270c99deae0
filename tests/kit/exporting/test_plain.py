"""Tables: CSV per task, XLSX and nbgrader's CSV."""

from __future__ import annotations

import csv
import io

import msgspec
import openpyxl
import pytest
from marked_class_example import COURSE, RESULTS, ROSTER, example

from autograder._words import defused
from autograder.exporting.canvas import canvas
from autograder.exporting.marked_class import marked_class, name_key, number
from autograder.exporting.moodle import moodle
from autograder.exporting.plain import nbgrader_csv, per_task_csv, xlsx
from autograder.gradebook.adjustments import Adjustment
from autograder.gradebook.marks import marks_of_class


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def test_a_line_per_task() -> None:
    rows = {(row["student"], row["topic"], row["task"]): row for row in table(per_task_csv(example()))}
    assert len(rows) == 6 * 3
    lilei = rows["lilei", "views", "double"]
    assert lilei["name"] == "李雷"
    assert [lilei[key] for key in ("earned", "points", "checks_alone", "task_flags")] == ["3", "4", "1.33", "adjusted"]
    assert [lilei[key] for key in ("mark", "mark_points", "mark_flags")] == ["4", "5", "adjusted"]
    assert lilei["remark"] == '\'=1+1, "good" idea'
    assert rows["ada", "dtypes", "cast"]["earned"] == "0.33"
    assert rows["ada", "views", "double"]["name"] == "Ada O'Neil, Jr."
    assert rows["mueller", "views", "double"]["name"] == 'Jürgen "JJ" Müller'
    assert rows["mueller", "views", "double"]["mark_flags"] == "unreadable"
    assert rows["nobody", "views", "double"]["earned"] == "", "nothing handed in is not a zero"
    excused = rows["'=cmd", "views", "double"]
    assert (excused["mark"], excused["mark_flags"], excused["name"]) == ("", "excused adjusted", '\'=HYPERLINK("http://x")')
    zero = {(row["student"], row["topic"]): row["mark"] for row in table(per_task_csv(example("views", zero_missing=True)))}
    assert (zero["nobody", "views"], zero["mueller", "views"]) == ("0", "0")


def test_a_workbook() -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx(example())))
    assert book.sheetnames == ["Marks", "Tasks"]
    rows = {row[0].value: row for row in book["Marks"].iter_rows()}
    assert [cell.value for cell in rows["student"]][5:] == [
        "Views and strides (of 5)",
        "Dtypes (of 3)",
        "Total",
        "Points",
        "Remarks",
    ]
    assert [cell.value for cell in rows["ada"]][5:9] == [5, 0.33, 5.33, 8]
    evil = rows["=cmd"]
    assert [(cell.value, cell.data_type) for cell in evil[:2]] == [("=cmd", "s"), ('=HYPERLINK("http://x")', "s")]
    assert [cell.value for cell in evil][5:9] == ["excused", None, 0, 3]
    assert rows["lilei"][1].value == "李雷"
    assert rows["lilei"][9].value == "views: adjusted; dtypes: missing"
    assert book["Tasks"].max_row == 1 + 6 * 3
    assert not any(cell.data_type == "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_nbgraders_columns() -> None:
    rows = {(row["assignment"], row["student_id"]): row for row in table(nbgrader_csv(example()))}
    eve = rows["views", "eve"]
    assert [eve[key] for key in ("raw_score", "late_submission_penalty", "score", "max_score")] == ["5", "0.5", "4.5", "5"]
    assert (eve["first_name"], eve["last_name"], eve["timestamp"]) == ("Eve", "Late", "2027-03-02T12:00:00+00:00")
    assert rows["views", "nobody"]["score"] == "0"
    excused = rows["views", "'=cmd"]
    assert [excused[key] for key in ("raw_score", "late_submission_penalty", "score")] == ["", "", ""]


def test_only_lateness_is_a_penalty_of_nbgraders() -> None:
    decided = Adjustment(student="ada", topic="views", points=3)
    marked = marked_class(COURSE, marks_of_class(COURSE, RESULTS, {"ada": (decided,)}), ROSTER, topics=["views"])
    ada = table(nbgrader_csv(marked))[0]
    assert [ada[key] for key in ("student_id", "raw_score", "late_submission_penalty", "score")] == ["ada", "3", "0", "3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (1 / 3, "0.33"), (2.5, "2.5"), (0.0, "0"), (-0.001, "0"), (1e6, "1000000"), (2.675, "2.67")],
)
def test_numbers_have_at_most_two_decimals(value: float, text: str) -> None:
    assert number(value) == text
    assert number(value, comma=True) == text.replace(".", ",")


def test_formulas_are_defused_and_names_are_known_in_any_order() -> None:
    for text in ("=1", "+1", "-1", "@x", "\tx", "\rx"):
        assert defused(text) == f"'{text}"
    assert defused("a=1") == "a=1"
    assert name_key("Lovelace, Ada") == name_key("ada_lovelace") == name_key("Ada LOVELACE")
    assert name_key("李雷") != name_key("李 雷")


def test_what_the_machine_failed_at_is_empty_in_every_table_even_with_zero_missing() -> None:
    failed = [msgspec.structs.replace(each, problem="The disk was full.", not_graded=True) for each in RESULTS[1:3]]
    marks = list(marks_of_class(COURSE, failed, {}, students=["ada"]))
    marked = marked_class(COURSE, marks, ROSTER, students=["ada"], zero_missing=True)
    for row in table(per_task_csv(marked)):
        assert (row["earned"], row["mark"], row["mark_flags"]) == ("", "", "not graded")
        assert row["pending"] == row["points"]
    for row in table(nbgrader_csv(marked)):
        assert (row["raw_score"], row["late_submission_penalty"], row["score"]) == ("", "", "")
    head, ada = openpyxl.load_workbook(io.BytesIO(xlsx(marked)))["Marks"].iter_rows(values_only=True)
    by_header = dict(zip(head, ada, strict=True))
    assert (by_header["Views and strides (of 5)"], by_header["Total"], by_header["Points"]) == (None, 0, 0)
    assert by_header["Remarks"] == "views: not graded; dtypes: not graded"
    for platform in (canvas, moodle):
        [*_, line] = csv.reader(io.StringIO(platform(marked, None, {}).decode(), newline=""))
        assert line[-2:] == ["", ""]
