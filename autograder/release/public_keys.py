"""The keys of a release: like any public key, but marked with what students have, so that they change only with that."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from autograder.comparing.compare import agree
from autograder.course.course_file import Course
from autograder.course.topic import Topic
from autograder.course.topic_checks import draws_of
from autograder.keys.build import build_key, key_folder
from autograder.keys.key import PUBLIC_SEED, torch_release
from autograder.keys.privacy import without_private_parts
from autograder.records.jobs import NotObserved
from autograder.records.observation import Observation

if TYPE_CHECKING:
    from autograder.keys.key import AnswerKey
    from autograder.processes.pool import Pool

__all__ = ["content_version", "make", "say_the_same"]


def make(course: Course, topic: Topic, pool: Pool) -> AnswerKey:
    """The public key of a topic, from its visible checks on the public seed.

    Its `made_from` is `content_version`, which the notebook carries as well.

    Raises:
        AuthoringError: if the reference raises, times out or dies in a check.
    """
    visible = tuple(check for check in topic.checks if check.visible)
    tasks = course.topics[topic.name].tasks
    wrong = tuple(spec for spec in topic.misconceptions if not tasks[spec.task].only_form)
    shown = dataclasses.replace(topic, checks=visible, hidden=None, misconceptions=wrong)
    key = build_key(course, shown, seed=PUBLIC_SEED, pool=pool, cache=key_folder(course))
    return without_private_parts(msgspec.structs.replace(key, made_from=content_version(course, topic)))


def content_version(course: Course, topic: Topic) -> str:
    """A hash of what students get of a topic: the cells, the visible checks and how often each runs, the tasks, the data."""
    content: list[object] = [
        [cell.source for cell in topic.exercise],
        topic.visible and topic.visible.source,
        [[check.name, draws_of(course, topic.name, check.spec)] for check in topic.checks if check.visible],
        {name: (task.points, task.effects_weight) for name, task in course.topics[topic.name].tasks.items()},
    ]
    if topic.data.public:
        content.append([(file.name, hashlib.blake2b(file.content).digest()) for file in topic.data.public])
    return hashlib.blake2b(msgspec.msgpack.encode(content), digest_size=16).hexdigest()


def say_the_same(one: AnswerKey, other: AnswerKey, tolerances: Mapping[str, float]) -> bool:
    """Whether two public keys judge alike: the same facts, numbers within the tolerances, for one release of torch.

    Of misconceptions, numbers in float64 need only agree as those in float32 do: some compute in float32 on the way, and
    that gives other last digits on another machine.
    """
    if _heading(one) != _heading(other):
        return False
    loose = {**tolerances, "float64": max(tolerances["float64"], tolerances["float32"])}
    return _alike(one.reference, other.reference, tolerances) and all(
        _alike(checks, other.misconceptions[name], loose) for name, checks in one.misconceptions.items()
    )


def _heading(key: AnswerKey) -> tuple[object, ...]:
    named = list(key.reference), {name: list(checks) for name, checks in key.misconceptions.items()}
    marks = key.topic, key.seed, key.device, key.public, key.made_from, torch_release(key.versions)
    return (*marks, named, key.tasks, key.feedback)


_Draws = Mapping[str, list[Observation]] | Mapping[str, list[Observation | NotObserved]]


def _alike(one: _Draws, other: _Draws, tolerances: Mapping[str, float]) -> bool:
    for check, draws in one.items():
        if len(draws) != len(other[check]):
            return False
        for left, right in zip(draws, other[check], strict=True):
            if isinstance(left, NotObserved) or isinstance(right, NotObserved):
                if not (isinstance(left, NotObserved) and isinstance(right, NotObserved) and left.outcome is right.outcome):
                    return False
            elif not agree(left, right, tolerances):
                return False
    return True
