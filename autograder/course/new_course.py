"""Writes a new course: small and complete, with one topic that verifies, grades and releases as it stands."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from autograder._files import locked, write_whole
from autograder.course import new_topic
from autograder.course.course_file import load_course
from autograder.errors import CourseError

__all__ = ["TOPIC", "create", "next_steps"]

TOPIC = "reductions"
"""The topic of a new course."""

_UNFINISHED = ".autograde-init-"
_TEMPLATES = {
    "course.yml": "course.yml.j2",
    "README.md": "course_readme.md.j2",
    ".gitignore": "course_gitignore.j2",
    ".github/workflows/course.yml": "course_ci.yml.j2",
    f"examples/class/ada/{TOPIC}.py": "right_answer.py.j2",
    f"examples/class/bo/{TOPIC}.py": "wrong_answer.py.j2",
}


def create(folder: Path, title: str = "") -> list[Path]:
    """Write a course into a folder that is empty or does not exist; a new Git repository counts as empty.

    Args:
        folder: the course's folder; made if it does not exist.
        title: the course's title; made from the folder's name if empty.

    Returns:
        The files written, sorted.

    Raises:
        CourseError: if something is there already. Then nothing is written.
    """
    root = folder.absolute()
    if root.exists() and not root.is_dir():
        raise CourseError(f"{folder}: this is a file; name a new or empty folder for the course.")
    if root.is_dir() and (taken := sorted(path.name for path in root.iterdir() if path.name != ".git")):
        raise CourseError(f"{folder}: the folder is not empty (it has {taken[0]}); name a new or empty one for the course.")
    root.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(root.parent) as place:
        fresh = place / "course"
        _write(fresh, " ".join(title.split()) or _title(root.name))
        names = sorted(path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file())
        if not root.exists():
            fresh.rename(root)  # all at once
        else:
            for path in sorted(fresh.iterdir()):
                path.rename(root / path.name)
    return [folder / name for name in names]


@contextlib.contextmanager
def _unfinished(parent: Path) -> Iterator[Path]:
    """A folder for what is not complete yet, removed afterwards; before it, those that killed runs left are removed."""
    with contextlib.ExitStack() as stack:
        with locked(parent):  # so that nobody finds the folder before its own lock
            for left in parent.glob(f"{_UNFINISHED}*"):
                with contextlib.suppress(OSError), locked(left, wait=False):
                    shutil.rmtree(left)
            fresh = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=parent)))
            stack.enter_context(locked(fresh, wait=False))
        yield fresh


def next_steps(folder: Path) -> str:
    """What to tell an author after `create`."""
    return (
        f"The course in {folder} works already. In that folder, try\n"
        f"  autograde verify                  prove its checks\n"
        f"  autograde grade examples/class    grade an example class of two\n"
        f"  autograde release                 build what students get\n"
        f"Then `autograde new TOPIC` starts a topic of your own, and `autograde import FILE` makes one from a notebook."
    )


def _write(root: Path, title: str) -> None:
    environment = Environment(
        loader=PackageLoader("autograder.course", "templates/course"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    for name, template in _TEMPLATES.items():
        text = environment.get_template(template).render(title=title, quoted=json.dumps(title), topic=TOPIC)
        write_whole(root / name, text.encode("utf-8"))
    new_topic.create(root, TOPIC, complete=True)
    load_course(root)


def _title(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] or "A course"
