"""What is too old is refused in a sentence, before anything else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from versions import with_row

from autograder import _versions
from autograder.commands import instructor
from autograder.errors import AutogradeError

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_oldest_versions_are_those_that_pip_is_told() -> None:
    told = [f"{name}>={oldest}" for name, oldest in _versions.OLDEST.items() if name != "Python"]
    assert set(told) <= set(PROJECT["dependencies"])
    assert PROJECT["requires-python"] == f">={_versions.OLDEST['Python']}"


def test_what_is_installed_here_is_supported() -> None:
    _versions.require_supported()
    assert all(_versions.installed().values())


@pytest.mark.parametrize(
    ("name", "found", "sentence"),
    [
        ("torch", "2.8.0+cpu", "torch 2.8.0+cpu is too old: autograde needs 2.9 or newer; "
         "run: python -m pip install 'torch>=2.9'."),
        ("torch", "1.13.1", "torch 1.13.1 is too old: autograde needs 2.9 or newer; "
         "run: python -m pip install 'torch>=2.9'."),
        ("numpy", "", "numpy is not installed; run: python -m pip install 'numpy>=2.0'."),
        ("Python", "3.10.12", "Python 3.10.12 is too old: autograde needs 3.11 or newer; make an environment with Python "
         "3.11 or newer, and install autograde there."),
    ],
)  # fmt: skip
def test_what_is_too_old_is_refused(
    name: str, found: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = _versions.installed()
    monkeypatch.setattr(_versions, "installed", lambda: there | {name: found})
    with pytest.raises(AutogradeError) as caught:
        _versions.require_supported()
    assert str(caught.value) == sentence
    with pytest.raises(SystemExit) as ended:
        instructor.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"{sentence}\n"


@pytest.mark.parametrize("found", ["2.9.0", "2.10.1+cu128", "2.13.0a0+git1234", "3.0"])
def test_what_is_new_is_not_refused(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = _versions.installed()
    monkeypatch.setattr(_versions, "installed", lambda: there | {"torch": found})
    _versions.require_supported()


def test_a_pair_has_one_row_in_the_table() -> None:
    page = "# A\n\n| Python | torch |\n|---|---|\n\nMore.\n"
    page = with_row(page, "3.11", "2.9.1", ["1 failed"])
    page = with_row(page, "3.12", "2.9.1", ["2 passed"])
    page = with_row(page, "3.11", "2.9.1", ["3 passed"])
    assert (
        page == "# A\n\n| Python | torch |\n|---|---|\n| 3.11 | 2.9.1 | 3 passed |\n| 3.12 | 2.9.1 | 2 passed |\n\nMore.\n"
    )
