"""Runs a topic's visible checks in this process, on what a namespace holds, and scores them as grading does."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import numpy
import torch

from autograder.checking.code import Code
from autograder.checking.error_facts import line_of_frame, own_frames
from autograder.checking.run_check import load_checks, run_check
from autograder.course.marked import MARK
from autograder.course.stubs import with_untouched
from autograder.errors import AuthoringError
from autograder.records.jobs import Cell, CheckRequest, NotObserved, Outcome
from autograder.records.observation import Observation, SourceLine
from autograder.student.answer import UNENDING, Answer, answer
from autograder.student.definitions import other_order, problem_with, without_return
from autograder.student.released import ReleasedTopic

__all__ = ["ask"]

_MOST_ROUNDS = 12
"""How many times its limit a check may take if it imports something."""
_INTERRUPTED = "You interrupted it."
_functions: dict[str, dict[str, Callable[..., Any]]] = {}


def ask(
    topic: ReleasedTopic,
    tasks: Sequence[str],
    namespace: dict[str, Any],
    *,
    cells: tuple[Cell, ...] = (),
    locate: Callable[[FrameType], int | None],
) -> Answer:
    """Check tasks on what a namespace holds. Random states and global switches are restored afterwards.

    Args:
        topic: the released topic.
        tasks: the tasks to check.
        namespace: the student's names.
        cells: the source of what they stand for, for rules on the source and for stubs.
        locate: tells which frames are the student's; see `error_facts.own_frames`.
    """
    problems: dict[str, str] = {}
    undefined: set[str] = set()
    scripts = topic.scripts(cells)
    for task in tasks:
        if topic.card.tasks[task].kind == "range":
            if task not in scripts:
                undefined.add(task)
                problems[task] = f"There is no `{MARK} {task}` yet: run the cell that begins with it, then check again."
        elif task not in namespace:
            undefined.add(task)
            problems[task] = f"`{task}` is not defined yet: run the cell that defines it, then check again."
        elif problem := problem_with(task, topic.card.tasks[task], namespace):
            problems[task] = problem
    orders = {task: text for task in tasks if (text := other_order(task, topic.card.tasks[task], namespace))}
    functions = _loaded(topic)
    code = Code(namespace, scripts)
    seen: dict[tuple[str, int], Observation | NotObserved] = {}
    stopped: dict[str, NotObserved] = {}  # by check or task; "" for all
    with own_frames(locate), _random_states_kept():
        returnless = {task: text for task in tasks if (text := without_return(task, topic.card.tasks[task], namespace))}
        for request in topic.requests(task for task in tasks if task not in problems):
            reason = stopped.get("") or stopped.get(request.check) or stopped.get(request.task)
            one = reason or _observed(functions[request.check], code, request)
            seen[request.check, request.draw] = one
            if reason is None and isinstance(one, NotObserved):
                stopped |= {"": one} if one.outcome is Outcome.NOT_RUN else {request.check: one, request.task: UNENDING}
    seen = with_untouched(seen, topic.checks_of_stubs(cells))
    seen |= topic.rule_observations((task for task in tasks if task not in problems), cells)
    return replace(answer(topic, tasks, seen, problems, orders, returnless), undefined=frozenset(undefined))


def _loaded(topic: ReleasedTopic) -> dict[str, Callable[..., Any]]:
    module = topic.checks_file
    if topic.card.checks not in _functions:
        functions = load_checks(module)
        missing = [check.name for check in topic.rules.checks if not check.spec.rule and check.name not in functions]
        if missing:
            raise AuthoringError(f"{module.filename} has no check {missing[0]}; take a fresh copy from the release.")
        _functions[topic.card.checks] = functions
    return _functions[topic.card.checks]


def _observed(function: Callable[..., Any], code: Code, request: CheckRequest) -> Observation | NotObserved:
    with _time_limit(request.seconds) as limit:
        seen = run_check(function, code, request)
    if limit.over:
        return NotObserved(Outcome.TIMEOUT, f"The code did not end within {request.seconds:g} s.{_told(limit.line)}")
    if seen.error is not None and seen.error.type == "KeyboardInterrupt":
        return NotObserved(Outcome.NOT_RUN, _INTERRUPTED)
    return seen


def _told(at: SourceLine | None) -> str:
    if at is None:
        return ""
    text = at.text.replace("`", "'")
    place = f"in cell {at.cell}, line {at.line}" if at.cell else f"on line {at.line}"
    return f" It was stopped {place}{f' (`{text}`)' if text else ''}."


class _OutOfTime(BaseException):
    pass


@dataclass
class _Limit:
    over: bool = False
    rounds: int = 0
    line: SourceLine | None = None


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported: the first optimizer takes a slow machine seconds, which are not the student's, and
    a module that is imported half would break all that follows."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


@contextmanager
def _time_limit(seconds: float) -> Iterator[_Limit]:
    """Stops what runs too long, if the system has timers for that; elsewhere students interrupt the kernel."""
    limit = _Limit()
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield limit
        return

    def stop(number: int, frame: FrameType | None) -> None:
        limit.rounds += 1
        if limit.rounds < _MOST_ROUNDS and _imports(frame):
            signal.setitimer(signal.ITIMER_REAL, seconds)
            return
        limit.over, limit.line = True, line_of_frame(frame)
        raise _OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield limit
    except _OutOfTime:
        pass  # it came between the end of the run and here
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _random_states_kept() -> Iterator[None]:
    states = torch.default_generator.get_state(), numpy.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.default_generator.set_state(states[0])
        numpy.random.set_state(states[1])
        random.setstate(states[2])
