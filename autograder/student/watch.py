"""`autograde watch`: runs a file whenever it is saved, shows the current task and remembers the place."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from autograder.errors import AutogradeError
from autograder.student.as_text import show
from autograder.student.check_file import FileAnswer, answer_file, description, next_task
from autograder.student.released import Release, ReleasedTopic
from autograder.student.run_file import Cancelled, Runner
from autograder.student.store import Store
from autograder.student.student_file import StudentFile, read_file
from autograder.student.view import Note, answer_view, state_of

__all__ = ["FileSaves", "Saves", "watch"]


class Saves(Protocol):
    """Tells when a file is saved."""

    def wait(self) -> bool:
        """Wait until it has been saved since the last call; False if nobody will tell any more."""

    def waiting(self) -> bool:
        """Whether `wait` would return at once."""


def watch(release: Release, path: Path, topic: str | None, saves: Saves) -> None:
    """Check a file now, and again each time it is saved. Returns when all its tasks pass or `saves` ends.

    A run whose file is saved again is cancelled.

    Raises:
        RequestError: if the file's topic is not clear.
        KeyMismatch: if the topic's key cannot be used.
    """
    store = Store(release.folder)
    first = read_file(release, path, topic)
    chosen = release.topic(first.topic)
    place = store.current(chosen.name)
    if place in chosen.card.tasks:
        show(Note(f"You were at `{place}`.", problem=False))
    with Runner(spare=True, cancelled=saves.waiting) as runner:
        if _once(release, path, topic, runner, store):
            return
        show(Note(f"Watching {path}: it is checked each time you save it; press Ctrl-C to stop.", problem=False))
        while saves.wait():
            if _once(release, path, topic, runner, store):
                return


def _once(release: Release, path: Path, name: str | None, runner: Runner, store: Store) -> bool:
    """Check the file once. Returns whether all tasks pass."""
    try:
        file = read_file(release, path, name)
        topic = release.topic(file.topic)
    except AutogradeError as error:  # perhaps half a file; the next save may bring the rest
        show(Note(str(error)))
        return False
    before = store.current(topic.name)
    try:
        run = runner.run(topic, file)
    except Cancelled:
        show(Note(f"{path} was saved again: the new version is checked.", problem=False))
        return False
    answered = answer_file(topic, file, run, store)
    now = next_task(topic, answered, before)
    store.keep_current(topic.name, now)
    _show(topic, file, answered, before, now)
    return not now


def _show(topic: ReleasedTopic, file: StudentFile, answered: FileAnswer, before: str, now: str) -> None:
    done = len(topic.card.tasks) - len(answered.incomplete())
    head = f"{datetime.now():%H:%M:%S}  {topic.card.title}: {done} of {len(topic.card.tasks)} tasks pass all visible checks."
    show(Note(f"\n{head}", problem=False))
    for note in answered.notes:
        show(Note(note))
    # The task that was worked on is shown one last time when it is complete.
    for name in dict.fromkeys((before, now)):
        tasks = tuple(task for task in answered.answer.tasks if task.task == name)
        if tasks:
            show(answer_view(topic, replace(answered.answer, tasks=tasks)))
    if not now:
        show(Note("All tasks pass. Hand in the file, or go on to the next topic.", problem=False))
        return
    state = next(state_of(task, answered.answer).style for task in answered.answer.tasks if task.task == now)
    words = description(file, now)
    if now != before or state == "untouched":
        show(Note(f"Next: `{now}`. {words}".rstrip(), problem=False))
    show(Note(f"For a hint: autograde hint {now}", problem=False))


class FileSaves:
    """Watches a file in a thread of its own."""

    def __init__(self, path: Path) -> None:
        """Take the file; it need not exist yet."""
        self._target = path.absolute()
        self._saved, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Start watching."""
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop watching."""
        self._stop.set()

    def wait(self) -> bool:
        """Wait until the file has been saved since the last call; False if it cannot be watched any more."""
        self._saved.wait()
        self._saved.clear()
        return self._thread.is_alive()

    def waiting(self) -> bool:
        """Whether `wait` would return at once."""
        return self._saved.is_set()

    def _watch(self) -> None:
        from watchfiles import Change, watch

        def ours(change: Change, name: str) -> bool:
            return change is not Change.deleted and Path(name) == self._target

        folder = self._target.parent  # editors replace files, so the folder is watched
        try:
            for _ in watch(folder, watch_filter=ours, stop_event=self._stop, recursive=False, debounce=400, step=50):
                self._saved.set()
        finally:
            self._saved.set()
