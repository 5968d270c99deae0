"""Builds answer keys: runs the reference and every misconception in confined children, as any submission is run.

A key is cached under a hash of all that it depends on, so that grading again, or resuming after an interruption, builds
nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from autograder._files import PACKAGE
from autograder.choices import RIGHT_FORM, demand_of
from autograder.comparing.bounds import sketch
from autograder.course.choice_checks import form_check, plain_answer
from autograder.course.course_file import Course
from autograder.course.declarations import VariantSpec
from autograder.course.lines import Lines
from autograder.course.make_job import make_job
from autograder.course.topic import Topic
from autograder.course.topic_checks import draws_of
from autograder.errors import AuthoringError, CourseError, KeyMismatch, MachineError
from autograder.keys.key import KEY_FORMAT, AnswerKey, current_versions, read_key, write_key
from autograder.processes.gpu import find_gpu
from autograder.processes.zygote import CPU_CAPABILITY
from autograder.records.jobs import Job, NotObserved, Outcome, Replacement, Run
from autograder.records.observation import (
    DistributedAs,
    Fact,
    MappingFact,
    Observation,
    OpaqueFact,
    SequenceFact,
    SourceFact,
    TensorFact,
)
from autograder.sandbox.namespaces import readable_paths

if TYPE_CHECKING:
    from autograder.processes.pool import Pool

__all__ = [
    "CACHE",
    "IN_TURN",
    "REMEDY",
    "build_key",
    "hash_of_package",
    "hash_of_sources",
    "kept_part",
    "key_folder",
    "require_graded",
    "versions_on",
    "with_misconceptions",
]


_Seen = TypeVar("_Seen", Observation, Observation | NotObserved)
CACHE = "AUTOGRADE_CACHE"
"""The environment variable that names the folder of the cache, as --cache does."""
_CACHED_PER_TOPIC = 8
_PREFIXES = (sys.prefix, sys.exec_prefix, sys.base_prefix)
_PART_SECONDS = 600.0
_LARGEST_UNCOMPARED = 1024  # bytes
REMEDY = "Close other programs, free disk space or use fewer --jobs, and run the same command again."
"""What to do about a MachineError of this module, at the end of its text."""
IN_TURN = 12
"""How many misconceptions share a process at most; more would leave other workers without work in the end."""


def build_key(
    course: Course,
    topic: Topic,
    *,
    seed: int,
    device: str = "cpu",
    pool: Pool,
    cache: Path | None = None,
    apart: bool = False,
    tasks: Collection[str] | None = None,
) -> AnswerKey:
    """Run the reference and the misconceptions, or take what a cache holds of the same content.

    The reference has a process of its own. Several misconceptions of a task share one, which takes less than half the time;
    the first of them runs once more in the end. Where that shows anything else than the first time, or the process was
    lost, each that may have suffered runs alone.

    Args:
        course: gives limits and draws.
        topic: gives the code and the checks.
        seed: the run's seed.
        device: the device under test.
        pool: runs the jobs.
        cache: a folder for keys, made if it is missing; None to build anew. A damaged entry is built anew.
        apart: run each misconception in a process of its own.
        tasks: run only the misconceptions of these tasks; `with_misconceptions` adds others. All if None.

    Raises:
        AuthoringError: if the reference raises, times out or dies in a check; one line for each.
        MachineError: if the machine failed at any of the jobs; the key would lack something.
    """
    content = hash_of_sources(course, topic, seed, device)
    known = None if cache is None else _cached(topic.name, content, cache)
    key = known or _reference_key(course, topic, seed, device, pool, content)
    whole = with_misconceptions(course, topic, key, pool=pool, cache=cache, apart=apart, tasks=tasks)
    if whole is key and known is None:
        _store(key, cache)
    return whole


def with_misconceptions(
    course: Course,
    topic: Topic,
    key: AnswerKey,
    *,
    pool: Pool,
    cache: Path | None = None,
    apart: bool = False,
    tasks: Collection[str] | None = None,
) -> AnswerKey:
    """The key with the misconceptions of some tasks, all if None, besides those that it has; see `build_key`.

    Raises:
        MachineError: if the machine failed at any of the jobs.
    """
    missing = [
        spec
        for spec in topic.misconceptions
        if spec.name not in key.misconceptions and (tasks is None or spec.task in tasks)
    ]
    if not missing:
        return key
    runs = _misconception_runs(_misconception_jobs(course, topic, missing, key.seed, key.device), pool, apart=apart)
    for run in runs.values():
        require_graded(run, topic.name)
    known = dict(key.misconceptions)
    for spec in missing:
        wanted = [check.name for check in topic.checks_of(spec.task) if check.name in key.reference]
        known[spec.name] = {
            name: [kept_part(_seen(runs[spec.name], name, draw)) for draw in range(len(key.reference[name]))]
            for name in wanted
        }
    in_order = {spec.name: known[spec.name] for spec in topic.misconceptions if spec.name in known}
    key = msgspec.structs.replace(key, misconceptions=in_order)
    _store(key, cache)
    return key


def _reference_key(course: Course, topic: Topic, seed: int, device: str, pool: Pool, content: str) -> AnswerKey:
    job = make_job(course, topic, topic.reference, seed=seed, device=device, own=True)
    run = next(pool.map([job]))
    require_graded(run, topic.name)
    reference = _observations(topic, job, run)
    _check_forms(course, topic, reference)
    return AnswerKey(
        topic=topic.name,
        seed=seed,
        device=device,
        versions=versions_on(device),
        made_from=content,
        reference=reference,
        misconceptions={},
        tasks={spec.name: spec.task for spec in topic.misconceptions},
        feedback={spec.name: spec.feedback for spec in topic.misconceptions},
    )


def _cached(topic: str, content: str, cache: Path) -> AnswerKey | None:
    with contextlib.suppress(KeyMismatch):
        key = read_key(_entry(topic, content, cache))
        if key.made_from == content:
            return key
    return None


def _store(key: AnswerKey, cache: Path | None) -> None:
    if cache is None:
        return
    entry = _entry(key.topic, key.made_from, cache)
    with contextlib.suppress(OSError):  # a full disk, for example: the cache only saves time
        entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_key(key, entry, private=True)
        _drop_old_entries(entry)


def _entry(topic: str, content: str, cache: Path) -> Path:
    return cache / f"{topic}-{content[:32]}.key"


def _misconception_jobs(
    course: Course, topic: Topic, specs: Iterable[VariantSpec], seed: int, device: str
) -> dict[str, tuple[str, Job]]:
    module = topic.misconception_module
    jobs = {}
    for spec in specs:
        assert module is not None  # there are none without their file
        replacement = Replacement(spec.task, spec.name, module.filename, module.source)
        tasks = [spec.task]
        job = make_job(
            course, topic, topic.reference, seed=seed, device=device, tasks=tasks, replacement=replacement, own=True
        )
        jobs[spec.name] = spec.task, job
    return jobs


def _misconception_runs(jobs: dict[str, tuple[str, Job]], pool: Pool, *, apart: bool) -> dict[str, Run]:
    """What came of each misconception, whose job stands beside its task; see `build_key`."""
    series: dict[tuple[str, int], list[str]] = {}
    for number, (name, (task, _)) in enumerate(() if apart else jobs.items()):
        series.setdefault((task, number // IN_TURN), []).append(name)
    several = [names for names in series.values() if len(names) > 1]
    runs: dict[str, Run] = {}
    in_turn = pool.map_in_turn([jobs[name][1] for name in (*names, names[0])] for names in several)
    for names, found in zip(several, in_turn, strict=True):
        if found[0].observations == found[-1].observations:
            runs |= {name: run for name, run in zip(names, found, strict=False) if _is_whole(run)}
    left = [name for name in jobs if name not in runs]
    return runs | dict(zip(left, pool.map(jobs[name][1] for name in left), strict=True))


def require_graded(run: Run, topic: str) -> None:
    """Raise MachineError if the machine failed at the run of a topic's own code."""
    if run.not_graded:
        raise MachineError(f"{topic}: the course's own code could not be run. {run.problem} {REMEDY}")


