"""What was seen of some tasks, scored as in grading, and whatever else a student is told. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autograder.records.jobs import NotObserved, Outcome, Run
from autograder.records.observation import Observation
from autograder.records.results import SIDE_EFFECTS, TaskResult, in_telling_order, told_first
from autograder.scoring.common_slips import Slip, common_slip, meets_none
from autograder.scoring.score import score
from autograder.student.released import ReleasedTopic

__all__ = ["UNENDING", "Answer", "answer", "with_unread_cells"]

UNENDING = NotObserved(Outcome.NOT_RUN, "It was not run, because another check of this task did not end.")
"""What is said of a task's other checks once the code of one has not ended: most would make the student wait as long."""


@dataclass(frozen=True)
class Answer:
    """What came of checking some tasks of a topic.

    Attributes:
        topic: the topic's name.
        tasks: their results, visible checks only.
        problems: by task, a sentence on why its checks could not run, if so.
        undefined: the tasks whose names are not defined.
        warnings: by task, what PyTorch or Python warned about; warnings never count.
        printed: by task, the first output of the code.
        total: how many tasks the topic has.
        slips: by task, the everyday mistake behind its failed checks, if there is one.
        unread: by task, a sentence on the cell that defines it last, if Python could not read that cell.
        only_form: those of its predictions of which the visible checks see only the form of the answer.
    """

    topic: str
    tasks: tuple[TaskResult, ...]
    problems: Mapping[str, str] = field(default_factory=dict)
    undefined: frozenset[str] = frozenset()
    warnings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    printed: Mapping[str, str] = field(default_factory=dict)
    total: int = 0
    slips: Mapping[str, Slip] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    only_form: frozenset[str] = frozenset()


def answer(
    topic: ReleasedTopic,
    tasks: Sequence[str],
    seen: Mapping[tuple[str, int], Observation | NotObserved],
    problems: Mapping[str, str],
    orders: Mapping[str, str],
    returnless: Mapping[str, str],
) -> Answer:
    """The answer to what was seen of some tasks.

    `orders` says of some that their arguments are in another order, `returnless` that they, or methods of theirs, never
    return the value that they should.
    """
    task_of = {check.name: check.task for check in topic.rules.checks}
    warnings: dict[str, dict[str, None]] = {}
    printed: dict[str, str] = {}
    for (check, _), one in seen.items():
        if isinstance(one, Observation):
            warnings.setdefault(task_of[check], {}).update(dict.fromkeys(one.warnings))
            if one.output.strip():
                printed.setdefault(task_of[check], one.output)
    results = score(topic.rules, topic.key, Run(observations=dict(seen)), visible_only=True, tasks=tasks)
    return Answer(
        topic=topic.name,
        tasks=results,
        problems=problems,
        warnings={task: tuple(texts) for task, texts in warnings.items()},
        printed=printed,
        total=len(topic.card.tasks),
        slips={
            result.task: slip for result in results if (slip := _slip(topic, result, seen, orders, returnless)) is not None
        },
        only_form=frozenset(name for name, card in topic.card.tasks.items() if card.only_form),
    )


def with_unread_cells(answered: Answer, sentences: Mapping[str, str]) -> Answer:
    """The answer, with sentences on cells that Python could not read, in place of a missing name or above the checks."""
    problems = {
        task: sentences.get(task, text) if task in answered.undefined else text for task, text in answered.problems.items()
    }
    return replace(answered, problems=problems, unread=sentences)


def _slip(
    topic: ReleasedTopic,
    task: TaskResult,
    seen: Mapping[tuple[str, int], Observation | NotObserved],
    orders: Mapping[str, str],
    returnless: Mapping[str, str],
) -> Slip | None:
    failed = [
        check for check in in_telling_order(task.checks) if check.outcome is Outcome.FAILED and check.name != SIDE_EFFECTS
    ]
    if not failed or not task.attempted:
        return None
    if task.task in orders:
        return Slip(orders[task.task], ())
    first = told_first(task.checks)
    slip = common_slip(task.task, failed, seen, topic.key, topic.rules.tolerances, topic.checks_file.source, first)
    met = tuple(check.name for check in failed if meets_none(check.name, seen, topic.key))
    if task.task in returnless and not set(first).isdisjoint(met) and (slip is None or not slip.certain):
        return Slip(returnless[task.task], met)
    return slip
