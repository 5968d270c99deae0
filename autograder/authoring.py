"""What an author of a topic writes: checks, misconceptions, alternatives, and how returned things are compared.

None of this imports torch. The decorators only record; `autograder.course.declarations` reads the same records from the
source text, so the trusted side never has to run a file to know what is in it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from autograder.records.observation import (
    DEFAULT_FACTS,
    FACT_NAMES,
    AllEqual,
    AtLeast,
    AtMost,
    AverageBetween,
    DistributedAs,
    FactName,
    Judge,
    MostlyEqual,
    Policy,
    PrintsAlike,
)

__all__ = [
    "Marked",
    "Raises",
    "Results",
    "alike",
    "alternative",
    "at_least",
    "at_most",
    "average_between",
    "checks",
    "close",
    "distributed_as",
    "exactly",
    "ignoring",
    "misconception",
    "mostly",
    "observes",
    "only",
    "printed",
    "raises",
    "results",
    "says",
    "secret",
    "unordered",
]

F = TypeVar("F", bound=Callable[..., Any])
_MOST_PRINTED = 15_000


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
    weight: float = 1.0,
    draws: int | None = None,
    seconds: float | None = None,
    device: Literal["any", "second", "cuda"] = "any",
    assertion: bool = False,
    tells: Literal["nothing", "sentence", "message", "inputs"] | None = None,
) -> Callable[[F], F]:
    """Make a test function a check of `task`. All arguments must be literals.

    Args:
        task: the function, class or variable to check.
        gate: a task earns nothing until one of its gate checks passes; use it for the check of values.
        weight: how much of the task's points the check carries, compared with the task's other checks; above 0.
        draws: how many times the check runs, each time on fresh inputs; the course's `draws` if None.
        seconds: time limit of one run, in seconds; the course's `check_seconds` if None.
        device: what the check needs: `any` device, a `second` one besides the CPU (simulated if there is none),
            or a real `cuda` device.
        assertion: whether it asserts beside student code instead of returning all that it judges; results and `verify`
            say so, since what is judged there can be forged.
        tells: how much students are told of a hidden check: `nothing` but the task's points; its `sentence` and whether it
            passed; also a `message` on what differs; the `inputs` and all else. What the course says (`hidden`) if None.

    The function takes `(code, given)` and returns what it saw. Students read the first paragraph of its docstring.
    """

    def mark(function: F) -> F:
        function.__autograde__ = Mark("check", task, gate)  # type: ignore[attr-defined]
        return function

    return mark


def misconception(task: str, feedback: str, *, also_true_of: tuple[str, ...] = (), minor: bool = False) -> Callable[[F], F]:
    """A wrong solution of `task` that students really write; `feedback` points them to the right place.

    Args:
        task: the task.
        feedback: the sentence that a student reads who made this mistake.
        also_true_of: other misconceptions of the task of which the sentence is just as true.
        minor: whether it may keep 85 % of the points or more.

    The misconception is named after the decorated function or class. For a task that is a variable (a prediction),
    decorate a function without arguments that returns the wrong answer.
    """

    def mark(wrong: F) -> F:
        wrong.__autograde__ = Mark("misconception", task, feedback=feedback)  # type: ignore[attr-defined]
        return wrong

    return mark


def alternative(task: str) -> Callable[[F], F]:
    """Another right solution of `task`, in a different style from the reference; it must pass every check."""

    def mark(right: F) -> F:
        right.__autograde__ = Mark("alternative", task)  # type: ignore[attr-defined]
        return right

    return mark


def observes(kind: type | str) -> Callable[[F], F]:
    """Make a function of a file of checks the observer of a type that the kit does not know, or of a student's class.

    The function takes a thing of that type, or of a subclass, and returns a dict of what is to be compared, with strings as
    keys; it must not change the thing. It runs beside student code, wherever a check of the file returns such a thing.

    Args:
        kind: the class, or, for a class that the code under test defines, its name.

    Raises:
        TypeError: if it is neither.
    """
    if kind is object or not isinstance(kind, type | str):
        raise TypeError(f"@observes takes a class other than object, or the name of one, not {kind!r}.")

    def mark(function: F) -> F:
        function.__autograde_observes__ = (*getattr(function, "__autograde_observes__", ()), kind)  # type: ignore[attr-defined]
        return function

    return mark


@dataclass(frozen=True)
class Marked:
    """A returned thing with the policy for comparing it. Inside a marked thing, an inner mark wins."""

    thing: Any
    policy: Policy


@dataclass(frozen=True)
class Raises:
    """A call whose exception is the observation; see `raises`."""

    call: Callable[[], Any]


@dataclass(frozen=True)
class Results:
    """What a function returned, call by call; see `results`."""

    values: tuple[Any, ...]


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
            raise ValueError(f"{fact!r} is not a fact; choose from {', '.join(FACT_NAMES)}")
    return tuple(name for name in FACT_NAMES if name in facts)


def only(thing: Any, *facts: FactName) -> Marked:
    """Compare these facts and no others, e.g. `only(result, "shape", "dtype")`. They need not be default facts.

    Of a mapping without the fact "type", keys must not be missing, but there may be more of them.
    """
    return _mark(thing, facts=_checked(facts))


def ignoring(thing: Any, *facts: FactName) -> Marked:
    """Compare the default facts except these, e.g. `ignoring(result, "requires_grad")`."""
    current = thing.policy.facts if isinstance(thing, Marked) else DEFAULT_FACTS
    dropped = _checked(facts)
    return _mark(thing, facts=tuple(name for name in current if name not in dropped))


def exactly(thing: Any) -> Marked:
    """Compare values bit by bit (so -0.0 differs from 0.0), in addition to the other facts."""
    current = thing.policy.facts if isinstance(thing, Marked) else DEFAULT_FACTS
    return _mark(thing, facts=_checked((*current, "bits")))


def close(thing: Any, *, rtol: float, atol: float | None = None) -> Marked:
    """Compare floating-point values with these tolerances instead of the course's; `atol` defaults to `rtol`."""
    return _mark(thing, rtol=rtol, atol=rtol if atol is None else atol)


