"""Explores survivors: mutants that no check notices run on further seeds, and on variations of what the checks draw.

A survivor that never differs from the reference seems equivalent to it. Of any other, the first difference is found, and
with it the inputs that show it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from autograder.comparing.compare import compare, passes
from autograder.course.make_job import make_job
from autograder.course.topic import Topic
from autograder.keys.build import require_graded
from autograder.records.exploration import (
    AS_DRAWN,
    CALLS,
    CODE,
    GRADIENTS,
    RESULT,
    RETURNED,
    VARIATIONS,
    check_and_variation,
    varied_name,
)
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job, Run
from autograder.records.observation import Fact, MappingFact, Observation, RaisedFact, SequenceFact, ValueFact
from autograder.verifying.draws import drawn
from autograder.verifying.mutants import Mutant
from autograder.verifying.trials import RUN_SEED, Trials

__all__ = ["Found", "Same", "explore"]

_SEEDS, _SEEDS_EACH = 50, 4
_SEED = RUN_SEED + 1  # so that none of these draws has been tried before
_SALT = 12345  # another start of the global random generators
_BUDGET_SECONDS = 20.0  # for one task's reference; a mutant gets somewhat more than that took


@dataclass(frozen=True)
class Found:
    """The first difference between a mutant and the reference: where, on which inputs, and what differs.

    `codes` are the call of the task with its inputs, as code: as they were drawn, and by their values; fewer if unknown.
    `part` says whether the result differs, the gradients, a side effect, or only what the check returned. `raised`: the
    reference raises an exception there, as the exercise demands. `rare`: draws of the same kind showed no difference.
    """

    what: str
    part: str
    check: str = ""
    variation: str = AS_DRAWN
    draw: int = 0
    seed: int = 0
    codes: tuple[str, ...] = ()
    raised: bool = False
    rare: bool = False

    @property
    def sentence(self) -> str:
        """Where the checks would see it, and what."""
        other = "other draws" if self.variation == AS_DRAWN else VARIATIONS[self.variation]
        return f"Your checks would see it with {other}: {self.what} ({self.check}, seed {self.seed})."


@dataclass(frozen=True)
class Same:
    """No difference anywhere: on how many seeds, and in how many variations of what the checks draw."""

    seeds: int
    variations: int

    @property
    def sentence(self) -> str:
        """What was tried, for a report or a reason."""
        return f"no difference on {self.seeds} further seeds and {self.variations} variations of what the checks draw"


_Seen = Mapping[tuple[str, int], Observation]


def explore(trials: Trials, topic: Topic, task: str, mutants: Sequence[Mutant]) -> dict[str, Found | Same]:
    """What is found of each surviving mutant of a task, by its name. A mutant is missing if nothing can be said of it:
    what the task does is random, or takes too long.
    """
    many = drawn(topic, _SEEDS)
    jobs = [_job(trials, many, task, topic.reference, salt) for salt in (0, _SALT)]
    trials.progress.known += len(jobs) + len(mutants)
    runs = _runs(trials, jobs)
    first, salted = (_observed(run) for run in runs)
    tolerances = trials.course.tolerances_on(trials.device)
    evidence = {
        key: seen
        for key, seen in first.items()
        if _tells(seen) and key in salted and passes(seen, salted[key], tolerances)  # what is random proves nothing
    }
    if not evidence:
        for _ in mutants:
            trials.progress.step(trials.name)
        return {}
    seconds = 2 * runs[0].usage.wall_seconds + 5
    mutant_jobs = [_within(_job(trials, many, task, mutant.cells), seconds) for mutant in mutants]
    verdicts = {}
    for mutant, run in zip(mutants, _runs(trials, mutant_jobs, _differs_from(evidence, tolerances)), strict=True):
        verdict = _verdict(evidence, run, tolerances, mutant_jobs[0])
        if verdict is not None:
            verdicts[mutant.name] = verdict
    return verdicts


def _within(job: Job, seconds: float) -> Job:
    return msgspec.structs.replace(job, limits=msgspec.structs.replace(job.limits, topic_seconds=seconds))


def _job(trials: Trials, topic: Topic, task: str, cells: tuple[Cell, ...], salt: int = 0) -> Job:
    job = make_job(trials.course, topic, cells, seed=_SEED, device=trials.device, tasks=[task], own=True)

    def exploring(module: CheckModule | None) -> CheckModule | None:
        call = f"\n\nfrom autograder.checking.exploring import explore as _explore\n_explore(globals(), {task!r}, {salt})\n"
        return module and msgspec.structs.replace(module, source=module.source + call)

    return msgspec.structs.replace(
        job,
        visible=exploring(job.visible),
        hidden=exploring(job.hidden),
        visible_requests=tuple(_varied(job.visible_requests)),
        hidden_requests=tuple(_varied(job.hidden_requests)),
        rules=(),
        limits=msgspec.structs.replace(job.limits, topic_seconds=_BUDGET_SECONDS, report_mb=1024),
    )


def _varied(requests: Sequence[CheckRequest]) -> Iterator[CheckRequest]:
    """Every variation of every request: as the checks draw it first, and first draws first."""
    for variation in VARIATIONS:
        for request in sorted(requests, key=lambda each: each.draw):
            if variation == AS_DRAWN or request.draw < _SEEDS_EACH:
                yield msgspec.structs.replace(request, check=varied_name(request.check, variation))


def _runs(trials: Trials, jobs: Sequence[Job], enough: Callable[[Observation], bool] | None = None) -> list[Run]:
    runs = []
    for run in trials.pool.map(jobs, enough=enough):
        require_graded(run, trials.name)
        runs.append(run)
        trials.progress.step(trials.name)
    return runs


def _observed(run: Run) -> dict[tuple[str, int], Observation]:
    return {
        key: seen for key, seen in run.observations.items() if isinstance(seen, Observation) and seen.returned is not None
    }


def _differs_from(evidence: _Seen, tolerances: Mapping[str, float]) -> Callable[[Observation], bool]:
    def differs(seen: Observation) -> bool:
        known = evidence.get((seen.check, seen.draw))
        return known is not None and _difference(known, seen, tolerances) is not None

    return differs


def _verdict(evidence: _Seen, run: Run, tolerances: Mapping[str, float], job: Job) -> Found | Same | None:
    """The first difference; what was tried in vain; or None if the mutant was not seen everywhere."""
    seeds = {(request.check, request.draw): request.seed for request in (*job.visible_requests, *job.hidden_requests)}
    alike: set[str] = set()
    missing = False
    for (name, draw), known in evidence.items():
        seen = run.observations.get((name, draw))
        if not isinstance(seen, Observation):
            missing = True
            continue
        difference = _difference(known, seen, tolerances)
        if difference is not None:
            check, variation = check_and_variation(name)
            return replace(
                difference, check=check, variation=variation, draw=draw, seed=seeds[name, draw], rare=name in alike
            )
        alike.add(name)
    if missing:
        return None
    draws = {draw for _, draw in evidence}
    return Same(len(draws), len(set(_variations(evidence))))


def _variations(evidence: _Seen) -> Iterator[str]:
    """Those that drew something else than the checks do, as far as the calls' code tells."""
    for (name, draw), seen in evidence.items():
        check, variation = check_and_variation(name)
        usual = evidence.get((varied_name(check, AS_DRAWN), draw))
        if variation != AS_DRAWN and (usual is None or not _calls(usual) or _calls(seen) != _calls(usual)):
            yield variation


