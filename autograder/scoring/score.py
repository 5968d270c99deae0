"""From observations to points: the verdict of each check, each task's gate, partial credit and diagnosis."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from autograder.comparing.compare import compare, passes
from autograder.comparing.wording import difference, error_name
from autograder.course.topic_checks import TopicCheck, lacks_device
from autograder.keys.key import AnswerKey
from autograder.records.jobs import NotObserved, Outcome, Run
from autograder.records.observation import ErrorFact, Fact, MappingFact, Observation, RaisedFact, SequenceFact
from autograder.records.results import (
    SIDE_EFFECTS,
    TELLS,
    CheckResult,
    Diagnosis,
    Difference,
    TaskResult,
    Tells,
    told_first,
)
from autograder.scoring.diagnosis import diagnose
from autograder.scoring.rules import Rules

__all__ = ["NO_DEVICE", "Scorer", "complete", "differing", "score"]

_SIDE_EFFECTS_SENTENCE = "Inputs and global settings are left unchanged."
NO_DEVICE = "no device"
"""The reason of a check that waits for a GPU; its points are pending."""

_MOST_DIFFERENCES = 5
_MORE = "…"
_MOST_REMEMBERED, _LARGEST_REMEMBERED = 128, 1 << 17  # answers to tasks, and the bytes of one: 16 MB at most
_UNAVAILABLE = re.compile(r"(\w{1,60}) is not available in this task\.")
_NOTHING_RETURNED = "None of the checks ran to the end."

_Seen = dict[str, list[Observation | NotObserved]]
"""By check name, what was seen of it: one entry per draw."""


def score(
    rules: Rules, key: AnswerKey, run: Run, *, visible_only: bool = False, tasks: Collection[str] | None = None
) -> tuple[TaskResult, ...]:
    """The result of each of a topic's tasks, in the order of course.yml.

    A check passes only if each of its draws was observed and matches the reference. A task earns its points times the
    weights of the checks that passed, divided by the weights of all its checks, `side_effects` included; but nothing while
    none of its gates passes. If no check is marked as a gate, every check counts as one.

    Args:
        rules: the topic's points, checks, draws and tolerances.
        key: the answer key for the run's seed and device.
        run: what came of the submission's job.
        visible_only: score only the visible checks, as students can.
        tasks: score only these; all if None.
    """
    return tuple(
        _score_task(rules, key, task, _seen(run, _asked(rules, key, task, visible_only)), visible_only)
        for task in rules.points
        if tasks is None or task in tasks
    )


class Scorer:
    """Scores the runs of a class as `score` does, and remembers the results of answers it has seen before.

    Most answers are right, or wrong in a common way, and `decode_from_child` returns equal observations as one object.
    So two answers count as the same if they hold the same objects: comparing contents would take as long as scoring.
    Without it a class takes 5 % more processor time (benchmarks/weigh.py).
    """

    def __init__(self, rules: Rules, key: AnswerKey, learn: Callable[[AnswerKey, str], AnswerKey] | None = None) -> None:
        """Take what `score` takes, except the run.

        Where the key lacks a task's misconceptions when an answer is wrong for the first time, `learn` adds them.
        """
        self._rules, self._key, self._learn = rules, key, learn
        self._asked = {task: _asked(rules, key, task, visible_only=False) for task in rules.points}
        self._known: OrderedDict[tuple[str, tuple[int | NotObserved, ...]], tuple[_Seen, TaskResult]] = OrderedDict()

    def score(self, run: Run) -> tuple[TaskResult, ...]:
        """The result of each of the topic's tasks, in the order of course.yml."""
        return tuple(self._score_task(run, task) for task in self._asked)

    def _score_task(self, run: Run, task: str) -> TaskResult:
        seen = _seen(run, self._asked[task])
        everything = (one for draws in seen.values() for one in draws)
        identity = (task, tuple([one if isinstance(one, NotObserved) else id(one) for one in everything]))
        if identity in self._known:
            self._known.move_to_end(identity)
            return self._known[identity][1]
        result = _score_task(self._rules, self._key, task, seen, visible_only=False)
        if self._learn and result.attempted and _failing(result.checks) and not self._key.knows(task):
            self._key = self._learn(self._key, task)
            result = _score_task(self._rules, self._key, task, seen, visible_only=False)
        if len(msgspec.msgpack.encode(seen)) <= _LARGEST_REMEMBERED:
            # The observations are kept too, so that no other object can get the same id.
            self._known[identity] = seen, result
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return result


