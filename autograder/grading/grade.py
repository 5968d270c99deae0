"""Grades a class: answer keys, jobs, scores, result files and pages, one submission after the other.

Results are written one by one, so an interrupted run resumes where it stopped. Whatever one submission does, the others
are still graded. Memory does not grow with the class.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from autograder._words import counted
from autograder.course.cells import read_cells, source_with_helpers
from autograder.course.course_file import Course
from autograder.course.make_job import make_job, with_cells
from autograder.course.source_notes import source_notes
from autograder.course.topic import Topic, load_topic
from autograder.errors import AuthoringError, AutogradeError, MachineError, ResultError, SubmissionError
from autograder.gradebook.adjustments import Adjustments
from autograder.gradebook.marks import mark_of, with_mark
from autograder.grading.result_files import GradingRecord, read_result, read_run, result_path, write_result, write_run
from autograder.grading.submissions import Submission, files_of
from autograder.grading.versions import files_digest, seed_of_version
from autograder.keys.build import REMEDY, build_key, key_folder, with_misconceptions
from autograder.keys.key import PUBLIC_SEED, AnswerKey
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, HelperFile, Job, Outcome, Run
from autograder.records.results import FORMAT_VERSION, FirstCause, Graded, SubmissionFile, TaskResult, TopicResult
from autograder.reporting import topic_page
from autograder.reporting.told import told_result
from autograder.sandbox import level
from autograder.scoring.first_causes import explained
from autograder.scoring.rules import rules_of
from autograder.scoring.score import Scorer

__all__ = [
    "ChosenSeed",
    "PreparedTopic",
    "choose_seed",
    "content_of",
    "earned_of",
    "fault_of",
    "fingerprint_of",
    "grade",
    "job_and_result",
    "prepare",
    "refuse_public",
    "summary_of",
]


@dataclass(frozen=True)
class ChosenSeed:
    """The seed of a run, and a few words on where it comes from."""

    seed: int
    origin: str


@dataclass(frozen=True)
class PreparedTopic:
    """A topic ready for grading.

    `content` is a hash of everything except the submission that its results depend on. `job` is what every submission
    has to run, without its cells. `version`: which versions of submissions it is for (see `versions`).
    """

    topic: Topic
    key: AnswerKey
    content: str
    job: Job
    scorer: Scorer
    version: int = 1


def choose_seed(
    course: Course,
    out: Path,
    *,
    seed: int | None,
    device: str,
    force: bool,
    whole: bool = True,
    proposed: Path | None = None,
    dry_run: bool = False,
) -> ChosenSeed:
    """Choose the seed of a run and record it in `out`.

    It is the given seed; or that of the results already in `out`, so that unchanged submissions keep theirs; or a new
    one.

    Args:
        course: the course.
        out: the folder of the results.
        seed: the seed to take, if any.
        device: where the students' code runs.
        force: draw a new one.
        whole: whether the run is about the whole class; if not, `force` keeps the class's seed.
        proposed: where to record a run that differs from the one in `out`; there too if None.
        dry_run: record every run in `proposed`.

    Raises:
        AutogradeError: if the given seed is that of the public answer keys.
    """
    refuse_public(seed)
    own = _run_in(out)
    record = own or (_run_in(proposed) if proposed else None)
    chosen = ChosenSeed(1 + secrets.randbelow(2**31 - 1), "drawn for this run")
    if seed is not None:
        chosen = ChosenSeed(seed, "given with --seed")
    elif not (force and whole) and record and (record.course, record.device) == (course.title, device):
        chosen = ChosenSeed(record.seed, f"the seed of the results in {out}")
    new = GradingRecord(course=course.title, seed=chosen.seed, device=device)
    if proposed is not None:
        (proposed / "run.json").unlink(missing_ok=True)
    if proposed is None or (own in (None, new) and not dry_run):
        write_run(new, out)
    elif own is None or (own != new and whole):  # what a part of the class is graded with is not the class's seed
        write_run(new, proposed)
    return chosen


def _run_in(folder: Path) -> GradingRecord | None:
    try:
        return read_run(folder)
    except ResultError:
        return None


def refuse_public(seed: int | None) -> None:
    """Refuse the seed whose answers students have.

    Raises:
        AutogradeError: if it is that seed.
    """
    if seed == PUBLIC_SEED:
        raise AutogradeError(
            f"--seed {PUBLIC_SEED} draws the inputs of the public answer keys, which students have; choose another seed."
        )


def prepare(
    course: Course, name: str, pool: Pool, *, seed: int, device: str, version: int = 1, whole: bool = False
) -> PreparedTopic:
    """Read a topic and build its answer key, or take the key from the cache in the course's folder.

    Args:
        course: the course.
        name: the topic's name.
        pool: runs the jobs, and those that scoring asks for later.
        seed: the run's; the inputs of later versions follow from it.
        device: where the students' code runs.
        version: which versions of submissions it is for.
        whole: run all misconceptions now, as a class needs nearly all of them; else those of a task when an answer to it is
            wrong.

    Raises:
        AuthoringError: if the topic's own files have mistakes.
        MachineError: if the machine failed at the course's own code. If it fails at a misconception later, the submission
            that asked for it is not graded.
    """
    topic, cache = load_topic(course, name), key_folder(course)
    tasks = None if whole else ()
    key = build_key(course, topic, seed=seed_of_version(seed, version), device=device, pool=pool, cache=cache, tasks=tasks)

    def learn(key: AnswerKey, task: str) -> AnswerKey:
        return with_misconceptions(course, topic, key, pool=pool, cache=cache, tasks=(task,))

    content = content_of(course, topic, key.made_from, unsafe=pool.unsafe)
    job = make_job(course, topic, (), seed=key.seed, device=key.device)
    return PreparedTopic(topic, key, content, job, Scorer(rules_of(course, topic, key.device), key, learn), version)


def content_of(course: Course, topic: Topic, key_hash: str, *, unsafe: bool) -> str:
    """The hash of everything that a topic's results depend on besides the submission.

    The key's own hash covers the seed, the device, the versions and this package. Due times and the late policy are not in
    it: they change marks, not results.
    """
    entry = msgspec.structs.replace(course.topics[topic.name], due=None)
    tolerances = course.tolerances, course.cuda_tolerances
    policies = (course.title, entry, course.draws, tolerances, course.sandbox, course.hidden_tells)
    return _hash(msgspec.json.encode((FORMAT_VERSION, key_hash, unsafe, *policies)))


def fingerprint_of(content: str, submission: Submission, sha256: str, files: Iterable[HelperFile]) -> str:
    """The hash of everything that a result depends on; `files` are those in the submission's working folder."""
    when = submission.submitted_at.isoformat() if submission.submitted_at else None
    return _hash(msgspec.json.encode((content, submission.student, _shown(submission.path), sha256, when, tuple(files))))


