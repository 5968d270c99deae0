"""nbgrader_config.py is written once, read as nbgrader reads it, and kept from then on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_course import make_course

from autograder.course.course_file import Course, load_course
from autograder.errors import AutogradeError
from autograder.nbgrader.config import Settings, kept_settings, new_settings, read_settings, write_config

URL = "postgresql+psycopg://grace:secret@localhost/x"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return load_course(make_course(tmp_path))


def kept(folder: Path, new: Settings, *, seed: bool = False, url: bool = False) -> list[str]:
    return kept_settings(folder, new, seed_given=seed, db_url_given=url)[1]


def test_what_is_written_is_read_again(course: Course, tmp_path: Path) -> None:
    course = replace(course, title="Über 'Tensoren' \U0001f600")
    for number, url in enumerate(("", URL, "sqlite:////tmp/other.db")):
        folder = tmp_path / f"nbgrader-{number}"
        new = new_settings(course, folder, db_url=url, seed=7)
        write_config(folder, new)
        assert read_settings(folder) == new
        assert kept(folder, new, seed=True, url=True) == []
    assert new_settings(course, folder, db_url="", seed=7).db_url == f"sqlite:///{folder}/gradebook.db"


def test_a_password_is_the_owners(course: Course, tmp_path: Path) -> None:
    write_config(tmp_path, new_settings(course, tmp_path, db_url=URL, seed=7))
    assert (tmp_path / "nbgrader_config.py").stat().st_mode & 0o077 == 0


def test_an_edited_file_says_in_what_it_differs(course: Course, tmp_path: Path) -> None:
    new = new_settings(course, tmp_path, db_url="", seed=7)
    write_config(tmp_path, new)
    path = tmp_path / "nbgrader_config.py"
    path.write_text(path.read_text() + 'c.CourseDirectory.course_id = "CS 101"\nc.Exchange.root = "/srv/exchange"\n')
    before = path.read_bytes()
    other = new_settings(course, tmp_path, db_url="", seed=8)  # drawn, not asked for
    settings, notes = kept_settings(tmp_path, other, seed_given=False, db_url_given=False)
    assert (settings.seed, settings.course_id) == (7, "CS 101")
    assert notes == [
        f'{path} was kept: c.CourseDirectory.course_id is "CS 101" there, and would be "A tiny course" now.',
        "Change the file if that is not what you want; or remove it, and export again for a new one.",
    ]
    with pytest.raises(AutogradeError, match="the seed is 7 there, and --seed 8; change the file, which is never"):
        kept(tmp_path, other, seed=True)
    with pytest.raises(AutogradeError, match=r'--db-url "postgresql\+psycopg://grace:\*\*\*@localhost/x"; change the file'):
        kept(tmp_path, new_settings(course, tmp_path, db_url=URL, seed=7), url=True)
    assert path.read_bytes() == before


def test_a_file_of_somebody_elses_is_kept_too(course: Course, tmp_path: Path) -> None:
    path = tmp_path / "nbgrader_config.py"
    path.write_text('c = get_config()\nc.CourseDirectory.course_id = "x"\n')
    assert read_settings(tmp_path).db_url == f"sqlite:///{tmp_path}/gradebook.db"
    [note] = kept(tmp_path, new_settings(course, tmp_path, db_url="", seed=7))
    assert "was kept, and grades without autograde; add `from autograder.nbgrader import plugin`" in note
    assert f"plugin.configure(c, course={str(tmp_path)!r}, seed=7)" in note


def test_nothing_of_the_folder_one_is_in_counts(course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.db_url = "sqlite:///x.db"\n')
    monkeypatch.chdir(tmp_path / "elsewhere")
    new = new_settings(course, tmp_path / "nbgrader", db_url="", seed=7)
    write_config(tmp_path / "nbgrader", new)
    assert read_settings(tmp_path / "nbgrader") == new
