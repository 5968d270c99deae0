"""`check`, `hint` and `progress` as students call them in a notebook or at a Python prompt."""

from __future__ import annotations

import hashlib
import inspect
import os
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, ParamSpec

from autograder.errors import AutogradeError, RequestError
from autograder.results import TaskResult
from autograder.student.released import Release, ReleasedTopic, find_release, meant
from autograder.student.session import Answer, ask
from autograder.student.show import show
from autograder.student.store import Store, TaskRecord
from autograder.student.view import Note, answer_view, hint_view, progress_view, state_of

__all__ = ["check", "hint", "progress", "source_digest"]

P = ParamSpec("P")
_last: dict[Path, str] = {}


def _in_a_sentence(function: Callable[P, None]) -> Callable[P, None]:
    """Shows mistakes in a sentence instead of a traceback."""

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            function(*arguments, **options)
        except AutogradeError as error:
            show(Note(str(error)))

    return call


def _namespace() -> dict[str, Any]:
    """The names of the student's own code: of the frame that called `check`."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__") == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals


@_in_a_sentence
def check(*tasks: Any, topic: str = "") -> None:
    """Check a task, `check("match")`, or all tasks of the notebook's topic, `check()`, and show what was found.

    Args:
        tasks: names of tasks; a function or class does as well.
        topic: the topic's name, where it is not clear which one is meant.
    """
    namespace = _namespace()
    release = find_release()
    names = [_name_of(task) for task in tasks]
    chosen = release.topic(_topic_of(release, names, topic, namespace))
    wanted = names or list(chosen.card.tasks)
    for name in wanted:
        if name not in chosen.card.tasks:
            raise RequestError(f"There is no task {name!r} in {chosen.name}{meant(name, chosen.card.tasks)}")
    answer = ask(chosen, wanted, namespace, locate=_locator(namespace))
    show(answer_view(chosen, answer))
    Store(release.folder).keep(chosen.name, _records(chosen, answer, namespace, Store(release.folder)))


@_in_a_sentence
def hint(task: Any, *, topic: str = "") -> None:
    """Show one more hint for a task, with those before it.

    Args:
        task: the task's name; a function or class does as well.
        topic: the topic's name, where it is not clear which one is meant.
    """
    namespace = _namespace()
    release = find_release()
    name = _name_of(task)
    chosen = release.topic(_topic_of(release, [name], topic, namespace))
    if name not in chosen.card.tasks:
        raise RequestError(f"There is no task {name!r} in {chosen.name}{meant(name, chosen.card.tasks)}")
    store = Store(release.folder)
    record = store.task(chosen.name, name)
    read = min(record.hints + 1, len(chosen.hints.get(name, ())))
    show(hint_view(chosen, name, read))
    store.keep(chosen.name, {name: _with(record, hints=read)})


@_in_a_sentence
def progress(topic: str = "") -> None:
    """Show how the tasks of the notebook's topic stood when they were last checked.

    Args:
        topic: the topic's name, where it is not clear which one is meant.
    """
    namespace = _namespace()
    release = find_release()
    show(progress_view(release, _topic_of(release, [], topic, namespace), Store(release.folder)))


def _name_of(task: Any) -> str:
    name = task if isinstance(task, str) else getattr(task, "__name__", None)
    if not isinstance(name, str):
        raise RequestError('Give the name of a task in quotes, as in check("match"), or nothing to check them all.')
    return name


def _topic_of(release: Release, tasks: Sequence[str], topic: str, namespace: Mapping[str, Any]) -> str:
    """The topic that is meant: the one that is named, has the task, is the notebook's, or whose tasks are defined."""
    known = release.card.topics
    if topic:
        if topic not in known:
            raise RequestError(f"There is no topic {topic!r}{meant(topic, known)}")
        return topic
    fitting = [name for name in known if all(task in known[name].tasks for task in tasks)]
    if tasks and not fitting:
        unknown = next((task for task in tasks if not release.topics_with(task)), "")
        if not unknown:
            raise RequestError("These tasks belong to different topics; check them one by one.")
        here = _guess(release, list(known), namespace)
        everywhere = meant(unknown, [task for card in known.values() for task in card.tasks])
        nearby = meant(unknown, known[here].tasks) if here else everywhere
        raise RequestError(f"There is no task {unknown!r}{nearby if 'did you' in nearby else everywhere}")
    chosen = fitting[0] if len(fitting) == 1 else _guess(release, fitting, namespace)
    if chosen is None:
        raise RequestError(f'Which topic? Name it: topic="{fitting[0]}". There are {", ".join(fitting)}.')
    _last[release.folder] = chosen
    return chosen


def _guess(release: Release, topics: Sequence[str], namespace: Mapping[str, Any]) -> str | None:
    for path in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"), namespace.get("__file__")):
        if isinstance(path, str) and Path(path).stem in topics:
            return Path(path).stem
    if _last.get(release.folder) in topics:
        return _last[release.folder]
    defined = {name: sum(task in namespace for task in release.card.topics[name].tasks) for name in topics}
    best = max(topics, key=lambda name: defined[name])
    return best if defined[best] and list(defined.values()).count(defined[best]) == 1 else None


def _locator(namespace: dict[str, Any]) -> Callable[[FrameType], int | None]:
    """Frames of the student's own code, with the number in brackets beside their cell; 0 where there are no cells."""
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


def _records(topic: ReleasedTopic, answer: Answer, namespace: Mapping[str, Any], store: Store) -> dict[str, TaskRecord]:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    found = {}
    for task in answer.tasks:
        found[task.task] = _with(
            store.task(topic.name, task.task),
            state=state_of(task, answer).style,
            passed=_passed(task),
            checks=len(task.checks),
            when=now,
            source=_source_of(namespace.get(task.task)),
        )
    return found


def _passed(task: TaskResult) -> int:
    return sum(check.outcome == "passed" for check in task.checks)


def _with(record: TaskRecord, **changes: Any) -> TaskRecord:
    import msgspec

    return msgspec.structs.replace(record, **changes)


def _source_of(thing: Any) -> str:
    try:
        return source_digest(inspect.getsource(thing))
    except (OSError, TypeError, IndexError, SyntaxError):
        return ""


def source_digest(source: str) -> str:
    """A digest of the text of a definition, whatever its indentation."""
    return hashlib.blake2b(textwrap.dedent(source).strip().encode("utf-8", "replace"), digest_size=12).hexdigest()
