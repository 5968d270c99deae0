"""Rules on how a task's answer is written, for files of checks: `source.forbids_loops("mean")`.

They stand at the top level of such a file, and all arguments are literals: they are read from its text, and judged on the
syntax tree of the last definition of the task that a student handed in, where no student code runs. When the file runs, they
do nothing.
"""

from __future__ import annotations

from typing import Literal

__all__ = ["calls_at_most", "forbids_loops", "never_calls"]

Tells = Literal["nothing", "sentence", "message", "inputs"]


def forbids_loops(task: str, *, weight: float = 1.0, sentence: str = "", tells: Tells | None = None) -> None:
    """No `for`, no `while` and no comprehension may stand in the task's definition.

    Args:
        task: the task.
        weight: its part of the task's points, as that of a check.
        sentence: what students read, instead of the kit's words.
        tells: how much they are told of it in a hidden file, as for `checks`.
    """


def never_calls(task: str, *names: str, weight: float = 1.0, sentence: str = "", tells: Tells | None = None) -> None:
    """None of the names may be used: `torch.mean`, under whichever name it was imported or assigned, or `.mean` of anything.

    Args:
        task: the task.
        names: full names, such as `torch.nn.functional.softmax` or `sum`, or the name of a method after a dot, `.mean`.
        weight, sentence, tells: as for `forbids_loops`.
    """


def calls_at_most(
    task: str, name: str, at_most: int, *, weight: float = 1.0, sentence: str = "", tells: Tells | None = None
) -> None:
    """The name may be used in at most this many places; how often one of them runs, the syntax tree does not tell.

    Args:
        task: the task.
        name: as for `never_calls`.
        at_most: how many places; at least 1.
        weight, sentence, tells: as for `forbids_loops`.
    """
