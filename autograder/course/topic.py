"""Reads a topic's files as text and checks them against course.yml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder._files import read_source, read_whole
from autograder._words import suggestion
from autograder.course.cells import read_cells, task_source
from autograder.course.choice_checks import choice_checks, choice_source
from autograder.course.course_file import Course
from autograder.course.data_files import ANSWERS, CourseData, data_names, topic_data
from autograder.course.declarations import CheckSpec, VariantSpec, answers_used, read_checks, read_variants
from autograder.course.marked import marked_names
from autograder.course.outputs import output_checks, output_source
from autograder.course.stubs import stub_digest
from autograder.course.task_entry import TaskEntry
from autograder.course.topic_checks import TopicCheck
from autograder.errors import AuthoringError, SubmissionError
from autograder.records.jobs import Cell, CheckModule

__all__ = ["Topic", "kit_checks", "load_topic"]

_DEFINES = ("def ", "async def ", "class ", "@")


@dataclass(frozen=True)
class Topic:
    """A topic: its exercise and reference as cells, its checks files, and what these declare.

    `examples` are the stripped texts of the exercise's cells that define no task; `definitions` are the tasks that the
    exercise defines as functions or classes; `marked` are those that are ranges of it. `checks` has the visible ones first,
    each file in order. A module is None if its file does not exist. `data` are the course's, the same for each topic.
    `stubs` are digests of the stubs that do not say themselves that they are one, by task.
    """

    name: str
    root: Path
    exercise: tuple[Cell, ...]
    examples: frozenset[str]
    definitions: frozenset[str]
    marked: frozenset[str]
    reference: tuple[Cell, ...]
    visible: CheckModule | None
    hidden: CheckModule | None
    checks: tuple[TopicCheck, ...]
    misconceptions: tuple[VariantSpec, ...]
    alternatives: tuple[VariantSpec, ...]
    misconception_module: CheckModule | None
    alternative_module: CheckModule | None
    data: CourseData
    stubs: Mapping[str, str]

    def checks_of(self, task: str) -> tuple[TopicCheck, ...]:
        """The checks of one task."""
        return tuple(check for check in self.checks if check.task == task)


def load_topic(course: Course, name: str) -> Topic:
    """Read a topic's files.

    Raises:
        AuthoringError: one line for each mistake, with file and line.
    """
    root = course.root
    problems: list[str] = []
    if name not in course.topics:
        raise AuthoringError(f"course.yml has no topic {name}; {suggestion(name, course.topics)}")
    tasks = course.topics[name].tasks
    exercise = _cells(root, Path("exercises", f"{name}.py"), problems)
    reference = _cells(root, Path("solutions", f"{name}.py"), problems)
    checks: list[TopicCheck] = []
    answers: list[tuple[Path, bool, int, str | None]] = []
    for folder, visible in (("visible", True), ("hidden", False)):
        path = Path("tests", folder, f"test_{name}.py")
        try:
            specs = read_checks(root / path, shown=path) if (root / path).exists() else ()
            answers += [(path, visible, *used) for used in answers_used(root / path, path)] if specs else []
        except AuthoringError as error:
            problems.append(str(error))
            continue
        for spec in specs:
            problems += _task_problems(path, spec, tasks)
            twin = next((check for check in checks if check.name == spec.name), None)
            if twin is not None:
                problems.append(
                    f"{path}:{spec.line}: {spec.name} is already defined in tests/visible/test_{name}.py; "
                    f"{'remove' if spec.rule else 'rename'} one of the two."
                )
            if tasks.get(spec.task) is not None and tasks[spec.task].has_own_checks:
                kind = "a choice" if tasks[spec.task].kind == "choice" else "an output"
                problems.append(
                    f"{path}:{spec.line}: {spec.name} is for {spec.task}, {kind}, which has checks of its own; remove it."
                )
            if tasks.get(spec.task) is not None and tasks[spec.task].kind == "manual":
                problems.append(
                    f"{path}:{spec.line}: {spec.name} is for {spec.task}, which a person marks (kind: manual); remove the "
                    "check, or the kind in course.yml."
                )
            if visible and spec.tells is not None:
                problems.append(
                    f"{path}:{spec.line}: {spec.name} has tells, but students have this file and see everything; remove "
                    f"it, or move the check to tests/hidden/test_{name}.py."
                )
            checks.append(TopicCheck(spec, visible, spec.tells or course.hidden_tells))
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
    try:
        data = topic_data(root, name, course.topics[name].data)
        problems += [text for used in answers if (text := _answers_problem(root, data, *used))]
    except AuthoringError as error:
        problems.append(str(error))
    checks += (*choice_checks(tasks, course.hidden_tells), *output_checks(tasks, course.hidden_tells))
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
        marked=frozenset(tasks) & marked_names(exercise),
        reference=reference,
        visible=_module(root, Path("tests", "visible", f"test_{name}.py"), kit_checks(tasks, visible=True)),
        hidden=_module(root, Path("tests", "hidden", f"test_{name}.py"), kit_checks(tasks, visible=False)),
        checks=tuple(sorted(checks, key=lambda check: not check.visible)),
        misconceptions=variants["misconceptions"],
        alternatives=variants["alternatives"],
        misconception_module=_module(root, Path("solutions", "misconceptions", f"{name}.py")),
        alternative_module=_module(root, Path("solutions", "alternatives", f"{name}.py")),
        data=data,
        stubs={task: digest for task in tasks if (digest := stub_digest(exercise, task))},
    )


def kit_checks(tasks: Mapping[str, TaskEntry], *, visible: bool) -> str:
    """The source of the checks that the kit writes, to stand after the author's in the file of visible or hidden checks."""
    return choice_source(tasks, visible=visible) + output_source(tasks, visible=visible)


def _cells(root: Path, path: Path, problems: list[str]) -> tuple[Cell, ...]:
    try:
        return read_cells(read_whole(root / path), path.name)
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror}); `autograde new` writes a skeleton.")
    except SubmissionError as error:
        problems.append(f"{path}: {error}")
    return ()


def _module(root: Path, path: Path, more: str = "") -> CheckModule | None:
    file = root / path
    source = (read_source(file) if file.exists() else "") + more
    return CheckModule(path.as_posix(), source) if more or file.exists() else None


def _answers_problem(root: Path, data: CourseData, path: Path, visible: bool, line: int, name: str | None) -> str:
    if visible:
        return (
            f"{path}:{line}: given.answers belongs in a hidden check, since the release holds what visible ones compare "
            "with; move the check to tests/hidden/."
        )
    known = [file.name.removeprefix(f"{ANSWERS}/") for file in data.answers]
    if name is not None and name not in known and f"{ANSWERS}/{name}" in data_names(root):
        return f"{path}:{line}: {ANSWERS}/{name} is not among the topic's data in course.yml; add answers/{name} there."
    if not known or (name is not None and name not in known):
        missing = f"{ANSWERS}/{name or ''}"
        return (
            f"{path}:{line}: {missing} is missing; {suggestion(name, known) if name and known else 'put the answers there.'}"
        )
    return ""


def _task_problems(path: Path, spec: CheckSpec | VariantSpec, tasks: Iterable[str]) -> list[str]:
    if spec.task in tasks:
        return []
    return [
        f"{path}:{spec.line}: {spec.name} is for the task {spec.task!r}, which course.yml does not have; "
        f"{suggestion(spec.task, tasks)}"
    ]
