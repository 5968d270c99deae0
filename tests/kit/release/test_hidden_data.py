"""Samples of hidden files are found in bytes, wherever they start, and what is alike by chance is not."""

from __future__ import annotations

import base64
import io
import random
import zipfile
from pathlib import Path

import pytest

from autograder.release.hidden_data import Found, HiddenData
from autograder.release.leaks import scan

HEADER = "sepal_length,petal_length\n"
NOISE = random.Random(0).randbytes(5_000)


def table(seed: int, rows: int = 200) -> str:
    drawn = random.Random(seed)
    return HEADER + "".join(f"{drawn.uniform(1, 9):.4f},{drawn.uniform(1, 9):.4f}\n" for _ in range(rows))


def hidden(root: Path, name: str, content: bytes | str) -> HiddenData:
    path = root / "data/hidden" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return HiddenData(root)


@pytest.mark.parametrize("before", range(9))
def test_a_file_is_found_wherever_it_starts(tmp_path: Path, before: int) -> None:
    table_found = hidden(tmp_path, "t.csv", table(1)).search(b"#" * before + table(1).encode())
    assert table_found == [Found("data/hidden/t.csv", 64, 64)]
    assert Found("data/hidden/n.pt", 64, 64) in hidden(tmp_path, "n.pt", NOISE).search(b"#" * before + NOISE + b"#")


def test_other_line_endings_hide_nothing(tmp_path: Path) -> None:
    [found] = hidden(tmp_path, "t.csv", table(1)).search(table(1).replace("\n", "\r\n").encode())
    assert found.samples == 64


def test_an_eighth_is_found_and_a_row_by_chance_is_not(tmp_path: Path) -> None:
    lines = table(1).splitlines()
    data = hidden(tmp_path, "t.csv", table(1))
    assert data.search("\n".join(lines[:40]).encode()) != []
    assert data.search("\n".join(lines[:3] + table(2).splitlines()).encode()) == []


@pytest.mark.parametrize("content", ["7\n", "", "0\n0\n0\n0\n0\n0\n", b"\0" * 100])
def test_what_could_be_anywhere_is_no_sample(tmp_path: Path, content: bytes | str) -> None:
    data = hidden(tmp_path, "small", content)
    assert data.search(b"\0" * 1000 + b"0\n" * 100 + b"7\n") == []


def test_a_course_without_hidden_data_has_no_samples(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text(table(1))
    assert HiddenData(tmp_path).search(table(1).encode()) == []


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("inside.csv"), table(1), zipfile.ZIP_DEFLATED)  # with a fixed date
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/all.csv", table(2) + table(1)),
        ("pack.zip", zipped()),
        ("means.ipynb", '{"cells": [{"source": "' + base64.b64encode(table(1).encode()).decode() + '"}]}'),
    ],
    ids=["table", "zip", "notebook"],  # workers that run tests side by side must collect the same names
)
def test_hidden_data_are_found_in_a_release(tmp_path: Path, name: str, content: bytes | str) -> None:
    hidden(tmp_path, "t.csv", table(1))
    for path in (tmp_path / "data/train.csv", tmp_path / "release/data/train.csv"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table(2))
    assert scan(tmp_path, tmp_path / "release") == []
    (tmp_path / "release" / name).write_bytes(content.encode() if isinstance(content, str) else content)
    [leak] = scan(tmp_path, tmp_path / "release")
    assert (leak.file, leak.private, leak.text) == (f"release/{name}", "data/hidden/t.csv", "64 of 64 samples")


def test_the_path_of_a_hidden_file_is_private(tmp_path: Path) -> None:
    hidden(tmp_path, "final_test.csv", table(1))
    (tmp_path / "release").mkdir()
    (tmp_path / "release/README.md").write_text("Nothing to see in data/hidden/final_test.csv.")
    assert [leak.text for leak in scan(tmp_path, tmp_path / "release")] == ["data/hidden/final_test.csv"]
