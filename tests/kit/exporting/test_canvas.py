"""Canvas's gradebook: filled into what Canvas exported, which otherwise stays as it is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from marked_class_example import example

from autograder.errors import ResultError
from autograder.exporting.canvas import canvas

# As lib/gradebook_exporter.rb of canvas-lms writes it.
EXPORTED = '''\
Student,ID,SIS User ID,SIS Login ID,Section,Views and strides (48213),Old quiz (48100),Assignments Current Score,Final Score
,,,,,Manual Posting,,,
    Points Possible,,,,,5.00,10.00,(read only),(read only)
"O'Neil, Jr., Ada",1001,u1,ada1,"Monday, group 1",,9.00,90.00,12.00
"Müller, Jürgen ""JJ""",55,,jm,Monday,3.00,8.50,80.00,11.00
李雷,56,,somebody@else,Monday,,N/A,70.00,10.00
"=HYPERLINK(""http://x"")",1004,,,Monday,,1.00,10.00,1.00
"Late, Eve",57,,eve@example.org,Monday,,1.00,10.00,1.00
"Student, Test",99,,abc,Monday,,,,
'''


def filled(text: str, into: Path, **options: bool) -> list[list[str]]:
    into.write_bytes(text.encode())
    return list(csv.reader(io.StringIO(canvas(example("views", **options), into, {}).decode(), newline="")))


def test_marks_are_filled_into_canvass_own_file(tmp_path: Path) -> None:
    before, rows = list(csv.reader(io.StringIO(EXPORTED))), filled(EXPORTED, tmp_path / "Grades.csv")
    assert [row[5] for row in rows[3:]] == ["5", "3.00", "4", "EX", "4.5", ""], "unreadable: what Canvas has stays"
    for row, old in zip(rows, before, strict=True):
        assert row[:5] + row[6:] == old[:5] + old[6:]
    assert [row[5] for row in filled(EXPORTED, tmp_path / "Grades.csv", zero_missing=True)[3:]] == [
        "5", "0", "4", "EX", "4.5", "",
    ]  # fmt: skip


def test_who_is_not_in_the_file_is_named(tmp_path: Path) -> None:
    marked = example("views")
    (tmp_path / "Grades.csv").write_text(EXPORTED.replace('"Late, Eve",57,,eve@example.org', '"Late, Adam",57,,adam'))
    canvas(marked, tmp_path / "Grades.csv", {})
    assert marked.notes == [
        "Rows of the file without a student here, left as they were (2): Late, Adam; Student, Test.",
        "NOT IN THE FILE, and so not in what was written (1): eve.",
    ]


def test_a_file_with_semicolons_and_a_bom_stays_one(tmp_path: Path) -> None:
    table = list(csv.reader(io.StringIO(EXPORTED)))
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(table)
    (tmp_path / "Grades.csv").write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
    data = canvas(example("views"), tmp_path / "Grades.csv", {})
    assert data.startswith(b"\xef\xbb\xbfStudent;ID;")
    assert b'"O\'Neil, Jr., Ada";' not in data
    assert b"1001;u1;ada1;Monday, group 1;5;9.00;" in data
    assert data.count(b"\r\n") == len(table)


def test_a_maximum_that_differs_is_a_mistake_or_converted(tmp_path: Path) -> None:
    other = EXPORTED.replace(",5.00,10.00,", ",100.00,10.00,")
    with pytest.raises(ResultError, match=r"the maximum of views is 100 there, but 5 in course.yml; change one"):
        filled(other, tmp_path / "Grades.csv")
    assert [row[5] for row in filled(other, tmp_path / "Grades.csv", scale=True)[3:8]] == ["100", "3.00", "80", "EX", "90"]


def test_files_and_columns_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "Grades.csv"
    path.write_text("Name,Points\nAda,3\n")
    with pytest.raises(ResultError, match="is not a gradebook that Canvas exported"):
        canvas(example("views"), path, {})
    path.write_text(EXPORTED.replace("Views and strides (48213)", "Homework 1 (48213)"))
    with pytest.raises(ResultError, match=r"no column is for views; name one with --column TOPIC=HEADER. There are Homew"):
        canvas(example("views"), path, {})
    assert b",5,9.00,90.00" in canvas(example("views"), path, {"views": "Homework 1 (48213)"})
    path.write_text(EXPORTED.replace("Old quiz (48100)", "Views (48100)"))
    assert b",5,9.00,90.00" in canvas(example("views"), path, {"views": "Views and strides (48213)"})
    with pytest.raises(ResultError, match="there is no such file"):
        canvas(example("views"), tmp_path / "missing.csv", {})
    path.write_bytes(b"PK\x03\x04\0\0")
    with pytest.raises(ResultError, match="export the marks as CSV"):
        canvas(example("views"), path, {})


def test_without_a_file_canvas_gets_new_columns() -> None:
    rows = list(csv.reader(io.StringIO(canvas(example(), None, {}).decode())))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Views and strides", "Dtypes"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "5", "3"]
    assert rows[2] == ["Ada O'Neil, Jr.", "1001", "", "ada1", "", "5", "0.33"]
    assert rows[5][:5] == ['\'=HYPERLINK("http://x")', "1004", "", "'+login", ""]
    assert [row[5] for row in rows[2:]] == ["5", "", "4", "EX", "4.5", ""]


@pytest.mark.parametrize("possible", ["5.00", "5,00", "5", "0,005.00", "0.005,00"])
def test_a_maximum_is_read_as_canvas_reads_numbers(possible: str, tmp_path: Path) -> None:
    path = tmp_path / "g.csv"
    path.write_text(
        f'Student,ID,Section,Views and strides (1)\n    Points Possible,,,"{possible}"\nx,1001,,\n', encoding="utf-8"
    )
    assert b"x,1001,,5\n" in canvas(example("views"), path, {})
