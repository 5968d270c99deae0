"""Reads who is in the class: roster.csv beside course.yml, or the list of people that a learning platform exports.

roster.csv has the columns `student,name,email,id,login,also`, of which only `student` or `name` is needed. `student` is the
name of the student's folder in submitted/ and grades/. The columns of these exports are known by their names:

Moodle       participants, grades (First name, Last name, ID number, Email address); worksheet (Identifier, Full name)
Canvas       gradebook (Student, ID, SIS User ID, SIS Login ID, Section)
Blackboard   grade centre (Last Name, First Name, Username, Student ID), UTF-16 with tabs
Brightspace  grades and classlist (OrgDefinedId, Username, Last Name, First Name, Email), with # before ids
Gradescope   roster and grades (First Name, Last Name or Name, SID, Email, Role)
GitHub       classroom roster (identifier, github_username, github_id, name)
ILIAS        members (Login, Last name, First name, Matriculation number)
nbgrader     students (id, first_name, last_name, email, lms_user_id)
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder._files import read_whole, write_whole
from autograder._words import defused, undefused
from autograder.course.course_file import Course
from autograder.errors import CourseError
from autograder.records.results import NAMES_OF_RESULTS

__all__ = ["ROSTER_FILE", "Person", "Roster", "folder_name", "load_roster", "read_roster", "write_roster"]

ROSTER_FILE = "roster.csv"
_COLUMNS = ("student", "name", "email", "id", "login", "also")
_LARGEST = 16 << 20
_LONGEST_NAME = 80
_TEACHING = {"instructor", "ta", "teacher", "reader", "observer", "teaching assistant"}
_TEST_STUDENTS = {"student, test", "test student", "points possible"}


@dataclass(frozen=True)
class Person:
    """A student of the class; what is not known is "".

    `student` is the name of their folder, `id` and `login` are those of the learning platform; `also` are more ids and
    logins by which a download may name them.
    """

    student: str
    name: str = ""
    email: str = ""
    id: str = ""
    login: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roster:
    """The people of a class, in the order of the file. No two have the same `student`."""

    people: tuple[Person, ...]

    def person(self, student: str) -> Person | None:
        """The person whose folder has this name."""
        return next((person for person in self.people if person.student == student), None)


def load_roster(course: Course) -> Roster | None:
    """The course's roster, or None if there is no roster.csv beside course.yml.

    Raises:
        CourseError: if the file cannot be read as a list of people; the text names file, line and remedy.
    """
    path = course.root / ROSTER_FILE
    return read_roster(path) if path.exists() else None


def read_roster(path: Path) -> Roster:
    """Read a roster.csv or a platform's export.

    Raises:
        CourseError: if it cannot be read as a list of people; the text names file, line and remedy.
    """
    rows = _rows(path)
    start = next((number for number, row in enumerate(rows[:10]) if _fields(row)), None)
    if start is None:
        raise CourseError(
            f"{path}: no line names the columns of a roster; write `student,name,email,id,login`, or take the list of "
            "participants or grades that your learning platform exports."
        )
    fields = _fields(rows[start])
    found = [(start + number, _person(row, fields)) for number, row in enumerate(rows[start + 1 :], start=2)]
    return Roster(_distinct(path, [(line, each) for line, each in found if each is not None]))


def write_roster(path: Path, people: Iterable[Person]) -> None:
    """Write a roster.csv, as UTF-8."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for each in people:
        cells = (each.student, each.name, each.email, each.id, each.login, "; ".join(each.also))
        table.writerow(map(defused, cells))
    write_whole(path, text.getvalue().encode())


def folder_name(text: str) -> str:
    """A name that a student's folder can have on every system, as close to a text as possible; "" if nothing is left."""
    plain = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    plain = "".join("_" if c in '/\\:*?"<>|' else c for c in plain if c.isprintable())
    plain = " ".join(plain.split()).lstrip(".=+-@ ").rstrip(". ")  # what a shell or a spreadsheet takes for something else
    while len(plain.encode()) > _LONGEST_NAME:
        plain = plain[:-1]
    return f"{plain}_" if plain.lower() in NAMES_OF_RESULTS else plain.rstrip(". ")


_HEADERS = {
    "student": "student folder",
    "name": "name|full name|vollständiger name|nom complet|nombre completo|student name|display name",
    "first": "first name|firstname|vorname|vorname(n)|prénom|nombre|given name",
    "last": "last name|lastname|nachname|familienname|nom de famille|nom|apellido(s)|surname|family name",
    "email": "email|e-mail|email address|e-mail address|e-mail-adresse|adresse de courriel|dirección de correo",
    "id": "id|id number|id-nummer|sid|student id|orgdefinedid|matriculation number|matrikelnummer|numéro d’identification"
    "|numéro d'identification|número de id|sis user id",
    "login": "login|login id|username|user name|anmeldename|nom d’utilisateur|nom d'utilisateur|nombre de usuario"
    "|sis login id|github username|benutzername",
    "also": "also|integration id|github id|lms user id",
    "identifier": "identifier|kennung|identificateur|identificador|roster identifier",
    "role": "role|rolle",
}
_FIELD_OF = {header: field for field, headers in _HEADERS.items() for header in headers.split("|")}


