"""How the blocks of code in the documentation are checked: a way for each language. A way raises or asserts."""

from __future__ import annotations

import ast
import csv
import dataclasses
import functools
import importlib
import inspect
import io
import itertools
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import typer
import yaml
from distributed.cli import dask_scheduler, dask_worker
from markdown_pages import ROOT, Block, blocks
from nbgrader.apps.nbgraderapp import NbGraderApp

import autograder
from autograder.checking.given import Given
from autograder.commands import instructor
from autograder.course.course_file import load_course
from autograder.course.roster import read_roster
from autograder.gradebook.adjustments import load_adjustments
from autograder.grading.json_lines import Line
from autograder.verifying.accepted_mutants import accepted_file, read_accepted

__all__ = ["COMMANDS", "WAYS", "language_of", "parse_calls", "parse_command"]

OTHER_PROGRAMS = {
    "cd",
    "source",
    "umask",
    "chmod",
    "export",
    "for",
    "do",
    "done",
    "openssl",
    "chromium",
    "docker",
    "jupyter",
    "python",
    "python3",
    "pip",
    "make",
    "nbgrader",
    "dask",
}
"""What may stand at the start of a line of a shell, besides `autograde`."""
COMMANDS: Any = typer.main.get_command(instructor.app)
MAGICS = ("!unzip ", "%cd ", "%pip install ")
NAME = re.compile(r"(?<![\w./-])[\w.-]+(?:/[\w.-]+)*(?:/(?!\w)|\.(?:py|ipynb|yml|csv|json|html|md)\b)")

GENERATED = re.compile(r"^(submitted|grades)/(.*/)?(?=[^/])")
"""Folders that are in no repository; the name of a file there is in the code."""


def language_of(block: Block) -> str:
    """What a block says that it is; where it says nothing, what it looks like."""
    first = block.text.lstrip().split(" ", 1)[0]
    if first.startswith("student,"):
        return "csv"
    if block.language:
        return block.language
    if first.startswith(("$", "!", "%")):
        return "console" if first == "$" else "ipython"
    return "sh" if first in OTHER_PROGRAMS or first == "autograde" else "text"


# ---- Python -------------------------------------------------------------------------------------------------------------


def _python(block: Block, _: Path) -> None:
    """It compiles, what it imports is there, and the kit's functions take these arguments."""
    tree = ast.parse(block.text)
    compile(tree, str(block), "exec")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            missing = [alias.name for alias in node.names if not hasattr(importlib.import_module(node.module), alias.name)]
            assert missing == [], f"{node.module} has no {missing}"
    parse_calls(tree)


def parse_calls(tree: ast.AST) -> None:
    """The calls of the kit's functions in it have the arguments that these take."""
    for node in ast.walk(tree):
        function = _function_of(node.func) if isinstance(node, ast.Call) else None
        if function is None or not isinstance(node, ast.Call) or any(isinstance(each, ast.Starred) for each in node.args):
            continue
        if all(each.arg for each in node.keywords):
            given = {str(each.arg): each.value for each in node.keywords}
            inspect.signature(function).bind(*node.args, **given)


def _function_of(called: ast.expr) -> Callable[..., Any] | None:
    """The function of the kit that is called, if it is one; `given.X` and `source.X` must be there."""
    match called:
        case ast.Attribute(value=ast.Name(id="given")):
            return functools.partial(getattr(Given, called.attr), None)
        case ast.Attribute(value=ast.Name(id="source")):
            return getattr(autograder.source, called.attr)  # type: ignore[no-any-return]
        case ast.Name() if called.id in autograder.__all__ or called.id == "Grader":
            return getattr(autograder, called.id)  # type: ignore[no-any-return]
    return None


# ---- shells -------------------------------------------------------------------------------------------------------------


def _shell(block: Block, _: Path) -> None:
    """A shell can parse it, and each line's program takes these words."""
    _parse_script(block.text)


def _console(block: Block, _: Path) -> None:
    """The lines after `$` are a shell's; what the others say, the tests of these commands know."""
    lines = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    assert lines, "no line begins with $"
    _parse_script("\n".join(lines))


def _parse_script(text: str) -> None:
    subprocess.run(["bash", "-n"], input=text, text=True, check=True, capture_output=True)
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=";&|")
        words.whitespace_split = True
        for ends, part in itertools.groupby(words, lambda word: set(word) <= set(";&|")):
            if not ends:
                _parse_line(list(part))


def _parse_line(words: list[str]) -> None:
    program, *rest = words
    assert program in OTHER_PROGRAMS or program == "autograde", f"{program} is a program that no way knows"
    if program == "autograde":
        parse_command(rest)
    elif program == "docker" and rest[0] == "run":
        image = next(number for number, word in enumerate(rest) if word in ("IMAGE", "autograde"))
        command = rest[image + 1 :]
        parse_command(command[1:] if command[0] == "autograde" else command)
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"make has no target {rest[0]}"
    elif program == "pip":
        _parse_pip(rest)
    elif program in ("python", "python3") and not rest[0].startswith("-"):
        assert (ROOT / rest[0]).is_file(), f"{rest[0]} is missing"
    elif program == "nbgrader":
        assert rest[0] in NbGraderApp.subcommands, f"nbgrader has no command {rest[0]}"
    elif program == "dask":
        {"scheduler": dask_scheduler, "worker": dask_worker}[rest[0]].main.make_context(rest[0], rest[1:])