def unordered(thing: Any) -> Marked:
    """Compare a sequence's items, or a tensor's entries along its first dimension, in any order."""
    return _mark(thing, unordered=True)


def secret(thing: Any) -> Marked:
    """Keep the right answer out of the public key, which gets only a salted digest. For predictions."""
    return _mark(thing, secret=True)


def _judged(thing: Any, judge: Judge) -> Marked:
    return _mark(thing, judge=judge)


def at_least(number: Any, bound: float) -> Marked:
    """The number must be at least `bound`, whatever the reference reached, e.g. an accuracy."""
    return _judged(number, AtLeast(float(bound)))


def at_most(number: Any, bound: float) -> Marked:
    """The number must be at most `bound`, whatever the reference reached, e.g. a final loss."""
    return _judged(number, AtMost(float(bound)))


def average_between(tensor: Any, low: float, high: float) -> Marked:
    """The average of the tensor's elements must lie between two numbers, e.g. of many random results. Return the tensor
    itself: an average that the check computed beside student code could be forged."""
    return _judged(tensor, AverageBetween(float(low), float(high)))


def mostly(tensor: Any, labels: Any, share: float) -> Marked:
    """At least this share of the tensor's elements must equal `labels`, whole numbers in the same order: an accuracy, worked
    out where no student code runs. Only the labels of the reference's run count; draw them after the code has trained."""
    return _judged(tensor, MostlyEqual(tuple(int(label) for label in labels), float(share)))


def alike(*things: Any) -> Marked:
    """The things must equal each other, whatever their values are, e.g. random numbers under one seed. Tensors, numbers,
    and lists of them; in type, shape and dtype they are compared with the reference's."""
    return _judged(list(things), AllEqual())


def printed(call: Callable[[], Any], *, tolerance: float = 0.0, unordered: bool = False) -> Marked:
    """Observe what `call` prints, as in `printed(lambda: code.table(rows=4))`; what it returns does not matter.

    Lines are compared one by one. Spaces at their ends, empty lines at the end of the text, and how many spaces there are
    in a row do not matter. No more than 15,000 characters are compared.

    Args:
        call: what prints, to the standard output.
        tolerance: how far off a number in the text may be, relative to numbers above 1.
        unordered: whether the lines may come in any order.
    """
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        call()
    shown = text.getvalue()
    if len(shown) > _MOST_PRINTED:
        shown = f"{shown[:_MOST_PRINTED]}\n(cut after {_MOST_PRINTED:,} characters)"
    return _judged(shown, PrintsAlike(float(tolerance), unordered))


def says(thing: Any, sentence: str) -> Marked:
    """Tell students this sentence if the thing differs, instead of what differs. For random numbers and long lists, of which
    the kit's own sentences say little; it may be read with hidden checks, too."""
    return _mark(thing, sentence=sentence)


def distributed_as(
    tensor: Any,
    family: Literal["uniform", "normal", "truncated_normal"],
    *,
    false_reject: float = 1e-9,
    **parameters: float,
) -> Marked:
    """The tensor's elements must look like independent draws: `uniform` (a, b), `normal` (mean, std) or
    `truncated_normal` (mean, std, a, b).

    Correct code is rejected with a probability of at most `false_reject`. The trusted side judges the values sent.
    Use at least 8,192 elements. The check computes the `parameters`, so make sure that student code cannot reach what
    they are computed from; only those from the reference's run count.
    """
    judge = DistributedAs(family, {name: float(value) for name, value in parameters.items()}, false_reject)
    return _judged(tensor, judge)


def raises(call: Callable[[], Any]) -> Raises:
    """Observe which exception `call` raises; a subclass of the reference's exception is just as good.

    In `raises(lambda: code.match(x))`, the reference decides whether the call must raise, and what.
    """
    return Raises(call)


def results(function: Any, *inputs: Any) -> Any:
    """Observe a function by what it returns: `results(code.make_adder(2), 3, 4)` calls what `make_adder` returned twice.

    Args:
        function: what is called. A thing that cannot be called is returned as it is, so that students read what it is.
        inputs: the argument of each call; a tuple stands for several.
    """
    if not callable(function):
        return function
    return Results(tuple(function(*each) if type(each) is tuple else function(each) for each in inputs))
