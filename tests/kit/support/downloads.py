"""A class of forty with names as people have them, and its hand-ins as each learning platform lets one download them."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

TOPIC = "views"
NAMES = [
    "Ada Lovelace", "Jörg Müller", "Zoë Weiß", "李娜", "李娜", "Anna Schmidt", "Anna Schmidt", "Martin King, Jr.",
    "Seán O'Brien", 'Robert "Bob" Tables', "María José García", "Łukasz Wójcik", "Nguyễn Văn An", "Søren Ærø", "محمد علي",
    "Anne-Marie Dubois", "X Æ A-12", "Élodie van den Berg", "佐藤 健", "Ольга Иванова",
    *(f"Student {number}" for number in range(11)),
    *(f"{first} Smith" for first in ("Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jon")),
]  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A student: what the platforms know of them, and the files that they handed in, by their names."""

    number: int
    name: str
    files: dict[str, bytes]

    @property
    def login(self) -> str:
        return f"s{self.number:02}"

    @property
    def email(self) -> str:
        return f"{self.login}@x.edu"

    @property
    def id(self) -> str:
        return f"{900000 + self.number}"

    @property
    def first(self) -> str:
        return self.name.rpartition(" ")[0] or self.name

    @property
    def last(self) -> str:
        return self.name.rpartition(" ")[2]


def notebook(source: str, topic: str | None = None) -> bytes:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
    metadata = {"autograde": {"topic": topic}} if topic else {}
    return json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def members() -> list[Member]:
    """The class. Those not named here handed in an ordinary notebook."""
    unusual: dict[int, dict[str, bytes]] = {
        1: {"views.ipynb": b""},
        2: {"views.ipynb": b"this is no notebook"},
        6: {"views.pdf": b"%PDF-1.7"},
        7: {"viws.ipynb": notebook("x = 7")},
        8: {"homework.ipynb": notebook("x = 8", TOPIC)},
        9: {"views.ipynb": notebook("import utils"), "utils.py": b"y = 9", "data.csv": b"1,2", "model.pt": b"PK\x03\x04"},
        10: {"views.ipynb": notebook("x = 'first'"), "views (2).ipynb": notebook("x = 'second'")},
        11: {"my work.zip": zipped({"work/views.ipynb": notebook("x = 11"), "work/data/d.csv": b"3"})},
        12: {"views.py": b"x = 12\n"},
        13: {"broken.zip": b"PK\x03\x04 no zip"},
        14: {"Views.IPYNB": notebook("x = 14")},
        15: {"views_final_version.ipynb": notebook("x = 15")},
        16: {},
    }
    return [
        Member(number, name, unusual.get(number, {"views.ipynb": notebook(f"x = {number}")}))
        for number, name in enumerate(NAMES)
    ]


COLLECTED = {f"s{number:02}" for number in range(40)} - {"s06", "s07", "s13", "s16"}
"""The students of whom a submission is found, in every layout."""


def moodle(*, flat: bool = False) -> dict[str, bytes]:
    files = {}
    for each in members():
        plain = each.name.replace('"', "").replace("/", "")
        prefix = f"{plain}_{each.number + 7000}_assignsubmission_"
        for name, data in each.files.items():
            files[f"{prefix}file_{name}" if flat else f"{prefix}file/{name}"] = data
        if each.number in (0, 16):
            files[f"{prefix}onlinetext_onlinetext.html" if flat else f"{prefix}onlinetext/onlinetext.html"] = b"<p>Hello</p>"
    return files


def canvas() -> dict[str, bytes]:
    files = {}
    for each in members():
        sortable = f"{each.last}, {each.first}" if " " in each.name else each.name
        plain = "".join(c for c in sortable.lower() if c.isalnum() or c == "_" or not c.isascii())
        late = "LATE_" if each.number == 5 else ""
        for place, (name, data) in enumerate(each.files.items()):
            again = name.replace(".ipynb", "-1.ipynb") if each.number == 4 else name
            files[f"{plain}_{late}{each.number + 500}_{each.number * 10 + place + 88000}_{again}"] = data
        if each.number == 16:
            files[f"{plain}_{each.number + 500}_text.html"] = b"<p>Hello</p>"
    return files


def blackboard() -> dict[str, bytes]:
    files = {}
    for each in members():
        start = f"Sheet_5_{each.login}_attempt_2027-02-28-10-00-{each.number:02}"
        listed = "".join(f"\tOriginal filename: {name}\r\n\tFilename: {start}_{name}\r\n" for name in each.files)
        receipt = (
            f"Name: {each.name} ({each.login})\r\nAssignment: Sheet 5\r\n"
            "Date Submitted: Sunday, February 28, 2027 10:00:00 AM UTC\r\nCurrent Grade: Needs Grading\r\n\r\n"
            f"Comments:\r\nThere are no student comments for this assignment.\r\n\r\nFiles:\r\n{listed}"
        )
        files[f"{start}.txt"] = receipt.encode()
        for name, data in each.files.items():
            files[f"{start}_{name}"] = data
    old = "Sheet_5_s00_attempt_2027-02-27-09-00-00"
    files[f"{old}_views.ipynb"] = notebook("x = 'the day before'")
    return files


