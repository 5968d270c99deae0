"""A course's data are read once, in two parts, and what cannot be handed to students or children is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import data_files
from autograder.course.data_files import CourseData, data_names, read_data, topic_data
from autograder.errors import AuthoringError
from autograder.records.jobs import HelperFile


def put(root: Path, name: str, content: bytes = b"1\n") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_course_without_data_has_none(tmp_path: Path) -> None:
    assert read_data(tmp_path) == CourseData()


def test_files_are_public_unless_they_are_in_hidden_or_answers(tmp_path: Path) -> None:
    for name in (
        "data/b.csv",
        "data/a/hidden/c.csv",
        "data/hidden/d/e.csv",
        "data/answers/f.csv",
        "data/.git/f",
        "data/.DS_Store",
    ):
        put(tmp_path, name)
    data = read_data(tmp_path)
    assert data.public == (HelperFile("data/a/hidden/c.csv", b"1\n"), HelperFile("data/b.csv", b"1\n"))
    assert data.hidden == (HelperFile("data/hidden/d/e.csv", b"1\n"),)
    assert data.answers == (HelperFile("data/answers/f.csv", b"1\n"),)
    assert data_names(tmp_path) == {"data/a/hidden/c.csv", "data/b.csv", "data/hidden/d/e.csv", "data/answers/f.csv"}


def test_topics_share_what_is_read_until_a_file_changes(tmp_path: Path) -> None:
    path = put(tmp_path, "data/a.csv")
    before = read_data(tmp_path)
    assert read_data(tmp_path) is before
    path.write_bytes(b"22\n")
    assert read_data(tmp_path).public[0].content == b"22\n"
    assert read_data(tmp_path).digest != before.digest


def test_a_topic_takes_the_files_that_it_names(tmp_path: Path) -> None:
    for name in ("data/b.csv", "data/bb.csv", "data/images/1.png", "data/images/x/2.png", "data/hidden/c.csv"):
        put(tmp_path, name)

    def taken(*names: str) -> list[str]:
        data = read_data(tmp_path, names)
        return [file.name.removeprefix("data/") for file in (*data.public, *data.hidden)]

    assert taken("b.csv") == ["b.csv"]
    assert taken("images") == taken("images/") == ["images/1.png", "images/x/2.png"]
    assert taken("images/x", "hidden/c.csv") == ["images/x/2.png", "hidden/c.csv"]
    assert taken() == []
    before = read_data(tmp_path, ["b.csv"]).digest
    put(tmp_path, "data/bb.csv", b"22\n")
    assert read_data(tmp_path, ["b.csv"]).digest == before
    put(tmp_path, "data/b.csv", b"22\n")
    assert read_data(tmp_path, ["b.csv"]).digest != before


def test_what_is_no_data_is_refused_in_a_sentence(tmp_path: Path) -> None:
    put(tmp_path, "data/a.csv")
    (tmp_path / "data/link.csv").symlink_to(tmp_path / "data/a.csv")
    (tmp_path / "data/folder").symlink_to("/", target_is_directory=True)
    put(tmp_path, "data/hidden")
    put(tmp_path, "data/a\tb.csv")
    with pytest.raises(AuthoringError) as caught:
        read_data(tmp_path)
    assert sorted(str(caught.value).splitlines()) == [
        "'data/a\\tb.csv' needs a name of printable characters, without \\.",
        "data/folder is a link; put the file itself there.",
        "data/hidden is a file, where a folder of data is expected; move it, e.g. to data/files/hidden.csv.",
        "data/link.csv is a link; put the file itself there.",
    ]


def test_too_much_data_for_one_topic_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("big", "bigger"):
        with put(tmp_path, f"data/{name}.bin").open("wb") as file:
            file.truncate(40 << 20)
    with pytest.raises(
        AuthoringError,
        match=r"^data/: images gets 2 files, 80 MB together, .*or in course.yml name those that it needs: topics",
    ):
        topic_data(tmp_path, "images", None)
    with pytest.raises(AuthoringError, match=r"or in course\.yml name fewer of them under topics\.images\.data\.$"):
        topic_data(tmp_path, "images", ["big.bin", "bigger.bin"])
    assert [file.name for file in topic_data(tmp_path, "images", ["big.bin"]).public] == ["data/big.bin"]
    assert len(read_data(tmp_path).public) == 2, "the release has them all"
    monkeypatch.setattr(data_files, "_MOST_FILES", 0)
    with pytest.raises(AuthoringError, match=r"images gets 1 file, 40 MB together, .*keep to 0 files and 64 MB"):
        topic_data(tmp_path, "images", ["big.bin"])


def test_a_topic_can_name_its_answers(tmp_path: Path) -> None:
    for name in ("data/answers/a.csv", "data/answers/b.csv", "data/c.csv"):
        put(tmp_path, name)
    data = topic_data(tmp_path, "own", ["answers/a.csv"])
    assert (data.public, data.hidden) == ((), ())
    assert [file.name for file in data.answers] == ["data/answers/a.csv"]
