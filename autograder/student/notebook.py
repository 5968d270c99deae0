"""`check`, `hint`, `progress` and `solution` as students call them in a notebook or at a Python prompt."""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec

import msgspec

from autograder.course.cells import python_text
from autograder.errors import AutogradeError, RequestError, SubmissionError
from autograder.records.jobs import Cell
from autograder.student.answer import Answer, with_unread_cells
from autograder.student.as_text import show
from autograder.student.definition_text import source_of, unread_cell
from autograder.student.lookup import one_more_hint, progress_of, topic_meant
from autograder.student.released import Release, ReleasedTopic, find_release
from autograder.student.session import ask
from autograder.student.solutions import worked_solution
from autograder.student.store import Store, TaskRecord
from autograder.student.view import Note, answer_view, record_of, state_of

__all__ = ["NotComplete", "check", "hint", "progress", "solution"]

P = ParamSpec("P")
_NEVER = 1 << 30
_NAME_A_TASK = 'Give the name of a task in quotes, as in check("match"), or nothing to check them all.'
_HINT_A_TASK = 'Give the name of a task in quotes, as in hint("match"); each call shows one more hint.'
_SOLVE_A_TASK = 'Give the name of a task in quotes, as in solution("match").'
_CALLS = {
    "check": 'check("match"), check() for all tasks or check(topic="dtypes")',
    "hint": 'hint("match"), which shows one more hint each time',
    "progress": 'progress() or progress("dtypes")',
    "solution": 'solution("match"), or solution("match", passphrase="…") where it needs one',
}


class NotComplete(Exception):
    """A task does not pass its visible checks; raised only where `nbgrader validate` asks for it."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the sentence, without a traceback of ours."""
        return [str(self)]


def _in_a_sentence(function: Callable[P, None]) -> Callable[P, None]:
    """Shows mistakes as a sentence instead of a traceback."""

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            _must_fit(function, arguments, options)
            with _full_collections_later():
                function(*arguments, **options)
        except AutogradeError as error:
            show(Note(str(error)))

    return call