def brightspace(*, flat: bool = False) -> dict[str, bytes]:
    files = {"index.html": b"<html></html>"}
    for each in members():
        plain = each.name.replace('"', "")
        start = f"{each.number + 3000}-5555 - {each.id} - {plain} - Feb 28, 2027 {1000 + each.number} AM"
        for name, data in each.files.items():
            files[f"{start} - {name}" if flat else f"{start}/{name}"] = data
    plain = "3000-5555 - 900000 - Ada Lovelace - Feb 27, 2027 905 PM"
    files[f"{plain} - views.ipynb" if flat else f"{plain}/views.ipynb"] = notebook("x = 'the day before'")
    return files


def gradescope() -> dict[str, bytes]:
    files, lines = {}, ["---"]
    for each in members():
        folder = f"submission_{each.number + 100}"
        lines += [
            f"{folder}:", "  :submitters:", f"  - :name: {json.dumps(each.name)}", f"    :sid: '{each.id}'",
            f"    :email: {each.email}", "  :created_at: !ruby/object:ActiveSupport::TimeWithZone",
            f"    utc: 2027-02-28 10:00:{each.number:02}.123456000 Z", "  :score: 3.0", "  :results:", "    output: |",
            "      submission_999:", "  :history: []",
        ]  # fmt: skip
        for name, data in each.files.items():
            files[f"assignment_77_export/{folder}/{name}"] = data
    files["assignment_77_export/submission_metadata.yml"] = "\n".join(lines).encode()
    return files


def ilias() -> dict[str, bytes]:
    files = {"Uebung_1_a_2/status.xlsx": b"PK"}
    spelt = str.maketrans({"ö": "oe", "ü": "ue", "ß": "ss", "ë": "e"})
    for each in members():
        last, first = each.last.translate(spelt), each.first.translate(spelt)
        for name, data in each.files.items():
            late = "Verspaetete Abgabe - " if each.number == 5 else ""
            files[f"Uebung_1_a_2/Abgaben/{last}_{first}_{each.login}_{each.number + 300}/{late}{name}"] = data
    return files


def github() -> dict[str, bytes]:
    files = {}
    for each in members():
        for name, data in {**each.files, "README.md": b"# Sheet", ".git/HEAD": b"ref: refs/heads/main"}.items():
            files[f"classroom/sheet-5-submissions/sheet-5-{each.login}/{name}"] = data
    return files


def exchange() -> dict[str, bytes]:
    files = {}
    for each in members():
        folder = f"{each.login}+Sheet 5+2027-02-28 10:00:{each.number:02}.123456 UTC"
        for name, data in {**each.files, "timestamp.txt": f"2027-02-28 10:00:{each.number:02}.123456 UTC".encode()}.items():
            files[f"{folder}/{name}"] = data
    files["s00+Sheet 5+2027-02-27 09:00:00.5 UTC+r4nd0m/views.ipynb"] = notebook("x = 'the day before'")
    return files


def submitted() -> dict[str, bytes]:
    files = {}
    for each in members():
        for name, data in {**each.files, "timestamp.txt": f"2027-02-28 10:00:{each.number:02} UTC".encode()}.items():
            files[f"submitted/{each.login}/Sheet 5/{name}"] = data
    return files


def folders() -> dict[str, bytes]:
    """Folders and zips named after students, by name where it is the only one."""
    files = {}
    for each in members():
        alone = NAMES.count(each.name) == 1 and '"' not in each.name
        for name, data in each.files.items():
            files[f"{each.name if alone else each.login}/{name}"] = data
    return files


def flat() -> dict[str, bytes]:
    return {f"{each.login}_{name}": data for each in members() for name, data in each.files.items() if each.number != 9}


LAYOUTS = {
    "moodle": (moodle, "moodle"),
    "moodle flat": (lambda: moodle(flat=True), "moodle"),
    "canvas": (canvas, "canvas"),
    "blackboard": (blackboard, "blackboard"),
    "brightspace": (brightspace, "brightspace"),
    "brightspace flat": (lambda: brightspace(flat=True), "brightspace"),
    "gradescope": (gradescope, "gradescope"),
    "ilias": (ilias, "ilias"),
    "github": (github, "github"),
    "nbgrader exchange": (exchange, "nbgrader"),
    "nbgrader submitted": (submitted, "nbgrader"),
    "folders": (folders, "plain"),
    "flat files": (flat, "plain"),
}
"""By layout: what makes its files, and the format that it is recognised as."""


def roster_csv() -> str:
    """The class as a roster, with all that the platforms call its students."""
    lines = ["student,name,email,id,login,also"]
    for each in members():
        name = each.name.replace('"', '""')
        lines.append(f'{each.login},"{name}",{each.email},{each.id},,participant {each.number + 7000}; {each.number + 500}')
    return "\n".join(lines) + "\n"


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    path.write_bytes(zipped(files))
    return path
