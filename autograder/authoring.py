"""What an author of a topic writes: checks, misconceptions, alternatives, and how a returned thing is compared.

None of this imports torch. The decorators only record; `autograder.course.declarations` reads the same records from the
source text, so that the trusted side never has to run a file to know what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from autograder.records.observation import (
    DEFAULT_FACTS,
    FACT_NAMES,
    AtLeast,
    AtMost,
    DistributedAs,
    FactName,
    Judge,
    Policy,
)

__all__ = [
    "Marked",
    "Raises",
    "alternative",
    "at_least",
    "at_most",
    "checks",
    "close",
    "distributed_as",
    "exactly",
    "ignoring",
    "misconception",
    "only",
    "raises",
    "secret",
    "unordered",
]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Mark:
    """What a decorator left on a function or class as its `__autograde__` attribute."""

    kind: Literal["check", "misconception", "alternative"]
    task: str
    gate: bool = False
    feedback: str = ""


def checks(
    task: str,
    *,
    gate: bool = False,
    draws: int | None = None,
    seconds: float | None = None,
    device: Literal["any", "second", "cuda"] = "any",
) -> Callable[[F], F]:
    """Make a test function a check of `task`. All arguments must be literals.

    Args:
        task: the function, class or variable that the check exercises.
        gate: a task earns nothing while none of its gate checks passes; use it for the check of values.
        draws: how many times the check runs, each time on newly drawn inputs; the course's `draws` if None.
        seconds: time limit of one run, in seconds; the course's `check_seconds` if None.
        device: what the check needs: `any` device, a `second` one beside the CPU (simulated where there is none),
            or real `cuda`.

    The function takes `(code, given)` and returns what it saw; its docstring's first sentence is what students read.
    """

    def mark(function: F) -> F:
        function.__autograde__ = Mark("check", task, gate)  # type: ignore[attr-defined]
        return function

    return mark


def misconception(task: str, feedback: str) -> Callable[[F], F]:
    """A wrong solution of `task` that students really write; `feedback` makes them look at the right thing.

    The decorated function's or class's own name is the misconception's name. For a task that is a variable (a
    prediction), decorate a function without arguments that returns the wrong answer.
    """

    def mark(wrong: F) -> F:
        wrong.__autograde__ = Mark("misconception", task, feedback=feedback)  # type: ignore[attr-defined]
        return wrong

    return mark


def alternative(task: str) -> Callable[[F], F]:
    """Another right solution of `task`, in another style than the reference; every check must pass on it."""

    def mark(right: F) -> F:
        right.__autograde__ = Mark("alternative", task)  # type: ignore[attr-defined]
        return right

    return mark


@dataclass(frozen=True)
class Marked:
    """A returned thing together with the policy for comparing it. A mark inside another one's thing wins."""

    thing: Any
    policy: Policy


@dataclass(frozen=True)
class Raises:
    """A call whose exception is the observation; see `raises`."""

    call: Callable[[], Any]


def _mark(thing: Any, **changes: Any) -> Marked:
    if isinstance(thing, Marked):
        return Marked(thing.thing, _replace(thing.policy, **changes))
    return Marked(thing, _replace(Policy(), **changes))


def _replace(policy: Policy, **changes: Any) -> Policy:
    import msgspec

    return msgspec.structs.replace(policy, **changes)


@cache
def _checked(facts: tuple[str, ...]) -> tuple[FactName, ...]:
    for fact in facts:
        if fact not in FACT_NAMES:
            raise ValueError(f"there is no fact {fact!r}; choose from {', '.join(FACT_NAMES)}")
    return tuple(name for name in FACT_NAMES if name in facts)


def only(thing: Any, *facts: FactName) -> Marked:
    """Compare nothing but these facts, e.g. `only(result, "shape", "dtype")`. It can name facts outside the default."""
    return _mark(thing, facts=_checked(facts))


def ignoring(thing: Any, *facts: FactName) -> Marked:
    """Compare the default facts except these, e.g. `ignoring(result, "requires_grad")`."""
    current = thing.policy.facts if isinstance(thing, Marked) else DEFAULT_FACTS
    dropped = _checked(facts)
    return _mark(thing, facts=tuple(name for name in current if name not in dropped))


def exactly(thing: Any) -> Marked:
    """Compare values bit by bit (so that -0.0 differs from 0.0), beside the facts compared anyway."""
    current = thing.policy.facts if isinstance(thing, Marked) else DEFAULT_FACTS
    return _mark(thing, facts=_checked((*current, "bits")))


def close(thing: Any, *, rtol: float, atol: float | None = None) -> Marked:
    """Compare floating values with these tolerances instead of the course's; `atol` defaults to `rtol`."""
    return _mark(thing, rtol=rtol, atol=rtol if atol is None else atol)


def unordered(thing: Any) -> Marked:
    """Compare a sequence's items, or a tensor's entries along its first dimension, without regard to their order."""
    return _mark(thing, unordered=True)


def secret(thing: Any) -> Marked:
    """Keep the right answer out of the public key: only a salted digest goes there. For predictions."""
    return _mark(thing, secret=True)


def _judged(thing: Any, judge: Judge) -> Marked:
    return _mark(thing, judge=judge)


def at_least(number: Any, bound: float) -> Marked:
    """The number must be at least `bound`, whatever the reference reached; e.g. an accuracy."""
    return _judged(number, AtLeast(float(bound)))


def at_most(number: Any, bound: float) -> Marked:
    """The number must be at most `bound`, whatever the reference reached; e.g. a final loss."""
    return _judged(number, AtMost(float(bound)))


def distributed_as(
    tensor: Any,
    family: Literal["uniform", "normal", "truncated_normal"],
    *,
    false_reject: float = 1e-9,
    **parameters: float,
) -> Marked:
    """The tensor's elements must look like independent draws: `uniform` (a, b), `normal` (mean, std) or
    `truncated_normal` (mean, std, a, b).

    Correct code is rejected with probability `false_reject` at most. Judged on the trusted side, on the values sent.
    Use 8,192 elements or more. `parameters` are computed by the check, so take care that student code cannot reach
    what they are computed from; they count only as the reference's run states them.
    """
    judge = DistributedAs(family, {name: float(value) for name, value in parameters.items()}, false_reject)
    return _judged(tensor, judge)


def raises(call: Callable[[], Any]) -> Raises:
    """Observe which exception `call` raises; a subclass of the reference's exception is as good.

    `raises(lambda: code.match(x))` — whether it has to raise, and what, is what the reference does.
    """
    return Raises(call)