def grade(
    course: Course,
    prepared: dict[str, PreparedTopic],
    submissions: Iterable[Submission],
    pool: Pool,
    out: Path,
    *,
    later: Mapping[tuple[str, int], PreparedTopic] | None = None,
    force: bool = False,
    adjustments: Adjustments | None = None,
    proposed: Path | None = None,
    dry_run: bool = False,
) -> Iterator[Graded]:
    """Grade submissions in order. Each result and its page are written before the submission is reported.

    Args:
        course: the course.
        prepared: the topics of the submissions, by name.
        submissions: read lazily, a few ahead of the one being graded.
        pool: runs the jobs.
        out: the folder for the results.
        later: the topics of submissions after a student's first version, by name and version.
        force: also grade submissions that have not changed since they were graded.
        adjustments: what people decided; pages show it.
        proposed: the folder for results of files that have been graded before; also `out` if None.
        dry_run: everything goes to `proposed`.
    """
    waiting: deque[_Item] = deque()

    def jobs() -> Iterator[Job]:
        for submission in submissions:
            places = _Places(out, proposed or out, dry_run)
            name, version = submission.topic, submission.version
            topic = prepared[name] if version == 1 else (later or {})[name, version]
            item = _read(course, topic, submission, places, force=force)
            waiting.append(item)
            if item.job is not None:
                yield item.job

    def without_job() -> Iterator[Graded]:
        while waiting and waiting[0].job is None:
            yield _finish(course, waiting.popleft(), Run(), pool, out, adjustments or {})

    for run in pool.map(jobs()):
        yield from without_job()
        yield _finish(course, waiting.popleft(), run, pool, out, adjustments or {})
    yield from without_job()


def job_and_result(
    course: Course, prepared: PreparedTopic, submission: Submission, pool: Pool
) -> tuple[Job | None, Callable[[Run], TopicResult]]:
    """For grading without files: what a submission has to run, None if it cannot be read, and what scores its run."""
    item = _read(course, prepared, submission, None, force=True)

    def result_of(run: Run) -> TopicResult:
        try:
            return _result(course, item, run, pool)
        except AuthoringError:
            raise
        except Exception as error:  # likewise; without its cells, since what failed once may fail again
            return _result(course, replace(item, cells=(), problem=fault_of(error)), Run(), pool)

    return item.job, result_of


