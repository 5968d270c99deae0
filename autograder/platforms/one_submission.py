"""What the platforms share: the one submission in a folder of files, and a result in words for its student."""

from __future__ import annotations

from pathlib import Path

from autograder.course.course_file import Course
from autograder.errors import SubmissionError
from autograder.grading.submissions import Submission, find_submissions
from autograder.records.results import TaskResult, TopicResult
from autograder.reporting.labels import readable, task_state
from autograder.reporting.task_view import task_view

__all__ = ["feedback", "find_one", "task_text"]

_ENDINGS = (".ipynb", ".py")


def find_one(folder: Path, course: Course, topic: str) -> Submission | str:
    """The submission for a topic in a folder of uploaded files, or a sentence for the student if there is none.

    It is the file with the topic's name, or else the only notebook, or else the only Python file.
    """
    try:
        found = find_submissions([folder], course, topics=[topic]).submissions
    except SubmissionError:
        found = ()
    if len(found) == 1:
        return found[0]
    for ending in _ENDINGS:
        files = [path for path in sorted(folder.glob("*")) if path.suffix.lower() == ending and not path.is_symlink()]
        if len(files) == 1:
            return Submission("", topic, files[0])
    return f"There is no file {topic}.ipynb or {topic}.py in what you have handed in. Please hand it in under that name."


def feedback(result: TopicResult) -> str:
    """What there is to say about the whole submission."""
    lines = [result.problem] if result.problem else []
    lines += [f"Cell {cell.number}: {cell.note}" for cell in result.cells if cell.note]
    if result.pending:
        lines.append(f"{result.pending:g} points are pending: their checks need a GPU.")
    return readable("\n".join(lines))


def task_text(task: TaskResult) -> str:
    """A task's result in lines of text, as far as its student may see it."""
    view = task_view(task, instructor=False)
    lines = [f"{task_state(task).word}", *view.notes]
    for diagnosis in view.diagnoses:
        lines += [diagnosis.kicker, f"  {diagnosis.feedback}"]
    for check in view.checks:
        lines.append(f"{check.state.symbol} {check.sentence}")
        lines += [f"    {text}" for text in (*check.details, *check.sentences, check.line) if text]
    return readable("\n".join(lines))
