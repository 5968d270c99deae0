"""Looks whether the files that course.yml names are there, and define what it says they do."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from autograder._files import read_source
from autograder._words import closest, suggestion
from autograder.course.data_files import FOLDER, data_names, named
from autograder.course.declarations import parse_file
from autograder.course.marked import MARK, marked_lines, marked_names, marked_text
from autograder.course.task_entry import TaskEntry, unread_inputs
from autograder.errors import AuthoringError
from autograder.records.jobs import Cell

__all__ = ["Mistakes", "check_data", "check_files"]


@dataclass
class Mistakes:
    """Sentences on what is wrong with course.yml and what it names, one a line."""

    file: str
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Add a sentence on course.yml itself."""
        self.lines.append(f"{self.file}: {text}")


def check_data(topics: Mapping[str, Sequence[str] | None], root: Path, mistakes: Mistakes) -> None:
    """Add a mistake for each name of data, by topic, that stands for no file below `data/`."""
    there = [name.removeprefix(f"{FOLDER}/") for name in sorted(data_names(root))] if any(topics.values()) else []
    for topic, names in topics.items():
        for name in names or ():
            if named(there, [name]):
                continue
            short = name.removeprefix("./").removeprefix(f"{FOLDER}/")
            if named(there, [short]):
                remedy = f"write {short}: names are those below {FOLDER}/."
            elif there:
                remedy = suggestion(name, [*there, *sorted({f"{each.partition('/')[0]}/" for each in there if "/" in each})])
            else:
                remedy = f"there are no files below {FOLDER}/; put it there, or remove the name."
            mistakes.add(f"topics.{topic}.data names {name}, which is not below {FOLDER}/; {remedy}")


def check_files(topics: Mapping[str, Mapping[str, TaskEntry]], root: Path, mistakes: Mistakes) -> None:
    """Add a mistake for each file that a topic lacks, and for each task, by topic, that its files do not define."""
    for name, tasks in topics.items():
        missing = [role for role in (f"exercises/{name}.py", f"solutions/{name}.py") if not (root / role).exists()]
        tests = [f"tests/{kind}/test_{name}.py" for kind in ("visible", "hidden")]
        checked = any(task.kind == "checked" for task in tasks.values())
        if checked and not any((root / test).exists() for test in tests):
            missing.append(" or ".join(tests))
        if missing:
            mistakes.add(
                f"topics.{name} is listed, but {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; "
                f"write {'it' if len(missing) == 1 else 'them'}, or remove the topic and run `autograde new {name}`."
            )
            continue
        exercise = _definitions(root / "exercises" / f"{name}.py", mistakes)
        solution = _definitions(root / "solutions" / f"{name}.py", mistakes)
        if exercise.names and solution.names:
            _check_tasks(name, tasks, exercise, solution, mistakes)


class _Defined(NamedTuple):
    """The names that a file defines at its top level, which of them are stubs, with their lines, and its marked ranges.

    `assigned` are all names that it assigns anywhere, also several at once.
    """

    names: set[str]
    stubs: dict[str, int]
    marked: dict[str, str]
    assigned: set[str]


def _check_tasks(
    name: str, tasks: Mapping[str, TaskEntry], exercise: _Defined, solution: _Defined, mistakes: Mistakes
) -> None:
    unlisted = [stub for stub in exercise.stubs if stub not in tasks]
    for task, entry in tasks.items():
        key, mark = f"topics.{name}.tasks.{task}", f"`{MARK} {task}`"
        if entry.kind == "output" and task not in exercise.marked:
            mistakes.add(f"{key} is an output; write {mark} above its lines in exercises/{name}.py.")
        elif task not in exercise.names:
            close = closest(task, unlisted)
            remedy = f"did you mean {close[0]!r}?" if close else "define it there, or remove the task."
            mistakes.add(f"{key} is not defined in exercises/{name}.py; {remedy}")
            unlisted = [stub for stub in unlisted if stub not in close]
        elif task in exercise.marked and task not in solution.marked:
            mistakes.add(f"{key} is a marked range; write {mark} above its lines in solutions/{name}.py, too.")
        elif task not in solution.names:
            mistakes.add(f"{key} is not defined in solutions/{name}.py; define it there.")
        elif entry.kind == "choice" and task not in exercise.stubs:
            mistakes.add(f"{key} is a choice; write `{task} = ...` in exercises/{name}.py.")
        else:
            for text in unread_inputs(entry.inputs or (), solution.marked.get(task, "")):
                mistakes.add(f"{key}.inputs.{text.format(f'solutions/{name}.py')}")
            for unset in (each for each in entry.inputs or () if each not in exercise.assigned):
                mistakes.add(f"{key}.inputs.{unset} has no value in exercises/{name}.py; set it in a cell above.")
    for stub in unlisted:
        mistakes.add(
            f"topics.{name}.tasks.{stub} is missing, but its stub is on line {exercise.stubs[stub]} of exercises/{name}.py; "
            "write its points."
        )


def _definitions(file: Path, mistakes: Mistakes) -> _Defined:
    try:
        body = parse_file(file).body
    except AuthoringError as error:
        mistakes.lines.append(str(error))
        return _Defined(set(), {}, {}, set())
    text = read_source(file)
    marked = {name: marked_text(text, name) for name in marked_names((Cell(0, text),))}
    inside = {line for name in marked for line in marked_lines(text, name)}
    nodes = [each for node in body for each in ast.walk(node) if isinstance(each, ast.Name)]
    found = _Defined(set(marked), {}, marked, {each.id for each in nodes if isinstance(each.ctx, ast.Store)})
    for node in body:
        for name, stub in _named(node):
            found.names.add(name)
            if stub and node.lineno not in inside:
                found.stubs[name] = node.lineno
    return found


def _named(node: ast.stmt) -> Iterator[tuple[str, bool]]:
    match node:
        case ast.FunctionDef(name=name, body=body):
            last = body[-1]
            only = len(body) == 1 or (len(body) == 2 and ast.get_docstring(node) is not None)
            yield name, only and isinstance(last, ast.Raise) and "NotImplementedError" in ast.unparse(last)
        case ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name, False
        case ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value):
            yield name, isinstance(value, ast.Constant) and value.value is Ellipsis
        case _:
            return
