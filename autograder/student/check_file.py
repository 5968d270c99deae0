"""`autograde check FILE` and `autograde watch`: the answer to a file, and how it differs from the notebook's."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from autograder.course.cells import task_source
from autograder.records.jobs import CellReport, Outcome
from autograder.records.observation import Observation
from autograder.student.answer import Answer, answer, with_unread_cells
from autograder.student.definition_text import source_digest, unread_cell
from autograder.student.released import ReleasedTopic
from autograder.student.run_file import FileRun
from autograder.student.store import Store, TaskRecord
from autograder.student.student_file import StudentFile
from autograder.student.view import record_of, state_of

__all__ = ["FileAnswer", "answer_file", "description", "next_task"]

_RANKS = {"complete": 2, "partial": 1}
_CELLS_TOLD = 5


@dataclass(frozen=True)
class FileAnswer:
    """The answer, and sentences about the whole file: what its cells raised, and how it differs from the notebook."""

    answer: Answer
    notes: tuple[str, ...]

    def incomplete(self) -> list[str]:
        """The names of the tasks that do not pass all visible checks yet."""
        return [task.task for task in self.answer.tasks if state_of(task, self.answer).style != "complete"]


def answer_file(topic: ReleasedTopic, file: StudentFile, run: FileRun, store: Store) -> FileAnswer:
    """The answer to a run of a file. Saves the new states, and compares them with what the notebook's kernel said."""
    answered = answer(topic, list(topic.card.tasks), run.seen, run.problems, run.orders, run.returnless)
    answered = _with_unread(topic, file, run, answered)
    records = store.tasks(topic.name)
    notes = [*_about_the_file(topic, file), *([run.problem] if run.problem else []), *_cell_notes(run)]
    notes += _other_state(topic, file, answered, records)
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    fresh = {}
    for task in answered.tasks:
        record = records.get(task.task, TaskRecord())
        fresh[task.task] = msgspec.structs.replace(record_of(record, task, answered), when=now)
    store.keep(topic.name, fresh)
    return FileAnswer(answered, tuple(notes))


def _with_unread(topic: ReleasedTopic, file: StudentFile, run: FileRun, answered: Answer) -> Answer:
    """The answer, with sentences on the tasks whose last definition Python could not read."""
    unread = {task: text for task in topic.card.tasks if (text := unread_cell(file.cells, task))}
    task_of = {check.name: check.task for check in topic.rules.checks}
    undefined = {
        task_of[check]
        for (check, _), one in run.seen.items()
        if isinstance(one, Observation) and one.error is not None and one.error.undefined
    }
    missing = {task: text for task, text in unread.items() if task in undefined}
    answered = replace(answered, undefined=frozenset(missing), problems={**answered.problems, **missing})
    return with_unread_cells(answered, unread)


def _about_the_file(topic: ReleasedTopic, file: StudentFile) -> Iterator[str]:
    if file.version and file.version != topic.card.version:
        yield f"{file.path.name} is from a different release than the checks beside it: some of its tasks may have changed."


def _cell_notes(run: FileRun) -> Iterator[str]:
    stopped = [cell for cell in run.cells if cell.outcome is not Outcome.PASSED or cell.note]
    yield from map(_cell_note, stopped[:_CELLS_TOLD])
    if more := stopped[_CELLS_TOLD:]:
        numbers = ", ".join(str(cell.number) for cell in more)
        yield f"The same happened in {'cells' if len(more) > 1 else 'cell'} {numbers}."


def _cell_note(cell: CellReport) -> str:
    error = cell.error
    if error is None:
        return cell.note if not cell.number else f"Cell {cell.number}: {cell.note}"
    place = f"Cell {cell.number} raised" if cell.number else "The file raised"
    at = f" on line {error.at.line}" if error.at else ""
    message = f": {error.message}" if error.message else ""
    line = f" ({error.at.text.strip()})" if error.at and error.at.text.strip() else ""
    return f"{place} {error.type}{at}{message.rstrip('.')}{line}. The rest still ran."


def _other_state(topic: ReleasedTopic, file: StudentFile, answered: Answer, records: dict[str, TaskRecord]) -> Iterator[str]:
    """A sentence on each task that did better in the notebook's kernel: something there is missing from the file."""
    for task in answered.tasks:
        record = records.get(task.task, TaskRecord())
        if _RANKS.get(record.kernel, 0) <= _RANKS.get(state_of(task, answered).style, 0):
            continue
        did = "passed all visible checks" if record.kernel == "complete" else "passed some checks"
        source = task_source(file.cells, task.task)
        if source and record.source and source_digest(source) != record.source:
            checked, last = _defining(file, task.task, record.source), _defining(file, task.task, source_digest(source))
            if checked and last:
                yield (
                    f"`{task.task}` {did} as cell {checked} defines it, but cell {last} further down defines it again. "
                    "The last definition counts."
                )
            continue
        yield (
            f"`{task.task}` {did} in the notebook, but not here, where the file runs from top to bottom: "
            "“Restart and run all” gives a different answer. Perhaps it needs a cell that was deleted or run in a "
            "different order, or the notebook is not saved."
        )


def _defining(file: StudentFile, task: str, digest: str) -> int:
    """The number of the last cell that defines a task with this text; 0 if none does or the file has no cells."""
    numbers = [cell.number for cell in file.cells if source_digest(task_source((cell,), task)) == digest]
    return max(numbers, default=0)


def next_task(topic: ReleasedTopic, answered: FileAnswer, current: str) -> str:
    """The task to work on: the current one until it is complete, then the next incomplete one; empty if there is none."""
    incomplete = answered.incomplete()
    if current in incomplete or not incomplete:
        return current if current in incomplete else ""
    names = list(topic.card.tasks)
    after = names[names.index(current) + 1 :] if current in names else names
    return next((name for name in after if name in incomplete), incomplete[0])


def description(file: StudentFile, task: str) -> str:
    """The first paragraph of a task's docstring, on one line; empty if there is none."""
    try:
        body = ast.parse(task_source(file.cells, task)).body
    except (SyntaxError, ValueError):
        return ""
    if not body or not isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return ""
    return " ".join((ast.get_docstring(body[0]) or "").split("\n\n")[0].split())
