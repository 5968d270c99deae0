"""docs/attacks.md is what the tests hold."""

from __future__ import annotations

from pathlib import Path

from attack_page import PAGE, ROOT, page

TESTS = '''
"""Bad people.

More.
"""
CASES: dict[str, str] = {"a | b": "1", "c": "2"}

@pytest.mark.attack
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", ["x = 1", "y = 2"])
def test_it_holds(name, mode): ...

def test_something_else(): ...

@pytest.mark.fault
def test_a_machine_that_stops(): ...
'''


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(ROOT), "run `python tests/kit/support/attack_page.py`"


def test_only_marked_tests_are_listed_with_the_names_of_their_cases(tmp_path: Path) -> None:
    folder = tmp_path / "tests/kit/room"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text(TESTS, encoding="utf-8")
    written = page(tmp_path)
    assert "\n4 in 1 files.\n\n### Bad people.\n\n`tests/kit/room/test_it.py`\n" in written
    assert "| It holds | a \\| b; c |" in written
    assert "| A machine that stops |  |" in written
    assert "Something else" not in written


def test_a_mark_for_the_whole_file_counts(tmp_path: Path) -> None:
    folder = tmp_path / "tests/kit"
    folder.mkdir(parents=True)
    (folder / "test_it.py").write_text("pytestmark = [pytest.mark.slow, pytest.mark.fault]\ndef test_a_b(): ...\n")
    assert "| A b |  |" in page(tmp_path)
