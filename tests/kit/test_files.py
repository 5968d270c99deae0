"""Files that appear at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder._files import write_whole


def test_a_file_replaces_an_older_one_and_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "ann" / "views.html"
    write_whole(path, b"first, which is longer")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "views.html"
    (path / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=r"views\.html"):
        write_whole(path, b"text")
    assert list(tmp_path.iterdir()) == [path]
