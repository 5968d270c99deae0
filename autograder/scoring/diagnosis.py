"""Which known mistake a submission makes: the one that was seen to do the same.

Exact means: the same observation on every check of the task, in every draw. Else a misconception is only asked about, and
only if it explains more than half of the failing checks, or half and fails no others: it was seen to do the same there,
differs there from the reference, and fails nothing that the submission passes. Exceptions that any slip
raises prove nothing by themselves. While another check fails, small checks do not count among the failing ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from autograder.comparing.compare import has_judge, is_telling_error, passes, same
from autograder.keys.key import AnswerKey
from autograder.records.jobs import NotObserved, Outcome
from autograder.records.observation import (
    ErrorFact,
    Fact,
    MappingFact,
    Observation,
    RaisedFact,
    SequenceFact,
)
from autograder.records.results import Diagnosis

__all__ = ["can_be_diagnosed", "diagnose"]

_Draws = Sequence[Observation | NotObserved]


def diagnose(
    task: str,
    failing: Collection[str],
    seen: Mapping[str, _Draws],
    key: AnswerKey,
    tolerances: Mapping[str, float],
    *,
    first: Collection[str] = (),
    side_effects: str = "side_effects",
    unknown: str = "",
) -> tuple[Diagnosis, ...]:
    """The misconceptions that explain a task's failing checks.

    Args:
        task: the task; it must have been attempted.
        failing: the names of its checks that failed, in order, including `side_effects` if that failed.
        seen: by check name, what was seen of the submission, draw by draw, for every check that ran.
        key: the answer key for the same seed.
        tolerances: by dtype name.
        first: those of the failing checks that may be told first (see `told_first`); all of them if empty.
        side_effects: the name of the check that every task gets automatically.
        unknown: a misconception that is not considered, to see what would be told of it if nobody had thought of it.

    Returns:
        One exact diagnosis, or some that each explain half of the failing checks or more, the one that explains most first.
        Only the checks in `first` count.
    """
    if not failing:
        return ()
    checks = [name for name in seen if name in key.reference]
    candidates = [name for name, of in key.tasks.items() if of == task and name in key.misconceptions and name != unknown]
    for name in candidates:
        known = key.misconceptions[name]
        if _proves_something(known, failing, side_effects) and all(
            _equal(known.get(check, ()), seen[check], tolerances, effects=True) for check in checks
        ):
            return (Diagnosis(misconception=name, feedback=key.feedback[name], exact=True, checks=tuple(failing)),)
    wrong = {name: _wrong_checks(name, key, tolerances) for name in candidates}
    # A passed check contradicts the sentence of a mistake that fails it.
    candidates = [name for name in candidates if all(check in failing for check in wrong[name] if check in seen)]
    explained = {name: _explained(name, wrong[name], failing, seen, key, tolerances, side_effects) for name in candidates}
    unexplained = set(failing).difference(*explained.values())
    for name in candidates if unexplained else ():
        explained[name] |= _explained_as_far_as_compared(name, unexplained & wrong[name], seen, key, tolerances)
    counting = set(first or failing)
    # Half proves little if the mistake does something else in the other half.
    likely = {
        name: checks
        for name, checks in explained.items()
        if (difference := 2 * len(checks & counting) - len(counting)) > 0
        or (difference == 0 and wrong[name].intersection(seen) <= checks)
    }
    diagnoses = (
        Diagnosis(misconception=name, feedback=key.feedback[name], exact=False, checks=tuple(sorted(checks)))
        for name, checks in _fewest(likely, failing, counting)
    )
    return tuple({each.feedback: each for each in diagnoses}.values())


def can_be_diagnosed(name: str, key: AnswerKey, tolerances: Mapping[str, float]) -> bool:
    """Whether a misconception can ever be told: one that only raises what any slip raises cannot."""
    known = key.misconceptions[name]
    return _proves_something(known, _wrong_checks(name, key, tolerances), "") or bool(_effects(known, key))


def _proves_something(known: Mapping[str, _Draws], checks: Collection[str], side_effects: str) -> bool:
    """Whether what a misconception was seen to do in these checks is more than exceptions that any slip raises."""
    return side_effects in checks or any(_is_proof(one) for check in checks for one in known.get(check, ()))


def _is_proof(one: Observation | NotObserved) -> bool:
    if isinstance(one, NotObserved):
        return one.outcome is not Outcome.NOT_RUN
    if one.error is not None:
        return is_telling_error(one.error)
    return one.returned is not None and any(error is None or is_telling_error(error) for error in _outcomes(one.returned))


def _outcomes(fact: Fact) -> Iterator[ErrorFact | None]:
    """For each returned thing the exception that stands in its place, None for a thing."""
    match fact:
        case RaisedFact():
            yield fact.error
        case SequenceFact() | MappingFact() if fact.items:
            for item in fact.items:
                yield from _outcomes(item)
        case _:
            yield None


def _wrong_checks(name: str, key: AnswerKey, tolerances: Mapping[str, float]) -> set[str]:
    """The checks that a misconception fails."""
    remembered = (name, tuple(tolerances.items()))
    if remembered not in key.wrong_checks:
        known = key.misconceptions[name]
        key.wrong_checks[remembered] = {check for check in known if _differs(key.reference[check], known[check], tolerances)}
    return key.wrong_checks[remembered]


def _fewest(
    explained: dict[str, set[str]], failing: Collection[str], counting: Collection[str]
) -> Iterator[tuple[str, set[str]]]:
    """Greedily, those that explain most of what is still unexplained, and first of that what counts."""
    unexplained = set(failing)

    def gain(name: str) -> tuple[int, int]:
        new = explained[name] & unexplained
        return len(new.intersection(counting)), len(new)

    while explained and unexplained:
        best = max(explained, key=gain)
        if not explained[best] & unexplained:
            return
        yield best, explained[best]
        unexplained -= explained.pop(best)


def _explained(
    name: str,
    wrong: Collection[str],
    failing: Collection[str],
    seen: Mapping[str, _Draws],
    key: AnswerKey,
    tolerances: Mapping[str, float],
    side_effects: str,
) -> set[str]:
    """The failing checks in which the misconception did what the submission did, and not what the reference did."""
    known = key.misconceptions[name]
    explained = set()
    for check in failing:
        if check not in wrong or check not in seen or not _equal(known[check], seen[check], tolerances, effects=False):
            continue
        explained.add(check)
    # Random numbers and accuracies of two mistakes may look alike in one check, but not in most of them.
    if 2 * len(explained) <= len(wrong) and all(_judged(one) for check in explained for one in known[check]):
        explained.clear()
    if not _proves_something(known, explained, side_effects):
        explained.clear()
    if side_effects in failing and (explained or set(failing) == {side_effects}):
        effects = _effects(known, key)
        if effects and effects == _effects(seen, key):
            explained.add(side_effects)
    return explained


def _explained_as_far_as_compared(
    name: str,
    checks: Collection[str],
    seen: Mapping[str, _Draws],
    key: AnswerKey,
    tolerances: Mapping[str, float],
) -> set[str]:
    """Those of `checks` in which the misconception agrees in what the check compares; where one function has two
    mistakes, everything else may differ. Exceptions do not count. The misconception must fail nothing that passes."""
    known = key.misconceptions[name]
    return {check for check in checks if check in seen and _looks_equal(known[check], seen[check], tolerances)}


def _looks_equal(known: _Draws, seen: _Draws, tolerances: Mapping[str, float]) -> bool:
    return len(known) == len(seen) and all(
        isinstance(expected, Observation)
        and isinstance(actual, Observation)
        and expected.error is None
        and not _has_raised(expected.returned)
        and passes(expected, actual, tolerances)
        for expected, actual in zip(known, seen, strict=True)
    )


def _has_raised(fact: Fact | None) -> bool:
    match fact:
        case RaisedFact():
            return fact.error is not None
        case SequenceFact() | MappingFact():
            return any(map(_has_raised, fact.items))
    return False


def _effects(seen: Mapping[str, _Draws], key: AnswerKey) -> set[tuple[str, str]]:
    """Pairs of a check and a side effect that the reference does not have there."""
    extra = set()
    for check, draws in seen.items():
        for expected, actual in zip(key.reference.get(check, ()), draws, strict=False):
            if isinstance(actual, Observation) and actual.error is None:
                extra |= {(check, effect) for effect in actual.effects if effect not in expected.effects}
    return extra


def _equal(known: _Draws, seen: _Draws, tolerances: Mapping[str, float], *, effects: bool) -> bool:
    if len(known) != len(seen):
        return False
    for expected, actual in zip(known, seen, strict=True):
        if isinstance(expected, NotObserved) or isinstance(actual, NotObserved):
            if not (isinstance(expected, NotObserved) and isinstance(actual, NotObserved)):
                return False
            if expected.outcome is Outcome.NOT_RUN or expected.outcome is not actual.outcome:
                return False
        elif not same(expected, actual, tolerances, effects=effects):
            return False
    return True


def _differs(reference: Sequence[Observation], known: _Draws, tolerances: Mapping[str, float]) -> bool:
    return any(
        isinstance(actual, NotObserved) or not passes(expected, actual, tolerances)
        for expected, actual in zip(reference, known, strict=False)
    )


def _judged(one: Observation | NotObserved) -> bool:
    """Whether any part of what was seen is judged by a bound or a distribution."""
    return isinstance(one, Observation) and has_judge(one.returned)
