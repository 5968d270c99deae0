"""A new course: written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder._files import locked
from autograder.commands.instructor import app
from autograder.course import new_course, new_topic
from autograder.course.course_file import load_course
from autograder.course.required_parts import missing_parts
from autograder.course.topic import load_topic
from autograder.errors import CourseError


def test_the_course_is_complete(tmp_path: Path):
    root = tmp_path / "deep-learning_2027"
    paths = new_course.create(root)
    assert sorted(paths) == sorted(path for path in root.rglob("*") if path.is_file())
    assert {".gitignore", "README.md", "course.yml"} <= {path.name for path in paths}
    course = load_course(root)
    assert course.title == "Deep learning 2027"
    assert list(course.topics) == [new_course.TOPIC]
    assert list(missing_parts(course, load_topic(course, new_course.TOPIC))) == []
    assert new_topic.unwritten(root, new_course.TOPIC) == []
    assert list(tmp_path.iterdir()) == [root]


def test_another_topic_can_follow(tmp_path: Path):
    new_course.create(tmp_path / "course")
    new_topic.create(tmp_path / "course", "strides")
    assert list(load_course(tmp_path / "course").topics) == [new_course.TOPIC, "strides"]


def test_a_title_of_any_characters(tmp_path: Path):
    new_course.create(tmp_path / "course", 'Tensors: "views" # and\n{{ strides }}')
    assert load_course(tmp_path / "course").title == 'Tensors: "views" # and {{ strides }}'


def test_a_fresh_repository_counts_as_empty(tmp_path: Path):
    (tmp_path / ".git").mkdir()
    new_course.create(tmp_path)
    assert load_course(tmp_path).topics


def test_what_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CourseError, match=r"is not empty \(it has mine\.txt\); name a new or empty one"):
        new_course.create(tmp_path)
    with pytest.raises(CourseError, match="this is a file; name a new or empty folder"):
        new_course.create(tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_command(tmp_path: Path):
    run = CliRunner().invoke(app, ["init", str(tmp_path / "course"), "--title", "Mine"])
    assert run.exit_code == 0
    assert "autograde verify" in run.stdout
    again = CliRunner().invoke(app, ["init", str(tmp_path / "course")])
    assert again.exit_code == 2
    assert len(again.stderr.splitlines()) == 1


@pytest.mark.fault
def test_what_a_killed_run_left_is_removed_and_what_another_run_writes_is_not(tmp_path: Path) -> None:
    left, used = tmp_path / ".autograde-init-left", tmp_path / ".autograde-init-used"
    for folder in (left, used):
        (folder / "tests").mkdir(parents=True)
    (tmp_path / ".autograde-init-link").symlink_to(tmp_path / "own")
    (tmp_path / "own").mkdir()
    with locked(used):
        new_course.create(tmp_path / "course")
        assert not left.exists()
        assert used.exists()
    new_course.create(tmp_path / "other")
    assert {path.name for path in tmp_path.iterdir()} == {".autograde-init-link", "course", "other", "own"}
