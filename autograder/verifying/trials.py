"""Trials: code in a topic's place, run as any submission is, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from autograder.course.course_file import Course
from autograder.course.make_job import make_job
from autograder.course.topic import Topic
from autograder.course.verify_settings import Demand
from autograder.keys.build import build_key, require_graded
from autograder.keys.key import AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Outcome, Replacement, Run
from autograder.records.observation import Observation
from autograder.records.results import CheckResult, TaskResult
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score

__all__ = ["RUN_SEED", "Progress", "Trial", "Trials", "not_passed"]

RUN_SEED = 1001
"""All seeds are derived from this one. It differs from the public key's 0 and is the same in every run."""


@dataclass
class Progress:
    """Counts jobs; `report` is called as `(jobs done, jobs known so far, topic)` after each."""

    report: Callable[[int, int, str], None] | None
    done: int = 0
    known: int = 0

    def step(self, topic: str) -> None:
        """A job is done."""
        self.done += 1
        if self.report:
            self.report(self.done, self.known, topic)


@dataclass(frozen=True)
class Trial:
    """Code to run, and the function that judges the run."""

    job: Job
    judge: Callable[[Run], None]


@dataclass
class Trials:
    """Tries code in the place of one topic, `name`, and gathers in `problems` what must not be, a sentence each.

    `warnings` are what course.yml turned from problems into warnings, and what an author still has to write.
    """

    course: Course
    name: str
    pool: Pool
    progress: Progress
    device: str
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def tasks(self) -> list[str]:
        """The tasks that an author's checks judge."""
        return [name for name, task in self.course.topics[self.name].tasks.items() if task.kind == "checked"]

    def demand(self, demand: Demand | None, sentence: str) -> None:
        """Note what a demand of `verify` misses, as strictly as course.yml says; strictly where it has nothing to say."""
        how = "error" if demand is None else self.course.topics[self.name].verify.demanded(demand)
        if how != "off":
            (self.problems if how == "error" else self.warnings).append(sentence)

    def key(self, topic: Topic) -> AnswerKey:
        """The key of the reference alone, without misconceptions, which take the longest."""
        right = replace(topic, misconceptions=())
        return build_key(self.course, right, seed=RUN_SEED, device=self.device, pool=self.pool, cache=None)

    def job(
        self,
        topic: Topic,
        cells: tuple[Cell, ...],
        *,
        tasks: list[str] | None = None,
        replacement: Replacement | None = None,
    ) -> Job:
        """A job on all tasks or some; `replacement` stands in place of a task."""
        return make_job(
            self.course,
            topic,
            cells,
            seed=RUN_SEED,
            device=self.device,
            tasks=tasks,
            replacement=replacement,
            own=True,
        )

    def try_all(self, trials: Iterable[Trial], *, enough: Callable[[Observation], bool] | None = None) -> None:
        """Run trials and judge each, in order. A run ends as soon as `enough` returns True for an observation."""
        listed = list(trials)
        self.progress.known += len(listed)
        for trial, run in zip(listed, self.pool.map((trial.job for trial in listed), enough=enough), strict=True):
            require_graded(run, self.name)
            trial.judge(run)
            self.progress.step(self.name)

    def try_in_turn(self, series: Sequence[Sequence[Job]]) -> list[tuple[Run, ...]]:
        """What came of several series of jobs; those of a series share one process (see `Pool.map_in_turn`)."""
        self.progress.known += sum(map(len, series))
        done = []
        for runs in self.pool.map_in_turn(series):
            done.append(runs)
            for _ in runs:
                self.progress.step(self.name)
        return done

    def results(self, topic: Topic, key: AnswerKey, run: Run, task: str | None = None) -> tuple[TaskResult, ...]:
        """How a run is scored, on all tasks or on one."""
        return score(rules_of(self.course, topic, key.device), key, run, tasks=None if task is None else [task])


def not_passed(result: TaskResult) -> list[CheckResult]:
    """The checks that count against the code; those that wait for a device do not."""
    return [
        check
        for check in result.checks
        if check.outcome is not Outcome.PASSED and not (check.outcome is Outcome.NOT_RUN and result.pending)
    ]