def _is_whole(run: Run) -> bool:
    return not run.problem and not any(isinstance(seen, NotObserved) for seen in run.observations.values())


def _seen(run: Run, check: str, draw: int) -> Observation | NotObserved:
    return run.observations.get((check, draw), NotObserved(Outcome.NOT_RUN, run.problem or "It was not run."))


def _observations(topic: Topic, job: Job, run: Run) -> dict[str, list[Observation]]:
    """The reference's observations; a reference that cannot be observed is the author's mistake."""
    file = f"solutions/{topic.name}.py"
    problems = [f"{file}: {run.problem}"] if run.problem else []
    lines = Lines((topic.root / file).read_bytes(), topic.reference)
    for cell in run.cells:
        if cell.outcome is not Outcome.PASSED:
            why = f"{cell.error.type}: {cell.error.message}" if cell.error else cell.note or cell.outcome
            line = cell.error.at.line if cell.error and cell.error.at else 1
            problems.append(f"{file}:{lines.line(cell.number, line)}: the reference fails: {why.rstrip('.')}.")
    found: dict[str, list[Observation]] = {}
    failed: set[str] = set()
    for request in (*job.visible_requests, *job.hidden_requests):
        seen = _seen(run, request.check, request.draw)
        if isinstance(seen, Observation) and seen.returned is not None and not _unobserved(seen.returned):
            found.setdefault(request.check, []).append(kept_part(seen))
            continue
        if request.check in failed or (problems and not isinstance(seen, Observation)):
            continue
        failed.add(request.check)
        check = next(check for check in topic.checks if check.name == request.check)
        error = seen.error if isinstance(seen, Observation) else None
        own = error is not None and error.origin == "check"  # the check's own line raised
        line = error.check_line if error is not None and own and error.check_line else check.spec.line
        where = f"tests/{'visible' if check.visible else 'hidden'}/test_{topic.name}.py:{line}"
        where = where if check.spec.line else f"course.yml, {check.task}"  # a check that the task has by itself
        place = f", {file}:{lines.line(error.at.cell, error.at.line)}" if error is not None and error.at and not own else ""
        who = "the check" if own else "the reference"
        problems.append(f"{where}: {request.check}: {who} {_misfortune(seen)} (draw {request.draw}{place}).")
    for rule in job.rules:
        seen = _seen(run, rule.check, 0)
        if isinstance(seen, Observation) and isinstance(seen.returned, SourceFact) and seen.returned.obeys:
            found[rule.check] = [seen]
        elif not run.problem:
            problems.append(f"{file}: the reference breaks a rule of its own: {rule.demand}")
    if problems:
        raise AuthoringError("\n".join(problems))
    return found


