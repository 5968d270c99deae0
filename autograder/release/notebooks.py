"""The notebooks that students get, from exercises/TOPIC.py; the same source always gives the same bytes.

Two kinds of cells are added to the source: one that imports `check`, `hint` and `progress`, after the title, and one that
checks a task, after the task's own cell. They do nothing during grading. They and the tasks' cells carry nbgrader's
metadata. The start notebook, from exercises/00_start.py, has no tasks: nothing is added to it but a table of the topics,
where it says `<!-- topics -->`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jupytext  # type: ignore[import-untyped] # it ships no types
import nbformat
from nbformat.v4 import new_code_cell

from autograder._files import read_source
from autograder.course.cells import read_cells, task_source
from autograder.course.course_file import Course, TaskEntry
from autograder.course.file_names import START
from autograder.course.topic import Topic
from autograder.errors import AuthoringError, SubmissionError
from autograder.records.jobs import Cell
from autograder.release.nbgrader_marks import mark_cells
from autograder.release.public_keys import content_version

__all__ = ["as_released", "notebook_bytes", "start_bytes"]

_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
_SETUP = """\
from autograder import check, hint, progress

# check("NAME")     checks a task; check() checks all of them
# hint("NAME")      gives one more hint
# progress()        shows how far you are\
"""
_SETUP_WITH_SOLUTIONS = (
    _SETUP.replace("hint, progress", "hint, progress, solution")
    + '\n# solution("NAME")  shows a worked solution, once it is open'
)
_CHECKED = re.compile(r'\Acheck\("(\w+)"\)\Z')
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
_LANGUAGE = {"name": "python"}
_TOPICS = "<!-- topics -->"


def notebook_bytes(course: Course, topic: Topic) -> bytes:
    """The topic's notebook: no outputs, stable cell ids, and its topic and version in the metadata.

    A task's cell has the id `task-NAME`, and its check `check-NAME`. Other ids come from the cell's text, so changing a
    cell changes no other cell's id.

    Raises:
        AuthoringError: if the exercise is not a valid notebook source.
    """
    source = read_source(course.root / "exercises" / f"{topic.name}.py")
    notebook = _notebook(source, topic.name, topic.exercise, content_version(course, topic))
    tasks = course.topics[topic.name].tasks
    setup = _SETUP if course.topics[topic.name].solutions == "never" else _SETUP_WITH_SOLUTIONS
    notebook.cells = list(_with_checks(notebook.cells, tasks, setup))
    _name_cells(notebook.cells, tasks)
    _mark_cells(notebook.cells, tasks, setup)
    return _bytes(notebook, topic.name)


def start_bytes(course: Course, path: Path) -> bytes:
    """The start notebook, with a table of the course's topics and links to their notebooks.

    Args:
        course: the course.
        path: the notebook's source.

    Raises:
        AuthoringError: if it is not a valid notebook source.
    """
    source = read_source(path)
    try:
        cells = read_cells(source.encode(), path.name)
    except SubmissionError as error:
        raise AuthoringError(f"exercises/{error}") from error
    version = hashlib.blake2b(source.encode(), digest_size=16).hexdigest()
    notebook = _notebook(source, START, cells, version)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(_TOPICS, _topics_table(course))
    _name_cells(notebook.cells, ())
    return _bytes(notebook, START)


def _topics_table(course: Course) -> str:
    """The topics in the order in which they are taught, as a table in Markdown."""
    about = any(topic.summary for topic in course.topics.values())
    rows = [["", "notebook", "topic", *(["what it is about"] if about else []), ""], ["--:", *["---"] * (4 if about else 3)]]
    for number, (name, topic) in enumerate(course.topics.items(), 1):
        summary = [topic.summary] if about else []
        link = f"[{name}]({course.notebook(name)})"
        rows.append([f"{number}", link, topic.title, *summary, "required" if topic.required else "optional"])
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def as_released(data: bytes) -> bool:
    """Whether a notebook is as a release wrote it: nobody has opened it in a notebook program and saved it since."""
    try:
        notebook = json.loads(data)
        bare = all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook["cells"])
        return bare and notebook["metadata"]["language_info"] == _LANGUAGE and _dumped(notebook) == data
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _notebook(source: str, name: str, read: Sequence[Cell], version: str) -> Any:
    notebook: Any = jupytext.reads(source, fmt=_FORMAT)
    notebook.metadata = {
        "kernelspec": _KERNEL,
        "language_info": _LANGUAGE,
        "autograde": {"topic": name, "version": version},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    _take_code(notebook.cells, name, read)
    return notebook


def _bytes(notebook: Any, name: str) -> bytes:
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise AuthoringError(f"exercises/{name}.py does not give a valid notebook: {error.message}.") from error
    return _dumped(notebook)


def _dumped(notebook: Any) -> bytes:
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _take_code(cells: Iterable[Any], name: str, read_as: Iterable[Cell]) -> None:
    """Give the code cells the text that grading reads: Jupytext mistakes some comments for shell commands."""
    read = {cell.number: cell.source for cell in read_as}
    code = [cell for cell in cells if cell.cell_type == "code"]
    if set(read) - set(range(1, len(code) + 1)):
        raise AuthoringError(f"exercises/{name}.py is not in the percent format; begin each cell with `# %%`.")
    for number, cell in enumerate(code, 1):
        cell.source = read.get(number, "")


def _with_checks(cells: Sequence[Any], tasks: Iterable[str], setup: str) -> Iterator[Any]:
    """The cells, with the import after the title and a call to `check` after each task's last definition."""
    titled = bool(cells) and cells[0].cell_type == "markdown"
    last = {task: cell for cell in cells for task in _defined(cell, tasks)}
    new: Callable[[str], Any] = new_code_cell
    if not titled:
        yield new(setup)
    for number, cell in enumerate(cells):
        yield cell
        if number == 0 and titled:
            yield new(setup)
        for task in tasks:
            if last.get(task) is cell:
                yield new(f'check("{task}")')


def _defined(cell: Any, tasks: Iterable[str]) -> list[str]:
    code = (Cell(1, cell.source),) if cell.cell_type == "code" else ()
    return [task for task in tasks if task_source(code, task)]


def _name_cells(cells: Iterable[Any], tasks: Iterable[str]) -> None:
    taken: set[str] = set()
    for cell in cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if not key.startswith("lines_to_")}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        cell.id = _free(_cell_name(cell, tasks), taken)


def _mark_cells(cells: Sequence[Any], tasks: Mapping[str, TaskEntry], setup: str) -> None:
    points = {_cell_id("check", name): task.points for name, task in tasks.items()}
    setup_cell = next(cell.id for cell in cells if cell.source == setup)
    mark_cells(cells, {_cell_id("task", name) for name in tasks}, points, setup_cell)


def _cell_id(kind: str, name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"{kind}-{name}")[:60]


def _cell_name(cell: Any, tasks: Iterable[str]) -> str:
    if cell.cell_type == "code":
        for kind, names in (("task", _defined(cell, tasks)), ("check", _CHECKED.findall(cell.source))):
            if names:
                return _cell_id(kind, names[0])
    return f"{cell.cell_type}-{hashlib.blake2b(cell.source.encode(), digest_size=6).hexdigest()}"


def _free(name: str, taken: set[str]) -> str:
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free)
    return free
