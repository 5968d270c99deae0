"""`autograde watch` as a view of the whole terminal: the tasks, the answer to one of them, its hints, and keys.

It draws with the terminal's own colours, so that it suits dark and light ones. Checks run in a thread of their own, which
sends what comes of them as messages; processes are started and ended there, as without the view.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from autograder.reporting.labels import Label, readable
from autograder.student.as_text import Line, lines
from autograder.student.check_file import description
from autograder.student.lookup import next_hint
from autograder.student.released import Release, ReleasedTopic
from autograder.student.store import Store
from autograder.student.student_file import read_file
from autograder.student.view import HintView, Note, answer_view, progress_view, state_of
from autograder.student.watch import ALL_PASS, TO_STOP, FileSaves, Round, check_on_saves, has_screen

__all__ = ["WatchScreen", "watch_on_screen"]

_KEYS = "↑↓ task  n next  h hint  PgDn  q quit"
_STYLES = {"1": "bold", "2": "dim", "31": "red", "34": "box"}


class _Checking(Message):
    """A check begins."""


class _Slow(Message):
    """A cell has been running for longer than most."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class _Trouble(Message):
    """The file could not be read, or checking has broken down (`error`)."""

    def __init__(self, text: str, error: BaseException | None = None) -> None:
        super().__init__()
        self.text, self.error = text, error


class _Checked(Message):
    """A check is over."""

    def __init__(self, one: Round) -> None:
        super().__init__()
        self.round = one


class _Line(Horizontal):
    """A line of an answer: a label, if it has one, and words that wrap beside it."""

    def __init__(self, line: Line) -> None:
        words = Static(
            Content(line.text), classes=" ".join(filter(None, ("words", _STYLES.get(line.style, "")))), markup=False
        )
        label = [] if line.label is None else [_label(line.label, f"{line.label.symbol} {line.label.word} ")]
        super().__init__(*label, words, classes="line")
        self.styles.padding = (0, 0, 0, line.indent)


def _label(label: Label, text: str) -> Static:
    return Static(Content(text), classes=f"label {label.style}", markup=False)


class _Row(Static):
    """A task in the list."""

    def __init__(self, name: str, chosen: Callable[[str], Awaitable[None]]) -> None:
        super().__init__(markup=False, classes="row")
        self._name_of_task, self._chosen = name, chosen

    async def on_click(self) -> None:
        await self._chosen(self._name_of_task)

    def show(self, state: Label, *, here: bool) -> None:
        self.update(Content(f"{'›' if here else ' '} {state.symbol} {readable(self._name_of_task)}"))
        self.set_classes(f"row {state.style}{' here' if here else ''}")


