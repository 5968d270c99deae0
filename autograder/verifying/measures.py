"""How well a topic's checks and misconceptions serve: figures that `autograde verify` prints, computed from its keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from autograder.keys.key import AnswerKey
from autograder.records.jobs import Outcome, Run
from autograder.records.results import CheckResult, TaskResult
from autograder.scoring.diagnosis import can_be_diagnosed
from autograder.scoring.rules import Rules
from autograder.scoring.score import score

__all__ = ["KEEPS_TOO_MUCH", "Measures", "measure"]

KEEPS_TOO_MUCH = 0.85
"""A misconception that keeps this share of its task's points costs next to nothing."""
_LISTED = 12


@dataclass(frozen=True)
class Measures:
    """Figures of one topic, predictions apart.

    Attributes:
        misconceptions: how many there are.
        seen_early: how many of them fail a visible check.
        keep_most: those that keep 85 % of their task's points or more, with the share.
        held_out: what is shown of a misconception while the key does not know it, where that is another one's sentence.
        never_told: those that only raise what any slip raises, so that nothing tells them.
        constant: checks that see the same on the reference for every seed; gates are marked.
    """

    misconceptions: int
    seen_early: int
    keep_most: tuple[tuple[str, float], ...]
    held_out: tuple[tuple[str, tuple[str, ...]], ...]
    never_told: tuple[str, ...]
    constant: tuple[str, ...]

    def sentences(self) -> Iterator[str]:
        """One line for each figure that is worth a look."""
        if self.misconceptions:
            share = self.seen_early / self.misconceptions
            yield f"{self.seen_early} of {self.misconceptions} misconceptions ({share:.0%}) fail a visible check."
        if self.keep_most:
            kept = (f"{name} ({share:.0%})" for name, share in self.keep_most)
            yield f"these misconceptions keep {KEEPS_TOO_MUCH:.0%} of the points or more: {_listed(kept)}."
        if self.held_out:
            shown = (f"{name} → {', '.join(told)}" for name, told in self.held_out)
            count = f"{len(self.held_out)} of {self.misconceptions} misconceptions"
            yield f"{count} are told as another one while they are unknown: {_listed(shown)}."
        if self.never_told:
            yield f"these only raise what any slip raises, so they are never told: {_listed(self.never_told)}."
        if self.constant:
            yield f"these checks see the same for every seed, so an answer can be replayed: {_listed(self.constant)}."


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return ", ".join(shown[:_LISTED]) + more


def measure(rules: Rules, key: AnswerKey, wide: AnswerKey) -> Measures:
    """Measure a topic.

    Args:
        rules: how the topic is scored.
        key: its answer key, misconceptions included.
        wide: a key with many draws of the reference.
    """
    secret = {check.task for check in rules.checks if _is_secret(key, check.name)}
    names = [name for name, task in key.tasks.items() if task not in secret]
    results = {name: _result(rules, key, key, name) for name in names}
    visible = {check.name for check in rules.checks if check.visible}
    return Measures(
        misconceptions=len(names),
        seen_early=sum(any(check.name in visible for check in _failed(result)) for result in results.values()),
        keep_most=tuple(
            (name, result.earned / result.points)
            for name, result in results.items()
            if result.points and result.earned >= KEEPS_TOO_MUCH * result.points
        ),
        held_out=tuple(_held_out(rules, key, names)),
        never_told=tuple(name for name in names if not can_be_diagnosed(name, key, rules.tolerances)),
        constant=tuple(_constant(rules, wide, secret)),
    )


def _is_secret(key: AnswerKey, check: str) -> bool:
    return any(seen.returned is not None and seen.returned.policy.secret for seen in key.reference.get(check, ()))


def _result(rules: Rules, key: AnswerKey, told_by: AnswerKey, name: str) -> TaskResult:
    """How a misconception is scored, where mistakes are told by the key `told_by`."""
    seen = {(check, draw): one for check, draws in key.misconceptions[name].items() for draw, one in enumerate(draws)}
    (result,) = score(rules, told_by, Run(observations=seen), tasks=[key.tasks[name]])
    return result


def _failed(result: TaskResult) -> list[CheckResult]:
    return [check for check in result.checks if check.outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT)]


def _held_out(rules: Rules, key: AnswerKey, names: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in names:
        others = {other: seen for other, seen in key.misconceptions.items() if other != name}
        diagnoses = _result(rules, key, msgspec.structs.replace(key, misconceptions=others), name).diagnoses
        told = tuple(each.misconception for each in diagnoses if each.feedback != key.feedback[name])
        if told:
            yield name, told


def _constant(rules: Rules, wide: AnswerKey, secret: set[str]) -> Iterator[str]:
    for check in rules.checks:
        draws = wide.reference.get(check.name, ())
        if check.task not in secret and len(draws) > 1 and all(seen.returned == draws[0].returned for seen in draws):
            yield f"{check.name} (gate)" if check.spec.gate else check.name