def _checks_of(rules: Rules, task: str, visible_only: bool) -> list[TopicCheck]:
    return [check for check in rules.checks if check.task == task and (check.visible or not visible_only)]


def _asked(rules: Rules, key: AnswerKey, task: str, visible_only: bool) -> dict[str, int]:
    """The checks of a task that the key's device can run, and how many draws each has."""
    return {
        check.name: len(key.reference.get(check.name, ()))
        for check in _checks_of(rules, task, visible_only)
        if not lacks_device(check.spec, key.device)
    }


def _seen(run: Run, asked: Mapping[str, int]) -> _Seen:
    """What a run saw of a task's checks: one entry per draw."""
    missing = NotObserved(Outcome.NOT_RUN, run.problem or "It was not run.")
    return {name: [run.observations.get((name, draw), missing) for draw in range(draws)] for name, draws in asked.items()}


def _score_task(rules: Rules, key: AnswerKey, task: str, seen: _Seen, visible_only: bool) -> TaskResult:
    checks = _checks_of(rules, task, visible_only)
    tolerances = rules.tolerances
    results = []
    for check in checks:
        if check.name in seen:
            results.append(_judge(check, key.reference.get(check.name, []), seen[check.name], tolerances))
        else:
            results.append(_result(check, rules.draws[check.name], reason=NO_DEVICE))
    run = [check for check in checks if check.spec.rule is None]
    if checks:
        effects = _judge_side_effects(run, key, seen)
        results.append(msgspec.structs.replace(effects, weight=rules.side_effects.get(task, 1.0)))
    attempted = _is_attempted({check.name: seen[check.name] for check in run if check.name in seen})
    if not attempted:
        results = [_unjudged(result) if result.rule else result for result in results]
    diagnoses: tuple[Diagnosis, ...] = ()
    if attempted:
        first = told_first(results)
        diagnoses = diagnose(task, _failing(results), seen, key, tolerances, first=first, side_effects=SIDE_EFFECTS)
    unavailable = tuple(sorted({name for check in run for name in _unavailable_names(check, seen.get(check.name, ()))}))
    result = _totalled(task, rules.points[task], results, attempted, diagnoses, prediction=task in rules.predictions)
    return msgspec.structs.replace(result, unavailable=unavailable)


def _failing(results: Iterable[CheckResult]) -> list[str]:
    return [result.name for result in results if result.outcome in (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT)]


def _totalled(
    task: str,
    points: float,
    results: Sequence[CheckResult],
    attempted: bool,
    diagnoses: tuple[Diagnosis, ...],
    *,
    prediction: bool,
) -> TaskResult:
    """A task's result from the results of its checks, the last of which is `side_effects`."""
    passed = [result for result in results if result.outcome is Outcome.PASSED]
    waiting = [result for result in results if _is_pending(result)]
    gates = [result for result in results if result.gate] or [result for result in results[:-1] if not result.rule]
    opened = any(gate.outcome is Outcome.PASSED for gate in gates)
    may_open = opened or any(map(_is_pending, gates))
    everything = _weight(results)
    share = points / everything if everything else 0.0
    earned = share * _weight(passed) if opened else 0.0
    pending = share * (_weight(waiting) + (0 if opened else _weight(passed))) if waiting and may_open else 0.0
    return TaskResult(
        task=task,
        points=points,
        earned=round(earned, 2),
        pending=round(pending, 2),
        attempted=attempted,
        prediction=prediction,
        gated=bool(passed) and not may_open,
        checks=tuple(results),
        diagnoses=diagnoses,
    )


def _weight(results: Iterable[CheckResult]) -> float:
    return sum(result.weight for result in results)


