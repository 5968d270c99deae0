"""Whose file is graded for which topic; nothing is skipped silently."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_course import write_notebook

from autograder.course.course_file import Course, TaskEntry, TopicEntry
from autograder.errors import SubmissionError
from autograder.grading.submissions import MAX_FILE_MB, Discovery, Submission, files_of, find_submissions

TASKS = {"f": TaskEntry(points=1)}
COURSE = Course(
    title="A course",
    topics={
        name: TopicEntry(title=name, number=number, tasks=TASKS) for number, name in enumerate(["views", "autograd"], 1)
    },
    root=Path(),
)


def put(root: Path, *names: str, text: str = "{}") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def files(found: Discovery, root: Path) -> list[tuple[str, str, str]]:
    return [(each.student, each.topic, str(each.path.relative_to(root))) for each in found.submissions]


def test_a_class_by_student_and_then_in_the_order_of_the_course(tmp_path: Path) -> None:
    put(tmp_path, "bo/autograd.ipynb", "bo/views.py", "ann/views.ipynb", "bo/__pycache__/views.py", "bo/.x/views.ipynb")
    put(tmp_path, "bo/data.csv", "README.md", "bo/.ipynb_checkpoints/views-checkpoint.ipynb")
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [
        ("ann", "views", "ann/views.ipynb"),
        ("bo", "views", "bo/views.py"),
        ("bo", "autograd", "bo/autograd.ipynb"),
    ]
    assert found.students == ("ann", "bo")
    assert found.unrecognised == found.notes == ()


def test_nbgraders_layout_with_its_time(tmp_path: Path) -> None:
    put(tmp_path, "ann/views/My views.ipynb", "bo/views/views.ipynb")
    put(tmp_path, "ann/views/timestamp.txt", text="2027-02-02 15:58:23.948203 UTC\n")
    put(tmp_path, "bo/views/timestamp.txt", text="2027-02-02 17:58:23 +02:00\n")
    found = find_submissions([tmp_path], COURSE)
    times = [each.submitted_at for each in found.submissions]
    assert times == [datetime(2027, 2, 2, 15, 58, 23, 948203, UTC), datetime(2027, 2, 2, 15, 58, 23, tzinfo=UTC)]


def test_a_time_that_is_none_is_told(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb")
    put(tmp_path, "ann/timestamp.txt", text="yesterday")
    found = find_submissions([tmp_path], COURSE)
    assert found.submissions[0].submitted_at is None
    assert found.notes == (
        f"{tmp_path}/ann/timestamp.txt: “yesterday” is not a time like 2027-02-02 15:58:23 UTC; ann is not counted as late.",
    )


@pytest.mark.parametrize("path", ["ann", "ann/views.ipynb"])
def test_one_student_or_one_file(tmp_path: Path, path: str) -> None:
    put(tmp_path, "ann/views.ipynb")
    assert files(find_submissions([tmp_path / path], COURSE), tmp_path) == [("ann", "views", "ann/views.ipynb")]


def test_one_file_of_nbgraders_layout(tmp_path: Path) -> None:
    put(tmp_path, "ann/views/Mine.ipynb")
    for path in ("ann", "ann/views/Mine.ipynb"):
        assert files(find_submissions([tmp_path / path], COURSE), tmp_path) == [("ann", "views", "ann/views/Mine.ipynb")]


def test_a_renamed_notebook_is_recognised_by_its_metadata(tmp_path: Path) -> None:
    released = json.dumps({"cells": [], "metadata": {"autograde": {"topic": "views"}}, "nbformat": 4})
    put(tmp_path, "ann/homework 1.ipynb", text=released)
    assert files(find_submissions([tmp_path], COURSE), tmp_path) == [("ann", "views", "ann/homework 1.ipynb")]


@pytest.mark.parametrize(
    "name",
    [
        "views.ipynb", "01_views.ipynb", "17_Views.ipynb", "01_views (2).ipynb", "views-Copy1.ipynb", "ada_01_views.ipynb",
        "01_views.py", "01_views (2).py", "01_views/any.ipynb", "views/01_views.ipynb",
    ],
)  # fmt: skip
def test_a_notebook_is_known_by_its_name_with_a_number_or_without(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"ann/{name}", "bo/autograd.ipynb")
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [("ann", "views", f"ann/{name}"), ("bo", "autograd", "bo/autograd.ipynb")]
    assert found.unrecognised == found.notes == ()
    assert files(find_submissions([tmp_path / f"ann/{name}"], COURSE), tmp_path) == [("ann", "views", f"ann/{name}")]
    assert files(find_submissions([tmp_path / "ann"], COURSE), tmp_path) == [("ann", "views", f"ann/{name}")]


def test_modules_whose_names_only_hold_a_topics_are_helpers(tmp_path: Path) -> None:
    put(tmp_path, "ann/01_views.py", text="import views_old, my_views, autograd_tools")
    put(tmp_path, "ann/views_old.py", "ann/my_views.py", "ann/autograd_tools.py", text="x = 1")
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [("ann", "views", "ann/01_views.py")]
    assert [path.name for path in found.submissions[0].helpers] == ["autograd_tools.py", "my_views.py", "views_old.py"]
    assert found.unrecognised == ()


def test_work_comes_before_stubs_whatever_the_file_is_called(tmp_path: Path) -> None:
    put(tmp_path, "exercises/views.py", text="def f(x):\n    raise NotImplementedError\n")
    course = replace(COURSE, root=tmp_path)
    stub, work = "def f(x):\n    raise NotImplementedError", "def f(x):\n    return x"
    for student, names in {
        "ann": {"01_views.ipynb": stub, "views.ipynb": work},
        "bo": {"01_views.ipynb": work, "views.ipynb": stub},
        "cy": {"01_views.ipynb": stub, "views.py": work},
        "di": {"01_views.ipynb": stub, "views.ipynb": stub},
        "ed": {"01_views.ipynb": work, "views.ipynb": work},
    }.items():
        for name, source in names.items():
            path = tmp_path / "class" / student / name
            if name.endswith(".py"):
                put(path.parent, name, text=source)
            else:
                write_notebook(path, "import torch", source)
    found = find_submissions([tmp_path / "class"], course)
    assert [(each.student, each.path.name) for each in found.submissions] == [
        ("ann", "views.ipynb"), ("bo", "01_views.ipynb"), ("cy", "views.py"),
        ("di", "01_views.ipynb"), ("ed", "01_views.ipynb"),
    ]  # fmt: skip
    assert [note.partition(" handed")[0] for note in found.notes] == ["ann", "bo", "cy", "di", "ed"]


def test_the_start_notebook_spoils_nothing(tmp_path: Path) -> None:
    start = json.dumps({"cells": [], "metadata": {"autograde": {"topic": "00_start"}}, "nbformat": 4})
    put(tmp_path, "ann/01_views.ipynb", "ann/00_start.ipynb", "bo/00_start (1).ipynb", "cy/views/00_start.ipynb")
    put(tmp_path, "cy/views/views.ipynb", "di/00_start/00_start.ipynb", "di/autograd.ipynb")
    put(tmp_path, "ed/getting started.ipynb", "ed/views.ipynb", text=start)
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [
        ("ann", "views", "ann/01_views.ipynb"),
        ("cy", "views", "cy/views/views.ipynb"),
        ("di", "autograd", "di/autograd.ipynb"),
        ("ed", "views", "ed/views.ipynb"),
    ]
    assert found.students == ("ann", "bo", "cy", "di", "ed")
    assert found.unrecognised == (f"{tmp_path}/bo: it holds nothing but the start notebook.",)
    assert found.notes == (
        "ann, bo, cy and 2 more handed in the start notebook (00_start), which has nothing to grade; it was left out.",
    )
    alone = find_submissions([tmp_path / "ann/00_start.ipynb"], COURSE)
    assert alone.submissions == ()
    assert alone.unrecognised == (f"{tmp_path}/ann/00_start.ipynb: it is the start notebook, which has nothing to grade.",)
    assert find_submissions([tmp_path / "bo"], COURSE).students == ("bo",)


def test_what_cannot_be_graded_counts_as_handed_in(tmp_path: Path) -> None:
    put(tmp_path, "ann/autograd/report.pdf", "ann/autograd/plot.png", "ann/autograd/timestamp.txt", "ann/views.ipynb")
    put(tmp_path, "bo/autograd/autograd.ipynb", "bo/autograd/report.pdf", "cy/autograd.docx", "cy/views.ipynb")
    put(tmp_path, "di/my report on autograd.pdf", "ed/essay.txt", "flo/autograd/timestamp.txt")
    put(tmp_path, "gus/autograd/answers/autograd.ipynb", "ann/autograd/timestamp.txt", text="2027-02-02 15:58:23 UTC")
    found = find_submissions([tmp_path], COURSE)
    problems = {(each.student, each.topic): each.problem for each in found.submissions if each.problem}
    rest = ". A submission ends in .ipynb or .py."
    assert problems == {
        ("ann", "autograd"): f"What was handed in cannot be graded: plot.png and 1 more file{rest}",
        ("cy", "autograd"): f"What was handed in cannot be graded: autograd.docx{rest}",
        ("di", "autograd"): f"What was handed in cannot be graded: my report on autograd.pdf{rest}",
        ("gus", "autograd"): f"What was handed in cannot be graded: answers{rest}",
    }
    assert set(problems) <= set(found.found)
    assert found.submissions[1].submitted_at == datetime(2027, 2, 2, 15, 58, 23, tzinfo=UTC)
    with pytest.raises(SubmissionError, match="cannot be graded"):
        found.submissions[1].read()
    of_one = find_submissions([tmp_path], COURSE, topics=["autograd"])
    assert ("ed", "autograd") in of_one.found, "the class hands in for this topic only"


def test_a_folder_without_any_submission_is_no_class(tmp_path: Path) -> None:
    put(tmp_path, "docs/readme.md", "src/main.c")
    assert find_submissions([tmp_path], COURSE, topics=["views"]).found == ()


def test_what_is_not_recognised_is_listed_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path, "ann/autograde.ipynb", "ann/old/views.ipynb", "bo/views.pdf", "bo/autograd/notes.txt", "views.ipynb")
    put(tmp_path, "cy/views.ipynb")
    (tmp_path / "di").mkdir()
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [
        ("bo", "views", "bo/views.pdf"), ("bo", "autograd", "bo/autograd/notes.txt"), ("cy", "views", "cy/views.ipynb"),
    ]  # fmt: skip
    assert found.students == ("ann", "bo", "cy", "di")
    assert [line.removeprefix(f"{tmp_path}/") for line in found.unrecognised] == [
        "ann/autograde.ipynb: no topic of the course is called “autograde”; did you mean 'autograd'?",
        "ann/old/views.ipynb: it is nested too deeply; a submission is ann/TOPIC.ipynb.",
        "bo/autograd: it holds no .ipynb or .py file.",
        "bo/views.pdf: a submission ends in .ipynb or .py.",
        "di: it holds no submission.",
        "views.ipynb: it is outside every student's folder.",
    ]


def test_of_several_files_a_notebook_with_the_topics_name_is_graded(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.py", "ann/views.ipynb", "ann/views/zz.ipynb")
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [("ann", "views", "ann/views.ipynb")]
    assert found.notes == (
        f"ann handed in several files for views: {tmp_path}/ann/views.ipynb is graded, not "
        f"{tmp_path}/ann/views/zz.ipynb, {tmp_path}/ann/views.py.",
    )


def test_the_same_file_twice_is_one_submission(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb")
    found = find_submissions([tmp_path, tmp_path / "ann", tmp_path / "ann/views.ipynb"], COURSE)
    assert len(found.submissions) == 1
    assert found.notes == ()


@pytest.mark.attack
def test_links_to_another_students_file_or_to_nowhere_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb", "bo/autograd.ipynb", "cy/autograd.ipynb")
    (tmp_path / "bo/views.ipynb").symlink_to("../ann/views.ipynb")
    (tmp_path / "bo/mine.ipynb").symlink_to("autograd.ipynb")
    (tmp_path / "cy/views.ipynb").symlink_to("views.ipynb")
    (tmp_path / "cy/dtypes.ipynb").symlink_to("nothing")
    (tmp_path / "cy/loop").symlink_to("loop")
    found = find_submissions([tmp_path], COURSE)
    assert [(student, topic) for student, topic, _ in files(found, tmp_path)] == [
        ("ann", "views"),
        ("bo", "autograd"),
        ("cy", "autograd"),
    ]
    assert [line for line in found.unrecognised if "it is a link" in line] == [
        f"{tmp_path}/bo/views.ipynb: it is a link that leads out of the folder.",
        f"{tmp_path}/cy/dtypes.ipynb: it is a link that leads nowhere.",
        f"{tmp_path}/cy/loop: it is a link that leads nowhere.",
        f"{tmp_path}/cy/views.ipynb: it is a link that leads nowhere.",
    ]


@pytest.mark.attack
@pytest.mark.parametrize("name", ["run.json", "index.html", "Index.html", "instructor-pages"])
def test_a_student_may_not_be_called_like_a_file_of_the_results(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"{name}/views.ipynb", "ann/views.ipynb")
    found = find_submissions([tmp_path], COURSE)
    assert found.students == ("ann",)
    said = f"{tmp_path}/{name}: the results need the name {name.lower()} for themselves; rename the folder."
    assert found.unrecognised == (said,)


@pytest.mark.attack
def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    put(tmp_path, "secret/views.ipynb", "class/ann/autograd.ipynb", "class/cy/views.ipynb")
    (tmp_path / "class/ann/views.ipynb").symlink_to(tmp_path / "secret/views.ipynb")
    (tmp_path / "class/bo").symlink_to(tmp_path / "secret")
    (tmp_path / "class/di").symlink_to(tmp_path / "class/cy")
    found = find_submissions([tmp_path / "class"], COURSE)
    assert [(student, topic) for student, topic, _ in files(found, tmp_path)] == [
        ("ann", "autograd"),
        ("cy", "views"),
        ("di", "views"),
    ]
    assert [line for line in found.unrecognised if "link" in line] == [
        f"{tmp_path}/class/ann/views.ipynb: it is a link that leads out of the folder.",
        f"{tmp_path}/class/bo: it is a link that leads out of the folder.",
    ]


@pytest.mark.attack
def test_special_files_and_odd_names_do_no_harm(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb", "b\nad/views.ipynb")
    os.mkfifo(tmp_path / "ann/autograd.ipynb")
    put(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")), "views.ipynb")
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [("ann", "views", "ann/views.ipynb")]
    assert [line.removeprefix(f"{tmp_path}/") for line in found.unrecognised] == [
        "ann/autograd.ipynb: it is not a regular file.",
        "b�ad: a student's folder needs a name of printable characters, without \\.",
        "�: a student's folder needs a name of printable characters, without \\.",
    ]


@pytest.mark.attack
def test_a_pipe_does_not_hold_up_the_search(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb")
    os.mkfifo(tmp_path / "ann/homework.ipynb")
    (tmp_path / "bo/views").mkdir(parents=True)
    os.mkfifo(tmp_path / "bo/views/views.ipynb")
    os.mkfifo(tmp_path / "views.ipynb")
    found = find_submissions([tmp_path], COURSE)
    assert files(found, tmp_path) == [("ann", "views", "ann/views.ipynb")]
    assert [line.removeprefix(f"{tmp_path}/") for line in found.unrecognised] == [
        "ann/homework.ipynb: it is not a regular file.",
        "bo/views/views.ipynb: it is not a regular file.",
        "bo/views: it holds no .ipynb or .py file.",
        "views.ipynb: it is outside every student's folder.",
    ]


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder", "link out"])
def test_only_regular_files_inside_the_students_folder_are_opened(tmp_path: Path, kind: str) -> None:
    put(tmp_path, "secret.ipynb")
    path = tmp_path / "ann/views.ipynb"
    path.parent.mkdir()
    reason = "it is a link that leads out of the folder" if kind in ("device", "link out") else "it is not a regular file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else tmp_path / "secret.ipynb")
    with pytest.raises(SubmissionError, match=rf"^views\.ipynb cannot be read \({reason}\)\.$"):
        Submission("ann", "views", path).read()


def timestamp_of(root: Path) -> tuple[datetime | None, list[str]]:
    """The time of ann's submission, and what is said of it."""
    put(root, "ann/views.ipynb")
    found = find_submissions([root], COURSE)
    assert len(found.submissions) == 1
    return found.submissions[0].submitted_at, [note.removeprefix(f"{root}/ann/timestamp.txt: ") for note in found.notes]


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["pipe", "link out", "too large", "folder"])
def test_a_timestamp_is_read_from_a_small_file_only(tmp_path: Path, kind: str) -> None:
    put(tmp_path, "ann/views.ipynb")
    put(tmp_path, "secret.txt", text="root:x:0:0")
    path = tmp_path / "ann/timestamp.txt"
    reason = "it is not a regular file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link out":
        path.symlink_to(tmp_path / "secret.txt")
        reason = "it is a link that leads out of the folder"
    else:
        path.write_text("2027-02-02 15:58:23 UTC" + " " * 2000)
        reason = "it holds more than a time like 2027-02-02 15:58:23 UTC"
    assert timestamp_of(tmp_path) == (None, [f"{reason}; ann is not counted as late."])


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"9999-12-31 23:59:59 -12:00", "9999-12-31 23:59:59 -12:00"),
        (b"0001-01-01 00:00:00 +14:00", "0001-01-01 00:00:00 +14:00"),
        (b"0001-01-01 00:00:00", "0001-01-01 00:00:00"),
        (b"2027-13-45 00:00:00", "2027-13-45 00:00:00"),
        (b"2027-01-01 00:00:00 +99:99", "2027-01-01 00:00:00 +99:99"),
        (b"\x1b[2Jgone", "�[2Jgone"),
        (b"\xff\x00", "��"),
        (b"", ""),
    ],
)
def test_a_time_that_cannot_be_is_told(tmp_path: Path, data: bytes, shown: str) -> None:
    put(tmp_path, "ann/views.ipynb")
    (tmp_path / "ann/timestamp.txt").write_bytes(data)
    sentence = f"“{shown}” is not a time like 2027-02-02 15:58:23 UTC; ann is not counted as late."
    assert timestamp_of(tmp_path) == (None, [sentence])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_timestamp_may_have_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    put(tmp_path, "ann/views.ipynb")
    (tmp_path / "ann/timestamp.txt").write_bytes("2027-02-02 15:58:23 UTC\r\n".encode(encoding))
    assert timestamp_of(tmp_path) == (datetime(2027, 2, 2, 15, 58, 23, tzinfo=UTC), [])


