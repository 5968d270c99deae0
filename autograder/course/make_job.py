"""Jobs: code to run, and the checks to run on it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from autograder.course.course_file import Course
from autograder.course.scripts import scripts_in
from autograder.course.stubs import untouched
from autograder.course.topic import Topic
from autograder.course.topic_checks import derive_seed, draws_of, lacks_device
from autograder.course.unneeded_cells import unneeded_cells
from autograder.records.jobs import Cell, CheckRequest, Job, Replacement, SourceRule

__all__ = ["make_job", "with_cells"]


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
    own: bool = False,
) -> Job:
    """A job that runs the cells and then the topic's checks.

    Args:
        course: provides the limits and the numbers of draws.
        topic: provides the checks.
        cells: the code to run.
        seed: the run's seed; each draw's seed derives from it.
        device: the device under test; checks that need `cuda` are left out on any other.
        tasks: only checks of these tasks; all if None.
        hidden: whether to run the hidden checks too.
        replacement: what replaces a task after the cells ran.
        all_cells: whether to run even the exercise's examples that nothing needs (see `autograder.course.unneeded_cells`).
        own: whether all of the code is the course's; see `Job`.
    """
    limits = course.topics[topic.name].limits
    requests: dict[bool, list[CheckRequest]] = {True: [], False: []}
    rules: list[SourceRule] = []
    for check in topic.checks:
        if tasks is not None and check.task not in tasks:
            continue
        if lacks_device(check.spec, device):
            continue
        if check.spec.rule is not None:
            if check.visible or hidden:
                rules.append(check.spec.rule)
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
        data=(*topic.data.public, *(topic.data.answers if own else ())),
        hidden_data=topic.data.hidden if hidden and requests[False] else (),
        visible=topic.visible if requests[True] else None,
        visible_requests=tuple(requests[True]),
        hidden=topic.hidden if hidden and requests[False] else None,
        hidden_requests=tuple(requests[False]) if hidden else (),
        rules=tuple(rules),
        replacement=_marked(replacement, topic),
        limits=limits,
        device=device,
        own=own,
    )
    return _of_cells(job, topic, cells) if all_cells else with_cells(job, topic, cells)


def with_cells(job: Job, topic: Topic, cells: tuple[Cell, ...]) -> Job:
    """The same job for other cells; an example from the exercise runs only if something needs it."""
    unneeded = unneeded_cells(cells, topic.examples, topic.definitions)
    return msgspec.structs.replace(_of_cells(job, topic, cells), unneeded=unneeded)


def _of_cells(job: Job, topic: Topic, cells: tuple[Cell, ...]) -> Job:
    """The job for these cells, all of which run."""
    run = topic.marked - ({job.replacement.task} if job.replacement else set())
    return msgspec.structs.replace(
        job, cells=cells, unneeded=frozenset(), untouched=untouched(cells, topic.stubs), scripts=scripts_in(cells, run)
    )


def _marked(replacement: Replacement | None, topic: Topic) -> Replacement | None:
    if replacement is None or replacement.task not in topic.marked:
        return replacement
    return msgspec.structs.replace(replacement, marked=True)
