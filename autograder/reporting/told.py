"""What students may be told of a result: everything that they get, in whatever format, passes through here.

Of a hidden check, the author says how much that is (`tells`, see `autograder.records.results.Tells`):

nothing    the check is left out; of its weight only the sum is kept
sentence   its sentence, and whether it passed
message    also what differs, how it ended, and where, all in the kit's words
inputs     everything

A visible check is told as it is. Text that the submission chose never gets out of a hidden check of the first three kinds,
as it could carry the check's source or inputs; nor do names of hidden checks and of misconceptions.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from autograder.records.jobs import Outcome
from autograder.records.results import (
    SIDE_EFFECTS,
    TELLS,
    CheckResult,
    Diagnosis,
    Difference,
    TaskResult,
    Tells,
    TopicResult,
)

__all__ = ["Told", "told", "told_result", "unavailable_sentence"]


class Told(TaskResult, frozen=True, kw_only=True):
    """A task's result as its student may see it: all that writes for students takes these."""


def told(task: TaskResult) -> Told:
    """A task's result without what its student may not be told. Applying it twice changes nothing more."""
    shown = [check for check in task.checks if _level(check) > _NOTHING]
    names = {
        check.name: check.name if _level(check) == _INPUTS else f"hidden_{number}"
        for number, check in enumerate(shown, start=1)
    }
    everything = not task.untold and all(_level(check) >= _MESSAGE for check in task.checks)
    changed = msgspec.structs.replace(
        task,
        checks=tuple(_check(check, names[check.name], everything=everything) for check in shown),
        diagnoses=tuple(_diagnoses(task, names, everything=everything)),
        untold=task.untold + sum(check.weight for check in task.checks if _level(check) == _NOTHING),
    )
    return Told(**{name: getattr(changed, name) for name in changed.__struct_fields__})


def told_result(result: TopicResult) -> TopicResult:
    """A whole result as its student may see it. From the seed, whoever had the hidden checks could draw their inputs."""
    file = msgspec.structs.replace(result.submission, path=Path(result.submission.path).name)
    tasks = tuple(map(told, result.tasks))
    return msgspec.structs.replace(result, submission=file, tasks=tasks, seed=0, fingerprint="", notes=())


def unavailable_sentence(name: str) -> str:
    """What is said of a function that a task does not allow, however little is told of the check."""
    return f"`{name}` is not available in this task."


def _level_of(tells: Tells) -> int:
    return TELLS.index(tells)


_NOTHING, _MESSAGE, _INPUTS = _level_of("nothing"), _level_of("message"), _level_of("inputs")


def _level(check: CheckResult) -> int:
    return _INPUTS if check.visible else _level_of(check.tells)


def _check(check: CheckResult, name: str, *, everything: bool) -> CheckResult:
    """A check of which something may be told; `everything`: at least a message may be told of all checks of its task."""
    if check.name == SIDE_EFFECTS:
        check = _effects(check, everything=everything)
    if _level(check) == _INPUTS:
        return check
    check = msgspec.structs.replace(check, name=name, error_message="", arguments="", at=None)
    if _level(check) == _MESSAGE:
        # Why a process ended, and what else than a known exception was raised, is said in the child's own words.
        reason = "" if check.outcome is Outcome.ERROR else check.reason
        return msgspec.structs.replace(check, reason=reason, error_type=_known(check.error_type))
    failed = check.outcome not in (Outcome.PASSED, Outcome.NOT_RUN)
    return msgspec.structs.replace(
        check,
        outcome=Outcome.FAILED if failed else check.outcome,
        reason="" if failed else check.reason,
        error_type="",
        differences=(),
        draws_passed=0,
        draws=0,
    )


def _known(error_type: str) -> str:
    standard = getattr(builtins, error_type, None)
    known = isinstance(standard, type) and issubclass(standard, BaseException)
    return error_type if known or not error_type else "an exception"


def _effects(check: CheckResult, *, everything: bool) -> CheckResult:
    """`side_effects` of a task, without what was seen in checks of which no message may be told."""
    if everything:
        return check
    return msgspec.structs.replace(check, differences=tuple(_kept(check.differences)), draws_passed=0, draws=0)


def _kept(effects: Iterable[Difference]) -> Iterator[Difference]:
    return (each for each in effects if each.tells and _level_of(each.tells) >= _MESSAGE)


def _diagnoses(task: TaskResult, names: Mapping[str, str], *, everything: bool) -> Iterator[Diagnosis]:
    """The diagnoses of checks of which a message may be told, without the misconceptions' names."""
    telling = {
        check.name
        for check in task.checks
        if _level(check) >= _MESSAGE and (everything or check.name != SIDE_EFFECTS or any(_kept(check.differences)))
    }
    for each in task.diagnoses:
        if everything or telling & set(each.checks):
            checks = tuple(names[check] for check in each.checks if check in names)
            yield Diagnosis(misconception="", feedback=each.feedback, exact=each.exact and everything, checks=checks)