def _calls(seen: Observation) -> list[tuple[str, ...]]:
    """The code of each call of the task."""
    return [_codes(_parts(call)[CODE]) for call in _parts(_parts(seen.returned)[CALLS]).values()]


def _difference(known: Observation, seen: Observation, tolerances: Mapping[str, float]) -> Found | None:
    """What differs between the reference's observation of an exploring check and a mutant's, if anything does."""
    right, wrong = _parts(known.returned), _parts(seen.returned)
    if not wrong:
        return Found(what="the check cannot be run", part=RETURNED)
    right_calls, wrong_calls = _parts(right[CALLS]), _parts(wrong[CALLS])
    written: list[Fact] = []
    for call, fact in right_calls.items():
        one, other = _parts(fact), _parts(wrong_calls.get(call))
        result = one.get(RESULT)
        written = written or [one[CODE]]
        if not other or result is None or not _is_meant(result):
            continue
        for part in (RESULT, GRADIENTS):
            if part in one and (what := _told_apart(known, one[part], other.get(part), tolerances)):
                what = re.sub(r"`result\[\d+\]`", "the gradient", what) if part == GRADIENTS else what
                return Found(what=what, part=part, codes=_codes(one[CODE]), raised=_raised(result))
    if not _raised(right[RETURNED]) and (what := _told_apart(known, right[RETURNED], wrong[RETURNED], tolerances)):
        return Found(what=what, part=RETURNED, codes=_codes(written[0]) if len(right_calls) == 1 else ())
    effects = sorted(set(seen.effects) ^ set(known.effects))
    if effects and not _raised(right[RETURNED]):
        codes = _codes(written[0]) if len(right_calls) == 1 else ()
        return Found(what=f"the code changes something else ({effects[0]})", part="effects", codes=codes)
    return None


def _parts(fact: Fact | None) -> dict[str, Fact]:
    return dict(zip(fact.keys, fact.items, strict=True)) if isinstance(fact, MappingFact) else {}


def _raised(fact: Fact) -> bool:
    return isinstance(fact, RaisedFact) and fact.error is not None


def _is_meant(fact: Fact) -> bool:
    """Whether the reference means to do this; nobody says what has to happen where it falls over."""
    return not isinstance(fact, RaisedFact) or fact.error is None or fact.error.own_words


def _tells(known: Observation) -> bool:
    """Whether anything that the reference did can be compared."""
    parts = _parts(known.returned)
    results = (_parts(call).get(RESULT) for call in _parts(parts[CALLS]).values())
    return not _raised(parts[RETURNED]) or any(result is not None and _is_meant(result) for result in results)


def _codes(fact: Fact) -> tuple[str, ...]:
    items = fact.items if isinstance(fact, SequenceFact) else ()
    texts = [item.value for item in items if isinstance(item, ValueFact) and isinstance(item.value, str)]
    return tuple(dict.fromkeys(text for text in texts if text))


def _told_apart(known: Observation, right: Fact, wrong: Fact | None, tolerances: Mapping[str, float]) -> str:
    """What differs between two facts, as a sentence; empty if nothing does."""
    if wrong is None:
        return "there is no result"
    one, other = (Observation(check=known.check, draw=known.draw, returned=fact) for fact in (right, wrong))
    if passes(one, other, tolerances):
        return ""
    if isinstance(wrong, RaisedFact) and wrong.error is not None and not _raised(right):
        return f"the mutant raises {wrong.error.type}: {wrong.error.message}"
    if isinstance(right, RaisedFact) and right.error is not None and not isinstance(wrong, RaisedFact):
        return f"the mutant raises nothing; it should raise {right.error.type}"
    sentence = next((each.sentence for each in compare(one, other, tolerances)), "the results differ")
    first = sentence.partition(". ")[0].removesuffix(".")  # what follows is advice for students
    return first.replace("`result`", "the result").replace("(yours ", "(the mutant's ")