def _check_forms(course: Course, topic: Topic, reference: Mapping[str, list[Observation]]) -> None:
    """See to it that the reference's answers to choices have the form that course.yml asks for.

    Raises:
        AuthoringError: one line for each that has not.
    """
    problems: dict[str, None] = {}
    for task, entry in course.topics[topic.name].tasks.items():
        for seen in reference.get(form_check(task), ()) if entry.kind == "choice" else ():
            if plain_answer(seen) != RIGHT_FORM:
                demand = demand_of(entry.options or (), entry.several)
                problems[f"solutions/{topic.name}.py: `{task}` must be {demand}, as course.yml says."] = None
    if problems:
        raise AuthoringError("\n".join(problems))


def _unobserved(fact: Fact) -> str:
    """What of a returned thing would be compared, but was not observed, in words; empty if there is nothing."""
    match fact:
        case SequenceFact() | MappingFact():
            return next(filter(None, map(_unobserved, fact.items)), "")
        case OpaqueFact() if "values" in fact.policy.facts:
            return f"{fact.type} ({fact.reason})" if fact.reason else fact.type
    return ""


def kept_part(seen: _Seen) -> _Seen:
    """What was seen, without large values that no check compares, and those that a distribution judges."""
    if not isinstance(seen, Observation) or seen.returned is None:
        return seen
    return msgspec.structs.replace(seen, returned=_sketched_fact(seen.returned))


