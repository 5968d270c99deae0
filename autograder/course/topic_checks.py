"""A topic's checks as requested: which task each is for, how often it runs, with which seeds, and on which device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from autograder.course.course_file import Course
from autograder.course.declarations import CheckSpec
from autograder.records.results import Tells

__all__ = ["TopicCheck", "derive_seed", "draws_of", "lacks_device"]


@dataclass(frozen=True)
class TopicCheck:
    """A check of a topic, whether students have its file, and how much they may be told of it if not."""

    spec: CheckSpec
    visible: bool
    tells: Tells = "message"

    @property
    def name(self) -> str:
        """The test function's name, unique in the topic."""
        return self.spec.name

    @property
    def quoted(self) -> bool:
        """Whether students may read what comes out of its run: text, names and values."""
        return self.visible or self.tells == "inputs"

    @property
    def task(self) -> str:
        """The task that the check exercises."""
        return self.spec.task


def derive_seed(run_seed: int, topic: str, check: str, draw: int) -> int:
    """The seed of one draw of a check, derived from the run's: below 2**63, and the same on every machine and version."""
    text = "\0".join((str(run_seed), topic, check, str(draw)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def lacks_device(spec: CheckSpec, device: str) -> bool:
    """Whether a check has to wait for a GPU: it needs one, and `device` is not one."""
    return spec.device == "cuda" and not device.startswith("cuda")


def draws_of(course: Course, topic: str, spec: CheckSpec) -> int:
    """How often a check runs: the check's own number, else the topic's, else the course's. A rule is judged once."""
    if spec.rule is not None:
        return 1
    return spec.draws or course.topics[topic].draws or course.draws