class WatchScreen(App[int]):
    """The view. Its result is 0, or the number of the signal that ended it."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-wide")]  # noqa: RUF012 - as in App
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("n", "next", show=False),
        Binding("h", "hint", show=False),
        Binding("pagedown,space", "turn(1)", show=False),
        Binding("pageup,b", "turn(-1)", show=False),
        Binding("q", "end(0)", show=False),
        Binding("ctrl+c", f"end({int(signal.SIGINT)})", show=False, priority=True),
        Binding("ctrl+q", "end(0)", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]
    CSS = """
    Screen { layout: grid; grid-rows: auto 1fr auto; background: ansi_default; color: ansi_default; }
    #head, #keys { height: auto; text-style: bold; }
    #keys { text-style: dim; }
    #tasks { scrollbar-size-vertical: 1; border: none; }
    #answer { scrollbar-size-vertical: 1; }
    VerticalScroll { background: ansi_default; scrollbar-color: ansi_bright_black; scrollbar-background: ansi_default; }
    .-narrow #body { layout: vertical; }
    .-narrow #tasks { height: auto; max-height: 34%; border-bottom: solid ansi_bright_black; }
    .-wide #body { layout: horizontal; }
    .-wide #tasks { width: auto; min-width: 20; max-width: 36; height: 100%; border-right: solid ansi_bright_black; }
    .-wide #answer { padding: 0 1; }
    #answer { height: 1fr; width: 1fr; }
    .row { width: auto; height: 1; padding: 0 1 0 0; text-wrap: nowrap; }
    .here { text-style: bold reverse; }
    .line { height: auto; width: 100%; background: ansi_default; }
    .words { width: 1fr; height: auto; }
    .label { width: auto; height: auto; text-style: bold; }
    .complete, .passed { color: ansi_green; }
    .none, .failed, .problem, .error, .timeout, .red { color: ansi_red; }
    .partial { color: ansi_yellow; }
    .bold { text-style: bold; }
    .dim { text-style: dim; }
    .box { text-style: bold; border-left: outer ansi_blue; padding: 0 0 0 1; }
    """

    def __init__(self, release: Release, path: Path, topic: ReleasedTopic, saves: FileSaves, given: str | None) -> None:
        """Take what to watch; `given` is the topic that the student named, if any."""
        without_colour = os.environ.get("NO_COLOR")
        super().__init__(ansi_color=True)
        if without_colour is not None:
            os.environ["NO_COLOR"] = without_colour  # which textual removes
        self.theme = "ansi-dark"
        self._release, self._path, self._topic, self._saves, self._given = release, path, topic, saves, given
        self._store = Store(release.folder)
        self._tasks = list(topic.card.tasks)
        rows = progress_view(release, topic.name, self._store).rows
        self._states = {row.name: row.state for row in rows}
        place = self._store.current(topic.name)
        self._here = place if place in self._tasks else self._tasks[0]
        self._round: Round | None = None
        self._trouble = ""
        self._slow = ""
        self._status = "checking …"
        self._hints: dict[str, HintView] = {}
        self._rows = {name: _Row(name, self._choose) for name in self._tasks}
        self._checker = threading.Thread(target=self._check, name="checks")
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._signal = 0
        self.failure: BaseException | None = None

    # ---- the thread of the checks -----------------------------------------------------------------------------------

    def _check(self) -> None:
        try:
            check_on_saves(self._release, self._path, self._given, self._saves, self)
        except BaseException as error:  # it is raised again where the view was started
            self.post_message(_Trouble("", error))

    def checking(self) -> None:
        """Of a `Display`: in the thread of the checks, like those below."""
        self.post_message(_Checking())

    def slow(self, text: str) -> None:
        """A cell has been running for longer than most."""
        self.post_message(_Slow(f"{text} {TO_STOP} press q to stop."))

    def ready(self) -> None:
        """The view has no word for it."""

    def cancelled(self) -> None:
        """The next check says so."""

    def trouble(self, text: str) -> None:
        """The file could not be read."""
        self.post_message(_Trouble(text))

    def checked(self, one: Round) -> bool:
        """A check is over; the student ends the view."""
        self.post_message(_Checked(one))
        return False

    # ---- the view -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The head, the tasks, the answer and the keys."""
        yield Static(id="head", markup=False)
        with Container(id="body"):
            with VerticalScroll(id="tasks", can_focus=False):
                yield from self._rows.values()
            yield VerticalScroll(id="answer", can_focus=False)
        yield Static(Content(_KEYS), id="keys", markup=False)

    async def on_mount(self) -> None:
        """Begin."""
        self._event_loop = asyncio.get_running_loop()
        if self._signal:
            self.exit(self._signal)
        if not self.is_headless:
            self.set_interval(1, self._end_without_terminal)
        await self._draw()
        self._checker.start()

    @on(_Checking)
    async def _tell_checking(self) -> None:
        self._status, self._slow = "checking …", ""
        self._draw_head()

    @on(_Slow)
    async def _tell_slow(self, message: _Slow) -> None:
        self._slow = message.text
        await self._draw()

    @on(_Trouble)
    async def _tell_trouble(self, message: _Trouble) -> None:
        if message.error is not None:
            self.failure = message.error
            self.exit(1)
            return
        self._slow = ""
        self._trouble, self._status = message.text, f"could not be read at {datetime.now():%H:%M:%S}"
        await self._draw()

    @on(_Checked)
    async def _tell_checked(self, message: _Checked) -> None:
        one = message.round
        first, self._round, self._trouble = self._round is None, one, ""
        self._slow = ""
        self._states = {task.task: state_of(task, one.answered.answer) for task in one.answered.answer.tasks}
        self._status = f"checked at {datetime.now():%H:%M:%S}"
        if one.edited or first:
            self._here = one.edited or one.now or self._here
        await self._draw()

    def _draw_head(self) -> None:
        done = sum(self._states[task].style == "complete" for task in self._tasks)
        text = f"{self._path.name}: {done} of {len(self._tasks)} tasks pass, {self._status}"
        self.query_one("#head", Static).update(Content(readable(text)))

    async def _draw(self) -> None:
        self._draw_head()
        for name, row in self._rows.items():
            row.show(self._states[name], here=name == self._here)
        self._rows[self._here].scroll_visible(animate=False)
        answer = self.query_one("#answer", VerticalScroll)
        with self.batch_update():
            await answer.remove_children()
            await answer.mount_all([_Line(line) for line in self._lines()])
        answer.scroll_home(animate=False)

    def _lines(self) -> Iterator[Line]:
        one, task = self._round, self._here
        if self._slow:
            yield from lines(Note(self._slow, problem=False))
        if self._trouble:
            yield from lines(Note(self._trouble))
        if one is None:
            yield from lines(Note(f"{self._path} is checked now, and each time you save it.", problem=False))
        else:
            for note in one.answered.notes if not self._trouble else ():
                yield from lines(Note(note))
            answer = one.answered.answer
            yield from lines(answer_view(one.topic, replace(answer, tasks=tuple(t for t in answer.tasks if t.task == task))))
            style = self._states[task].style
            if style in ("untouched", "undefined") and (words := description(one.file, task)):
                yield from lines(Note(words, problem=False))
            if not one.now:
                yield from lines(Note(ALL_PASS, problem=False))
            elif style == "complete":
                words = f"Next: `{one.now}` (press n). {description(one.file, one.now)}".rstrip()
                yield from lines(Note(words, problem=False))
        if task in self._hints:
            yield from lines(self._hints[task])

    # ---- keys ---------------------------------------------------------------------------------------------------------

    async def _choose(self, task: str) -> None:
        self._here = task
        await self._draw()

    async def action_move(self, by: int) -> None:
        """Go to another task of the list."""
        index = self._tasks.index(self._here) + by
        if 0 <= index < len(self._tasks):
            await self._choose(self._tasks[index])

    async def action_next(self) -> None:
        """Go to the next task that does not pass."""
        index = self._tasks.index(self._here) + 1
        for task in (*self._tasks[index:], *self._tasks[:index]):
            if self._states[task].style != "complete":
                await self._choose(task)
                return

    async def action_hint(self) -> None:
        """Show one more hint of the task."""
        way_out = f"autograde solution {self._here}"
        self._hints[self._here] = next_hint(self._store, self._topic, self._here, again="h", way_out=way_out)
        await self._draw()
        self.query_one("#answer", VerticalScroll).scroll_end(animate=False)

    def action_turn(self, by: int) -> None:
        """Scroll the answer by a page."""
        answer = self.query_one("#answer", VerticalScroll)
        answer.scroll_page_down(animate=False) if by > 0 else answer.scroll_page_up(animate=False)

    def action_end(self, result: int) -> None:
        """End the view."""
        self.exit(result)

    def end_by(self, number: int) -> None:
        """End the view because a signal has come: may be called between any two steps of the main thread."""
        self._signal = number
        if self._event_loop is not None and not self._event_loop.is_closed():
            self._event_loop.call_soon_threadsafe(self.exit, number)

    def _end_without_terminal(self) -> None:
        """A closed terminal sends a signal, but that may be ignored."""
        if not has_screen():
            self.exit(0)

    def stop(self) -> None:
        """End the thread of the checks, and with it all processes."""
        self._saves.end()
        if self._checker.is_alive():
            self._checker.join()

    @property
    def last_words(self) -> str:
        """What stays in the terminal after the view."""
        return f"{self._round.summary} Your place is saved." if self._round is not None else "Your place is saved."


