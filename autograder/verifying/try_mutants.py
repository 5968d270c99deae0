"""Tries a topic's mutants: small wrong changes to the reference, each of which some check must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from autograder.comparing.compare import passes
from autograder.course.topic import Topic
from autograder.keys.key import AnswerKey
from autograder.records.jobs import CheckRequest, Job, Outcome, Run
from autograder.records.observation import Observation
from autograder.verifying.accepted_mutants import read_accepted, stale_entries
from autograder.verifying.draws import drawn
from autograder.verifying.explore import Found, Same, explore
from autograder.verifying.mutants import Mutant, make_mutants
from autograder.verifying.suggest import Suggestion, suggest
from autograder.verifying.trials import Trial, Trials, not_passed

__all__ = ["TriedMutants", "try_mutants"]

_HARD_TO_KILL = 20  # draws for mutants that few draws do not kill
_QUICK_SECONDS = 2.0  # for one check of a mutant, unless the reference itself is slow


@dataclass
class TriedMutants:
    """All mutants of a topic that were tried, and those that nothing noticed, with what further runs found of them, by name.

    `accepted` says how many an entry accepts, and `newly_accepted` how many of these entries this run has written. `idle`
    are those that only change gradients where none can be; `timed_out` says how many were noticed by time alone.
    """

    mutants: list[Mutant] = field(default_factory=list)
    surviving: list[Mutant] = field(default_factory=list)
    verdicts: dict[str, Found | Same] = field(default_factory=dict)
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    accepted: int = 0
    newly_accepted: int = 0
    idle: list[Mutant] = field(default_factory=list)
    timed_out: int = 0


def try_mutants(trials: Trials, topic: Topic, some: Topic, key: AnswerKey) -> TriedMutants:
    """Try all mutants on one draw of each check; then the survivors on more and more, without a tight time limit.

    Those that are accepted as no mistakes need not survive the most draws, nor those that only change gradients where none
    can be. What still survives is explored. Entries that accept what is no longer there become problems.

    Args:
        trials: runs them.
        topic: the topic.
        some: the topic with the draws of `key`.
        key: a key with several draws.
    """
    return _Tries(trials, topic).run(some, key)


class _Tries:
    def __init__(self, trials: Trials, topic: Topic) -> None:
        self._trials, self._topic = trials, topic
        self._seconds: dict[str, float] = {}
        self._timed_out = 0

    def run(self, some: Topic, key: AnswerKey) -> TriedMutants:
        tasks = self._trials.tasks()
        settings = self._trials.course.topics[self._trials.name].verify
        accepted = read_accepted(self._trials.course.root, self._trials.name, tasks)
        made = [mutant for task in tasks for mutant in make_mutants(self._topic.reference, task, tasks)]
        mutants = [each for each in made if not settings.leaves_out(each.operator, of_gradients=each.of_gradients)]
        thin = drawn(self._topic, 1)
        self._trials.try_all(self._pace(thin))
        survivors = self._survivors(thin, self._trials.key(thin), mutants, quick=True)
        survivors = self._survivors(some, key, survivors)
        settled = [mutant for mutant in survivors if mutant.identity in accepted]
        survivors = [mutant for mutant in survivors if mutant.identity not in accepted]
        idle = self._idle(some, key, survivors)
        survivors = [mutant for mutant in survivors if mutant not in idle]
        if survivors:
            many = drawn(self._topic, _HARD_TO_KILL)
            survivors = self._survivors(many, self._trials.key(many), survivors)
        left_out = {mutant.identity for mutant in made} - {mutant.identity for mutant in mutants}
        tried = {identity: entry for identity, entry in accepted.items() if identity not in left_out}
        self._trials.problems += stale_entries(tried, mutants, settled)
        verdicts, suggestions = self._explored(survivors)
        return TriedMutants(
            mutants, survivors, verdicts, suggestions, accepted=len(settled), idle=idle, timed_out=self._timed_out
        )

    def _idle(self, topic: Topic, key: AnswerKey, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Those that only change gradients, where the reference, observed in every check, lets none flow."""
        probed = [replace(mutant, cells=mutant.probe) for mutant in mutants if mutant.probe]
        silent = {mutant.name for mutant in self._survivors(topic, key, probed)} if probed else set()
        return [mutant for mutant in mutants if mutant.name in silent]

    def _explored(self, survivors: Sequence[Mutant]) -> tuple[dict[str, Found | Same], dict[str, Suggestion]]:
        verdicts: dict[str, Found | Same] = {}
        suggestions: dict[str, Suggestion] = {}
        for task in dict.fromkeys(mutant.task for mutant in survivors):
            verdicts |= explore(self._trials, self._topic, task, [each for each in survivors if each.task == task])
        for mutant in survivors:
            found = verdicts.get(mutant.name)
            if isinstance(found, Found) and (suggestion := suggest(self._trials, self._topic, mutant, found)):
                suggestions[mutant.name] = suggestion
        return verdicts, suggestions

    def _pace(self, topic: Topic) -> Iterator[Trial]:
        """Measures how long a task takes with the reference; a mutant gets a few times that."""
        for task in self._trials.tasks():

            def judge(run: Run, task: str = task) -> None:
                self._seconds[task] = max(_QUICK_SECONDS, 3 * run.usage.wall_seconds)

            yield Trial(self._trials.job(topic, topic.reference, tasks=[task]), judge)

    def _survivors(self, topic: Topic, key: AnswerKey, mutants: Sequence[Mutant], *, quick: bool = False) -> list[Mutant]:
        survivors: list[Mutant] = []
        noticed = self._shows_a_mistake(key)
        self._trials.try_all(self._alone(topic, key, mutants, survivors, noticed, quick=quick), enough=noticed)
        return survivors

    def _shows_a_mistake(self, key: AnswerKey) -> Callable[[Observation], bool]:
        """Whether a check fails what it saw: then the mutant is noticed, and the other checks need not run."""
        tolerances = self._trials.course.tolerances_on(self._trials.device)
        return lambda seen: not passes(key.reference[seen.check][seen.draw], seen, tolerances)

    def _alone(
        self,
        topic: Topic,
        key: AnswerKey,
        mutants: Sequence[Mutant],
        survivors: list[Mutant],
        noticed: Callable[[Observation], bool],
        *,
        quick: bool,
    ) -> Iterator[Trial]:
        for mutant in mutants:

            def judge(run: Run, mutant: Mutant = mutant) -> None:
                # What ended the run comes last; scoring it would look for the misconception behind it, too.
                seen = [
                    each
                    for each in run.observations.values()
                    if isinstance(each, Observation) and each.check in key.reference
                ]
                if seen and noticed(seen[-1]):
                    return
                for result in self._trials.results(topic, key, run, mutant.task):
                    outcomes = {check.outcome for check in not_passed(result)}
                    if not outcomes:
                        survivors.append(mutant)
                    elif outcomes <= {Outcome.TIMEOUT, Outcome.NOT_RUN}:
                        self._timed_out += 1

            job = self._trials.job(topic, mutant.cells, tasks=[mutant.task])
            yield Trial(_quick(job, self._seconds[mutant.task]) if quick else job, judge)


def _quick(job: Job, seconds: float) -> Job:
    """The same job with short limits, since many mutants loop forever."""

    def sooner(requests: tuple[CheckRequest, ...]) -> tuple[CheckRequest, ...]:
        return tuple(msgspec.structs.replace(request, seconds=min(request.seconds, seconds)) for request in requests)

    limits = msgspec.structs.replace(job.limits, topic_seconds=min(job.limits.topic_seconds, 2 * seconds))
    requests = {"visible_requests": sooner(job.visible_requests), "hidden_requests": sooner(job.hidden_requests)}
    return msgspec.structs.replace(job, limits=limits, **requests)
