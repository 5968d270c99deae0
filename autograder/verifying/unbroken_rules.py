"""Rules on the source that prove nothing: no misconception of the task breaks them."""

from __future__ import annotations

from collections.abc import Iterator

from autograder.course.topic import Topic
from autograder.keys.key import AnswerKey
from autograder.records.jobs import NotObserved
from autograder.records.observation import Observation, SourceFact

__all__ = ["unbroken_rules"]


def unbroken_rules(topic: Topic, key: AnswerKey) -> Iterator[str]:
    """A sentence on each rule that no misconception of its task breaks."""
    for check in topic.checks:
        if check.spec.rule is None:
            continue
        seen = (one for known in key.misconceptions.values() for one in known.get(check.name, ()))
        if not any(map(_breaks, seen)):
            file = f"solutions/misconceptions/{topic.name}.py"
            yield f"{check.task}: no misconception breaks the rule {check.name}; write one that does in {file}."


def _breaks(seen: Observation | NotObserved) -> bool:
    return isinstance(seen, Observation) and isinstance(seen.returned, SourceFact) and not seen.returned.obeys