def _fields(row: Sequence[str]) -> dict[int, str]:
    """What the columns of a header line hold; {} if it is none."""
    headers = [" ".join(cell.strip().lower().replace("_", " ").split()) for cell in row]
    fields = {number: _FIELD_OF[header] for number, header in enumerate(headers) if header in _FIELD_OF}
    if "student" in headers:
        canvas = any(header in headers for header in ("section", "sis user id", "sis login id"))
        fields[headers.index("student")] = "turned name" if canvas else "student"
    if "lms user id" in headers and "id" in headers:  # nbgrader's own id is the name of the folder
        fields[headers.index("id")] = "student"
    if {"id", "sis user id"} <= set(headers):  # Canvas's files are named after its own id
        fields[headers.index("sis user id")] = "also"
    naming = {"student", "turned name", "name", "first", "last", "login", "email", "identifier"}
    return fields if naming & set(fields.values()) and (len(fields) > 1 or "student" in fields.values()) else {}


def _person(row: Sequence[str], fields: dict[int, str]) -> Person | None:
    """The person of a line; None if the line is empty, or names no student."""
    values: dict[str, list[str]] = {}
    for number, field in fields.items():
        if number < len(row) and (cell := unicodedata.normalize("NFC", row[number]).strip().removeprefix("#")):
            values.setdefault(field, []).append(cell)
    first = {field: cells[0] for field, cells in values.items()}
    name = first.get("name") or " ".join([*values.get("first", ()), *values.get("last", ())])
    turned = first.get("turned name", "")
    if turned.lower() in _TEST_STUDENTS or first.get("role", "").lower() in _TEACHING or not first:
        return None
    name = name or _turned(turned)
    email, id_, also = first.get("email", ""), first.get("id", ""), []
    for field in ("email", "id", "login"):
        also += values.get(field, [])[1:]
    for cell in values.get("also", ()):
        also += [each.strip() for each in cell.split(";") if each.strip()]
    identifier = first.get(
        "identifier", ""
    )  # of GitHub Classroom: whatever the teacher chose; of Moodle: Participant 1234567
    if re.fullmatch(r"\D+ \d+", identifier):
        also.append(_participant(identifier))
    elif "@" in identifier:
        email = email or identifier
    elif " " in identifier:
        name = name or identifier
    else:
        id_ = id_ or identifier
    return Person(first.get("student", ""), name, email, id_, first.get("login", ""), tuple(also))


def _participant(text: str) -> str:
    """`Participant 1234567`, in any language, as `participant 1234567`."""
    return f"participant {text.rpartition(' ')[2]}"


def _turned(name: str) -> str:
    """`Lovelace, Ada` as `Ada Lovelace`."""
    last, comma, first = name.partition(", ")
    return f"{first} {last}" if comma and "," not in first else name


def _distinct(path: Path, found: list[tuple[int, Person]]) -> tuple[Person, ...]:
    """The people with a folder name each, which no two share."""
    people: dict[str, Person] = {}
    lines: dict[str, int] = {}
    for line, each in found:
        for student in [each.student] if each.student else _choices(each):
            key = student.casefold()
            if key not in people:
                if student != folder_name(student):
                    raise CourseError(
                        f"{path}:{line}: {student!r} cannot be the name of a folder; write {folder_name(student)!r} instead."
                    )
                people[key], lines[key] = _as_student(each, student), line
                break
            if people[key] == _as_student(each, student):  # the same line twice
                break
        else:
            known = each.student or each.name or each.login or each.email
            first = lines.get(known.casefold(), lines.get(folder_name(known).casefold()))
            raise CourseError(
                f"{path}:{line}: {known!r} is already there{f' (line {first})' if first else ''}; give each student a "
                "`student` of their own, or an `email`, `id` or `login` that tells them apart."
            )
    return tuple(people.values())


def _as_student(person: Person, student: str) -> Person:
    return Person(student, person.name, person.email, person.id, person.login, person.also)


def _choices(person: Person) -> list[str]:
    """Names for a person's folder, the best first."""
    name = folder_name(person.name)
    id_ = folder_name(person.id)
    choices = [person.login.partition("@")[0], person.email.partition("@")[0], person.email, id_ or name]
    return [choice for choice in [*map(folder_name, choices), f"{name} ({id_})" if name and id_ else ""] if choice]


def _rows(path: Path) -> list[list[str]]:
    """The lines of a CSV file, in the encoding and with the separator that it uses."""
    try:
        data = read_whole(path, _LARGEST + 1)
    except OSError as error:
        raise CourseError(f"{path}: cannot be read ({error.strerror}); name the list of the class, as CSV.") from error
    if len(data) > _LARGEST:
        raise CourseError(f"{path}: is larger than {_LARGEST >> 20} MB, which no roster is; name the right file.")
    text = _decoded(data)
    if "\0" in text or data.startswith(b"PK"):
        raise CourseError(f"{path}: is not a CSV file; open it in a spreadsheet program and save it as CSV (UTF-8).")
    head = text[:2000]
    separator = max(",;\t", key=head.count)
    try:
        return [[*map(undefused, row)] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)]
    except csv.Error as error:
        raise CourseError(f"{path}: is not a CSV file ({error}); save it as CSV (UTF-8).") from error


def _decoded(data: bytes) -> str:
    """The text of a file in UTF-8, in UTF-16 (as Blackboard writes it) or in Windows's encoding."""
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace")