def watch_on_screen(release: Release, path: Path, topic: str | None, saves: FileSaves) -> str:
    """Watch a file in the whole terminal until the student ends it. Returns what is left to say.

    Raises:
        RequestError: if the file's topic is not clear.
        KeyMismatch: if the topic's key cannot be used.
        KeyboardInterrupt: if the student ends it with Ctrl-C, or a signal does.
    """
    screen = WatchScreen(release, path, release.topic(read_file(release, path, topic).topic), saves, topic)
    try:
        with _signals_end(screen) as resume, _terminal_may_go():
            number = screen.run()
    finally:
        screen.stop()
    if screen.failure is not None:
        raise screen.failure
    if number:
        resume(number)
    return screen.last_words


@contextmanager
def _signals_end(screen: WatchScreen) -> Iterator[Callable[[int], None]]:
    """Signals end the view first, so that the terminal is as it was. Gives a function that then does what each does else."""
    names = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT")
    before: dict[int, Any] = {}

    def end(number: int, frame: object) -> None:
        screen.end_by(number)

    for name in names:
        number = getattr(signal, name, None)
        if number is not None and callable(handler := signal.getsignal(number)):
            before[number] = handler
            signal.signal(number, end)
    try:
        yield lambda number: before.get(number, signal.default_int_handler)(number, None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Tolerant:
    """A stream to the terminal that takes what is written even when the terminal is gone. (Textual's writing thread would
    end, and what waits for it never.)"""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


@contextmanager
def _terminal_may_go() -> Iterator[None]:
    streams = {name: getattr(sys, name) for name in ("__stdout__", "__stderr__")}
    for name, stream in streams.items():
        setattr(sys, name, _Tolerant(stream))
    try:
        yield
    finally:
        for name, stream in streams.items():
            setattr(sys, name, stream)
