"""A mark as a list of lines that add up to it: what formats with one score per test need.

Each line is a task; where lateness or a person's decision about the topic makes a difference, one more line has it. What a
line says is what the student's page says (`autograder.reporting.told`).
"""

from __future__ import annotations

from dataclasses import dataclass

from autograder.exporting.marked_class import Submission, remark
from autograder.gradebook.marks import TaskMark
from autograder.records.results import TaskResult
from autograder.reporting.labels import readable
from autograder.reporting.task_view import task_view

__all__ = ["Line", "lines_of", "said_of"]


@dataclass(frozen=True)
class Line:
    """One line: its name, points, what there is to say, and whether everything in it is right."""

    name: str
    earned: float
    points: float
    passed: bool
    text: str


def lines_of(submission: Submission) -> list[Line]:
    """The lines of a mark; their `earned` add up to it, their `points` to its points."""
    results = {task.task: task for task in submission.result.tasks}
    mark = submission.mark
    counted = [task for task in mark.tasks if not task.excused and not mark.excused]
    lines = [_line(task, results.get(task.task)) for task in counted]
    rest = round(mark.earned - sum(line.earned for line in lines), 2)
    if rest:
        name = "Late penalty" if mark.lateness and mark.lateness.penalty and not mark.adjusted else "Adjustment"
        lines.append(Line(name, rest, 0.0, rest > 0, remark(mark)))
    return lines


def said_of(submission: Submission) -> str:
    """What there is to say about the whole: what went wrong with cells, what is pending, late or decided; one line each."""
    result = submission.result
    lines = [f"Cell {cell.number}: {cell.note}" for cell in result.cells if cell.note]
    if result.pending:
        lines.append(f"{result.pending:g} points are pending: their checks need a GPU.")
    return readable("\n".join(filter(None, (*lines, remark(submission.mark)))))


def _line(task: TaskMark, result: TaskResult | None) -> Line:
    text = list(_sentences(result)) if result else []
    if task.adjusted:
        text.insert(0, "These points were given by your instructor.")
    elif task.manual and task.pending:
        text.insert(0, "Your instructor has yet to give points.")
    text += task.comments
    return Line(task.task, task.earned, task.points, task.earned >= task.points, readable("\n".join(text)))


def _sentences(result: TaskResult) -> list[str]:
    view = task_view(result, instructor=False)
    said = [*view.notes, *(f"{diagnosis.kicker} {diagnosis.feedback}" for diagnosis in view.diagnoses)]
    for check in view.checks:
        said.append(f"{check.state.symbol} {check.state.word}: {check.sentence}")
        said += [f"    {text}" for text in (*check.details, *check.sentences, check.line) if text]
    return said