def parse_command(words: list[str]) -> None:
    """`autograde` takes these words: the command and its options are there, and all that it needs."""
    if words[0].startswith("-"):
        COMMANDS.make_context("autograde", list(words), resilient_parsing=True)
        return
    assert words[0] in COMMANDS.commands, f"there is no command {words[0]}"
    COMMANDS.commands[words[0]].make_context(words[0], words[1:])


def _parse_pip(words: list[str]) -> None:
    assert words[0] in ("install", "show"), words
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for names in re.findall(r"autograde[-_]torch[^\[]*\[([\w,]+)\]", " ".join(words)):
        assert set(names.split(",")) <= set(extras), f"{names} is not an extra"


# ---- data ---------------------------------------------------------------------------------------------------------------


def _yaml(block: Block, folder: Path) -> None:
    """The kit's reader of such a file takes it."""
    data = yaml.safe_load(block.text)
    match data:
        case {"topics": _}:
            _load_course(block.text, data, folder)
        case {"limits": _} | {"hidden": _} | {"verify": _}:
            course = {"title": "T", "topics": {"topic": {"title": "T", "number": 1, "tasks": {"f": {"points": 1}}}}, **data}
            _load_course(yaml.safe_dump(course), course, folder)
        case [{"student": _}, *_]:
            (folder / "adjustments.yml").write_text(block.text, encoding="utf-8")
            load_adjustments(dataclasses.replace(load_course(ROOT), root=folder))
        case [{"run": _}, *_]:
            for step in data:
                assert set(step) <= {"name", "run", "timeout-minutes"}
                _parse_script(re.sub(r"\$\{\{.*?\}\}", "1", step["run"]))
        case dict() if all(
            isinstance(hints, list) and all(isinstance(hint, str) for hint in hints) for hints in data.values()
        ):
            assert {len(hints) for hints in data.values()} == {3}, "a task has three hints"
        case dict() if all(isinstance(entries, list) for entries in data.values()):
            accepted_file(folder, "topic").parent.mkdir(parents=True)
            accepted_file(folder, "topic").write_text(block.text, encoding="utf-8")
            assert read_accepted(folder, "topic", list(data))
        case dict() if all(isinstance(task, dict) and "points" in task for task in data.values()):
            course = {"title": "T", "topics": {"topic": {"title": "T", "number": 1, "tasks": data}}}
            _load_course(yaml.safe_dump(course), course, folder)
        case _:
            raise AssertionError("no reader of the kit takes such a file")


def _load_course(text: str, data: dict[str, Any], folder: Path) -> None:
    (folder / "course.yml").write_text(text, encoding="utf-8")
    for topic, entry in data["topics"].items():
        for name in (f"exercises/{topic}.py", f"solutions/{topic}.py", f"tests/visible/test_{topic}.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("".join(map(_stub, *zip(*entry["tasks"].items(), strict=True))), encoding="utf-8")
    load_course(folder)


def _stub(name: str, task: dict[str, Any]) -> str:
    if task.get("kind") != "output":
        return f"{name} = ...\n"
    inputs = list(task.get("inputs", {}))
    set_first = "".join(f"{each} = 1\n" for each in inputs)
    return f"# %%\n{set_first}\n# %%\n# autograde: {name}\nprint({', '.join(inputs)})\n"


def _csv(block: Block, folder: Path) -> None:
    """It is a roster that can be read, and no row is longer than the first."""
    (folder / "roster.csv").write_text(block.text, encoding="utf-8")
    rows = list(csv.reader(io.StringIO(block.text)))
    assert len(read_roster(folder / "roster.csv").people) == len(rows) - 1
    assert {len(row) for row in rows} == {len(rows[0])}


def _json(block: Block, _: Path) -> None:
    """It has the fields of a line of `autograde grade --json`."""
    for line in block.text.splitlines():
        assert set(json.loads(line)) == set(Line.__struct_fields__)
        msgspec.json.decode(line, type=Line)


# ---- words --------------------------------------------------------------------------------------------------------------


def _text(block: Block, _: Path) -> None:
    """Every file and folder that it names is in the repository, or the kit's code or another block of the page names it."""
    names = [GENERATED.sub("", name).rstrip("/") for name in NAME.findall(block.text)]
    assert names, "it names no file, and no way checks other text: say its language, or run it in a test"
    others = "".join(each.text for each in blocks(block.page) if each.text != block.text)
    unknown = [name for name in names if f"/{_topic(name)}\n" not in _tree() and name not in _code() and name not in others]
    assert unknown == [], f"{unknown} is nowhere"


def _topic(name: str) -> str:
    return name.replace("TOPIC", "autograd")


@functools.cache
def _tree() -> str:
    """The paths of all files and folders of the repository, a line each."""
    folders = ("autograder", "benchmarks", "ci", "docs", "examples", "exercises", "release", "solutions", "tests")
    paths = [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    return "".join(f"/{path.relative_to(ROOT)}\n" for path in paths if "__pycache__" not in path.parts)


@functools.cache
def _code() -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (ROOT / "autograder").rglob("*.py"))


def _ipython(block: Block, _: Path) -> None:
    """Each line is a magic that notebooks know."""
    for line in block.text.splitlines():
        assert line.startswith(MAGICS), line


def _shown(block: Block, _: Path) -> None:
    """Sphinx is told to put something there, and the site is built by a test."""
    assert block.text


WAYS: dict[str, Callable[[Block, Path], None]] = {
    "python": _python,
    "sh": _shell,
    "console": _console,
    "yaml": _yaml,
    "csv": _csv,
    "json": _json,
    "text": _text,
    "ipython": _ipython,
    "{eval-rst}": _shown,
}
"""How a block in each language is checked."""
