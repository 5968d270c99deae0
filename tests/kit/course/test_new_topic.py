"""A new topic's skeleton: complete, right as it stands, and added to course.yml without touching the rest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import new_topic
from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.errors import AutogradeError, CourseError

START = "title: A course\ntopics:\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "course.yml").write_text(START)
    return tmp_path


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_files_and_the_entry(root):
    paths = new_topic.create(root, "strides")
    assert {path.relative_to(root).as_posix() for path in paths} == set(tree(root)) == {
        "course.yml",
        "exercises/strides.py",
        "exercises/hints/strides.yml",
        "tests/visible/test_strides.py",
        "tests/hidden/test_strides.py",
        "solutions/strides.py",
        "solutions/alternatives/strides.py",
        "solutions/misconceptions/strides.py",
    }  # fmt: skip
    course = load_course(root)
    assert course.topics["strides"].number == 1
    assert course.topics["strides"].tasks["row_means"].points == 4
    topic = load_topic(course, "strides")
    assert {check.task for check in topic.checks} == {"row_means"}
    assert any(check.visible for check in topic.checks)
    assert any(not check.visible for check in topic.checks)
    assert topic.misconceptions
    assert topic.alternatives


def test_the_skeleton_is_formatted_as_this_repository_is(root):
    paths = [path for path in new_topic.create(root, "strides") if path.suffix == ".py"]
    config = Path(__file__).parents[3] / "pyproject.toml"
    for command in (["check", "--extend-ignore", "I001"], ["format", "--check"]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", config, *paths],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_an_author_is_told_what_is_still_to_write(root):
    new_topic.create(root, "strides")
    marks = new_topic.unwritten(root, "strides")
    assert len(marks) == 5
    assert marks[0].startswith("exercises/strides.py:14: what students will be able to do")
    told = new_topic.next_steps(root, "strides")
    assert "autograde verify strides" in told
    assert all(mark in told for mark in marks)


COMMENTED = """\
# The course.
title: A course   # as it is called

topics:
    # the first
    strides:
        number: 7
        title: Strides
        tasks:
            row_means: {points: 4, level: easy}   # the only one
        # due: some day

# How late is late?
late:
    per_day: 0.5
# the end
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_rest_of_the_course_stays_byte_for_byte(root, newline):
    new_topic.create(root, "strides")
    before = COMMENTED.replace("\n", newline).encode()
    (root / "course.yml").write_bytes(before)
    new_topic.create(root, "casts")
    after = (root / "course.yml").read_bytes()
    entry = [
        "",
        "    casts:",
        "        number: 8",
        "        title: Casts",
        "        tasks:",
        "            row_means: {points: 4, level: easy}",
        "",
    ]
    added = newline.join(entry).encode()
    assert added in after
    assert after.replace(added, b"", 1) == before
    assert list(load_course(root).topics) == ["strides", "casts"]


def test_a_file_without_a_last_newline_and_a_second_topic(root):
    (root / "course.yml").write_text("title: A course\ntopics: {}")
    new_topic.create(root, "one")
    path = root / "course.yml"
    path.write_text(path.read_text().rstrip("\n"))
    new_topic.create(root, "two")
    assert [topic.number for topic in load_course(root).topics.values()] == [1, 2]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "cannot be a topic's name"),
        ("Strides", "cannot be a topic's name"),
        ("2d", "cannot be a topic's name"),
        ("a-b", "cannot be a topic's name"),
        ("../up", "cannot be a topic's name"),
        ("a b", "cannot be a topic's name"),
        ("lambda", "cannot be a topic's name"),
        ("x" * 41, "cannot be a topic's name"),
        ("strides\n", "cannot be a topic's name"),
        ("random", "is a Python module"),
        ("torch", "is a Python module"),
    ],
)
def test_a_bad_name_is_refused_in_one_line(root, name, why):
    before = tree(root)
    with pytest.raises(CourseError, match=why) as refused:
        new_topic.create(root, name)
    assert len(str(refused.value).splitlines()) == 1
    assert tree(root) == before


def test_an_existing_topic_or_file_is_refused_and_left_alone(root):
    new_topic.create(root, "strides")
    before = tree(root)
    with pytest.raises(CourseError, match=r"topics\.strides already exists"):
        new_topic.create(root, "strides")
    (root / "solutions" / "casts.py").write_text("mine = 1\n")
    before = tree(root)
    with pytest.raises(CourseError, match=r"casts\.py: the file already exists"):
        new_topic.create(root, "casts")
    assert tree(root) == before


@pytest.mark.parametrize("text", ["title: A course\ntopic:\n", "title: [", "title: A course\ntopics: {a: 1}\n"])
def test_a_course_that_is_not_right_is_left_alone(root, text):
    (root / "course.yml").write_text(text)
    with pytest.raises(CourseError):
        new_topic.create(root, "strides")
    assert tree(root) == {"course.yml": text.encode()}


def test_no_course_at_all(tmp_path):
    with pytest.raises(AutogradeError, match="there is no such file"):
        new_topic.create(tmp_path, "strides")


def test_nothing_is_left_when_writing_fails(root):
    (root / "solutions").write_text("A file where a folder is due.\n")
    before = tree(root)
    with pytest.raises(OSError, match="solutions"):
        new_topic.create(root, "strides")
    assert tree(root) == before
