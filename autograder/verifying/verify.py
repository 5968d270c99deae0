"""The kit proves its own checks: what must pass passes, what must fail fails, under several seeds.

For each topic: the reference passes everything, whatever state its cells leave behind, and gives the same observations
again; the untouched stub earns nothing; every alternative passes; every misconception fails and is diagnosed as itself;
every mutant of the reference is noticed by some check, or is accepted with a reason.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from autograder.comparing.compare import passes
from autograder.course.choice_checks import answer_check, form_check, plain_answer
from autograder.course.course_file import Course
from autograder.course.declarations import VariantSpec
from autograder.course.lines import Lines
from autograder.course.required_parts import missing_parts
from autograder.course.topic import Topic, load_topic
from autograder.errors import AuthoringError
from autograder.keys.build import IN_TURN, build_key, kept_part
from autograder.keys.key import AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Outcome, Replacement, Run
from autograder.records.observation import Observation
from autograder.records.results import TaskResult
from autograder.scoring.rules import rules_of
from autograder.verifying.accepted_mutants import entry_for, read_accepted, unwritten_reasons
from autograder.verifying.accepting import accept_equivalent
from autograder.verifying.choice_trials import ChoiceTrial, trials_of
from autograder.verifying.draws import SINGLE_DRAWS, drawn, first_draws, patient, single_draw
from autograder.verifying.findings import Equal, Survivor, TopicVerification, Verification
from autograder.verifying.measures import Measures, measure
from autograder.verifying.mutants import Mutant
from autograder.verifying.trials import RUN_SEED, Progress, Trial, Trials, not_passed
from autograder.verifying.try_mutants import TriedMutants, try_mutants
from autograder.verifying.unbroken_rules import unbroken_rules

__all__ = ["verify"]

_SAME_AGAIN = "another global random state"
_STATES = {
    _SAME_AGAIN: "import random as _r, numpy as _n, torch as _t\n_r.seed(7); _n.random.seed(7); _t.manual_seed(7)",
    "default dtype float64": "import torch as _t\n_t.set_default_dtype(_t.float64)",
    "gradients switched off": "import torch as _t\n_t.set_grad_enabled(False)",
}
"""States that a notebook's cells may leave behind, on which no check may depend. The first changes no observation."""

_DRAWS_AGAIN = 2  # whether a misconception does the same in another run


