"""Which known mistake a submission makes: the one that was seen to do the same.

Exact means: the same observation on every check of the task, in every draw. Else each failing check is explained by a
misconception that was seen to do the same there, and differs there from the reference; as few as possible, three at most.
What no misconception explains in full may be explained by one that looks the same in what the check compares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from autograder.comparing.compare import has_judge, passes, same
from autograder.keys.key import AnswerKey
from autograder.records.jobs import NotObserved, Outcome
from autograder.records.observation import (
    Fact,
    MappingFact,
    ModuleFact,
    Observation,
    RaisedFact,
    SequenceFact,
    SketchFact,
    TensorFact,
    ValueFact,
)
from autograder.records.results import Diagnosis

__all__ = ["diagnose"]

_MOST = 3

_Draws = Sequence[Observation | NotObserved]


def diagnose(
    task: str,
    failing: Collection[str],
    seen: Mapping[str, _Draws],
    key: AnswerKey,
    tolerances: Mapping[str, float],
    *,
    side_effects: str = "side_effects",
) -> tuple[Diagnosis, ...]:
    """The misconceptions that explain a task's failing checks.

    Args:
        task: the task; it must have been attempted.
        failing: names of its checks that failed, in order; with `side_effects` if that one did.
        seen: by check name, what was seen on the submission, draw by draw: all checks that were run.
        key: the answer key for the same seed.
        tolerances: by dtype name.
        side_effects: the name of the check that every task has.

    Returns:
        One exact diagnosis, or up to three that each explain some of the failing checks, the most telling first.
    """
    if not failing:
        return ()
    checks = [name for name in seen if name in key.reference]
    candidates = [name for name, of in key.tasks.items() if of == task and name in key.misconceptions]
    for name in candidates:
        known = key.misconceptions[name]
        if all(_equal(known.get(check, ()), seen[check], tolerances, effects=True) for check in checks):
            return (Diagnosis(misconception=name, feedback=key.feedback[name], exact=True, checks=tuple(failing)),)
    wrong = {name: _wrong_checks(name, key, tolerances) for name in candidates}
    # It fails a check that the submission passes.
    contradicted = {name for name in candidates if any(check in seen and check not in failing for check in wrong[name])}
    explained = {
        name: _explained(name, wrong[name], name in contradicted, failing, seen, key, tolerances, side_effects)
        for name in candidates
    }
    left = set(failing).difference(*explained.values())
    for name in set(candidates) - contradicted if left else ():
        explained[name] |= _explained_as_far_as_compared(name, left & wrong[name], seen, key, tolerances)
    likely = {name: found for name, found in explained.items() if found}
    return tuple(
        Diagnosis(misconception=name, feedback=key.feedback[name], exact=False, checks=tuple(sorted(found)))
        for name, found in _fewest(likely, contradicted, failing)
    )


def _wrong_checks(name: str, key: AnswerKey, tolerances: Mapping[str, float]) -> set[str]:
    """The checks that a misconception fails."""
    remembered = (name, tuple(tolerances.items()))
    if remembered not in key.wrong_checks:
        known = key.misconceptions[name]
        key.wrong_checks[remembered] = {check for check in known if _differs(key.reference[check], known[check], tolerances)}
    return key.wrong_checks[remembered]


def _fewest(
    explained: dict[str, set[str]], contradicted: Collection[str], failing: Collection[str]
) -> Iterator[tuple[str, set[str]]]:
    """Greedily the ones that explain most of what is left; of equally good ones, one that nothing contradicts."""
    left = set(failing)
    for _ in range(_MOST):
        best = max(explained, key=lambda name: (len(explained[name] & left), name not in contradicted), default=None)
        if best is None or not explained[best] & left:
            return
        yield best, explained[best]
        left -= explained.pop(best)


def _explained(
    name: str,
    wrong: Collection[str],
    contradicted: bool,
    failing: Collection[str],
    seen: Mapping[str, _Draws],
    key: AnswerKey,
    tolerances: Mapping[str, float],
    side_effects: str,
) -> set[str]:
    """The failing checks in which the misconception did the same, and not what the reference did."""
    known = key.misconceptions[name]
    found = set()
    for check in failing:
        if check not in wrong or check not in seen or not _equal(known[check], seen[check], tolerances, effects=False):
            continue
        # Another mistake easily raises the same exception, or returns the same True; numbers it does not.
        if not contradicted or all(isinstance(one, Observation) and _telling(one.returned) for one in known[check]):
            found.add(check)
    # Random numbers and accuracies of two mistakes may resemble each other in one check; in most of them they do not.
    if 2 * len(found) <= len(wrong) and all(_judged(one) for check in found for one in known[check]):
        found.clear()
    if side_effects in failing and (found or set(failing) == {side_effects}):
        effects = _effects(known, key)
        if effects and effects == _effects(seen, key):
            found.add(side_effects)
    return found


def _explained_as_far_as_compared(
    name: str,
    left: Collection[str],
    seen: Mapping[str, _Draws],
    key: AnswerKey,
    tolerances: Mapping[str, float],
) -> set[str]:
    """The checks in which the misconception looks the same in what the check compares: with two mistakes in one
    function, all else may differ. Exceptions do not count, and the misconception must fail nothing that passes."""
    known = key.misconceptions[name]
    return {check for check in left if check in seen and _looks_equal(known[check], seen[check], tolerances)}


def _looks_equal(known: _Draws, seen: _Draws, tolerances: Mapping[str, float]) -> bool:
    return len(known) == len(seen) and all(
        isinstance(left, Observation)
        and isinstance(right, Observation)
        and left.error is None
        and not _has_raised(left.returned)
        and passes(left, right, tolerances)
        for left, right in zip(known, seen, strict=True)
    )


def _has_raised(fact: Fact | None) -> bool:
    match fact:
        case RaisedFact():
            return fact.error is not None
        case SequenceFact() | MappingFact():
            return any(map(_has_raised, fact.items))
    return False


def _effects(seen: Mapping[str, _Draws], key: AnswerKey) -> set[tuple[str, str]]:
    """By check, the side effects that the reference does not have."""
    found = set()
    for check, draws in seen.items():
        for expected, one in zip(key.reference.get(check, ()), draws, strict=False):
            if isinstance(one, Observation) and one.error is None:
                found |= {(check, effect) for effect in one.effects if effect not in expected.effects}
    return found


def _equal(known: _Draws, seen: _Draws, tolerances: Mapping[str, float], *, effects: bool) -> bool:
    if len(known) != len(seen):
        return False
    for left, right in zip(known, seen, strict=True):
        if isinstance(left, NotObserved) or isinstance(right, NotObserved):
            if not (isinstance(left, NotObserved) and isinstance(right, NotObserved)) or left.outcome is Outcome.NOT_RUN:
                return False
            if left.outcome is not right.outcome:
                return False
        elif not same(left, right, tolerances, effects=effects):
            return False
    return True


def _differs(reference: Sequence[Observation], known: _Draws, tolerances: Mapping[str, float]) -> bool:
    return any(
        isinstance(one, NotObserved) or not passes(expected, one, tolerances)
        for expected, one in zip(reference, known, strict=False)
    )


def _judged(one: Observation | NotObserved) -> bool:
    """Whether a bound or a distribution judges something of what was seen."""
    return isinstance(one, Observation) and has_judge(one.returned)


def _telling(fact: Fact | None) -> bool:
    """Whether something was seen that two different mistakes hardly have in common: real numbers."""
    match fact:
        case TensorFact():
            return bool(fact.values.strip(b"\0")) and "float" in fact.dtype
        case SketchFact():
            return bool(fact.quantiles.strip(b"\0")) and "float" in fact.tensor.dtype
        case ValueFact():
            return isinstance(fact.value, float) and not fact.value.is_integer()
        case SequenceFact() | MappingFact():
            return any(map(_telling, fact.items))
        case ModuleFact():
            return any(_telling(tensor) for _, tensor in fact.parameters)
    return False
