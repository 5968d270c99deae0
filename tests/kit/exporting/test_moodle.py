"""Moodle's offline grading worksheet and gradebook."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from marked_class_example import COURSE, RESULTS, ROSTER, example

from autograder.errors import ResultError
from autograder.exporting.marked_class import marked_class
from autograder.exporting.moodle import moodle
from autograder.gradebook.adjustments import Adjustment
from autograder.gradebook.marks import marks_of_class

# The columns of mod/assign/gradingtable.php, with a group and the maximum as newer versions write it.
WORKSHEET = """\
Identifier,"Full name","ID number","Email address",Status,Group,Grade,"Maximum grade","Grade can be changed",\
"Last modified (submission)","Online text","Last modified (grade)","Feedback comments"
"Participant 7000001","Ada O'Neil, Jr.",1001,ada@example.org,"Submitted for grading",,,5.00,Yes,"Monday, 1 March 2027",,-,
"Participant 7000003",李雷,,,"Submitted for grading",,,5.00,Yes,"Monday, 1 March 2027",,-,
"Participant 7000005","Eve Late",,,"Submitted for grading - 1 day late",,,5.00,Yes,"Tuesday, 2 March 2027",,-,
"Participant 7000002","Jürgen ""JJ"" Müller",,,"Submitted for grading",,2.00,5.00,No,"Monday, 1 March 2027",,-,
"Participant 7000006","No Body",,,"No submission",,,5.00,Yes,-,,-,
"""

# As a German Moodle writes it, with decimal commas; the identifier has no blank there.
GERMAN = """\
ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,"Bewertung kann geändert werden",\
"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)","Feedback als Kommentar"
Teilnehmer/in7000005,"E. L.",,"Zur Bewertung abgegeben",,"5,00",Ja,"Dienstag, 2. März 2027, 10:37",-,
"""

# tests of grade/import/csv in moodle have this shape.
GRADEBOOK = """\
"First name","Last name","ID number",Institution,Department,"Email address","Assignment: Views and strides (Real)",\
"Assignment: Other (Real)","Course total (Real)","Last downloaded from this course"
李,雷,,"Moodle HQ","Rock on!",li@example.org,-,75.00,75.00,1614600000
Eve,Late,1005,"Moodle HQ","Rock on!",,-,75.00,75.00,1614600000
"""


def filled(text: str, path: Path, topic: str = "views") -> tuple[list[list[str]], list[str]]:
    path.write_text(text, encoding="utf-8")
    marked = example(topic)
    return list(csv.reader(io.StringIO(moodle(marked, path, {}).decode(), newline=""))), marked.notes


def test_a_worksheet_gets_grades_and_comments(tmp_path: Path) -> None:
    rows, notes = filled(WORKSHEET, tmp_path / "w.csv")
    before = list(csv.reader(io.StringIO(WORKSHEET)))
    assert [row[6] for row in rows[1:]] == ["5", "4", "4.5", "2.00", ""]
    assert rows[2][12] == 'adjusted<br>double: =1+1, "good" idea'
    assert rows[3][12] == "late<br>1 day late: 10 % taken off"
    for row, old in zip(rows, before, strict=True):
        assert row[:6] + row[7:12] == old[:6] + old[7:12]
    assert notes == ["NOT IN THE FILE, and so not in what was written (1): =cmd."]


def test_a_grade_that_moodle_has_locked_stays(tmp_path: Path) -> None:
    rows, notes = filled(WORKSHEET.replace("5.00,Yes", "5.00,No"), tmp_path / "w.csv")
    assert [row[6] for row in rows[1:]] == ["", "", "", "2.00", ""]
    assert notes[1] == "ada: Moodle says that the grade cannot be changed; it is as it was."


def test_a_german_worksheet(tmp_path: Path) -> None:
    rows, _ = filled(GERMAN, tmp_path / "w.csv")
    assert rows[1][4] == "4,5"
    with pytest.raises(ResultError, match="the maximum of views is 100 there"):
        filled(GERMAN.replace('"5,00"', '"100,00"'), tmp_path / "w.csv")


def test_the_gradebook(tmp_path: Path) -> None:
    rows, notes = filled(GRADEBOOK, tmp_path / "g.csv")
    assert [row[6] for row in rows[1:]] == ["4", "4.5"]
    assert [row[7] for row in rows[1:]] == ["75.00", "75.00"]
    assert notes == ["NOT IN THE FILE, and so not in what was written (2): ada; =cmd."]


def test_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_text(WORKSHEET, encoding="utf-8")
    with pytest.raises(
        ResultError, match=r"a grading worksheet is for one assignment; choose one with --topic \(views, dtypes"
    ):
        moodle(example(), path, {})
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ResultError, match="is not a file that Moodle exported"):
        moodle(example("views"), path, {})


def test_canvass_gradebook_is_not_moodles(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("Student,ID,SIS User ID,SIS Login ID,Section,Views and strides (1)\nx,1001,,,,\n")
    with pytest.raises(ResultError, match="is Canvas's gradebook; fill it with `autograde export canvas --into"):
        moodle(example("views"), path, {})


def test_without_a_file_there_is_one_to_import() -> None:
    rows = list(csv.reader(io.StringIO(moodle(example(), None, {}).decode())))
    assert rows[0] == ["Full name", "ID number", "Email address", "Views and strides", "Dtypes"]
    assert rows[4] == ['\'=HYPERLINK("http://x")', "1004", "'-x@example.org", "", ""]
    assert rows[1][3:] == ["5", "0.33"]


def test_a_worksheet_that_a_spreadsheet_has_saved_is_one_that_moodle_reads(tmp_path: Path) -> None:
    """Moodle reads UTF-8 with commas, whatever Excel made of it."""
    path = tmp_path / "w.csv"
    table = io.StringIO()
    csv.writer(table, delimiter=";", lineterminator="\r\n").writerows(
        csv.reader(io.StringIO(WORKSHEET.replace("李雷", "Li")))
    )
    path.write_bytes(table.getvalue().encode("cp1252"))
    rows = list(csv.reader(io.StringIO(moodle(example("views"), path, {}).decode("utf-8"), newline="")))
    assert [row[6] for row in rows[1:]] == ["5", "4", "4.5", "2.00", ""]
    assert rows[4][1] == 'Jürgen "JJ" Müller'


def test_moodle_takes_no_more_than_the_maximum_and_comments_as_html(tmp_path: Path) -> None:
    more = Adjustment(student="ada", topic="views", add=1, comment="x < y & <b>\nWell done")
    marks = marks_of_class(COURSE, RESULTS, {"ada": (more,)})
    marked = marked_class(COURSE, marks, ROSTER, topics=["views"])
    path = tmp_path / "w.csv"
    path.write_text(WORKSHEET, encoding="utf-8")
    ada = list(csv.reader(io.StringIO(moodle(marked, path, {}).decode(), newline="")))[1]
    assert (ada[6], ada[12]) == ("5.00", "adjusted<br>x &lt; y &amp; &lt;b&gt;<br>Well done")
    assert "ada: the mark is 6, and Moodle takes at most 5.00; the file has 5.00." in marked.notes


def test_who_is_excused_is_named_where_a_file_cannot_say_it(tmp_path: Path) -> None:
    marked = example("views")
    moodle(marked, None, {})
    assert marked.notes == ["=cmd is excused from views, which the file cannot say; the cell is empty."]
    _, notes = filled(GRADEBOOK.replace("Eve,Late,1005", "X,Y,1004"), tmp_path / "g.csv")
    assert notes[-1] == "=cmd is excused from views, which the file cannot say; the grade is as it was."
