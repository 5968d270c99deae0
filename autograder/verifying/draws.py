"""How often a topic's checks draw while it is verified, and what a key would be with fewer draws."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from autograder.course.course_file import Course
from autograder.course.declarations import CheckSpec
from autograder.course.topic import Topic
from autograder.keys.key import AnswerKey
from autograder.records.jobs import NotObserved, Run
from autograder.records.observation import Observation

__all__ = ["SINGLE_DRAWS", "drawn", "first_draws", "patient", "single_draw"]

SINGLE_DRAWS = 5
"""A misconception must lose points on each of so many draws alone, since a course may draw only once."""


def patient(course: Course, name: str, seeds: int) -> Course:
    """The same course, with the time and space that this many draws may need."""
    entry = course.topics[name]
    times = max(1.0, seeds / (entry.draws or course.draws))
    limits = msgspec.structs.replace(
        entry.limits,
        topic_seconds=entry.limits.topic_seconds * times,
        report_mb=round(entry.limits.report_mb * times),
    )
    return replace(course, topics={**course.topics, name: msgspec.structs.replace(entry, limits=limits)})


def drawn(topic: Topic, draws: int, *, keep_declared: bool = False) -> Topic:
    """The same topic, with this many draws of each check, each with a different seed."""

    def with_draws(spec: CheckSpec) -> CheckSpec:
        return spec if keep_declared and spec.draws else replace(spec, draws=draws)

    return replace(topic, checks=tuple(replace(check, spec=with_draws(check.spec)) for check in topic.checks))


def first_draws(key: AnswerKey, topic: Topic) -> AnswerKey:
    """What the key would be if each check had run on as many draws as it has in `topic`."""
    draws = {check.name: check.spec.draws for check in topic.checks}
    return msgspec.structs.replace(
        key,
        reference={check: seen[: draws[check]] for check, seen in key.reference.items()},
        misconceptions={
            name: {check: seen[: draws[check]] for check, seen in known.items()}
            for name, known in key.misconceptions.items()
        },
    )


def single_draw(key: AnswerKey, misconception: str, draw: int) -> tuple[AnswerKey, Run]:
    """What the key and a run of a misconception would be if each check had run on this one draw only.

    Checks with their own number of draws keep all of them.
    """
    reference: dict[str, list[Observation]] = {}
    seen: dict[tuple[str, int], Observation | NotObserved] = {}
    for check, observations in key.reference.items():
        own = len(observations) != SINGLE_DRAWS
        reference[check] = observations if own else [observations[draw]]
        known = key.misconceptions[misconception].get(check, [])
        chosen = known if own else known[draw : draw + 1]
        seen |= {(check, number): observation for number, observation in enumerate(chosen)}
    return msgspec.structs.replace(key, reference=reference, misconceptions={}), Run(observations=seen)