@dataclass(frozen=True)
class _Places:
    """Where results are and go: a file's first result to `out`, later ones to `proposed`, in a dry run all of them."""

    out: Path
    proposed: Path
    dry_run: bool


@dataclass(frozen=True)
class _Item:
    """A submission being graded. Without a job it is already done (`old`) or could not be read (`problem`)."""

    submission: Submission
    prepared: PreparedTopic
    sha256: str = ""
    fingerprint: str = ""
    files: str = ""
    cells: tuple[Cell, ...] = ()
    job: Job | None = None
    old: TopicResult | None = None
    problem: str = ""
    folder: Path | None = None  # where its result is or goes, if not to `out`


def _read(course: Course, prepared: PreparedTopic, submission: Submission, places: _Places | None, *, force: bool) -> _Item:
    folder = places.proposed if places and places.dry_run else None
    try:
        return _looked_at(course, prepared, submission, places, folder, force=force)
    except Exception as error:  # a bug of ours that one submission exposes must not stop the class
        return _Item(submission, prepared, problem=fault_of(error), folder=folder)


def _looked_at(
    course: Course,
    prepared: PreparedTopic,
    submission: Submission,
    places: _Places | None,
    folder: Path | None,
    *,
    force: bool,
) -> _Item:
    try:
        data = submission.read()
    except SubmissionError as error:
        fingerprint = fingerprint_of(prepared.content, submission, str(error), ())
        old = _result_in(places.out, submission) if places and not force else None
        if old is not None and old.fingerprint == fingerprint:
            return _Item(submission, prepared, fingerprint=fingerprint, old=old)
        return _Item(submission, prepared, fingerprint=fingerprint, problem=str(error), folder=folder)
    sha256 = hashlib.sha256(data).hexdigest()
    files, script = files_of(submission, data, course)
    digest = files_digest(files)
    fingerprint = fingerprint_of(prepared.content, submission, sha256, files)
    old = _result_in(places.out, submission) if places else None
    if old is not None and old.not_graded:
        old = None  # the machine failed; nothing is known of it
    if old is not None and old.fingerprint == fingerprint and not force:
        return _Item(submission, prepared, sha256, fingerprint, digest, old=old)
    if places and old is not None and old.submission.sha256 == sha256:
        folder = places.proposed
    waiting = _result_in(folder, submission) if folder else None
    if waiting is not None and waiting.fingerprint == fingerprint and not waiting.not_graded and not force:
        return _Item(submission, prepared, sha256, fingerprint, digest, old=waiting, folder=folder)
    try:
        cells = read_cells(data, submission.path.name)
    except SubmissionError as error:
        return _Item(submission, prepared, sha256, fingerprint, digest, problem=str(error), folder=folder)
    job = msgspec.structs.replace(with_cells(prepared.job, prepared.topic, cells), helpers=files, script=script)
    return _Item(submission, prepared, sha256, fingerprint, digest, cells, job, folder=folder)


def _result_in(folder: Path, submission: Submission) -> TopicResult | None:
    try:
        return read_result(result_path(folder, submission.student, submission.topic))
    except ResultError:
        return None


def _finish(course: Course, item: _Item, run: Run, pool: Pool, out: Path, adjustments: Adjustments) -> Graded:
    """Score a run, write its result and page, and return what the summary needs."""
    folder = item.folder or out
    decisions = adjustments.get(item.submission.student, ())

    def marked(result: TopicResult, *, reused: bool) -> Graded:
        mark = mark_of(course, result.student, result.topic, result, decisions)
        if not reused or topic_page.missing_pages(folder, result.student, result.topic):
            topic_page.write_pages(result, folder, mark=mark)
        return replace(summary_of(with_mark(result, mark), reused=reused), proposed=folder != out)

    if item.old is not None:
        return marked(item.old, reused=True)
    try:
        result = _result(course, item, run, pool)
        graded = marked(result, reused=False)
    except (OSError, AuthoringError):
        raise
    except Exception as error:  # likewise; without its cells, since what failed once may fail again
        result = _result(course, replace(item, cells=(), problem=fault_of(error)), Run(), pool)
        graded = marked(result, reused=False)
    write_result(result, folder)
    return graded


def fault_of(error: Exception) -> str:
    """What an instructor is told of a submission that grading failed on, without characters that cannot be written."""
    text = "".join(c for c in f"{type(error).__name__}: {error}"[:200] if c.isprintable()).rstrip(".: ")
    return f"Grading failed with {text}. This is a bug in autograde; please report it."


