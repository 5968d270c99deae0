"""A topic's files, read as text and checked against course.yml; and the jobs that run code through its checks."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autograder.course.cells import read_cells, task_source
from autograder.course.course_file import Course
from autograder.course.declarations import CheckSpec, VariantSpec, read_checks, read_variants
from autograder.course.unneeded_cells import unneeded_cells
from autograder.errors import AuthoringError, SubmissionError
from autograder.records.jobs import Cell, CheckModule, CheckRequest, Job, Replacement

__all__ = ["Topic", "TopicCheck", "derive_seed", "draws_of", "lacks_device", "load_topic", "make_job", "with_cells"]

_DEFINES = ("def ", "async def ", "class ", "@")


@dataclass(frozen=True)
class TopicCheck:
    """A check of a topic, and whether students have its file."""

    spec: CheckSpec
    visible: bool

    @property
    def name(self) -> str:
        """The test function's name, unique in the topic."""
        return self.spec.name

    @property
    def task(self) -> str:
        """The task that it exercises."""
        return self.spec.task


@dataclass(frozen=True)
class Topic:
    """A topic: its exercise and reference as cells, its files of checks, and what these declare.

    `examples` are the texts of the exercise's cells that define no task, stripped; `definitions` the tasks that are
    functions or classes there. `checks` has the visible ones first, each file in its own order. A module is None where
    there is no such file.
    """

    name: str
    root: Path
    exercise: tuple[Cell, ...]
    examples: frozenset[str]
    definitions: frozenset[str]
    reference: tuple[Cell, ...]
    visible: CheckModule | None
    hidden: CheckModule | None
    checks: tuple[TopicCheck, ...]
    misconceptions: tuple[VariantSpec, ...]
    alternatives: tuple[VariantSpec, ...]
    misconception_module: CheckModule | None
    alternative_module: CheckModule | None

    def checks_of(self, task: str) -> tuple[TopicCheck, ...]:
        """The checks of one task."""
        return tuple(check for check in self.checks if check.task == task)


def load_topic(course: Course, name: str) -> Topic:
    """Read a topic's files.

    Raises:
        AuthoringError: with one line for each mistake, naming file and line.
    """
    root = course.root
    problems: list[str] = []
    if name not in course.topics:
        raise AuthoringError(f"course.yml has no topic {name}; {_instead(name, course.topics)}")
    tasks = course.topics[name].tasks
    exercise = _cells(root, Path("exercises", f"{name}.py"), problems)
    reference = _cells(root, Path("solutions", f"{name}.py"), problems)
    checks: list[TopicCheck] = []
    for folder, visible in (("visible", True), ("hidden", False)):
        path = Path("tests", folder, f"test_{name}.py")
        try:
            found = read_checks(root / path, shown=path) if (root / path).is_file() else ()
        except AuthoringError as error:
            problems.append(str(error))
            continue
        for spec in found:
            problems += _task_problems(path, spec, tasks)
            twin = next((check for check in checks if check.name == spec.name), None)
            if twin is not None:
                problems.append(
                    f"{path}:{spec.line}: {spec.name} stands in tests/visible/test_{name}.py already; rename one of the two."
                )
            checks.append(TopicCheck(spec, visible))
    variants: dict[str, tuple[VariantSpec, ...]] = {}
    for folder, kind in (("misconceptions", "misconception"), ("alternatives", "alternative")):
        path = Path("solutions", folder, f"{name}.py")
        try:
            variants[folder] = read_variants(root / path, kind=kind, shown=path)
        except AuthoringError as error:
            problems.append(str(error))
            continue
        for variant in variants[folder]:
            problems += _task_problems(path, variant, tasks)
    if problems:
        raise AuthoringError("\n".join(problems))
    return Topic(
        name=name,
        root=root,
        exercise=exercise,
        examples=frozenset(
            cell.source.strip() for cell in exercise if not any(task_source((cell,), task) for task in tasks)
        ),
        definitions=frozenset(task for task in tasks if task_source(exercise, task).startswith(_DEFINES)),
        reference=reference,
        visible=_module(root, Path("tests", "visible", f"test_{name}.py")),
        hidden=_module(root, Path("tests", "hidden", f"test_{name}.py")),
        checks=tuple(checks),
        misconceptions=variants["misconceptions"],
        alternatives=variants["alternatives"],
        misconception_module=_module(root, Path("solutions", "misconceptions", f"{name}.py")),
        alternative_module=_module(root, Path("solutions", "alternatives", f"{name}.py")),
    )