def _sketched_fact(fact: Fact) -> Fact:
    match fact:
        case SequenceFact() | MappingFact():
            return msgspec.structs.replace(fact, items=tuple(map(_sketched_fact, fact.items)))
        case TensorFact() if isinstance(fact.policy.judge, DistributedAs):
            return sketch(fact)
        case TensorFact() if len(fact.values) > _LARGEST_UNCOMPARED and not {"values", "bits"} & set(fact.policy.facts):
            return msgspec.structs.replace(fact, values=b"")
    return fact


def _misfortune(seen: Observation | NotObserved) -> str:
    if isinstance(seen, NotObserved):
        return f"has no result: {seen.reason.rstrip('.')}"
    if seen.returned is not None:
        what = _unobserved(seen.returned)
        remedy = "" if " (" in what else "; return its parts, or write an observer for it, @observes"
        return f"returns something that cannot be observed, {what}{remedy}"
    if seen.error is None:
        return "returns nothing"
    if seen.error.not_attempted:
        return "is not attempted, as its code is that of the exercise; write a stub there, and the answer in solutions/"
    message = f": {seen.error.message}" if seen.error.message else ""
    return f"raises {seen.error.type}{message}"


def key_folder(course: Course) -> Path | None:
    """Where answer keys are kept between runs; None where neither of the default folders can be written to.

    It is `keys` in the first of these: `course.cache`, AUTOGRADE_CACHE, XDG_CACHE_HOME/autograde, .autograde in the course's
    folder. Source: XDG Base Directory Specification, by which a relative XDG_CACHE_HOME is ignored.

    Raises:
        CourseError: if a folder that was named cannot be written to, or is where students' code may read.
    """
    named = course.cache or Path(os.environ.get(CACHE, ""))
    if named.parts:
        try:
            return _made(named)
        except OSError as error:
            raise CourseError(f"{named}: cannot be the cache ({error.strerror or error}); choose another folder.") from error
    xdg = Path(os.environ.get("XDG_CACHE_HOME", ""))
    for place in (*([xdg / "autograde"] if xdg.is_absolute() else []), course.root / ".autograde"):
        with contextlib.suppress(OSError):
            return _made(place)
    return None


def _made(place: Path) -> Path:
    """The folder of keys in a cache, which students' code must not be able to read."""
    folder = place.absolute() / "keys"
    for path in readable_paths(_PREFIXES, [], str(PACKAGE)):
        if folder.resolve().is_relative_to(Path(path).resolve()):
            raise OSError(f"students' code can read {path}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@cache
def hash_of_package() -> str:
    """The hash of the kit's own files."""
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def versions_on(device: str) -> dict[str, str]:
    """The current versions, and on `cuda` the GPU and how code runs on it.

    Raises:
        DeviceUnavailable: if there is no GPU.
    """
    return current_versions() | (find_gpu().facts() if device.startswith("cuda") else {})


def hash_of_sources(course: Course, topic: Topic, seed: int, device: str, versions: Mapping[str, str] | None = None) -> str:
    """The hash of all that a key depends on; `versions` are those of another machine, if it was made there."""
    parts: list[Any] = [
        KEY_FORMAT,
        topic.name,
        seed,
        device,
        sorted((versions_on(device) if versions is None else versions).items()),
        hash_of_package(),
        os.environ.get(CPU_CAPABILITY),
        [[cell.number, cell.source] for cell in topic.reference],
        [
            module and [module.filename, module.source]
            for module in (topic.visible, topic.hidden, topic.misconception_module)
        ],
        [[check.name, check.visible, draws_of(course, topic.name, check.spec)] for check in topic.checks],
        msgspec.to_builtins(course.topics[topic.name].limits),
        topic.data.digest,
    ]
    return hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=32).hexdigest()


def _drop_old_entries(entry: Path) -> None:
    topic = entry.name.rpartition("-")[0]
    entries = []
    for file in entry.parent.glob(f"{topic}-*.key"):
        with contextlib.suppress(OSError):  # another run may drop it at the same time
            entries.append((file.stat().st_mtime, file))
    for _, file in sorted(entries, reverse=True)[_CACHED_PER_TOPIC:]:
        file.unlink(missing_ok=True)
    for part in entry.parent.glob(".*.part"):  # of a run that was killed while it wrote
        if time.time() - part.stat().st_mtime > _PART_SECONDS:
            part.unlink(missing_ok=True)
