"""A student's notebook or Python file, with its topic; and a Python file made from a released notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder._files import read_whole
from autograder._words import suggestion
from autograder.course.cells import holds_notebook, notebook_topic, notebook_version, python_text, read_cells
from autograder.course.file_names import is_start, split_duplicate, topic_named, topic_of_stem
from autograder.course.stubs import has_work
from autograder.errors import RequestError, SubmissionError
from autograder.records.jobs import Cell
from autograder.student.released import Release

__all__ = ["StudentFile", "file_of", "find_file", "python_file", "read_file", "topic_of"]

_ENDINGS = (".py", ".ipynb")


@dataclass(frozen=True)
class StudentFile:
    """A file's cells.

    `whole` is the text of a Python file whose errors are reported with the file's own line numbers, else empty.
    `version` is the notebook's version, or empty if it has none.
    """

    path: Path
    topic: str
    cells: tuple[Cell, ...]
    whole: str = ""
    version: str = ""


def find_file(release: Release, path: Path | None) -> Path:
    """The file that is meant: the given one, or the only file in the working folder for one of the release's topics.

    Raises:
        RequestError: if there is none, or more than one.
    """
    if path is not None:
        if path.is_file():
            return path
        if other := _with_other_number(release, path):
            return other
        topic = next((name for name, card in release.card.topics.items() if str(path) in card.tasks), None)
        if topic is not None:
            raise RequestError(
                f"{path} is a task, but this command checks a whole file: name the file, or run `check({str(path)!r})` in "
                f"the notebook {release.notebook(topic).name}."
            )
        near = [each.name for each in _candidates(path.parent)] if path.parent.is_dir() else []
        raise RequestError(f"{path}: there is no such file{f'; {suggestion(path.name, near)}' if near else '.'}")
    named = [each for each in _candidates(Path.cwd()) if topic_named(each.stem, release.card.topics)]
    files = [each for each in named if each.suffix == ".py"] or named
    if len(files) == 1:
        return files[0].relative_to(Path.cwd())
    if not files:
        raise RequestError("There is no notebook or Python file for this course here; `autograde start TOPIC` makes one.")
    raise RequestError(f"Which file do you mean? Name one of {', '.join(each.name for each in files)}.")


def _candidates(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix in _ENDINGS and each.is_file())


def _with_other_number(release: Release, path: Path) -> Path | None:
    """The one file for the same topic where a name has another number, or none: `01_dtypes.ipynb` for `dtypes.ipynb`."""
    topic = topic_named(path.stem, release.card.topics)
    if topic is None or not path.parent.is_dir():
        return None
    same = [each for each in _candidates(path.parent) if each.suffix == path.suffix]
    files = [each for each in same if topic_named(each.stem, release.card.topics) == topic]
    return files[0] if len(files) == 1 else None


def file_of(release: Release, topic: str, folder: Path) -> Path | None:
    """A topic's file in a folder, whatever it is called. Of several as in grading: one with work in it first, then a
    notebook, then the one named after the topic, then by name."""
    files = [each for each in _candidates(folder) if _topic_as_in_grading(release, each) == topic]
    work = {each: len(files) == 1 or _holds_work(release, topic, each) for each in files}
    named = {each: topic_named(each.stem, release.card.topics) == topic for each in files}
    return min(files, key=lambda each: (not work[each], each.suffix != ".ipynb", not named[each], each.name), default=None)


def _topic_as_in_grading(release: Release, path: Path) -> str | None:
    """The topic that a file is named after, else the one in a notebook's metadata, else one in a notebook's name."""
    topics = release.card.topics
    stem, copy = split_duplicate(path.stem)
    notebook = path.suffix == ".ipynb"
    named = topic_named(path.stem, topics) or (topic_named(stem, topics) if notebook or copy else None)
    if named or not notebook or is_start(stem):
        return named
    try:
        inside = notebook_topic(read_whole(path))
    except OSError:
        return None
    return topic_of_stem(stem, topics) if inside is None else inside if inside in topics else None


def _holds_work(release: Release, topic: str, path: Path) -> bool:
    stubs = {task: card.stub for task, card in release.card.topics[topic].tasks.items()}
    try:
        return has_work(read_cells(read_whole(path), path.name), stubs)
    except (OSError, SubmissionError):
        return True


def topic_of(release: Release, path: Path, data: bytes, topic: str | None) -> str:
    """The topic of a file: the given one, the one in its metadata, or the one that it or its folder is named after.

    Raises:
        RequestError: if none of them is a topic of the release.
    """
    if topic is not None:
        if topic not in release.card.topics:
            raise RequestError(f"There is no topic {topic!r}; {suggestion(topic, release.card.topics)}")
        return topic
    topics, inside = release.card.topics, notebook_topic(data)
    exact = topic_named(split_duplicate(path.stem)[0], topics)
    if is_start(inside) or (is_start(path.stem) and not exact):
        first = release.notebook(next(iter(topics))).name
        raise RequestError(f"{path.name} has no tasks to check; the first notebook that has some is {first}.")
    for name in (inside, topic_of_stem(path.stem, topics), topic_named(path.absolute().parent.name, topics)):
        if name in topics:
            return str(name)
    raise RequestError(
        f"{path.name}: which topic is it for? Name the file after its topic, or give the topic with --topic: "
        f"{', '.join(release.card.topics)}."
    )


def read_file(release: Release, path: Path, topic: str | None = None) -> StudentFile:
    """Read a notebook (.ipynb) or Python file (.py).

    Raises:
        RequestError: if its topic is not clear.
        SubmissionError: if it cannot be read.
    """
    try:
        data = read_whole(path)
    except OSError as error:
        raise SubmissionError(f"{path} cannot be read ({error.strerror}).") from error
    name = topic_of(release, path, data, topic)
    cells = read_cells(data, path.name)
    if holds_notebook(data, path.name):
        return StudentFile(path, name, cells, version=notebook_version(data) or "")
    text = python_text(data, path.name)
    placed = _placed(cells, text)
    return StudentFile(path, name, placed or cells, text if placed else "")


def _placed(cells: tuple[Cell, ...], text: str) -> tuple[Cell, ...]:
    """The cells with comment lines before them, so that their line numbers are the file's; none if that is impossible."""
    placed = []
    start = 0
    for cell in cells:
        start = text.find(cell.source, start)
        if start < 0 or cell.source.lstrip().startswith("%%"):
            return ()
        placed.append(Cell(0, "#\n" * text.count("\n", 0, start) + cell.source))
        start += len(cell.source)
    return tuple(placed)


def python_file(notebook: bytes) -> str:
    """A notebook as a Python file in the percent format, which editors and Jupytext understand.

    Raises:
        RequestError: if it cannot be read.
    """
    try:
        cells = json.loads(notebook)["cells"]
        text = "\n\n".join("\n".join(_lines(cell)) for cell in cells) + "\n"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RequestError("The released notebook cannot be read; take a fresh copy from the release.") from error
    # What the student types at the end of the file is code, not part of the last text cell.
    return text if cells and cells[-1]["cell_type"] == "code" else f"{text}\n# %%\n"


_MAGIC = re.compile(r"^([ \t]*)(%{1,2}[a-zA-Z]|![^\s=])")


def _lines(cell: dict[str, Any]) -> Iterator[str]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    if cell["cell_type"] == "code":
        yield "# %%"
        yield from (_MAGIC.sub(r"\1# \2", line) for line in source.split("\n"))
    else:
        yield "# %% [markdown]"
        yield from (f"# {line}".rstrip() for line in source.split("\n"))
