"""How well a topic's checks and misconceptions serve: figures that `autograde verify` prints, computed from its keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autograder.comparing.compare import passes
from autograder.course.declarations import VariantSpec
from autograder.course.topic_checks import TopicCheck
from autograder.keys.key import AnswerKey
from autograder.records.jobs import Outcome
from autograder.records.observation import Fact, Judge, MappingFact, Observation, SequenceFact
from autograder.records.results import SIDE_EFFECTS, CheckResult, TaskResult, told_first
from autograder.scoring.diagnosis import can_be_diagnosed, diagnose
from autograder.scoring.rules import Rules

__all__ = ["KEEPS_TOO_MUCH", "Measures", "held_out_sentence", "measure"]

KEEPS_TOO_MUCH = 0.85
"""A misconception that keeps this share of its task's points costs next to nothing."""
_LISTED = 12


@dataclass(frozen=True)
class Measures:
    """Figures of one topic, predictions apart.

    Attributes:
        misconceptions: how many there are.
        seen_early: how many of them fail a visible check.
        keep_most: those that keep 85 % of their task's points or more, with the share; `minor` ones apart.
        minor: how many keep as much and are marked `minor`.
        boxes: how many sentences are shown of misconceptions, each while the key does not know it.
        untrue: the misconceptions of which such a sentence is not known to be true, and whose sentences those are.
        never_told: those that only raise what any slip raises, so that nothing tells them.
        constant_gates, constant: gates, and other checks, that one answer passes for every seed.
    """

    misconceptions: int
    seen_early: int
    keep_most: tuple[tuple[str, float], ...]
    minor: int
    boxes: int
    untrue: tuple[tuple[str, tuple[str, ...]], ...]
    never_told: tuple[str, ...]
    constant_gates: tuple[str, ...]
    constant: tuple[str, ...]

    @property
    def true_boxes(self) -> int:
        """How many of the `boxes` are true."""
        return self.boxes - sum(len(told) for _, told in self.untrue)

    def sentences(self) -> Iterator[str]:
        """One line for each figure that is worth a look."""
        if self.misconceptions:
            share = self.seen_early / self.misconceptions
            yield f"{self.seen_early} of {self.misconceptions} misconceptions ({share:.0%}) fail a visible check."
            yield held_out_sentence(self.boxes, self.true_boxes)
        if self.untrue:
            shown = (f"{name} → {', '.join(told)}" for name, told in self.untrue)
            yield f"these are told as another one while they are unknown: {_listed(shown)}."
        if self.never_told:
            yield f"these only raise what any slip raises, so they are never told: {_listed(self.never_told)}."
        if self.constant:
            yield f"these checks see the same for every seed, so an answer can be replayed: {_listed(self.constant)}."

    def problems(self) -> Iterator[str]:
        """One line for each fault that the author must mend."""
        for name, share in self.keep_most:
            yield (
                f"the misconception {name} keeps {share:.0%} of the points; mend its task's gates or weights, "
                "or mark it minor=True."
            )
        for name in self.constant_gates:
            yield f"the gate {name} sees the same for every seed, so an answer can be replayed; draw what is constant in it."


def held_out_sentence(boxes: int, true: int) -> str:
    """How true what is shown of misconceptions is while they are unknown."""
    if not boxes:
        return "with each misconception held out in turn, nothing is said of it."
    return (
        f"with each misconception held out in turn, {true} of {boxes} sentences shown ({true / boxes:.1%}) are true of it."
    )


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return ", ".join(shown[:_LISTED]) + more


def measure(
    rules: Rules,
    key: AnswerKey,
    wide: AnswerKey,
    misconceptions: Sequence[VariantSpec],
    scored: Mapping[str, TaskResult],
    *,
    fixed: Collection[str] = (),
) -> Measures:
    """Measure a topic.

    Args:
        rules: how the topic is scored.
        key: its answer key, misconceptions included.
        wide: a key with many draws of the reference.
        misconceptions: as they are declared.
        scored: each misconception's result by that key.
        fixed: tasks of which course.yml says that one answer is right.
    """
    secret = {check.task for check in rules.checks if _has_secrets(key, check.name)}
    specs = [spec for spec in misconceptions if spec.task not in secret]
    results = {spec: scored[spec.name] for spec in specs}
    visible = {check.name for check in rules.checks if check.visible}
    keep_most = [
        (spec, result.earned / result.points)
        for spec, result in results.items()
        if result.points and result.earned >= KEEPS_TOO_MUCH * result.points
    ]
    told = {spec.name: _held_out(rules, key, spec.name, result) for spec, result in results.items()}
    true_of = _true_of(specs)
    untrue = {name: tuple(each for each in told[name] if name not in true_of[key.feedback[each]]) for name in told}
    run = [check for check in rules.checks if check.task not in (*secret, *fixed) and check.spec.rule is None]
    constant = [check for check in run if _is_constant(check, rules, wide)]
    return Measures(
        misconceptions=len(specs),
        seen_early=sum(any(check.name in visible for check in _failed(result)) for result in results.values()),
        keep_most=tuple((spec.name, share) for spec, share in keep_most if not spec.minor),
        minor=sum(spec.minor for spec, _ in keep_most),
        boxes=sum(map(len, told.values())),
        untrue=tuple((name, others) for name, others in untrue.items() if others),
        never_told=tuple(
            spec.name for spec in specs if _failed(results[spec]) and not can_be_diagnosed(spec.name, key, rules.tolerances)
        ),
        constant_gates=tuple(check.name for check in constant if check.spec.gate),
        constant=tuple(check.name for check in constant if not check.spec.gate),
    )


def _has_secrets(key: AnswerKey, check: str) -> bool:
    return any(part.policy.secret for seen in key.reference.get(check, ()) for part in _parts(seen.returned))


def _parts(fact: Fact | None) -> Iterator[Fact]:
    """A returned thing and all that it holds."""
    if fact is not None:
        yield fact
    if isinstance(fact, SequenceFact | MappingFact):
        for item in fact.items:
            yield from _parts(item)


def _failed(result: TaskResult) -> list[CheckResult]:
    return [check for check in result.checks if check.outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT)]


def _held_out(rules: Rules, key: AnswerKey, name: str, result: TaskResult) -> tuple[str, ...]:
    """Whose sentences are shown of a misconception while it is unknown."""
    failing = [check.name for check in _failed(result)]
    seen, tolerances = key.misconceptions[name], rules.tolerances
    first = told_first(result.checks)
    told = diagnose(result.task, failing, seen, key, tolerances, first=first, side_effects=SIDE_EFFECTS, unknown=name)
    return tuple(each.misconception for each in told)


def _true_of(specs: Sequence[VariantSpec]) -> dict[str, set[str]]:
    """By sentence, the misconceptions of which it is true."""
    true_of: dict[str, set[str]] = {spec.feedback: set() for spec in specs}
    for spec in specs:
        true_of[spec.feedback] |= {spec.name, *spec.also_true_of}
    return true_of


def _is_constant(check: TopicCheck, rules: Rules, wide: AnswerKey) -> bool:
    """Whether what the reference did in one draw passes all of them, judged by the same bounds and distributions."""
    draws = wide.reference.get(check.name, ())
    return len(draws) > 1 and all(
        passes(draws[0], seen, rules.tolerances)
        and passes(seen, draws[0], rules.tolerances)
        and _judges(draws[0]) == _judges(seen)
        for seen in draws[1:]
    )


def _judges(seen: Observation) -> list[Judge | None]:
    return [part.policy.judge for part in _parts(seen.returned)]
