"""Manual tasks: one task through the whole class, with names or without.

Each answer has a place in its task's round. Its address holds a digest instead of the student's name, and without names
that is the order, too: nobody is always first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.course.saved_outputs import CellShown, cells_about
from autograder.desk.books import Books, Entry
from autograder.desk.handed_in import submission_of
from autograder.errors import RequestError, ResultError, SubmissionError
from autograder.gradebook.adjustments import load_adjustments
from autograder.gradebook.marks import mark_of
from autograder.grading.marks import people_of
from autograder.grading.result_files import read_result
from autograder.records.results import TopicResult

__all__ = ["Answer", "Place", "Round", "answer_of", "manual_tasks", "round_of"]


@dataclass(frozen=True)
class Place:
    """A student's answer in a round: its address, and whether it waits for points."""

    key: str
    student: str
    name: str
    waiting: bool


@dataclass(frozen=True)
class Round:
    """All answers to a manual task, in the order in which they are shown."""

    topic: str
    title: str
    task: str
    points: float
    places: tuple[Place, ...]

    @property
    def waiting(self) -> int:
        """How many answers wait for points."""
        return sum(place.waiting for place in self.places)

    def number_of(self, key: str) -> int:
        """Which place, counted from 0, has an address.

        Raises:
            RequestError: if none has it.
        """
        for number, place in enumerate(self.places):
            if place.key == key:
                return number
        raise RequestError("There is no such answer.")

    def next_waiting(self, number: int) -> Place | None:
        """The next place after a numbered one that waits, beginning anew at the end; None if no other does."""
        order = (*self.places[number + 1 :], *self.places[:number])
        return next((place for place in order if place.waiting), None)


@dataclass(frozen=True)
class Answer:
    """What a student wrote for a task: the cells about it, what they printed while graded, and what is odd about this."""

    cells: tuple[CellShown, ...]
    printed: dict[int, str]
    note: str = ""


def manual_tasks(books: Books) -> Iterator[tuple[str, str]]:
    """Topic and task of each manual task, in the order of the course."""
    for name, topic in books.course.topics.items():
        yield from ((name, task) for task, entry in topic.tasks.items() if entry.kind == "manual")


def round_of(books: Books, topic: str, task: str, *, named: bool) -> Round:
    """The round of a task: by name, or without names in an order of its own.

    Raises:
        RequestError: if the course has no such manual task.
    """
    course = books.course
    if (topic, task) not in set(manual_tasks(books)):
        raise RequestError(f"The course has no manual task “{task}” in “{topic}”.")
    decided, places = load_adjustments(course), []
    results = dict(_results(books, topic))
    names = people_of(course, results)
    for student, result in results.items():
        mark = mark_of(course, student, topic, result, decided.get(student, ()))
        own = next(each for each in mark.tasks if each.task == task)
        waiting = own.pending > 0 and not (own.excused or mark.excused)
        places.append(Place(_key(student, topic, task), student, names[student], waiting))
    places.sort(key=lambda place: (place.name.casefold(), place.student) if named else (place.key, ""))
    entry = course.topics[topic]
    return Round(topic, entry.title, task, entry.tasks[task].points, tuple(places))


def _results(books: Books, topic: str) -> Iterator[tuple[str, TopicResult]]:
    for path in books.out.glob(f"*/{topic}.json"):
        if not path.parent.name.startswith("."):
            try:
                yield path.parent.name, read_result(path)
            except ResultError:
                continue


def _key(student: str, topic: str, task: str) -> str:
    text = "\0".join((student, topic, task)).encode("utf-8", "surrogateescape")
    return hashlib.blake2b(text, digest_size=6).hexdigest()


def answer_of(books: Books, entry: Entry, task: str) -> Answer:
    """What a student wrote for a task; without the file that was graded, only what the result knows of it."""
    result = entry.result
    if result is None:
        return Answer((), {}, "Nothing was handed in.")
    printed = {cell.number: cell.output for cell in result.cells if cell.output.strip()}
    source = next((each.source for each in result.tasks if each.task == task), "")
    kept = (CellShown(0, source),) if source else ()
    try:
        submission = submission_of(books.course, result)
        data = submission.read()
    except SubmissionError as error:
        return Answer(kept, {}, f"{error} So this is the code alone, without what it shows.")
    if hashlib.sha256(data).hexdigest() != result.submission.sha256:
        return Answer(kept, {}, "The file has changed since it was graded. This is the code that was graded.")
    if result.problem:
        return Answer((), {}, result.problem)
    cells = cells_about(data, submission.path.name, task)
    return Answer(cells, printed, "" if cells else "No cell of the file names this task.")