def _scored(item: _Item, run: Run) -> tuple[Run, tuple[TaskResult, ...]]:
    """What the run is worth. If the machine fails at misconceptions that this answer asks for, nothing is known of it."""
    try:
        return run, item.prepared.scorer.score(run)
    except MachineError as error:
        lost = Run(problem=str(error).removesuffix(REMEDY).rstrip(), not_graded=True, layers=run.layers, usage=run.usage)
        return lost, item.prepared.scorer.score(lost)


def _result(course: Course, item: _Item, run: Run, pool: Pool) -> TopicResult:
    submission, key = item.submission, item.prepared.key
    entry = course.topics[submission.topic]
    run, tasks = _scored(item, run)
    causes: tuple[FirstCause, ...] = ()
    if item.job is not None and not (item.problem or run.problem):
        tasks, causes = explained(item.job, run, tasks, item.prepared.topic.definitions, item.prepared.topic.marked)
    when = submission.submitted_at.isoformat() if submission.submitted_at else None
    return TopicResult(
        student=submission.student,
        topic=submission.topic,
        title=entry.title,
        submission=SubmissionFile(path=_shown(submission.path), sha256=item.sha256, submitted_at=when, files=item.files),
        fingerprint=item.fingerprint,
        seed=key.seed,
        version=item.prepared.version,
        device=key.device,
        versions=dict(sorted(key.versions.items())),
        layers=run.layers,
        sandbox=level(run.layers) if run.layers else "",
        unsafe=pool.unsafe,
        problem=item.problem or run.problem,
        not_graded=run.not_graded,
        tries=run.tries,
        notes=source_notes(item.cells, item.prepared.topic.examples, _helpers_of(item)),
        points=round(sum(task.points for task in tasks), 2),
        earned=earned_of(tasks),
        pending=round(sum(task.pending for task in tasks), 2),
        cells=run.cells,
        causes=causes,
        tasks=tuple(msgspec.structs.replace(task, source=source_with_helpers(item.cells, task.task)) for task in tasks),
        graded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        usage=run.usage,
    )


def _helpers_of(item: _Item) -> tuple[HelperFile, ...]:
    """What was handed in beside the file itself."""
    return () if item.job is None else tuple(file for file in item.job.helpers if file.name != item.job.script)


def summary_of(result: TopicResult, *, reused: bool) -> Graded:
    """What the class's table needs from a result."""
    return Graded(
        student=result.student,
        topic=result.topic,
        points=result.points,
        earned=result.earned,
        pending=result.pending,
        penalty=result.lateness.penalty if result.lateness else 0.0,
        reused=reused,
        attempted=any(task.attempted for task in result.tasks) and not result.problem,
        diagnoses=tuple(
            (task.task, diagnosis.misconception, diagnosis.feedback) for task in result.tasks for diagnosis in task.diagnoses
        ),
        troubles=tuple(_troubles(result)),
        causes=result.causes,
        notes=result.notes,
        not_graded=result.not_graded,
        incomplete=result.not_graded,
        told=tuple(_troubles(told_result(result))),
    )


def earned_of(tasks: Iterable[TaskResult]) -> float:
    """What the checks of the tasks give together."""
    return round(sum(task.earned for task in tasks), 2)


def _troubles(result: TopicResult) -> Iterator[str]:
    if result.problem:
        yield f"not graded: {result.problem}" if result.not_graded else result.problem
    if result.not_graded:
        return
    if result.tries > 1:
        yield f"it was run {result.tries} times, the last time alone, and ended in the same way: the code does this itself"
    for cell in result.cells:
        if cell.outcome in (Outcome.ERROR, Outcome.TIMEOUT):
            place = f"cell {cell.number}" if cell.number else "the file"
            yield f"{place}: {cell.note or _NAMES[cell.outcome]}"
    for task in result.tasks:
        yield from _troubles_of_task(task)


_NAMES = {Outcome.ERROR: "the process died", Outcome.TIMEOUT: "time ran out"}


def _troubles_of_task(task: TaskResult) -> Iterator[str]:
    for outcome, name in _NAMES.items():
        checks = [check for check in task.checks if check.outcome is outcome]
        if checks:
            reason = f" ({checks[0].reason.rstrip('.')})" if checks[0].reason else ""
            yield f"{task.task}: {name} in {counted(len(checks), 'check')}{reason}"


def _shown(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode()


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()
