"""`autograde watch`: runs a file whenever it is saved, shows the task that was edited and remembers the place.

What is shown, and how, is a `Display`'s business: lines one below the other (`Lines`), or a view of the whole terminal
(watch_screen.py).
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from autograder.course.cells import task_source
from autograder.errors import AutogradeError
from autograder.student.as_text import show
from autograder.student.check_file import FileAnswer, answer_file, description, next_task
from autograder.student.definition_text import source_digest
from autograder.student.released import Release, ReleasedTopic
from autograder.student.run_file import Cancelled, Runner
from autograder.student.store import Store
from autograder.student.student_file import StudentFile, read_file
from autograder.student.view import Note, answer_view, state_of

__all__ = [
    "ALL_PASS",
    "TO_STOP",
    "Display",
    "FileSaves",
    "Lines",
    "Round",
    "Saves",
    "check_on_saves",
    "has_screen",
    "lacks_textual",
    "watch",
]

TO_STOP = "Does it never end? Save the file again with the mistake corrected, or"
ALL_PASS = "All tasks pass. Hand in the file, or go on to the next topic."


class Saves(Protocol):
    """Tells when a file is saved."""

    def wait(self) -> bool:
        """Wait until it has been saved since the last call; False if nobody will tell any more."""

    def waiting(self) -> bool:
        """Whether `wait` would return at once."""


@dataclass(frozen=True)
class Round:
    """What came of checking a file once.

    Attributes:
        topic: the file's topic.
        file: the file as it was read.
        answered: the answer to it.
        edited: the task whose code has changed since the last round; of several, the one that was left, or the first. Empty
            in the first round, or if none has.
        before: the task that was worked on: the edited one, else the one that was left.
        now: the task to work on next; empty if all pass.
    """

    topic: ReleasedTopic
    file: StudentFile
    answered: FileAnswer
    edited: str
    before: str
    now: str

    @property
    def summary(self) -> str:
        """How many tasks pass."""
        tasks = len(self.topic.card.tasks)
        return (
            f"{self.topic.card.title}: {tasks - len(self.answered.incomplete())} of {tasks} tasks pass all visible checks."
        )


class Display(Protocol):
    """Shows what watching brings."""

    def checking(self) -> None:
        """A check begins."""

    def slow(self, text: str) -> None:
        """A cell has been running for longer than most."""

    def ready(self) -> None:
        """The first check is over, and the file is watched."""

    def cancelled(self) -> None:
        """A check was given up, because the file was saved again."""

    def trouble(self, text: str) -> None:
        """The file could not be read."""

    def checked(self, one: Round) -> bool:
        """A check is over. Returns whether watching may end."""


def watch(release: Release, path: Path, topic: str | None, saves: Saves) -> None:
    """Check a file now, and again each time it is saved, and print lines. Returns when all its tasks pass or `saves` ends.

    A run whose file is saved again is cancelled.

    Raises:
        RequestError: if the file's topic is not clear.
        KeyMismatch: if the topic's key cannot be used.
    """
    chosen = release.topic(read_file(release, path, topic).topic)
    place = Store(release.folder).current(chosen.name)
    if place in chosen.card.tasks:
        show(Note(f"You were at `{place}`.", problem=False))
    check_on_saves(release, path, topic, saves, Lines(path))


def check_on_saves(release: Release, path: Path, topic: str | None, saves: Saves, display: Display) -> None:
    """Check a file now, and again each time it is saved, until the display has enough or `saves` ends."""
    store = Store(release.folder)
    sources: dict[str, str] = {}
    with Runner(spare=True, cancelled=saves.waiting, slow=display.slow) as runner:
        if _once(release, path, topic, runner, store, sources, display):
            return
        display.ready()
        while saves.wait():
            if _once(release, path, topic, runner, store, sources, display):
                return


def _once(
    release: Release,
    path: Path,
    name: str | None,
    runner: Runner,
    store: Store,
    sources: dict[str, str],
    display: Display,
) -> bool:
    """Check the file once. Returns whether the display has enough."""
    display.checking()
    try:
        file = read_file(release, path, name)
        topic = release.topic(file.topic)
    except AutogradeError as error:  # perhaps half a file; the next save may bring the rest
        display.trouble(str(error))
        return False
    place = store.current(topic.name)
    now_there = _digests(topic, file)
    changed = [task for task, digest in now_there.items() if digest != sources.get(task, digest)]
    edited = place if place in changed else next(iter(changed), "")
    try:
        run = runner.run(topic, file)
    except Cancelled:
        display.cancelled()
        return False
    answered = answer_file(topic, file, run, store)
    sources.update(now_there)
    before = edited or place
    now = next_task(topic, answered, before)
    store.keep_current(topic.name, now)
    return display.checked(Round(topic, file, answered, edited, before, now))


def _digests(topic: ReleasedTopic, file: StudentFile) -> dict[str, str]:
    """By task, a digest of its code; without the tasks whose code is not there, or that Python cannot read."""
    texts = {task: task_source(file.cells, task) for task in topic.card.tasks}
    return {task: source_digest(text) for task, text in texts.items() if text}


class Lines:
    """A display that prints."""

    def __init__(self, path: Path) -> None:
        """Take the watched file."""
        self._path = path

    def checking(self) -> None:
        """Prints nothing."""

    def slow(self, text: str) -> None:
        """Say what is running, and what can be done."""
        show(Note(f"{text} {TO_STOP} press Ctrl-C to stop.", problem=False))

    def ready(self) -> None:
        """Say that the file is watched."""
        show(Note(f"Watching {self._path}: it is checked each time you save it; press Ctrl-C to stop.", problem=False))

    def cancelled(self) -> None:
        """Say that a new check begins."""
        show(Note(f"{self._path} was saved again: the new version is checked.", problem=False))

    def trouble(self, text: str) -> None:
        """Say what is wrong with the file."""
        show(Note(text))

    def checked(self, one: Round) -> bool:
        """Print the task that was worked on, and the next one."""
        topic, answered = one.topic, one.answered
        show(Note(f"\n{datetime.now():%H:%M:%S}  {one.summary}", problem=False))
        for note in answered.notes:
            show(Note(note))
        # The task that was worked on is shown one last time when it is complete.
        for name in dict.fromkeys((one.before, one.now)):
            tasks = tuple(task for task in answered.answer.tasks if task.task == name)
            if tasks:
                show(answer_view(topic, replace(answered.answer, tasks=tasks)))
        if not one.now:
            show(Note(ALL_PASS, problem=False))
            return True
        state = next(state_of(task, answered.answer).style for task in answered.answer.tasks if task.task == one.now)
        words = description(one.file, one.now)
        if one.now != one.before or state == "untouched":
            show(Note(f"Next: `{one.now}`. {words}".rstrip(), problem=False))
        show(Note(f"For a hint: autograde hint {one.now}", problem=False))
        return False


def has_screen() -> bool:
    """Whether there is a terminal to draw on and to take keys from."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return os.environ.get("TERM") != "dumb" and all(stream is not None and stream.isatty() for stream in streams)


def lacks_textual() -> str:
    """A sentence if the package that draws on the terminal is missing; else empty."""
    if find_spec("textual") is not None:
        return ""
    return "For a list of tasks, keys and hints in this window, run: pip install textual"


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
        self.end()

    def end(self) -> None:
        """Stop watching, and end a check that is running."""
        self._stop.set()
        self._saved.set()

    def wait(self) -> bool:
        """Wait until the file has been saved since the last call; False if it is not watched any more."""
        self._saved.wait()
        if self._stop.is_set():
            return False
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
