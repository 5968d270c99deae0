"""Why the checks of a task never got to look at its answer: a cell that failed, a name that is used again, nothing there.

One failed import can cost every task of a file. The student is told of the import, not of its consequences.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from autograder.course.bindings import EVERY_NAME, Binding, bindings_in, enclosing_definition, is_undone_by_magic
from autograder.course.cells import task_source
from autograder.course.marked import MARK, marked_parts
from autograder.course.stubs import same_code
from autograder.records.jobs import Cell, CellReport, Job, NotObserved, Outcome, Run
from autograder.records.observation import ErrorFact, MappingFact, Observation, RaisedFact, SequenceFact
from autograder.records.results import FirstCause, TaskResult

__all__ = ["explained"]

_UNDEFINED_NAME = re.compile(r"(?:name '|cannot access local variable '|free variable ')(\w{1,100})'")
_PLACE_IN_MESSAGE = re.compile(r" \([^()]*, line \d+\)$")
_TEXT_SHOWN = 160
_LINE_SHOWN = 80


@dataclass(frozen=True)
class _Place:
    """A binding and its cell."""

    cell: Cell
    binding: Binding

    def __str__(self) -> str:
        line = f"line {self.binding.line}"
        return f"cell {self.cell.number}, {line}" if self.cell.number else line


def explained(
    job: Job, run: Run, tasks: Sequence[TaskResult], definitions: Collection[str], marked: Collection[str] = ()
) -> tuple[tuple[TaskResult, ...], tuple[FirstCause, ...]]:
    """The results with a note on each task whose name does not lead to its answer, and the failed cells behind them.

    Args:
        job: what was run.
        run: what came of it.
        tasks: the results as scored.
        definitions: the tasks that are functions or classes; the others are variables.
        marked: those that are ranges of cells, which no name leads to.
    """
    file = _File(job, run)
    results: list[TaskResult] = []
    depending: dict[int, list[str]] = {}
    for task in tasks:
        if task.task in marked:
            note = file.note_on_range(task)
        else:
            note = file.note_on(task, is_variable=task.task not in definitions)
        if note is None:
            results.append(task)
            continue
        standing = note.standing if not task.earned else ""
        if note.cell is not None:
            depending.setdefault(note.cell, []).append(task.task)
        results.append(
            msgspec.structs.replace(
                task,
                note=note.text,
                standing=standing,
                attempted=task.attempted and standing != "missing",
                gated=task.gated and not standing,
                diagnoses=() if standing else task.diagnoses,
            )
        )
    causes = (
        FirstCause(cell=number, error=file.error_of(number), tasks=tuple(names))
        for number, names in sorted(depending.items())
    )
    return tuple(results), tuple(causes)


@dataclass(frozen=True)
class _Note:
    text: str
    standing: Literal["", "missing", "stopped"] = ""
    cell: int | None = None


class _File:
    """The cells of a submission, how they ran, and what the checks of each task met."""

    def __init__(self, job: Job, run: Run) -> None:
        reports = {report.number: report for report in run.cells}
        self._cells = job.cells
        self._failed: dict[int, CellReport] = {
            number: report for number, report in reports.items() if report.outcome not in (Outcome.PASSED, Outcome.NOT_RUN)
        }
        self._places = [_Place(cell, binding) for cell in job.cells for binding in bindings_in(cell.source)]
        self._errors: dict[str, list[ErrorFact]] = {}
        for request in (*job.visible_requests, *job.hidden_requests):
            seen = run.observations.get((request.check, request.draw))
            self._errors.setdefault(request.task, []).extend(_errors_in(seen))

    def error_of(self, number: int) -> str:
        """What a failed cell raised, on one line."""
        report = self._failed[number]
        error = report.error
        if error is None:
            text = report.note or "it did not run to its end"
        else:
            message = _PLACE_IN_MESSAGE.sub("", error.message)
            text = f"{error.type}: {message}" if message else error.type
        return _cut(" ".join(text.split()), _TEXT_SHOWN).rstrip(".")

    def note_on(self, task: TaskResult, *, is_variable: bool) -> _Note | None:
        """What to say of a task; None if its checks say it best."""
        name, errors = task.task, self._errors.get(task.task, [])
        if any(error.undefined for error in errors):
            return self._of_undefined(name)
        if note := self._of_missing_names(name, errors):
            return note
        if task.earned >= task.points:
            return None
        return self._of_later_lines(task, errors, is_variable=is_variable)

    def note_on_range(self, task: TaskResult) -> _Note | None:
        """What to say of a task that is a range of cells; None if its checks say it best."""
        name = task.task
        if marked_parts(self._cells, name):
            return self._of_missing_names(name, self._errors.get(name, []))
        text = f"No cell has the line `{MARK} {name}`, which the exercise begins this task with; write it above your answer."
        return _Note(text, "missing")

    def _named(self, name: str) -> list[_Place]:
        return [place for place in self._places if place.binding.name in (name, EVERY_NAME)]

    def _failed_cell_giving(self, name: str) -> int | None:
        """The last failed cell that was to give a name."""
        for place in reversed(self._places):
            if place.binding.name == name and place.binding.kind != "deletion" and place.cell.number in self._failed:
                return place.cell.number
        return None

    def _first_cause(self, number: int) -> int:
        """The failed cell behind a failed cell: the one that was to give the name that this one lacked."""
        known = {number}
        while True:
            error = self._failed[number].error
            missing = _missing_name(error) if error is not None else ""
            earlier = self._failed_cell_giving(missing) if missing else None
            if earlier is None or earlier in known:
                return number
            known.add(earlier)
            number = earlier

    def _because_of(self, number: int, beginning: str) -> _Note:
        first = self._first_cause(number)
        if first == number:
            return _Note(f"{beginning} failed: {self.error_of(number)}.", "stopped", number)
        origin = f"That is because cell {first} failed: {self.error_of(first)}."
        return _Note(f"{beginning} failed: {self.error_of(number)}. {origin}", "stopped", first)

    def _of_undefined(self, name: str) -> _Note | None:
        failed = self._failed_cell_giving(name)
        if failed is not None:
            defines = f"Cell {failed} defines `{name}`, but" if failed else f"Your file defines `{name}`, but"
            return self._because_of(failed, defines)
        places = self._named(name)
        given = [place for place in places if place.binding.kind != "deletion"]
        if given and places[-1].binding.kind == "deletion":
            return _Note(_deleted(name, places[-1], given[-1]), "stopped")
        for cell in reversed(self._cells):
            where = f"Cell {cell.number}" if cell.number else "Your file"
            if (magic := is_undone_by_magic(cell)) and any(place.cell is cell for place in given):
                text = f"{where} defines `{name}` under `{_cut(magic, 40)}`, which keeps it to itself; delete that line."
                return _Note(text, "stopped")
            if outer := enclosing_definition(cell.source, name):
                text = f"{where} defines `{name}` inside `{outer}`; define it on its own, without indentation."
                return _Note(text, "stopped")
        return None if given else _Note(f"Your file does not define `{name}`.", "missing")

    def _of_missing_names(self, name: str, errors: Sequence[ErrorFact]) -> _Note | None:
        for missing in dict.fromkeys(filter(None, map(_missing_name, errors))):
            failed = self._failed_cell_giving(missing)
            if failed is not None and not any(place.binding.name == missing for place in self._given_elsewhere(missing)):
                where = f"cell {failed}" if failed else "your file"
                return self._because_of(failed, f"`{name}` uses `{missing}` from {where}, but that")
        return None

    def _given_elsewhere(self, name: str) -> Iterator[_Place]:
        for place in self._named(name):
            if place.binding.kind != "deletion" and place.cell.number not in self._failed:
                yield place

    def _of_later_lines(self, task: TaskResult, errors: Sequence[ErrorFact], *, is_variable: bool) -> _Note | None:
        """Whether a line below the answer has taken the task's name."""
        name = task.task
        places = [place for place in self._named(name) if place.binding.kind != "deletion"]
        if not places:
            return None
        last, earlier = places[-1], places[:-1]
        answers = [place for place in earlier if place.binding.kind == ("value" if is_variable else "definition")]
        if not task.attempted:  # then the last one is the exercise's, which may be there more than once
            stub = task_source((last.cell,), name)
            answers = [place for place in answers if not same_code(task_source((place.cell,), name), stub)]
        if is_variable:
            if answers and last.binding.kind != "stub":
                text = f"`{name}` gets a value in {answers[-1]}, and again in {last} ({_quoted(last)}). The last one counts."
                return _Note(text)
            return None
        if answers and last.binding.kind in ("stub", "definition") and not task.attempted:
            text = (
                f"`{name}` is defined in {answers[-1]}, and again in {last}, where it is the unchanged stub of the "
                "exercise. The last definition counts: delete the stub."
            )
            return _Note(text, "stopped")
        met = any(error.origin == "check" for error in errors)
        if answers and last.binding.kind in ("value", "import") and met:
            text = (
                f"`{name}` is no longer what {answers[-1]} defines: {last} reuses its name ({_quoted(last)}). "
                "Use a different name there."
            )
            return _Note(text, "stopped")
        below = [place for place in self._places_below(last) if place.binding.kind == "import"]
        stars = [place for place in below if place.binding.name == EVERY_NAME]
        if stars and met:
            text = (
                f"{str(stars[-1]).capitalize()} imports every name of a module ({_quoted(stars[-1])}), and so perhaps "
                f"another `{name}`. Import only what you use."
            )
            return _Note(text)
        if answers and last.binding.kind == "definition":
            return _Note(f"`{name}` is defined in {answers[-1]}, and again in {last}. The last definition counts.")
        return None

    def _places_below(self, last: _Place) -> list[_Place]:
        return self._places[self._places.index(last) + 1 :]


def _deleted(name: str, by: _Place, given: _Place) -> str:
    if by.binding.name == EVERY_NAME:
        return f"`{name}` is defined in {given}, but `%reset` in {by} deletes every name. Delete that line."
    return f"`{name}` is defined in {given}, but {by} deletes it ({_quoted(by)}). Delete that line."


def _quoted(place: _Place) -> str:
    return f"`{_cut(place.binding.text.replace('`', chr(39)), _LINE_SHOWN)}`"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _missing_name(error: ErrorFact) -> str:
    """The name that a NameError is about; empty for any other error."""
    if error.type != "NameError":
        return ""
    found = _UNDEFINED_NAME.search(error.message)
    return found[1] if found else ""


def _errors_in(seen: Observation | NotObserved | None) -> Iterator[ErrorFact]:
    if not isinstance(seen, Observation):
        return
    if seen.error is not None:
        yield seen.error
    waiting = [seen.returned]
    while waiting:
        match waiting.pop():
            case RaisedFact(error=ErrorFact() as error):
                yield error
            case SequenceFact(items=items) | MappingFact(items=items):
                waiting += items
