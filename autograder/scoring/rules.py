"""What scoring must know about a topic: the instructor's whole topic, or the visible part that students have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autograder.course.course_file import Course
from autograder.course.topic_checks import TopicCheck, draws_of

if TYPE_CHECKING:
    from autograder.course.topic import Topic

__all__ = ["Rules", "predictions_among", "rules_of"]


@dataclass(frozen=True)
class Rules:
    """How a topic is scored.

    Attributes:
        points: by task, in the order of the course.
        checks: those of all tasks.
        draws: by check name, how many draws it has.
        tolerances: by dtype name, for the device of the answer key.
        side_effects: by task, the weight of `side_effects` among its checks; 1 for tasks that are missing.
        predictions: the tasks that are right or wrong, not right in parts; see `predictions_among`.
    """

    points: Mapping[str, float]
    checks: tuple[TopicCheck, ...]
    draws: Mapping[str, int]
    tolerances: Mapping[str, float]
    side_effects: Mapping[str, float] = field(default_factory=dict)
    predictions: frozenset[str] = frozenset()


def rules_of(course: Course, topic: Topic, device: str) -> Rules:
    """The rules of a topic as its course sets them, for observations made on `device`."""
    variables = {name for name, task in course.topics[topic.name].tasks.items() if task.kind != "output"}
    return Rules(
        points={name: task.points for name, task in course.topics[topic.name].tasks.items()},
        checks=topic.checks,
        draws={check.name: draws_of(course, topic.name, check.spec) for check in topic.checks},
        tolerances=course.tolerances_on(device),
        side_effects={name: task.effects_weight for name, task in course.topics[topic.name].tasks.items()},
        predictions=predictions_among(variables - topic.definitions - topic.marked, topic.checks),
    )


def predictions_among(variables: Iterable[str], checks: Iterable[TopicCheck]) -> frozenset[str]:
    """Those tasks of a topic that are right or wrong: variables of which at most one check counts."""
    counting = Counter(check.task for check in checks if check.spec.weight > 0)
    return frozenset(task for task in variables if counting[task] <= 1)