def complete(old: TaskResult, new: TaskResult, device: str) -> TaskResult:
    """A task's result with its pending checks replaced by their results on `device`, and its points recomputed.

    Everything else stays as it was; side effects count if either run had some.

    Args:
        old: the result with pending checks.
        new: the same task scored on `device`, by at least the checks that were pending.
        device: where the pending checks ran.
    """
    new_checks = {result.name: msgspec.structs.replace(result, device=device) for result in new.checks}
    waiting = {result.name for result in old.checks if _is_pending(result)} & new_checks.keys()
    results = []
    for result in old.checks:
        effects = new_checks.get(SIDE_EFFECTS) if result.name == SIDE_EFFECTS else None
        if (
            effects is not None
            and waiting
            and effects.outcome is not Outcome.NOT_RUN
            and result.outcome is not Outcome.FAILED
        ):
            results.append(effects)
        else:
            results.append(new_checks[result.name] if result.name in waiting else result)
    told = {each.misconception for each in old.diagnoses}
    failing = waiting & set(_failing(results))
    added = (each for each in new.diagnoses if each.misconception not in told and failing & set(each.checks))
    return msgspec.structs.replace(
        _totalled(
            old.task,
            old.points,
            results,
            old.attempted or (new.attempted and bool(waiting)),
            (*old.diagnoses, *added),
            prediction=old.prediction,
        ),
        source=old.source,
        unavailable=tuple(sorted({*old.unavailable, *(new.unavailable if waiting else ())})),
    )


def _is_pending(result: CheckResult) -> bool:
    return result.outcome is Outcome.NOT_RUN and result.reason == NO_DEVICE


def _result(check: TopicCheck, draws: int, *, outcome: Outcome = Outcome.NOT_RUN, reason: str = "") -> CheckResult:
    return CheckResult(
        name=check.name,
        sentence=check.spec.sentence,
        visible=check.visible,
        outcome=outcome,
        gate=check.spec.gate,
        weight=check.spec.weight,
        draws=draws,
        reason=reason,
        assertion=check.spec.assertion,
        rule=check.spec.rule is not None,
        tells=check.tells,
    )


def _unjudged(rule: CheckResult) -> CheckResult:
    """A rule on the source of a task that is not attempted: a stub does not earn anything by keeping it."""
    return msgspec.structs.replace(
        rule, outcome=Outcome.NOT_RUN, reason="The task is not attempted yet.", draws_passed=0, differences=()
    )


def _judge(
    check: TopicCheck,
    expected: Sequence[Observation],
    seen: Sequence[Observation | NotObserved],
    tolerances: Mapping[str, float],
) -> CheckResult:
    """The verdict over all draws; the first draw that does not pass gives the reason."""
    result = _result(check, len(expected))
    if not expected:
        return msgspec.structs.replace(result, reason="The answer key has no observations of this check.")
    passed = 0
    first: Observation | NotObserved | None = None
    differences: tuple[Difference, ...] = ()
    for reference, actual in zip(expected, seen, strict=True):
        if isinstance(actual, NotObserved):
            first = first or actual
            continue
        if passes(reference, actual, tolerances):
            passed += 1
        elif first is None:
            first, differences = actual, compare(reference, actual, tolerances, task=check.task, quote=check.quoted)
    result = msgspec.structs.replace(result, draws_passed=passed)
    if first is None:
        return msgspec.structs.replace(result, outcome=Outcome.PASSED)
    if isinstance(first, NotObserved):
        # Passing takes positive evidence: without an observation, a claim to have passed or failed is an error.
        outcome = Outcome.ERROR if first.outcome in (Outcome.PASSED, Outcome.FAILED) else first.outcome
        return msgspec.structs.replace(result, outcome=outcome, reason=first.reason)
    result = msgspec.structs.replace(result, outcome=Outcome.FAILED, differences=_first_few(differences))
    return _with_error(result, first.error, quote=check.quoted) if first.error is not None else result


def _first_few(differences: tuple[Difference, ...]) -> tuple[Difference, ...]:
    if len(differences) <= _MOST_DIFFERENCES:
        return differences
    more = len(differences) - _MOST_DIFFERENCES + 1
    return (*differences[: _MOST_DIFFERENCES - 1], difference(_MORE, "", f"{more} more things differ."))


def differing(differences: tuple[Difference, ...]) -> int:
    """How many things differ, those counted that a check's differences do not tell one by one."""
    if differences and differences[-1].where == _MORE:
        return len(differences) - 1 + int(differences[-1].sentence.partition(" ")[0])
    return len(differences)


def _with_error(result: CheckResult, error: ErrorFact, *, quote: bool) -> CheckResult:
    """Adds what may be told of an exception. Its message or line could carry a hidden check's inputs out."""
    if error.undefined or error.not_attempted:
        return result
    at = error.at
    if at is not None and not quote:
        at = msgspec.structs.replace(at, text="")
    return msgspec.structs.replace(
        result,
        error_type=error_name(error, quote=quote),
        error_message=error.message if quote else "",
        arguments=error.arguments if quote else "",
        at=at,
    )


