"""Every block of code in the documentation, and every command in a line of it, is checked in some way.

Blocks that run as they stand have tests of their own: test_api_guide.py, test_authoring_guide.py, test_devices_page.py,
test_how_to.py.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from markdown_pages import PAGES, ROOT, Block, blocks, spans
from snippet_checks import COMMANDS, WAYS, language_of, parse_calls

BLOCKS = [block for page in PAGES for block in blocks(page)]
READ = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which tells of commands that were
SHOWN_BY_A_TEST = {("docs/first-class.md", "text"): "test_how_to.py"}


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_is_checked(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    language = language_of(block)
    if (str(block.page.relative_to(ROOT)), language) not in SHOWN_BY_A_TEST:
        assert language in WAYS, f"no way checks {language}"
        WAYS[language](block, tmp_path)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "from autograder import no_such_name"),
        ("python", "given.normall(3)"),
        ("python", 'given.module(factory, "model")'),
        ("python", "checks()"),
        ("python", "def f(:"),
        ("sh", "autograde grade --tpoic autograd"),
        ("sh", "autograde grate submitted"),
        ("sh", "autograde show ada"),
        ("sh", "make no-such-target"),
        ("sh", "pip install 'autograde-torch[nothing]'"),
        ("sh", "unknown-program"),
        ("sh", "nbgrader no-such-command"),
        ("sh", "dask worker tcp://10.0.0.1:8786 --nthraeds 8"),
        ("console", "autograde grade"),
        ("yaml", "task: {points: 3, levle: easy}"),
        ("yaml", "title: T\ntopics: {a: {title: A, numbr: 1, tasks: {}}}"),
        ("yaml", "- student: ada\n  pionts: 3"),
        ("yaml", "task: [one hint]"),
        ("yaml", "whatever: 3"),
        ("csv", "student,name\nada,Ada,Lovelace"),
        ("json", '{"student": "ada"}'),
        ("text", "no_such_file.py ─▶ course_file.py"),
        ("text", "nothing that anybody could check"),
        ("ipython", "%no_such_magic"),
    ],
)
def test_a_mistake_would_be_found(language: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(f"```{language}\n{text}\n```\n", encoding="utf-8")
    (block,) = blocks(page)
    with pytest.raises(BaseException):  # noqa: B017, PT011  (whatever the reader of such a text raises)
        WAYS[language](block, tmp_path)


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_lines_of_text_are_there(page: Path) -> None:
    mistakes = []
    for words in (span.split() for span in spans(page)):
        if words[0] != "autograde" or len(words) < 2 or words[1].isupper() or words[1].startswith("-"):
            continue
        command = COMMANDS.commands.get(words[1])
        known = (
            {"--help", *(name for each in command.params for name in each.opts + each.secondary_opts)} if command else set()
        )
        options = {word.partition("=")[0] for word in words[2:] if word.startswith("-")}
        mistakes += [" ".join(words)] if command is None or options - known else []
    assert mistakes == []


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.relative_to(ROOT)))
def test_calls_in_lines_of_text_fit(page: Path) -> None:
    for span in spans(page):
        try:
            tree = ast.parse(span.removeprefix("@"))
        except SyntaxError:
            continue
        if "…" not in span and not span.endswith("()"):
            parse_calls(tree)
