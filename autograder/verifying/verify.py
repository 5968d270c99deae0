"""The kit proves its own checks: what must pass passes, what must fail fails, under several seeds.

For each topic: the reference passes everything, whatever state its cells leave behind, and gives the same observations
again; the untouched stub earns nothing; every alternative passes; every misconception fails and is diagnosed as itself;
every mutant of the reference is noticed by some check, or is accepted with a reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from autograder.comparing.compare import passes
from autograder.course.choices import answer_check, form_check, plain_answer
from autograder.course.course_file import Course
from autograder.course.declarations import CheckSpec, VariantSpec
from autograder.course.make_job import make_job
from autograder.course.required_parts import missing_parts
from autograder.course.topic import Topic, load_topic
from autograder.errors import AuthoringError
from autograder.keys.build import IN_TURN, build_key, kept_part, require_graded
from autograder.keys.key import AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, CheckRequest, Job, NotObserved, Outcome, Replacement, Run
from autograder.records.observation import Observation
from autograder.records.results import CheckResult, TaskResult
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score
from autograder.verifying.accepted_mutants import entry_for, read_accepted, stale_entries
from autograder.verifying.choices import ChoiceTrial, trials_of
from autograder.verifying.findings import Equal, Survivor, TopicVerification, Verification
from autograder.verifying.measures import Measures, measure
from autograder.verifying.mutants import Mutant, make_mutants
from autograder.verifying.unbroken_rules import unbroken_rules

__all__ = ["verify"]

RUN_SEED = 1001
"""All seeds are derived from this one. It differs from the public key's 0 and is the same in every run."""

_Seen = TypeVar("_Seen", Observation, Observation | NotObserved)

_SAME_AGAIN = "another global random state"
_STATES = {
    _SAME_AGAIN: "import random as _r, numpy as _n, torch as _t\n_r.seed(7); _n.random.seed(7); _t.manual_seed(7)",
    "default dtype float64": "import torch as _t\n_t.set_default_dtype(_t.float64)",
    "gradients switched off": "import torch as _t\n_t.set_grad_enabled(False)",
}
"""States that a notebook's cells may leave behind, on which no check may depend. The first changes no observation."""

_SINGLE_DRAWS = 5  # a misconception must lose points on each of them alone, since a course may draw only once
_DRAWS_AGAIN = 2  # whether a misconception does the same in another run
_HARD_TO_KILL = 20  # draws for mutants that five draws do not kill
_QUICK_SECONDS = 2.0  # for one check of a mutant, unless the reference itself is slow


