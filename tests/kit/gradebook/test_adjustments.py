"""adjustments.yml: read strictly, written without losing anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.course.course_file import Course, TaskEntry, TopicEntry
from autograder.errors import CourseError
from autograder.gradebook.adjustments import (
    Adjustment,
    Adjustments,
    extension_of,
    load_adjustments,
    signed,
    write_adjustment,
)

DUE = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    tasks = {"double": TaskEntry(points=4), "guess": TaskEntry(points=1)}
    topics = {
        "views": TopicEntry(title="Views", number=1, tasks=tasks, due=DUE),
        "essay": TopicEntry(title="Essay", number=2, tasks={"why": TaskEntry(points=3, kind="manual")}),
    }
    return Course(title="A course", topics=topics, root=tmp_path)


def write(course: Course, text: str) -> None:
    (course.root / "adjustments.yml").write_text(text, encoding="utf-8")


def test_without_a_file_nothing_is_decided(course: Course) -> None:
    assert load_adjustments(course) == {}
    write(course, "# nothing yet\n")
    assert load_adjustments(course) == {}


def test_what_a_person_writes_is_read(course: Course) -> None:
    write(
        course,
        "- {student: ada, topic: views, task: double, points: 3, comment: 'Right idea: go on.'}\n"
        "# sick note of 1 March\n"
        "- student: bo\n  topic: views\n  extension: 48h\n  by: grace\n  at: 2027-03-01T10:00+01:00\n"
        "- student: ada\n  late_days: 3\n",
    )
    assert load_adjustments(course) == {
        "ada": (
            Adjustment(student="ada", topic="views", task="double", points=3, comment="Right idea: go on."),
            Adjustment(student="ada", late_days=3),
        ),
        "bo": (Adjustment(student="bo", topic="views", extension="48h", by="grace", at="2027-03-01T10:00+01:00"),),
    }


NAMES = [
    "ada",
    "O'Neil, “Bo”",
    "müller",
    "李雷",
    "no",
    "1e5",
    "007",
    "12345",
    "=1+1",
    "- x",
    "a: b",
    "#1",
    "née\u2028x",
    "~",
    "😀\n",
]


def test_entries_are_appended_and_nothing_else_changes(course: Course) -> None:
    for number, name in enumerate(NAMES):
        write_adjustment(course, Adjustment(student=name, topic="views", task="guess", add=0.5 * number + 0.5, comment=name))
    text = (course.root / "adjustments.yml").read_text(encoding="utf-8")
    assert text.startswith("# What people decided about marks.")
    assert "- student: ada\n  topic: views\n  task: guess\n  add: 0.5\n  comment: ada\n" in text
    assert list(load_adjustments(course)) == NAMES
    assert [own[0].comment for own in load_adjustments(course).values()] == NAMES

    own = "# mine\n\n  - student: ada   # the tall one\n    late_days: 3\n  # end"
    write(course, own)
    write_adjustment(course, Adjustment(student="bo", topic="views", points=5.0))
    after = (course.root / "adjustments.yml").read_text(encoding="utf-8")
    assert after == own + "\n  - student: bo\n    topic: views\n    points: 5\n"
    assert list(load_adjustments(course)) == ["ada", "bo"]


def test_two_writers_lose_nothing(course: Course) -> None:
    def add(number: int) -> None:
        write_adjustment(course, Adjustment(student=f"s{number}", topic="views", points=1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(40)))
    assert len(load_adjustments(course)) == 40
    assert [path.name for path in course.root.iterdir()] == ["adjustments.yml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student: ada", ": write a list of entries, each with `- student: …`."),
        ("- ada", ":1: an entry is a group of keys; write `- student: NAME` and the rest below it."),
        ("- topic: views\n  points: 1", ":1: student is missing; write the name of the student's folder."),
        ("- student: 12345\n  late_days: 1", ":1: student is 12345; write the name of the student's folder, in quotes"),
        ("- student: ada\n  topic: views\n  point: 1", ":1: point is not a valid key; did you mean 'points'?"),
        ("#\n- student: ada\n  topic: vews\n  points: 1", ':2: topic is "vews", which the course does not have; did'),
        (
            "- student: ada\n  topic: views\n  task: dubble\n  points: 1",
            ':1: task is "dubble", which views does not have; did',
        ),
        ("- student: ada\n  topic: views\n  points: three", ':1: points is "three"; write a number of at least 0, or auto.'),
        ("- student: ada\n  topic: views\n  points: -1", ":1: points is -1; write a number of at least 0, or auto."),
        ("- student: ada\n  topic: views\n  points: .nan", ":1: points is nan; write a number"),
        (
            "- student: ada\n  topic: views\n  task: double\n  points: 30",
            "points is 30, but double has 4; write at most",
        ),
        ("- student: ada\n  topic: views\n  add: true", ":1: add is true; write a number."),
        ("- student: ada\n  topic: views\n  extension: 2 moons", ':1: extension is "2 moons"; write 90m, 48h, 2d or 1w'),
        ("- student: ada\n  topic: views\n  task: double\n  extension: 48h", "extension is for a whole topic; remove task."),
        ("- student: ada\n  topic: views\n  late_days: 2", "late_days is a budget for the whole course; remove topic"),
        ("- student: ada\n  points: 2", ":1: topic is missing, and points needs one; write the topic's name."),
        ("- student: ada\n  topic: views\n  excused: perhaps", ':1: excused is "perhaps"; write true or false.'),
        ("- student: ada\n  topic: views\n  by: me", ":1: the entry decides nothing; write points, add, comment"),
        ("- student: ada\n  topic: views\n  points: 1\n  at: soon", ':1: at is "soon"; write a date and time'),
        ("- student: ada\n  student: bo", ':2: "student" is already defined on line 1; remove one of the two.'),
    ],
)
def test_a_mistake_names_file_line_and_remedy(course: Course, text: str, message: str) -> None:
    write(course, text + "\n")
    with pytest.raises(CourseError) as raised:
        load_adjustments(course)
    assert str(raised.value).startswith(f"{course.root / 'adjustments.yml'}")
    assert message in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    with pytest.raises(CourseError):
        write_adjustment(course, Adjustment(student="bo", topic="views", points=1))
    assert (course.root / "adjustments.yml").read_text(encoding="utf-8") == text + "\n"


def test_a_list_in_brackets_is_not_appended_to(course: Course) -> None:
    write(course, "[{student: ada, late_days: 1}]\n")
    assert list(load_adjustments(course)) == ["ada"]
    with pytest.raises(CourseError, match="the list is in brackets"):
        write_adjustment(course, Adjustment(student="bo", topic="views", points=1))


def test_an_extension_has_an_end() -> None:
    assert extension_of("520w", None) == timedelta(weeks=520)
    with pytest.raises(ValueError, match="give at most 520w"):
        extension_of("999999w", None)


def test_extensions() -> None:
    assert extension_of("90m", None) == timedelta(minutes=90)
    assert extension_of("1.5d", DUE) == timedelta(hours=36)
    assert extension_of("1 w", DUE) == timedelta(weeks=1)
    assert extension_of("2027-03-03T23:59+01:00", DUE) == timedelta(days=2, hours=10, minutes=59)
    assert extension_of("2027-03-01T10:00+00:00", DUE) == timedelta(0), "the due time may have moved since"
    assert extension_of("2027-03-03T23:59+01:00", None) == timedelta(0)
    for text in ("2027-03-03", "-2d", "2 days", "", "1e9d"):
        with pytest.raises(ValueError, match="write 90m"):
            extension_of(text, DUE)


def test_an_extension_that_extends_nothing_is_not_written(course: Course) -> None:
    for topic, until in [("views", "2027-02-01T10:00+00:00"), ("essay", "2027-02-01T10:00+00:00"), ("views", "0h")]:
        with pytest.raises(CourseError, match="write a later time"):
            write_adjustment(course, Adjustment(student="ada", topic=topic, extension=until))
    assert not (course.root / "adjustments.yml").exists()


def test_a_check_looks_at_what_was_decided_before_anything_is_written(course: Course) -> None:
    first = Adjustment(student="ada", topic="views", excused=True)
    write_adjustment(course, first, check=lambda decided: None)
    seen = []

    def refuse(decided: Adjustments) -> None:
        seen.append(dict(decided))
        raise CourseError("too late")

    with pytest.raises(CourseError, match="too late"):
        write_adjustment(course, Adjustment(student="bo", topic="views", excused=True), check=refuse)
    assert seen == [{"ada": (first,)}] == [load_adjustments(course)]


def test_a_decision_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    decision = Adjustment(student="ada", topic="views", excused=True)
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    assert signed(decision).by == "grace"
    assert datetime.fromisoformat(signed(decision).at).tzinfo is not None
    assert signed(Adjustment(student="ada", by="alan")).by == "alan"

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert signed(decision).by == ""


def test_a_file_that_grows_meanwhile_is_read_as_it_was(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another desk may decide at any moment."""

    def read_and_grow(path: Path) -> str:
        text = path.read_text(encoding="utf-8")
        write(course, f"{text}- {{student: ada, late_days: 3}}\n")
        return text

    monkeypatch.setattr("autograder._yaml.read_source", read_and_grow)
    write(course, "- {student: bo, late_days: 1}\n")
    assert list(load_adjustments(course)) == ["bo"]
    assert list(load_adjustments(course)) == ["bo", "ada"]