@contextmanager
def _full_collections_later() -> Iterator[None]:
    """Postpones full garbage collections, which take 0.1 s with PyTorch loaded."""
    usual = gc.get_threshold()
    gc.set_threshold(*usual[:2], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _must_fit(function: Callable[..., None], arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    try:
        inspect.signature(function).bind(*arguments, **options)
    except TypeError:
        name = function.__name__
        known = [each.name for each in inspect.signature(function).parameters.values() if each.kind != each.VAR_POSITIONAL]
        unknown = [option for option in options if option not in known]
        what = f"no argument called {unknown[0]}" if unknown else f"fewer arguments than {len(arguments) + len(options)}"
        raise RequestError(f"`{name}` takes {what}: write {_CALLS[name]}.") from None


def _namespace() -> dict[str, Any]:
    """The names of the student's own code: those of the frame that called `check`."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals


@_in_a_sentence
def check(*tasks: Any, topic: str = "") -> None:
    """Check a task, `check("match")`, or all tasks of the notebook's topic, `check()`, and show the results.

    Args:
        tasks: names of tasks; the functions or classes themselves work too.
        topic: the topic's name, if it is not clear which one is meant.
    """
    namespace = _namespace()
    release = find_release()
    names = [_name_of(task, release, namespace) for task in _flat(tasks)]
    if not topic and len(names) == 1 and names[0] in release.card.topics and not release.topics_with(names[0]):
        names, topic = [], names[0]
    chosen = release.topic(topic_meant(release, names, topic, namespace))
    asked = list(names or chosen.card.tasks)
    answer = ask(chosen, asked, namespace, cells=_source_of(namespace), locate=_locator(namespace))
    show(answer_view(chosen, with_unread_cells(answer, _unread_cells(asked))))
    store = Store(release.folder)
    store.keep(chosen.name, _records(chosen, answer, namespace, store))
    if os.environ.get("NBGRADER_EXECUTION") == "validate":
        incomplete = [task.task for task in answer.tasks if state_of(task, answer).style != "complete"]
        if incomplete:
            raise NotComplete(f"{', '.join(incomplete)}: not all visible checks pass.")


@_in_a_sentence
def hint(task: Any = None, *, topic: str = "") -> None:
    """Show one more hint for a task, after the earlier ones.

    Args:
        task: the task's name; the function or class itself works too.
        topic: the topic's name, if it is not clear which one is meant.
    """
    namespace = _namespace()
    name = _name_of(task, find_release(), namespace, _HINT_A_TASK)
    show(one_more_hint(name, topic, namespace, again='hint("{}")', way_out='solution("{}")'))


@_in_a_sentence
def progress(topic: str = "") -> None:
    """Show how the tasks of the notebook's topic stood when they were last checked.

    Args:
        topic: the topic's name, if it is not clear which one is meant.
    """
    show(progress_of(topic, _namespace()))


@_in_a_sentence
def solution(task: Any = None, passphrase: str = "", *, topic: str = "") -> None:
    """Show a worked solution of a task, and what is wrong with the common wrong ones, if the course has it open by now.

    Args:
        task: the task's name; the function or class itself works too.
        passphrase: what the instructor published, where the solutions are sealed.
        topic: the topic's name, if it is not clear which one is meant.
    """
    namespace = _namespace()
    name = _name_of(task, find_release(), namespace, _SOLVE_A_TASK)
    show(worked_solution(name, topic, passphrase, namespace, sealed='solution("{}", passphrase="…")', check='check("{}")'))


def _flat(tasks: tuple[Any, ...]) -> Iterator[Any]:
    for task in tasks:
        yield from task if isinstance(task, (list, tuple)) else (task,)


def _name_of(task: Any, release: Release, namespace: Mapping[str, Any], remedy: str = _NAME_A_TASK) -> str:
    """The name of the task that is given by name, or as itself, as in `check(match)`."""
    if isinstance(task, str) and release.topics_with(task):
        return task
    names = {name for card in release.card.topics.values() for name in card.tasks}
    same = [name for name in names if task is not None and task is not ... and namespace.get(name) is task]
    if len(same) == 1:
        return same[0]
    name = task if isinstance(task, str) else getattr(task, "__name__", None)
    if not isinstance(name, str):
        raise RequestError(remedy)
    return name


def _source_of(namespace: Mapping[str, Any]) -> tuple[Cell, ...]:
    """What the student has run: the notebook's cells in the order of running, or the file; nothing if it is not known."""
    run = namespace.get("In")
    if isinstance(run, list):
        return tuple(Cell(number, source) for number, source in enumerate(run) if isinstance(source, str) and source)
    try:
        path = Path(namespace["__file__"])
        return (Cell(0, python_text(path.read_bytes(), path.name)),)
    except (KeyError, OSError, TypeError, ValueError, SubmissionError):
        return ()


def _locator(namespace: dict[str, Any]) -> Callable[[FrameType], int | None]:
    """Returns a function that gives, for a frame of the student's code, the number in brackets beside its cell.

    It returns 0 if there are no cells, and None for a frame that is not the student's.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    numbers = getattr(getattr(shell, "compile", None), "_filename_map", None)
    known: dict[str, Any] = numbers if isinstance(numbers, dict) else {}

    def locate(frame: FrameType) -> int | None:
        if frame.f_globals is not namespace:
            return None
        number = known.get(frame.f_code.co_filename, 0)
        return number if isinstance(number, int) else 0

    return locate


def _unread_cells(tasks: Sequence[str]) -> dict[str, str]:
    """By task, what is wrong with the last cell that defines it: Python cannot read it, or a magic kept it to itself."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    history = getattr(shell, "history_manager", None)
    parsed, raw = (getattr(history, name, None) for name in ("input_hist_parsed", "input_hist_raw"))
    if not isinstance(parsed, list) or not isinstance(raw, list):
        return {}
    texts = [typed if typed.lstrip().startswith("%%") else text for text, typed in zip(parsed, raw, strict=False)]
    cells = [Cell(number, text) for number, text in enumerate(texts)][1:]
    found = {task: unread_cell(cells, task) for task in tasks}
    return {task: text for task, text in found.items() if text}


def _records(topic: ReleasedTopic, answer: Answer, namespace: Mapping[str, Any], store: Store) -> dict[str, TaskRecord]:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return {
        task.task: msgspec.structs.replace(
            record_of(store.task(topic.name, task.task), task, answer),
            kernel=state_of(task, answer).style,
            when=now,
            source=source_of(namespace.get(task.task)),
        )
        for task in answer.tasks
    }
