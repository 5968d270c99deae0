"""Writes the skeleton of a new topic: small, complete and already right, so the author can change it step by step.

Everything the author still has to write is marked. `unwritten` lists the marks, and no release is built with one left.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder._files import read_whole, write_whole
from autograder.course.course_file import load_course
from autograder.errors import CourseError

__all__ = ["MARK", "create", "next_steps", "topic_paths", "unwritten", "write"]

MARK = "WRITE:"
"""Marks the text of a skeleton that its author has to replace."""

_TEMPLATES = {
    "exercises/{}.py": "exercise.py.j2",
    "exercises/hints/{}.yml": "hints.yml.j2",
    "tests/visible/test_{}.py": "visible.py.j2",
    "tests/hidden/test_{}.py": "hidden.py.j2",
    "solutions/{}.py": "reference.py.j2",
    "solutions/alternatives/{}.py": "alternatives.py.j2",
    "solutions/misconceptions/{}.py": "misconceptions.py.j2",
}
_OTHER_MODULES = {"autograder", "numpy", "pytest", "torch"}


def create(course_root: Path, name: str, *, complete: bool = False) -> list[Path]:
    """Write the files of a new topic and its entry in course.yml.

    Args:
        course_root: the folder that contains course.yml.
        name: the topic's name; its files are named after it.
        complete: whether nothing is to be left for the author to write.

    Returns:
        The files written, course.yml last.

    Raises:
        CourseError: if the name cannot be used, the topic or one of its files already exists, or course.yml has a
            mistake. Then nothing is written.
    """
    texts = {pattern: _rendered(template, name, complete=complete) for pattern, template in _TEMPLATES.items()}
    return write(course_root, name, texts, title=_title(name), tasks=["row_means: {points: 4, level: easy}"])


def write(course_root: Path, name: str, texts: Mapping[str, str], *, title: str, tasks: Sequence[str]) -> list[Path]:
    """Write files of a new topic and its entry in course.yml.

    Args:
        course_root: the folder that contains course.yml.
        name: the topic's name.
        texts: the files' texts, by path, with `{}` for the topic's name.
        title: its title.
        tasks: the lines of its tasks in course.yml.

    Returns:
        The files written, course.yml last.

    Raises:
        CourseError: as `create` does.
    """
    _check_name(name)
    root = course_root.absolute()
    course_file = root / "course.yml"
    topics = _topics_before(course_file)
    if name in topics:
        raise CourseError(f"{course_file}: topics.{name} already exists; choose another name.")
    if taken := [path for path in topic_paths(root, name) if path.exists()]:
        raise CourseError(f"{taken[0]}: the file already exists; move it away or choose another name.")
    before = read_whole(course_file)
    entry = _entry(name, 1 + max(topics.values(), default=0), title, tasks)
    after = _with_entry(before.decode("utf-8"), entry, course_file)
    paths = [root / pattern.format(name) for pattern in texts]
    try:
        for path, text in zip(paths, texts.values(), strict=True):
            write_whole(path, text.encode("utf-8"))
        write_whole(course_file, after.encode("utf-8"))
        load_course(root)
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        if read_whole(course_file) != before:
            write_whole(course_file, before)
        raise
    return [*paths, course_file]


def _topics_before(course_file: Path) -> dict[str, int]:
    """The topics and their numbers. Empty for a course without topics, although it is not a valid course."""
    try:
        return {name: topic.number for name, topic in load_course(course_file).topics.items()}
    except CourseError:
        if course_file.is_file() and re.search(
            r"(?m)^topics\s*:\s*(\{\s*\}\s*)?(#.*)?\Z", course_file.read_text("utf-8", "replace").rstrip()
        ):
            return {}
        raise


def topic_paths(course_root: Path, name: str) -> list[Path]:
    """The files of a topic, whether or not they exist."""
    return [course_root / pattern.format(name) for pattern in _TEMPLATES]


def unwritten(course_root: Path, name: str) -> list[str]:
    """What the author still has to write, one line each: `FILE:LINE: what`."""
    marks = []
    for path in topic_paths(course_root, name):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        for number, line in enumerate(lines, 1):
            if MARK in line:
                what = line.split(MARK, 1)[1].strip(" \"'")
                marks.append(f"{path.relative_to(course_root).as_posix()}:{number}: {what}")
    return marks


def next_steps(course_root: Path, name: str) -> str:
    """What to tell an author after `create`."""
    marks = "\n".join(f"  {line}" for line in unwritten(course_root, name))
    return (
        f"The topic {name} works already, with one small task; `autograde verify {name}` proves it.\n"
        f"Change it step by step, and verify after each step. Still to write (marked {MARK}):\n{marks}\n"
        f"Then `autograde release` puts its notebook into release/. docs/authoring.md explains every step."
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name):
        remedy = "use up to 40 lowercase letters, digits and underscores, starting with a letter, but no Python keyword"
        raise CourseError(f"{name!r} cannot be a topic's name; {remedy}.")
    if name in sys.stdlib_module_names or name in _OTHER_MODULES:
        raise CourseError(f"{name!r} is a Python module, and a file {name}.py would hide it; choose another name.")


def _entry(name: str, number: int, title: str, tasks: Sequence[str]) -> list[tuple[int, str]]:
    """The lines of a topic in course.yml, each with how deeply it is indented."""
    return [
        (1, f"{name}:"),
        (2, f"number: {number}"),
        (2, f"title: {title}"),
        (2, "tasks:"),
        *((3, task) for task in tasks),
    ]


def _with_entry(text: str, lines_of_entry: Sequence[tuple[int, str]], file: Path) -> str:
    """The text of course.yml with a topic added after the last one; everything else stays byte for byte."""
    end_of_line = "\r\n" if "\r\n" in text else "\n"
    text = re.sub(r"(?m)^(topics\s*:)[ \t]*\{\s*\}", r"\1", text)
    lines = text.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines) if re.match(r"topics\s*:\s*(#.*)?$", line.rstrip())), None)
    if start is None:
        raise CourseError(f"{file}: topics is not a block of indented keys; write one topic per indented block.")
    end = start + 1
    indent = ""
    for position in range(start + 1, len(lines)):
        line = lines[position]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith((" ", "\t")):
            break
        indent = indent or re.match(r"\s*", line).group()  # type: ignore[union-attr] # it matches the empty string
        end = position + 1
    while end < len(lines) and re.match(r"[ \t]+#", lines[end]):
        end += 1
    step = indent or "  "
    entry = ["", *(f"{step * depth}{line}" for depth, line in lines_of_entry)]
    if not lines[end - 1].endswith("\n"):
        lines[end - 1] += end_of_line
    return "".join([*lines[:end], *(line + end_of_line for line in entry), *lines[end:]])


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("autograder.course"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )


def _rendered(template: str, name: str, *, complete: bool) -> str:
    return _environment().get_template(template).render(name=name, title=_title(name), mark=MARK, complete=complete)