def verify(
    course: Course,
    topics: Sequence[str] | None,
    pool: Pool,
    *,
    seeds: int = 20,
    device: str = "cpu",
    mutants: bool = True,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Verification:
    """Verify a course.

    Args:
        course: the course.
        topics: names of topics; all if None.
        pool: runs the jobs in parallel.
        seeds: how many seeds alternatives run on. Five are enough for the rest: states that cells leave behind,
            misconceptions, of which the first two run twice, and mutants, unless five do not kill one.
        device: the device under test; `pool` must be made for it.
        mutants: whether to try mutants, which takes most of the time.
        on_progress: called as `(jobs done, jobs known so far, topic)` after each job.
    """
    started = time.monotonic()
    names = list(course.topics) if topics is None else list(topics)
    progress = _Progress(on_progress)
    verified = []
    for name in names:
        proof = _Proof(_patient(course, name, seeds), name, pool, seeds, progress, device)
        try:
            proof.run(mutants=mutants)
        except AuthoringError as error:
            proof.problems += str(error).splitlines()
        verified.append(proof.result())
    return Verification(tuple(verified), seeds, time.monotonic() - started)


@dataclass
class _Progress:
    report: Callable[[int, int, str], None] | None
    done: int = 0
    known: int = 0

    def step(self, topic: str) -> None:
        self.done += 1
        if self.report:
            self.report(self.done, self.known, topic)


@dataclass(frozen=True)
class _Trial:
    """Code to run, and the function that judges the run."""

    job: Job
    judge: Callable[[Run], None]


@dataclass
class _Proof:
    """One topic's verification in progress."""

    course: Course
    name: str
    pool: Pool
    seeds: int
    progress: _Progress
    device: str
    problems: list[str] = field(default_factory=list)
    equal: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    measures: Measures | None = None
    mutants: list[Mutant] = field(default_factory=list)
    surviving: list[Mutant] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    timed_out: int = 0
    accepted: int = 0
    topic: Topic | None = None

    def run(self, *, mutants: bool) -> None:
        self.topic = topic = load_topic(self.course, self.name)
        self.problems += missing_parts(self.course, topic)
        many = _drawn(topic, self.seeds)
        wide = self._key(many)
        self._try(self._alternatives(many, wide))
        some = _drawn(topic, _SINGLE_DRAWS, keep_declared=True)
        key = build_key(self.course, some, seed=RUN_SEED, device=self.device, pool=self.pool, cache=None, apart=True)
        self._try(self._reference(some, key))
        self._try(self._stub(some, key))
        self._try(self._choices(some, key))
        self._each_draw_exposes(key)
        scored = self._scored(some, key)
        self.measures = measure(rules_of(self.course, some, key.device), key, wide, topic.misconceptions, scored)
        self.problems += self.measures.problems()
        self.problems += unbroken_rules(some, key)
        told = [spec for spec in topic.misconceptions if self._must_fail(spec, scored, self.measures.never_told)]
        self._try(self._again(some, told, key))
        if mutants:
            self._try_mutants(topic, some, key)

    def result(self) -> TopicVerification:
        if self.topic is None:
            return TopicVerification(self.name, problems=tuple(self.problems))
        file = f"solutions/{self.name}.py"
        survivors = tuple(
            Survivor(mutant.task, mutant.description, file, mutant.line, mutant.diff, entry_for(mutant))
            for mutant in self.surviving
        )
        return TopicVerification(
            topic=self.name,
            tasks=sum(task.kind != "manual" for task in self.course.topics[self.name].tasks.values()),
            checks=len(self.topic.checks),
            alternatives=len(self.topic.alternatives),
            misconceptions=len(self.topic.misconceptions),
            mutants=len(self.mutants),
            killed=len(self.mutants) - self.accepted - len(survivors),
            timed_out=self.timed_out,
            accepted=self.accepted,
            survivors=survivors,
            equal=tuple(Equal(task, names) for task, names in sorted(self.equal)),
            assertions=tuple(check.name for check in self.topic.checks if check.spec.assertion),
            measures=self.measures,
            problems=(*self.problems, *(survivor.sentence for survivor in survivors)),
        )

    def _key(self, topic: Topic) -> AnswerKey:
        """The key of the reference alone, without misconceptions, which take the longest."""
        right = replace(topic, misconceptions=())
        return build_key(self.course, right, seed=RUN_SEED, device=self.device, pool=self.pool, cache=None)

    def _job(self, topic: Topic, cells: tuple[Cell, ...], spec: VariantSpec | None = None) -> Job:
        """A job on all tasks; or, with a variant in place of its task, on that task alone."""
        if spec is None:
            return self._make_job(topic, cells)
        module = topic.misconception_module if spec in topic.misconceptions else topic.alternative_module
        assert module is not None  # it declares the variant
        replacement = Replacement(spec.task, spec.name, module.filename, module.source)
        return self._make_job(topic, cells, tasks=[spec.task], replacement=replacement)

    def _make_job(
        self, topic: Topic, cells: tuple[Cell, ...], tasks: list[str] | None = None, replacement: Replacement | None = None
    ) -> Job:
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

    def _tasks(self) -> list[str]:
        """The tasks that an author's checks judge."""
        return [name for name, task in self.course.topics[self.name].tasks.items() if task.kind == "checked"]

    def _try(self, trials: Iterable[_Trial], *, enough: Callable[[Observation], bool] | None = None) -> None:
        listed = list(trials)
        self.progress.known += len(listed)
        for trial, run in zip(listed, self.pool.map((trial.job for trial in listed), enough=enough), strict=True):
            require_graded(run, self.name)
            trial.judge(run)
            self.progress.step(self.name)

    def _results(self, topic: Topic, key: AnswerKey, run: Run, task: str | None = None) -> tuple[TaskResult, ...]:
        return score(rules_of(self.course, topic, key.device), key, run, tasks=None if task is None else [task])

    # ---- what must pass -------------------------------------------------------------------------------------------

    def _reference(self, topic: Topic, key: AnswerKey) -> Iterator[_Trial]:
        for state, source in _STATES.items():
            cells = (*topic.reference, Cell(max(cell.number for cell in topic.reference) + 1, source))

            def judge(run: Run, state: str = state) -> None:
                self._must_pass(self._results(topic, key, run), f"the reference after {state}")
                if state == _SAME_AGAIN:
                    self.problems += _changed_observations(key, run)

            yield _Trial(self._job(topic, cells), judge)

    def _alternatives(self, topic: Topic, key: AnswerKey) -> Iterator[_Trial]:
        for spec in topic.alternatives:

            def judge(run: Run, spec: VariantSpec = spec) -> None:
                self._must_pass(self._results(topic, key, run, spec.task), f"the alternative {spec.name}")

            yield _Trial(self._job(topic, topic.reference, spec), judge)

    def _must_pass(self, results: Iterable[TaskResult], what: str) -> None:
        for result in results:
            for check in result.checks:
                if check.outcome is not Outcome.PASSED and not (check.outcome is Outcome.NOT_RUN and result.pending):
                    because = [difference.sentence for difference in check.differences] or [
                        check.reason or check.error_message
                    ]
                    self.problems.append(f"{result.task}: {what}: {check.name} is {check.outcome}: {because[0]}")

    # ---- what must fail -------------------------------------------------------------------------------------------

    def _stub(self, topic: Topic, key: AnswerKey) -> Iterator[_Trial]:
        """Stubs are judged by what they do, even those that grading knows by their text: none may give an answer away."""

        def judge(run: Run) -> None:
            for result in self._results(topic, key, run):
                if result.earned > 0:
                    passed = ", ".join(check.name for check in result.checks if check.outcome is Outcome.PASSED)
                    self.problems.append(f"{result.task}: the untouched stub earns {result.earned:g} points ({passed}).")
                if result.attempted and result.task not in topic.stubs:
                    self.problems.append(f"{result.task}: the untouched stub counts as attempted.")

        yield _Trial(msgspec.structs.replace(self._job(topic, topic.exercise), untouched=frozenset()), judge)

    def _choices(self, topic: Topic, key: AnswerKey) -> Iterator[_Trial]:
        """Other answers to each choice: right in other words, wrong, and of another form."""
        for task, entry in self.course.topics[self.name].tasks.items():
            right = plain_answer(key.reference[answer_check(task)][0]) if entry.kind == "choice" else None
            for trial in trials_of(entry, right) if right is not None else ():
                source = f"def answer():\n    return {trial.answer!r}\n"
                replacement = Replacement(task, "answer", "an answer that verify tries", source)

                def judge(run: Run, task: str = task, trial: ChoiceTrial = trial) -> None:
                    self._must_be_judged(self._results(topic, key, run, task)[0], trial)

                yield _Trial(self._make_job(topic, topic.reference, tasks=[task], replacement=replacement), judge)

    def _must_be_judged(self, result: TaskResult, trial: ChoiceTrial) -> None:
        outcomes = {check.name: check.outcome is Outcome.PASSED for check in result.checks}
        wanted = {form_check(result.task): trial.has_form, answer_check(result.task): trial.is_right}
        for name, passes_it in wanted.items():
            if outcomes[name] != passes_it:
                verb = "fails" if passes_it else "passes"
                self.problems.append(f"{result.task}: the answer {trial.answer!r} {verb} the check {name}.")
        if not trial.is_right and result.earned:
            self.problems.append(f"{result.task}: the wrong answer {trial.answer!r} earns {result.earned:g} points.")

    def _each_draw_exposes(self, key: AnswerKey) -> None:
        """A course may draw only once, so each misconception must lose points on each of the key's draws alone."""
        assert self.topic is not None
        tolerances = self.course.tolerances_on(self.device)
        for spec in self.topic.misconceptions:
            for draw in range(_SINGLE_DRAWS):
                alone, seen = _single_draw(key, spec.name, draw)
                if _differs(alone, seen, tolerances):
                    continue
                (result,) = self._results(self.topic, alone, seen, spec.task)
                if not _not_passed(result):
                    self.problems.append(
                        f"{result.task}: the misconception {spec.name} passes every check on draw {draw} alone; "
                        "draw inputs that always expose it, or give the check draws=…."
                    )
                    break

    def _scored(self, topic: Topic, key: AnswerKey) -> dict[str, TaskResult]:
        """Each misconception's result, by what the key saw of it."""
        results = {}
        for spec in topic.misconceptions:
            known = key.misconceptions[spec.name]
            seen = {(check, draw): one for check, draws in known.items() for draw, one in enumerate(draws)}
            (results[spec.name],) = self._results(topic, key, Run(observations=seen), spec.task)
        return results

    def _must_fail(self, spec: VariantSpec, scored: Mapping[str, TaskResult], never_told: Sequence[str]) -> bool:
        """Whether a misconception loses points and can be told; notes those that are told by the same."""
        result = scored[spec.name]
        if not _not_passed(result):
            self.problems.append(
                f"{spec.task}: the misconception {spec.name} passes every check; add the check that exposes it."
            )
            return False
        exact = _exact(result)
        if exact not in ((), (spec.name,)):
            self.equal.add((result.task, tuple(sorted({*exact, spec.name}))))
        return bool(exact) or spec.name not in never_told

    def _again(self, topic: Topic, specs: Sequence[VariantSpec], key: AnswerKey) -> Iterator[_Trial]:
        """Runs each misconception once more: what it does must repeat, or it cannot be told from others.

        Few draws show that of most, which then run one after the other. The rest may carry something from draw to draw, and
        run alone, on all of them.
        """
        assert self.topic is not None
        few = _drawn(self.topic, _DRAWS_AGAIN, keep_declared=True)
        repeated = self._repeated(few, specs, _first_draws(key, few))
        for spec in specs:
            if spec.name in repeated:
                continue

            def judge(run: Run, spec: VariantSpec = spec) -> None:
                for result in self._results(topic, key, run, spec.task):
                    if not _exact(result):
                        seen = ", ".join(diagnosis.misconception for diagnosis in result.diagnoses) or "nothing"
                        self.problems.append(
                            f"{result.task}: the misconception {spec.name} is diagnosed as {seen}, because its "
                            "observations change from run to run."
                        )

            yield _Trial(self._job(topic, topic.reference, spec), judge)

    def _repeated(self, topic: Topic, specs: Sequence[VariantSpec], key: AnswerKey) -> set[str]:
        """The misconceptions that are diagnosed exactly when those of a task run one after the other.

        Each ran alone when the key was made. If it does exactly the same here, after others, its observations repeat.
        """
        series: dict[tuple[str, int], list[VariantSpec]] = {}
        for number, spec in enumerate(specs):
            known = key.misconceptions[spec.name].values()
            # Anything but an observation would cost the process.
            if all(isinstance(seen, Observation) for draws in known for seen in draws):
                series.setdefault((spec.task, number // IN_TURN), []).append(spec)
        jobs = [[self._job(topic, topic.reference, spec) for spec in some] for some in series.values()]
        self.progress.known += sum(map(len, jobs))
        repeated = set()
        for some, runs in zip(series.values(), self.pool.map_in_turn(jobs), strict=True):
            for spec, run in zip(some, runs, strict=True):
                (result,) = self._results(topic, key, run, spec.task)
                if _exact(result):
                    repeated.add(spec.name)
                self.progress.step(self.name)
        return repeated

    # ---- mutants --------------------------------------------------------------------------------------------------

    def _try_mutants(self, topic: Topic, some: Topic, key: AnswerKey) -> None:
        """Tries all mutants on one draw of each check; then the survivors on more and more, without a tight time limit.

        Those that are accepted as no mistakes need not survive the most draws.
        """
        accepted = read_accepted(self.course.root, self.name, self._tasks())
        for task in self._tasks():
            self.mutants += make_mutants(topic.reference, task, self._tasks())
        thin = _drawn(topic, 1)
        self._try(self._pace(thin))
        survivors = self._survivors(thin, self._key(thin), self.mutants, quick=True)
        survivors = self._survivors(some, key, survivors)
        settled = [mutant for mutant in survivors if mutant.identity in accepted]
        survivors = [mutant for mutant in survivors if mutant.identity not in accepted]
        if survivors:
            many = _drawn(topic, _HARD_TO_KILL)
            survivors = self._survivors(many, self._key(many), survivors)
        self.problems += stale_entries(accepted, self.mutants, settled)
        self.accepted, self.surviving = len(settled), survivors

    def _survivors(self, topic: Topic, key: AnswerKey, mutants: Sequence[Mutant], *, quick: bool = False) -> list[Mutant]:
        survivors: list[Mutant] = []
        self._try(self._mutants(topic, key, mutants, survivors, quick=quick), enough=self._shows_a_mistake(key))
        return survivors

    def _shows_a_mistake(self, key: AnswerKey) -> Callable[[Observation], bool]:
        """Whether a check fails what it saw: then the mutant is noticed, and the other checks need not run."""
        tolerances = self.course.tolerances_on(self.device)
        return lambda seen: not passes(key.reference[seen.check][seen.draw], seen, tolerances)

    def _pace(self, topic: Topic) -> Iterator[_Trial]:
        """Measures how long a task takes with the reference; a mutant gets a few times that."""
        for task in self._tasks():

            def judge(run: Run, task: str = task) -> None:
                self.seconds[task] = max(_QUICK_SECONDS, 3 * run.usage.wall_seconds)

            yield _Trial(self._make_job(topic, topic.reference, tasks=[task]), judge)

    def _mutants(
        self, topic: Topic, key: AnswerKey, mutants: Sequence[Mutant], survivors: list[Mutant], *, quick: bool
    ) -> Iterator[_Trial]:
        for mutant in mutants:

            def judge(run: Run, mutant: Mutant = mutant) -> None:
                for result in self._results(topic, key, run, mutant.task):
                    outcomes = {check.outcome for check in _not_passed(result)}
                    if not outcomes:
                        survivors.append(mutant)
                    elif outcomes <= {Outcome.TIMEOUT, Outcome.NOT_RUN}:
                        self.timed_out += 1

            job = self._make_job(topic, mutant.cells, tasks=[mutant.task])
            yield _Trial(_quick(job, self.seconds[mutant.task]) if quick else job, judge)


def _not_passed(result: TaskResult) -> list[CheckResult]:
    """The checks that count against the code; those that wait for a device do not."""
    return [
        check
        for check in result.checks
        if check.outcome is not Outcome.PASSED and not (check.outcome is Outcome.NOT_RUN and result.pending)
    ]


def _exact(result: TaskResult) -> tuple[str, ...]:
    return tuple(sorted(diagnosis.misconception for diagnosis in result.diagnoses if diagnosis.exact))


def _changed_observations(key: AnswerKey, run: Run) -> Iterator[str]:
    """A sentence on each check of the reference that, with the same seed, saw something different than for the key."""
    for check, observations in key.reference.items():
        for draw, first in enumerate(observations):
            again = run.observations.get((check, draw))
            if not isinstance(again, Observation) or _scored(kept_part(again)) != _scored(first):
                yield f"{check}, draw {draw}: sees something different each time; draw everything from `given`."
                break


def _scored(observation: Observation) -> Observation:
    return msgspec.structs.replace(observation, warnings=(), output="", error=None)


def _patient(course: Course, name: str, seeds: int) -> Course:
    """The same course, with the time and space that this many draws may need."""
    entry = course.topics[name]
    times = max(1.0, seeds / (entry.draws or course.draws))
    limits = msgspec.structs.replace(
        entry.limits,
        topic_seconds=entry.limits.topic_seconds * times,
        report_mb=round(entry.limits.report_mb * times),
    )
    return replace(course, topics={**course.topics, name: msgspec.structs.replace(entry, limits=limits)})


def _drawn(topic: Topic, draws: int, *, keep_declared: bool = False) -> Topic:
    """The same topic, with this many draws of each check, each with a different seed."""

    def drawn(spec: CheckSpec) -> CheckSpec:
        return spec if keep_declared and spec.draws else replace(spec, draws=draws)

    return replace(topic, checks=tuple(replace(check, spec=drawn(check.spec)) for check in topic.checks))


def _first_draws(key: AnswerKey, topic: Topic) -> AnswerKey:
    """What the key would be if each check had run on as many draws as it has in `topic`."""
    draws = {check.name: check.spec.draws for check in topic.checks}
    return msgspec.structs.replace(
        key,
        reference={check: seen[: draws[check]] for check, seen in key.reference.items()},
        misconceptions={
            name: {check: seen[: draws[check]] for check, seen in known.items()}
            for name, known in key.misconceptions.items()
        },
    )


def _single_draw(key: AnswerKey, misconception: str, draw: int) -> tuple[AnswerKey, Run]:
    """What the key and a run of a misconception would be if each check had run on this one draw only.

    Checks with their own number of draws keep all of them.
    """
    reference: dict[str, list[Observation]] = {}
    seen: dict[tuple[str, int], Observation | NotObserved] = {}
    for check, observations in key.reference.items():
        own = len(observations) != _SINGLE_DRAWS
        reference[check] = observations if own else [observations[draw]]
        known = key.misconceptions[misconception].get(check, [])
        chosen = known if own else known[draw : draw + 1]
        seen |= {(check, number): observation for number, observation in enumerate(chosen)}
    return msgspec.structs.replace(key, reference=reference, misconceptions={}), Run(observations=seen)


def _differs(key: AnswerKey, run: Run, tolerances: Mapping[str, float]) -> bool:
    """Whether some check fails what it saw. What only scoring finds, such as side effects, is left to scoring."""
    return any(
        isinstance(seen, Observation) and not passes(key.reference[check][draw], seen, tolerances)
        for (check, draw), seen in run.observations.items()
    )


def _quick(job: Job, seconds: float) -> Job:
    """The same job with short limits, since many mutants loop forever."""

    def sooner(requests: tuple[CheckRequest, ...]) -> tuple[CheckRequest, ...]:
        return tuple(msgspec.structs.replace(request, seconds=min(request.seconds, seconds)) for request in requests)

    limits = msgspec.structs.replace(job.limits, topic_seconds=min(job.limits.topic_seconds, 2 * seconds))
    requests = {"visible_requests": sooner(job.visible_requests), "hidden_requests": sooner(job.hidden_requests)}
    return msgspec.structs.replace(job, limits=limits, **requests)