def test_a_notebook_saved_as_py_is_recognised_by_its_metadata(tmp_path: Path) -> None:
    put(tmp_path, "ann/homework.py", text=json.dumps({"cells": [], "metadata": {"autograde": {"topic": "views"}}}))
    assert files(find_submissions([tmp_path], COURSE), tmp_path) == [("ann", "views", "ann/homework.py")]


_TIMES = st.from_regex(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)? ?(Z|UTC|[+-]\d\d:?\d\d)?", fullmatch=True)


@pytest.mark.attack
@given(st.one_of(_TIMES.map(str.encode), st.binary(max_size=60)))
@settings(max_examples=200, deadline=500, derandomize=True)
def test_any_timestamp_gives_a_time_or_a_sentence(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        put(root, "ann/views.ipynb")
        (root / "ann/timestamp.txt").write_bytes(data)
        when, notes = timestamp_of(root)
    assert (when is None) == bool(notes)


def test_filters(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb", "ann/autograd.ipynb", "bo/views.ipynb")
    found = find_submissions([tmp_path], COURSE, topics=["views"], students=["ann"])
    assert files(found, tmp_path) == [("ann", "views", "ann/views.ipynb")]
    assert found.students == ("ann",)
    with pytest.raises(SubmissionError, match=r"^--topic vews: the course has no such topic; did you mean 'views'\?$"):
        find_submissions([tmp_path], COURSE, topics=["vews"])
    with pytest.raises(SubmissionError, match=r"^--student zoe: there is no such student; choose from ann, bo\.$"):
        find_submissions([tmp_path], COURSE, students=["zoe"])


def test_missing_and_empty_paths(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"/no: there is no such file or folder\.$"):
        find_submissions([tmp_path / "no"], COURSE)
    assert find_submissions([tmp_path], COURSE) == Discovery((), ())


def test_files_that_cannot_be_read_give_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError, match=r"^views\.ipynb cannot be read \(No such file or directory\)\.$"):
        Submission("ann", "views", tmp_path / "views.ipynb").read()
    big = tmp_path / "views.ipynb"
    with big.open("wb") as file:
        file.truncate(MAX_FILE_MB * 2**20 + 1)
    with pytest.raises(SubmissionError, match=r"^views\.ipynb is larger than 64 MB; clear its outputs\.$"):
        Submission("ann", "views", big).read()


def test_files_that_a_submission_uses_are_found_beside_it(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.py", text="import helpers\nopen('a.csv'), open('data/b.csv')\n")
    put(tmp_path, "ann/helpers.py", text="import deeper\n")
    put(
        tmp_path,
        "ann/deeper.py",
        "ann/a.csv",
        "ann/data/b.csv",
        "ann/unused.pdf",
        "ann/view.py",
        "ann/autograd.ipynb",
        text="1",
    )
    (tmp_path / "ann/link.csv").symlink_to(tmp_path / "ann/a.csv")
    found = find_submissions([tmp_path], COURSE)
    submission = found.submissions[0]
    given, script = files_of(submission, submission.read(), COURSE)
    names = ["a.csv", "data/b.csv", "deeper.py", "helpers.py", "views.py"]
    assert [each.name for each in given] == names
    assert script == "views.py"
    assert [line.partition(":")[0] for line in found.unrecognised] == [str(tmp_path / "ann/view.py")]
    (tmp_path / "ann/a.csv").write_bytes(bytes(9 << 20))
    found = find_submissions([tmp_path], COURSE)
    assert "graded without" in found.notes[0]
    assert "a.csv" in found.notes[0]


def test_a_folder_beside_students_folders_need_not_be_a_students(tmp_path: Path) -> None:
    put(tmp_path, "ann/views.ipynb", "bo/report.pdf", "images/a.png", "mine/course.yml", "mine/exercises/views.py")
    put(tmp_path, "release/01_views.ipynb", "__MACOSX/x")
    found = find_submissions([tmp_path], COURSE)
    assert found.students == ("ann", "bo")
    assert set(found.found) == {("ann", "views"), ("bo", "views")}
    assert [line.removeprefix(f"{tmp_path}/") for line in found.unrecognised] == [
        "bo: it holds no submission.",
        "images: it is a course's folder, not a student's.",
        "mine: it is a course's folder, not a student's.",
        "release: it is a course's folder, not a student's.",
    ]


def test_with_a_roster_a_folder_without_a_submission_is_a_students_only_if_it_is_in_there(tmp_path: Path) -> None:
    root = tmp_path / "course"
    put(root, "roster.csv", text="student,name\nann,\nbo,\nimages,Data Images\ncy,Cy Ng\n")
    handed_in = tmp_path / "class"
    put(handed_in, "ann/views.ipynb", "bo/report.pdf", "images/a.png", "Cy Ng/x.pdf", "old/x.pdf", "eve/views/x.pdf")
    put(handed_in, "flo/vews.ipynb")
    found = find_submissions([handed_in], replace(COURSE, root=root))
    assert set(found.students) == {"ann", "bo", "images", "Cy Ng", "eve", "flo"}
    assert f"{handed_in}/old: it holds no submission, and roster.csv has no such student." in found.unrecognised
    assert {each.student: each.problem for each in found.submissions}["flo"] == (
        "What was handed in cannot be graded: vews.ipynb. A submission is called views.ipynb or views.py."
    )


def test_the_courses_own_folder_is_no_class(tmp_path: Path) -> None:
    put(tmp_path, "course.yml", "exercises/views.py", "submitted/ann/views.ipynb")
    course = replace(COURSE, root=tmp_path)
    with pytest.raises(SubmissionError, match="is the course's own folder; name the one that holds the students' folders"):
        find_submissions([tmp_path], course)
    assert find_submissions([tmp_path / "submitted"], course).students == ("ann",)
