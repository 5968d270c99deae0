"""What students ask for by name: the topic they mean, one more hint, their progress. Needs no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from autograder._words import closest, suggestion
from autograder.course.file_names import topic_of_stem
from autograder.errors import RequestError
from autograder.student.released import Release, ReleasedTopic, find_release
from autograder.student.store import Store
from autograder.student.view import HintView, ProgressView, hint_view, progress_view

__all__ = ["next_hint", "one_more_hint", "progress_of", "topic_meant"]

_last: dict[Path, str] = {}


def topic_meant(release: Release, tasks: Sequence[str], topic: str, namespace: Mapping[str, Any]) -> str:
    """The topic that is meant: the one named, the one with these tasks, the notebook's, or the last one worked on.

    Args:
        release: the release.
        tasks: the tasks asked for.
        topic: the topic's name if it was given, else empty.
        namespace: the student's names.

    Raises:
        RequestError: if there is no such topic or task, or the topic is not clear.
    """
    known = release.card.topics
    if not isinstance(topic, str):
        raise RequestError(f'Give the name of the topic in quotes, as in topic="{next(iter(known))}".')
    if topic:
        if topic not in known:
            owners = release.topics_with(topic)
            titled = [name for name, card in known.items() if closest(topic, [card.title])]
            end = f": it is a task of {owners[0]}." if owners else f"; {suggestion(topic, known)}"
            raise RequestError(f"There is no topic {topic!r}{f'; did you mean {titled[0]!r}?' if titled else end}")
        for task in tasks:
            if task not in known[topic].tasks:
                raise RequestError(f"There is no task {task!r} in {topic}{_task_elsewhere(release, task, topic)}")
        return topic
    fitting = [name for name in known if all(task in known[name].tasks for task in tasks)]
    if tasks and not fitting:
        unknown = [task for task in tasks if not release.topics_with(task)]
        if not unknown:
            raise RequestError("These tasks belong to different topics; check them one by one.")
        if unknown[0] in known:
            raise RequestError(f"{unknown[0]} is a topic; name one of its tasks: {', '.join(known[unknown[0]].tasks)}.")
        raise RequestError(f"There is no task {unknown[0]!r}{_task_meant(release, unknown[0], namespace)}")
    chosen = fitting[0] if len(fitting) == 1 else _guess(release, fitting, namespace)
    if chosen is None:
        raise RequestError(f"Which topic do you mean? Name one of {', '.join(fitting)}.")
    _last[release.folder] = chosen
    return chosen


def _guess(release: Release, topics: Sequence[str], namespace: Mapping[str, Any]) -> str | None:
    for path in (namespace.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME"), namespace.get("__file__")):
        if isinstance(path, str) and (named := topic_of_stem(Path(path).stem, topics)):
            return named
    if _last.get(release.folder) in topics:
        return _last[release.folder]
    defined = {name: sum(task in namespace for task in release.card.topics[name].tasks) for name in topics}
    best = max(topics, key=lambda name: defined[name])
    if defined[best] and list(defined.values()).count(defined[best]) == 1:
        return best
    store = Store(release.folder)
    when = {name: max((record.when for record in store.tasks(name).values()), default="") for name in topics}
    newest = max(topics, key=lambda name: when[name])
    return newest if when[newest] else None


def _task_meant(release: Release, task: str, namespace: Mapping[str, Any]) -> str:
    """The end of a sentence about an unknown task: a similar name, this topic's first, or the names of its tasks."""
    known = release.card.topics
    here = _guess(release, list(known), namespace)
    nearby = list(known[here].tasks) if here else []
    everywhere = [name for card in known.values() for name in card.tasks]
    if not closest(task, nearby) and closest(task, everywhere):
        return f"; {suggestion(task, everywhere)}"
    return f"; {suggestion(task, nearby)}" if here else " in any topic."


def _task_elsewhere(release: Release, task: str, topic: str) -> str:
    """The end of a sentence about a task that a topic lacks: its like there, or the topic that has it, or its like."""
    known = release.card.topics
    if not closest(task, known[topic].tasks):
        like = closest(task, [name for card in known.values() for name in card.tasks])
        if like and like[0] == task:
            return f": it is a task of {release.topics_with(task)[0]}."
        if like:
            return f"; did you mean {like[0]!r} in {release.topics_with(like[0])[0]}?"
    return f"; {suggestion(task, known[topic].tasks)}"


def one_more_hint(
    task: str,
    topic: str = "",
    namespace: Mapping[str, Any] | None = None,
    *,
    again: str = "autograde hint {}",
    way_out: str = "autograde solution {}",
) -> HintView:
    """The hints of a task that have been read, and one more, which now counts as read.

    Args:
        task: the task's name.
        topic: its topic's name, if that is not clear.
        namespace: the student's names, if there are any.
        again: how to ask for the next hint; `{}` stands for the task.
        way_out: how to ask for the task's worked solution, likewise.

    Raises:
        RequestError: if there is no such task or topic.
        KeyMismatch: if the release is incomplete.
    """
    release = find_release()
    chosen = release.topic(topic_meant(release, [task], topic, namespace or {}))
    return next_hint(Store(release.folder), chosen, task, again=again.format(task), way_out=way_out.format(task))


def next_hint(store: Store, topic: ReleasedTopic, task: str, *, again: str, way_out: str) -> HintView:
    """The hints of a task that have been read, and one more, which now counts as read; see `hint_view`."""
    record = store.task(topic.name, task)
    read = min(record.hints + 1, len(topic.hints.get(task, ())))
    store.keep(topic.name, {task: msgspec.structs.replace(record, hints=read)})
    return hint_view(topic, task, read, again=again, way_out=way_out)


def progress_of(topic: str = "", namespace: Mapping[str, Any] | None = None) -> ProgressView:
    """How the tasks of a topic stood when they were last checked.

    Raises:
        RequestError: if there is no such topic, or it is not clear which one is meant.
    """
    release = find_release()
    return progress_view(release, topic_meant(release, [], topic, namespace or {}), Store(release.folder))