def verify(
    course: Course,
    topics: Sequence[str] | None,
    pool: Pool,
    *,
    seeds: int = 20,
    device: str = "cpu",
    mutants: bool = True,
    accept: bool = False,
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
        accept: write entries for surviving mutants that seem equivalent to the reference.
        on_progress: called as `(jobs done, jobs known so far, topic)` after each job.
    """
    started = time.monotonic()
    names = list(course.topics) if topics is None else list(topics)
    progress = Progress(on_progress)
    verified = []
    for name in names:
        proof = _Proof(patient(course, name, seeds), name, pool, progress, device, seeds=seeds)
        try:
            proof.run(mutants=mutants, accept=accept)
        except AuthoringError as error:
            proof.problems += str(error).splitlines()
        verified.append(proof.result())
    return Verification(tuple(verified), seeds, time.monotonic() - started)


@dataclass
class _Proof(Trials):
    """One topic's verification in progress."""

    seeds: int = 20
    equal: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)
    measures: Measures | None = None
    tried: TriedMutants = field(default_factory=TriedMutants)
    topic: Topic | None = None

    def run(self, *, mutants: bool, accept: bool = False) -> None:
        self.topic = topic = load_topic(self.course, self.name)
        for missing in missing_parts(self.course, topic):
            self.demand(missing.demand, missing.sentence)
        many = drawn(topic, self.seeds)
        wide = self.key(many)
        self.try_all(self._alternatives(many, wide))
        some = drawn(topic, SINGLE_DRAWS, keep_declared=True)
        key = build_key(self.course, some, seed=RUN_SEED, device=self.device, pool=self.pool, cache=None, apart=True)
        self.try_all(self._reference(some, key))
        self.try_all(self._stub(some, key))
        self.try_all(self._choices(some, key))
        self._each_draw_exposes(key)
        scored = self._scored(some, key)
        fixed = [name for name, task in self.course.topics[self.name].tasks.items() if task.is_fixed]
        rules = rules_of(self.course, some, key.device)
        self.measures = measure(rules, key, wide, topic.misconceptions, scored, fixed=fixed)
        self.problems += self.measures.problems()
        for sentence in unbroken_rules(some, key):
            self.demand("misconceptions", sentence)
        told = [spec for spec in topic.misconceptions if self._must_fail(spec, scored, self.measures.never_told)]
        self.try_all(self._again(some, told, key))
        if mutants:
            self.tried = try_mutants(self, topic, some, key)
            if accept:
                self.tried = accept_equivalent(self.course.root, self.name, self.tried)
        entries = read_accepted(self.course.root, self.name, self.tasks()).values()
        self.warnings += unwritten_reasons(self.course.root, self.name, entries)

    def result(self) -> TopicVerification:
        if self.topic is None:
            return TopicVerification(self.name, problems=tuple(self.problems), warnings=tuple(self.warnings))
        reference = Path("solutions", f"{self.name}.py")
        lines = Lines((self.course.root / reference).read_bytes(), self.topic.reference)
        survivors = tuple(self._survivor(mutant, reference, lines) for mutant in self.tried.surviving)
        idle = Counter(mutant.task for mutant in self.tried.idle)
        return TopicVerification(
            topic=self.name,
            tasks=sum(task.kind != "manual" for task in self.course.topics[self.name].tasks.values()),
            checks=len(self.topic.checks),
            alternatives=len(self.topic.alternatives),
            misconceptions=len(self.topic.misconceptions),
            mutants=len(self.tried.mutants),
            killed=len(self.tried.mutants) - self.tried.accepted - len(self.tried.idle) - len(survivors),
            timed_out=self.tried.timed_out,
            accepted=self.tried.accepted,
            idle=tuple(idle.items()),
            newly_accepted=self.tried.newly_accepted,
            survivors=survivors,
            equal=tuple(Equal(task, names) for task, names in sorted(self.equal)),
            assertions=tuple(check.name for check in self.topic.checks if check.spec.assertion),
            measures=self.measures,
            problems=(*self.problems, *(survivor.sentence for survivor in survivors)),
            warnings=tuple(self.warnings),
        )

    def _survivor(self, mutant: Mutant, reference: Path, lines: Lines) -> Survivor:
        suggestion = self.tried.suggestions.get(mutant.name)
        first = next((name for name, each in self.tried.suggestions.items() if each == suggestion), mutant.name)
        return Survivor(
            task=mutant.task,
            description=mutant.description,
            file=reference.as_posix(),
            line=lines.line(mutant.cell, mutant.line),
            diff=mutant.diff,
            entry=entry_for(mutant),
            verdict=self.tried.verdicts.get(mutant.name),
            suggestion=suggestion,
            told_before=first != mutant.name,
        )

    def _variant(self, topic: Topic, spec: VariantSpec) -> Job:
        """A job with a variant in place of its task, on that task alone."""
        module = topic.misconception_module if spec in topic.misconceptions else topic.alternative_module
        assert module is not None  # it declares the variant
        replacement = Replacement(spec.task, spec.name, module.filename, module.source)
        return self.job(topic, topic.reference, tasks=[spec.task], replacement=replacement)

    # ---- what must pass -------------------------------------------------------------------------------------------

    def _reference(self, topic: Topic, key: AnswerKey) -> Iterator[Trial]:
        for state, source in _STATES.items():
            cells = (*topic.reference, Cell(max(cell.number for cell in topic.reference) + 1, source))

            def judge(run: Run, state: str = state) -> None:
                self._must_pass(self.results(topic, key, run), f"the reference after {state}")
                if state == _SAME_AGAIN:
                    self.problems += _changed_observations(key, run)

            yield Trial(self.job(topic, cells), judge)

    def _alternatives(self, topic: Topic, key: AnswerKey) -> Iterator[Trial]:
        for spec in topic.alternatives:

            def judge(run: Run, spec: VariantSpec = spec) -> None:
                self._must_pass(self.results(topic, key, run, spec.task), f"the alternative {spec.name}")

            yield Trial(self._variant(topic, spec), judge)

    def _must_pass(self, results: Iterable[TaskResult], what: str) -> None:
        for result in results:
            for check in result.checks:
                if check.outcome is not Outcome.PASSED and not (check.outcome is Outcome.NOT_RUN and result.pending):
                    because = [difference.sentence for difference in check.differences] or [
                        check.reason or check.error_message
                    ]
                    self.problems.append(f"{result.task}: {what}: {check.name} is {check.outcome}: {because[0]}")

    # ---- what must fail -------------------------------------------------------------------------------------------

    def _stub(self, topic: Topic, key: AnswerKey) -> Iterator[Trial]:
        """Stubs are judged by what they do, even those that grading knows by their text: none may give an answer away."""

        def judge(run: Run) -> None:
            for result in self.results(topic, key, run):
                if result.earned > 0:
                    passed = ", ".join(check.name for check in result.checks if check.outcome is Outcome.PASSED)
                    self.problems.append(f"{result.task}: the untouched stub earns {result.earned:g} points ({passed}).")
                if result.attempted and result.checks and result.task not in topic.stubs:
                    self.problems.append(f"{result.task}: the untouched stub counts as attempted.")

        yield Trial(msgspec.structs.replace(self.job(topic, topic.exercise), untouched=frozenset()), judge)

    def _choices(self, topic: Topic, key: AnswerKey) -> Iterator[Trial]:
        """Other answers to each choice: right in other words, wrong, and of another form."""
        for task, entry in self.course.topics[self.name].tasks.items():
            right = plain_answer(key.reference[answer_check(task)][0]) if entry.kind == "choice" else None
            for trial in trials_of(entry, right) if right is not None else ():
                source = f"def answer():\n    return {trial.answer!r}\n"
                replacement = Replacement(task, "answer", "an answer that verify tries", source)

                def judge(run: Run, task: str = task, trial: ChoiceTrial = trial) -> None:
                    self._must_be_judged(self.results(topic, key, run, task)[0], trial)

                yield Trial(self.job(topic, topic.reference, tasks=[task], replacement=replacement), judge)

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
            for draw in range(SINGLE_DRAWS):
                alone, seen = single_draw(key, spec.name, draw)
                if _differs(alone, seen, tolerances):
                    continue
                (result,) = self.results(self.topic, alone, seen, spec.task)
                if not not_passed(result):
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
            (results[spec.name],) = self.results(topic, key, Run(observations=seen), spec.task)
        return results

    def _must_fail(self, spec: VariantSpec, scored: Mapping[str, TaskResult], never_told: Sequence[str]) -> bool:
        """Whether a misconception loses points and can be told; notes those that are told by the same."""
        result = scored[spec.name]
        if not not_passed(result):
            self.problems.append(
                f"{spec.task}: the misconception {spec.name} passes every check; add the check that exposes it."
            )
            return False
        exact = _exact(result)
        if exact not in ((), (spec.name,)):
            self.equal.add((result.task, tuple(sorted({*exact, spec.name}))))
        return bool(exact) or spec.name not in never_told

    def _again(self, topic: Topic, specs: Sequence[VariantSpec], key: AnswerKey) -> Iterator[Trial]:
        """Runs each misconception once more: what it does must repeat, or it cannot be told from others.

        Few draws show that of most, which then run one after the other. The rest may carry something from draw to draw, and
        run alone, on all of them.
        """
        assert self.topic is not None
        few = drawn(self.topic, _DRAWS_AGAIN, keep_declared=True)
        repeated = self._repeated(few, specs, first_draws(key, few))
        for spec in specs:
            if spec.name in repeated:
                continue

            def judge(run: Run, spec: VariantSpec = spec) -> None:
                for result in self.results(topic, key, run, spec.task):
                    if not _exact(result):
                        seen = ", ".join(diagnosis.misconception for diagnosis in result.diagnoses) or "nothing"
                        self.problems.append(
                            f"{result.task}: the misconception {spec.name} is diagnosed as {seen}, because its "
                            "observations change from run to run."
                        )

            yield Trial(self._variant(topic, spec), judge)

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
        jobs = [[self._variant(topic, spec) for spec in some] for some in series.values()]
        repeated = set()
        for some, runs in zip(series.values(), self.try_in_turn(jobs), strict=True):
            for spec, run in zip(some, runs, strict=True):
                (result,) = self.results(topic, key, run, spec.task)
                if _exact(result):
                    repeated.add(spec.name)
        return repeated


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


def _differs(key: AnswerKey, run: Run, tolerances: Mapping[str, float]) -> bool:
    """Whether some check fails what it saw. What only scoring finds, such as side effects, is left to scoring."""
    return any(
        isinstance(seen, Observation) and not passes(key.reference[check][draw], seen, tolerances)
        for (check, draw), seen in run.observations.items()
    )