def _unavailable_names(check: TopicCheck, seen: Iterable[Observation | NotObserved]) -> Iterator[str]:
    """What a hidden check refused, so that students hear of it. Names are the author's, whatever the child says."""
    for one in seen:
        if isinstance(one, Observation) and not check.visible:
            errors = [one.error] if one.error is not None else [] if one.returned is None else _raised(one.returned)
            for error in errors:
                named = _UNAVAILABLE.fullmatch(error.message)
                if named and named[1] in check.spec.unavailable:
                    yield named[1]


# ---- side effects -----------------------------------------------------------------------------------------------------


def _judge_side_effects(checks: Sequence[TopicCheck], key: AnswerKey, seen: _Seen) -> CheckResult:
    """Whether the code left unchanged what the reference does, in every draw in which it returned normally."""
    draws = passed = 0
    sentences: dict[str, Tells] = {}
    told = {_told_of(check) for check in checks}
    for check in checks:
        for expected, actual in zip(key.reference.get(check.name, ()), seen.get(check.name, ()), strict=False):
            if isinstance(actual, NotObserved) or actual.returned is None or _holds_stub(actual.returned):
                continue
            draws += 1
            extra = [effect for effect in actual.effects if effect not in expected.effects]
            passed += not extra
            for effect in extra:
                sentence = _effect_sentence(effect, quote=check.quoted)
                sentences[sentence] = max(sentences.get(sentence, "nothing"), _told_of(check), key=TELLS.index)
    outcome = Outcome.NOT_RUN if draws == 0 else Outcome.PASSED if passed == draws else Outcome.FAILED
    differences = tuple(
        msgspec.structs.replace(difference("side effects", "", sentence), tells=tells)
        for sentence, tells in sentences.items()
    )
    # If it passed, or failed only in checks of which nothing may be told, it would say something of those.
    silent = "nothing" in told and not any(tells != "nothing" for tells in sentences.values())
    return CheckResult(
        name=SIDE_EFFECTS,
        sentence=_SIDE_EFFECTS_SENTENCE,
        visible=all(check.visible for check in checks),
        outcome=outcome,
        draws=draws,
        draws_passed=passed,
        differences=_first_few(differences),
        reason=_NOTHING_RETURNED if draws == 0 else "",
        tells="nothing" if silent else "message",
    )


def _told_of(check: TopicCheck) -> Tells:
    return "inputs" if check.visible else check.tells


_GLOBAL_EFFECTS = {
    "global random state": "The global random state was changed; leave it alone, or draw from a generator of your own.",
    "default dtype": "torch's default dtype was changed and not restored.",
    "grad mode": "Gradient recording was switched on or off and not restored.",
}
_INPUT_EFFECTS = {
    "values": "The values of {} were changed in place.",
    "requires_grad": "requires_grad of {} was changed.",
    "gradient": "The .grad of {} was changed.",
    "training": "The train/eval mode of {} was changed.",
    "hooks": "{} has other hooks than before: remove your own.",
}


def _effect_sentence(effect: str, *, quote: bool) -> str:
    """One sentence on a side effect. A hidden check's inputs are not named: their names come out of the child."""
    if effect in _GLOBAL_EFFECTS:
        return _GLOBAL_EFFECTS[effect]
    name, _, what = effect.rpartition(": ")
    which = f"the input `{name[:40]}`" if quote else "an input"
    return _INPUT_EFFECTS.get(what, "Something in {} was changed.").format(which)


# ---- attempted? -------------------------------------------------------------------------------------------------------


def _is_attempted(seen: _Seen) -> bool:
    """False if every observation of the task shows only its stub."""
    observed = [one for draws in seen.values() for one in draws if isinstance(one, Observation)]
    return not observed or not all(map(_shows_stub, observed))


def _shows_stub(one: Observation) -> bool:
    if one.error is not None:
        return one.error.not_attempted
    return one.returned is not None and _holds_stub(one.returned)


def _holds_stub(fact: Fact) -> bool:
    """Whether a returned thing holds an exception that only says there is no code yet."""
    return any(error.not_attempted or error.undefined for error in _raised(fact))


def _raised(fact: Fact) -> Iterator[ErrorFact]:
    match fact:
        case RaisedFact() if fact.error is not None:
            yield fact.error
        case SequenceFact() | MappingFact():
            for item in fact.items:
                yield from _raised(item)
