"""What every task must have before a course starts: checks that see, a gate, alternatives, misconceptions, hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from autograder._words import counted
from autograder._yaml import read_yaml
from autograder.course.course_file import Course
from autograder.course.declarations import silent_checks
from autograder.course.topic import Topic
from autograder.course.verify_settings import Demand
from autograder.errors import AuthoringError

__all__ = ["MissingPart", "missing_parts"]

_HINTS = 3


class MissingPart(NamedTuple):
    """A sentence on what a task lacks, and the demand behind it; None if course.yml cannot waive it."""

    sentence: str
    demand: Demand | None = None


def missing_parts(course: Course, topic: Topic) -> Iterator[MissingPart]:
    """Each thing that a task lacks.

    Raises:
        AuthoringError: if the hints file cannot be read.
    """
    hints = _read_hints(course, topic)
    for task in course.topics[topic.name].tasks:
        if course.topics[topic.name].tasks[task].kind != "checked":  # a person reads it, or it has checks by itself
            continue
        checks = [check for check in topic.checks_of(task) if check.spec.rule is None]  # a rule alone earns nothing
        if not checks:
            yield MissingPart(f"{task} has no check; write one in tests/visible/test_{topic.name}.py.")
        elif not any(check.spec.gate for check in checks):
            yield MissingPart(f"{task} has no gate; mark its check of values with gate=True.", "gates")
        if not any(spec.task == task for spec in topic.alternatives):
            file = f"solutions/alternatives/{topic.name}.py"
            yield MissingPart(f"{task} has no alternative; write one in {file}.", "alternatives")
        if not any(spec.task == task for spec in topic.misconceptions):
            file = f"solutions/misconceptions/{topic.name}.py"
            yield MissingPart(f"{task} has no misconception; write one in {file}.", "misconceptions")
        given = hints.get(task)
        if not (isinstance(given, list) and len(given) == _HINTS and all(isinstance(hint, str) and hint for hint in given)):
            count = len(given) if isinstance(given, list) else 0
            file = f"exercises/hints/{topic.name}.yml"
            yield MissingPart(f"{task} has {counted(count, 'hint')}; write {_HINTS} in {file}.", "hints")
    for module in filter(None, (topic.visible, topic.hidden)):
        for name, line in silent_checks(module.source).items():
            yield MissingPart(f"{module.filename}:{line}: {name} returns nothing; return what is to be compared.")
    for task in hints:
        if task not in course.topics[topic.name].tasks:
            yield MissingPart(f"exercises/hints/{topic.name}.yml has hints for {task}, which is not a task; remove them.")


def _read_hints(course: Course, topic: Topic) -> dict[str, object]:
    path = course.root / "exercises" / "hints" / f"{topic.name}.yml"
    try:
        hints = read_yaml(path, AuthoringError)
    except FileNotFoundError:
        return {}
    if not isinstance(hints, dict):
        raise AuthoringError(f"{path}: write a list of {_HINTS} hints for each task.")
    return hints