def _cells(root: Path, path: Path, problems: list[str]) -> tuple[Cell, ...]:
    try:
        return read_cells((root / path).read_bytes(), path.name)
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}); `autograde new` writes a skeleton.")
    except SubmissionError as error:
        problems.append(f"{path}: {error}")
    return ()


def _module(root: Path, path: Path) -> CheckModule | None:
    file = root / path
    return CheckModule(path.as_posix(), file.read_text(encoding="utf-8")) if file.is_file() else None


def _task_problems(path: Path, spec: CheckSpec | VariantSpec, tasks: Iterable[str]) -> list[str]:
    if spec.task in tasks:
        return []
    return [
        f"{path}:{spec.line}: {spec.name} is for the task {spec.task!r}, which course.yml does not have; "
        f"{_instead(spec.task, tasks)}"
    ]


def _instead(name: str, choices: Iterable[str]) -> str:
    known = list(choices)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}."


def derive_seed(run_seed: int, topic: str, check: str, draw: int) -> int:
    """The seed of one draw of a check, from the run's; below 2**63, and the same on every machine and version."""
    text = "\0".join((str(run_seed), topic, check, str(draw)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def lacks_device(spec: CheckSpec, device: str) -> bool:
    """Whether a check has to wait for a GPU: it needs one, and `device` is none."""
    return spec.device == "cuda" and not device.startswith("cuda")


def draws_of(course: Course, topic: str, spec: CheckSpec) -> int:
    """How often a check runs: as it says itself, else as the topic does, else the course."""
    return spec.draws or course.topics[topic].draws or course.draws


def make_job(
    course: Course,
    topic: Topic,
    cells: tuple[Cell, ...],
    *,
    seed: int,
    device: str = "cpu",
    tasks: Sequence[str] | None = None,
    hidden: bool = True,
    replacement: Replacement | None = None,
    all_cells: bool = False,
) -> Job:
    """The job that runs cells and then the topic's checks.

    Args:
        course: gives limits and the numbers of draws.
        topic: gives the checks.
        cells: the code.
        seed: the run's seed, from which each draw's is derived.
        device: the device under test; checks that need `cuda` are left out on any other.
        tasks: only checks of these tasks; all if None.
        hidden: whether hidden checks run, too.
        replacement: what to put in a task's place after the cells ran.
        all_cells: whether the exercise's examples run, too, where nothing needs them (see `course.unneeded_cells`).
    """
    limits = course.topics[topic.name].limits
    requests: dict[bool, list[CheckRequest]] = {True: [], False: []}
    for check in topic.checks:
        if tasks is not None and check.task not in tasks:
            continue
        if lacks_device(check.spec, device):
            continue
        for draw in range(draws_of(course, topic.name, check.spec)):
            request = CheckRequest(
                check=check.name,
                task=check.task,
                draw=draw,
                seed=derive_seed(seed, topic.name, check.name, draw),
                seconds=check.spec.seconds or limits.check_seconds,
                from_cpu=check.spec.device == "second",
            )
            requests[check.visible].append(request)
    job = Job(
        topic=topic.name,
        cells=cells,
        visible=topic.visible if requests[True] else None,
        visible_requests=tuple(requests[True]),
        hidden=topic.hidden if hidden and requests[False] else None,
        hidden_requests=tuple(requests[False]) if hidden else (),
        replacement=replacement,
        limits=limits,
        device=device,
    )
    return job if all_cells else with_cells(job, topic, cells)


def with_cells(job: Job, topic: Topic, cells: tuple[Cell, ...]) -> Job:
    """A job of a topic for other cells; the exercise's examples run where something needs them."""
    unneeded = unneeded_cells(cells, topic.examples, topic.definitions)
    return msgspec.structs.replace(job, cells=cells, unneeded=unneeded)
