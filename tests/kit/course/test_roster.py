"""roster.csv and the lists of people that learning platforms export: names, ids and logins find their place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.course.roster import Person, folder_name, read_roster, write_roster
from autograder.errors import CourseError

EXPORTS = {
    "own": (
        "student,name,email,id,login\nada,Ada Lovelace,ada@x.edu,1815,al12\n",
        Person("ada", "Ada Lovelace", "ada@x.edu", "1815", "al12"),
    ),
    "only students": ("student\nada\n", Person("ada")),
    "moodle participants": (
        '\ufeff"First name","Last name","Email address",Groups\nJörg,"Müller, Dr.",jm@x.edu,\n',
        Person("jm", "Jörg Müller, Dr.", "jm@x.edu"),
    ),
    "moodle participants in German": (
        "Vorname;Nachname;E-Mail-Adresse;ID-Nummer\nJörg;Müller;jm@x.edu;77\n",
        Person("jm", "Jörg Müller", "jm@x.edu", "77"),
    ),
    "moodle grades": (
        '"First name","Last name","ID number",Institution,Department,"Email address","Assignment: A (Real)"\n'
        "Ada,Lovelace,1815,,,ada@x.edu,-\n",
        Person("ada", "Ada Lovelace", "ada@x.edu", "1815"),
    ),
    "moodle worksheet": (
        'Identifier,"Full name","Email address",Status,Grade\n"Participant 1234567","Ada Lovelace",ada@x.edu,Submitted,\n',
        Person("ada", "Ada Lovelace", "ada@x.edu", also=("participant 1234567",)),
    ),
    "canvas": (
        "Student,ID,SIS User ID,SIS Login ID,Section,A (99)\n    Points Possible,,,,,10\n"
        '"Lovelace, Ada",501,S-1815,al12,Lecture,\n"Student, Test",777,,abc,Lecture,\n',
        Person("al12", "Ada Lovelace", "", "501", "al12", ("S-1815",)),
    ),
    "brightspace": (
        "OrgDefinedId,Username,Last Name,First Name,Email,End-of-Line Indicator\n#1815,#al12,Lovelace,Ada,ada@x.edu,#\n",
        Person("al12", "Ada Lovelace", "ada@x.edu", "1815", "al12"),
    ),
    "gradescope": (
        "First Name,Last Name,SID,Email,Role\nAda,Lovelace,1815,ada@x.edu,Student\nT,A,,ta@x.edu,TA\n",
        Person("ada", "Ada Lovelace", "ada@x.edu", "1815"),
    ),
    "github": (
        '"identifier","github_username","github_id","name"\n"ada@x.edu","adal","5551","Ada Lovelace"\n',
        Person("adal", "Ada Lovelace", "ada@x.edu", "", "adal", ("5551",)),
    ),
    "ilias": (
        "Login;Nachname;Vorname;Matrikelnummer\nal12;Lovelace;Ada;1815\n",
        Person("al12", "Ada Lovelace", "", "1815", "al12"),
    ),
    "nbgrader": (
        "id,first_name,last_name,email,lms_user_id\nada,Ada,Lovelace,ada@x.edu,42\n",
        Person("ada", "Ada Lovelace", "ada@x.edu", "", "", ("42",)),
    ),
}


def file_with(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("export", EXPORTS)
def test_each_export_gives_the_person(tmp_path: Path, export: str) -> None:
    text, person = EXPORTS[export]
    assert read_roster(file_with(tmp_path, text)).people == (person,)


def test_blackboard_writes_utf_16_with_tabs(tmp_path: Path) -> None:
    text = '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\n"Müller"\t"Jörg"\t"jm1"\t"77"\t""\n'
    roster = read_roster(file_with(tmp_path, text, "utf-16"))
    assert roster.people == (Person("jm1", "Jörg Müller", "", "77", "jm1"),)
    assert roster.person("jm1") == roster.people[0]
    assert roster.person("other") is None


def test_windows_encoding(tmp_path: Path) -> None:
    assert read_roster(file_with(tmp_path, "student,name\njm,Jörg\n", "cp1252")).people == (Person("jm", "Jörg"),)


def test_the_same_name_stays_apart(tmp_path: Path) -> None:
    text = "Name,SID,Email\nLi Na,1,na@x.edu\nLi Na,2,na@y.edu\nLi Na,3,\nLi Na,4,\nLi Na,1,na@x.edu\n"
    assert [each.student for each in read_roster(file_with(tmp_path, text)).people] == ["na", "na@y.edu", "3", "4"]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    people = (Person("a b", 'Ada "A", L', "a@x.edu", "1", "al", ("7", "x y")), Person("李娜", "李娜"))
    people += (Person("eve", '=HYPERLINK("https://example.org")', "", "-1", "+e", ("@e",)), Person("tom", "'t Hooft"))
    write_roster(tmp_path / "roster.csv", people)
    assert read_roster(tmp_path / "roster.csv").people == people
    assert "\neve,\"'=HYPERLINK(" in (tmp_path / "roster.csv").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no line names the columns"),
        ("a,b\n1,2\n", "no line names the columns"),
        ("student,name\nada,Ada\nADA,Other\n", r"roster.csv:3: 'ADA' is already there \(line 2\)"),
        ("student,name\na/b,Ada\n", "cannot be the name of a folder; write 'a_b'"),
        ("PK\x03\x04student,name", "is not a CSV file"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CourseError, match=message):
        read_roster(file_with(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("../../etc", "_.._etc"),
        ("  a\nb ", "ab"),
        ("Index.HTML", "Index.HTML_"),
        ("...", ""),
        ("\udcff", "_"),
    ],
)
def test_folder_names_are_safe(text: str, name: str) -> None:
    assert folder_name(text) == name
    assert len(folder_name("李" * 300).encode()) <= 80


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "roster.csv")
    with pytest.raises(CourseError, match=r"roster\.csv: cannot be read \(it is not a regular file\)"):
        read_roster(tmp_path / "roster.csv")
