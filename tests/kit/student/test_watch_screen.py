"""`autograde watch` in a terminal: the list of tasks, the keys, and what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from released_course import SCALE, release_course
from textual.widgets import Static

from autograder.processes.pool import Pool
from autograder.student.released import PLACE, find_release
from autograder.student.store import Store
from autograder.student.watch_screen import WatchScreen

pytestmark = pytest.mark.slow

STUB = (
    "import torch\n\ndef scale(x, by):\n    '''Multiply.'''\n    raise NotImplementedError\n\n"
    "def noise(n):\n    '''Draw.'''\n    raise NotImplementedError\n\nguess = ...\n"
)
RIGHT = f"import torch\n\n{SCALE}\n\ndef noise(n):\n    return torch.randn(n, 2)\n\n\nguess = 'int64'\n"
COMMAND = "from autograder.commands.student import main; main()"
WITHOUT_TEXTUAL = f"import sys; sys.modules['textual'] = None; {COMMAND}"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    return release_course(tmp_path_factory.mktemp("course"), pool)


@pytest.fixture
def folder(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's copy of the release, as the working folder, with a file of stubs."""
    for name in (PLACE, "JPY_SESSION_NAME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(shutil.copytree(source, tmp_path / "mine"))
    Path("small.py").write_text(STUB)
    return Path.cwd()


# ---- the view, without a terminal -------------------------------------------------------------------------------------


class SavedByHand:
    """Saves that the test makes."""

    def __init__(self) -> None:
        self._event, self.ended = threading.Event(), False

    def save(self, text: str) -> None:
        Path("small.py").write_text(text)
        self._event.set()

    def end(self) -> None:
        self.ended = True
        self._event.set()

    def wait(self) -> bool:
        self._event.wait()
        self._event.clear()
        return not self.ended

    def waiting(self) -> bool:
        return self._event.is_set()


def in_view(steps: Callable[[View], Awaitable[None]], *, size: tuple[int, int] = (100, 30)) -> None:
    release, saves = find_release(), SavedByHand()
    screen = WatchScreen(release, Path("small.py"), release.topic("small"), saves, None)

    async def run() -> None:
        async with screen.run_test(size=size) as pilot:
            try:
                await steps(View(screen, pilot, saves))
            finally:
                saves.end()
                await asyncio.to_thread(screen.stop)

    asyncio.run(run())
    assert screen.failure is None


class View:
    """What a student does and sees."""

    def __init__(self, screen: WatchScreen, pilot, saves: SavedByHand) -> None:
        self.screen, self.pilot, self.saves = screen, pilot, saves

    def text(self, place: str) -> str:
        return "\n".join(str(each.render()) for each in self.screen.query(f"{place} Static").results(Static))

    @property
    def head(self) -> str:
        return str(self.screen.query_one("#head", Static).render())

    @property
    def here(self) -> str:
        return next(line for line in self.text("#tasks").splitlines() if line.startswith("›"))[4:]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < deadline, (self.head, self.text("#tasks"), self.text("#answer"))
            await self.pilot.pause(0.05)

    async def checked(self, text: str) -> None:
        """Wait until the answer says something."""
        await self.until(lambda: text in self.text("#answer") and "checked" in self.head)


def test_the_task_that_was_edited_is_shown_and_keys_lead_to_the_others(folder: Path) -> None:
    async def steps(view: View) -> None:
        assert "small.py: 0 of 3 tasks pass, checking …" in view.head
        await view.checked("not attempted")
        assert (view.here, view.text("#tasks").splitlines()) == ("scale", ["› ○ scale", "  ○ noise", "  ○ guess"])
        assert "Multiply." in view.text("#answer")
        view.saves.save(STUB.replace("guess = ...", "guess = 'float32'"))
        await view.checked("not right yet")
        assert view.here == "guess"
        await view.press("up", "k", "k")
        assert view.here == "scale"
        view.saves.save(f"{STUB}\nguess = 'float32'\n\n{SCALE}".replace("guess = ...\n", ""))
        await view.checked("passes")
        assert (view.here, "1 of 3 tasks pass, checked at" in view.head) == ("scale", True)
        assert "Next: `noise` (press n). Draw." in view.text("#answer")
        await view.press("n")
        assert view.here == "noise"
        await view.press("j", "down", "down")
        assert view.here == "guess"
        await view.pilot.click(next(view.screen.query(".row").results(Static)))
        assert view.here == "scale"
        view.saves.save(RIGHT)
        await view.checked("All tasks pass. Hand in the file, or go on to the next topic.")
        assert view.text("#tasks").splitlines() == ["  ✓ scale", "› ✓ noise", "  ✓ guess"]
        await view.press("q")
        assert view.screen.last_words == "Small: 3 of 3 tasks pass all visible checks. Your place is saved."

    in_view(steps)


def test_h_shows_one_more_hint_each_time_and_remembers_it(folder: Path) -> None:
    async def steps(view: View) -> None:
        await view.press("h")
        assert "Hint 1 of 3 for scale\n1. Look at the `*` operator.\n2 hints left. Show the next one: `h`." in view.text(
            "#answer"
        )
        await view.press("h")
        assert "2. What is special about 0?" in view.text("#answer")
        await view.press("j")
        assert "Hint" not in view.text("#answer")
        await view.press("j", "h")
        assert "There are no hints for this task." in view.text("#answer")
        await view.press("k", "k")
        assert "Hint 2 of 3" in view.text("#answer")

    in_view(steps)
    assert Store(folder).task("small", "scale").hints == 2


def test_a_save_cancels_a_check_and_half_a_file_is_no_end(folder: Path) -> None:
    async def steps(view: View) -> None:
        await view.checked("not attempted")
        await view.press("j")
        view.saves.save(f"import time\ntime.sleep(60)\n{STUB}\nguess = 'int64'\n")
        await view.until(lambda: "checking" in view.head)
        began = time.monotonic()
        view.saves.save(f"{STUB}\nguess = 'int64'\nhelper = 1\n")
        await view.checked("passes")
        assert time.monotonic() - began < 60
        assert view.here == "guess", "edited in a save whose check was cancelled"
        view.saves.save("def scale(:\n")
        await view.checked("The file raised SyntaxError on line 1")
        Path("small.py").unlink()
        view.saves._event.set()
        await view.until(lambda: "could not be read at" in view.head and "No such file" in view.text("#answer"))
        view.saves.save(f"{STUB}\n\n{SCALE}\nguess = 'int64'\nhelper = 1\n")
        await view.checked("passes \nscale")
        assert view.here == "scale"

    in_view(steps)


def test_what_runs_for_long_is_told_while_it_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.student.run_file._SLOW_SECONDS", 0.2)

    async def steps(view: View) -> None:
        await view.checked("not attempted")
        view.saves.save(f"import time\ntime.sleep(60)\n{STUB}")
        await view.until(lambda: "The file's code has been running since" in view.text("#answer"))
        assert "checking" in view.head
        assert "Does it never end? Save the file again with the mistake corrected, or press q to stop." in view.text(
            "#answer"
        )
        view.saves.save(f"{STUB}\n\n{SCALE}\n")
        await view.checked("passes")
        assert "has been running" not in view.text("#answer")

    in_view(steps)


@pytest.mark.parametrize("size", [(40, 12), (30, 8), (72, 20), (200, 60)])
def test_it_fits_into_windows_of_any_size(folder: Path, size: tuple[int, int]) -> None:
    Path("small.py").write_text(STUB.replace("raise NotImplementedError", "return x", 1))

    async def steps(view: View) -> None:
        await view.checked("scale")
        for width, height in (size, (100, 30), size):
            await view.pilot.resize_terminal(width, height)
            await view.pilot.pause()
            row = next(iter(view.screen.query(".here")))
            answer = view.screen.query_one("#answer")
            assert row.region.overlaps(view.screen.query_one("#tasks").region)
            assert answer.region.height > 0
            assert answer.virtual_size.width <= answer.region.width, "no line is cut"
            assert all(each.region.right <= width for each in view.screen.query(".line .words"))
            assert (view.screen.query_one("#tasks").region.x == answer.region.x) is (width < 72)
        await view.press("pagedown", "pagedown")
        assert answer.scroll_y > 0 or answer.virtual_size.height <= answer.region.height

    in_view(steps, size=size)


def test_what_student_code_prints_stays_text(folder: Path) -> None:
    text = "[bold red]x[/] \\x1b[2J :smile: [@click=app.quit]y[/]"
    body = f"    print('{text}')\n    return 5\n"
    Path("small.py").write_text(f"{STUB}\n\ndef scale(x, by):\n{body}")

    async def steps(view: View) -> None:
        await view.checked("Output of your code:")
        assert "[bold red]x[/]  :smile: [@click=app.quit]y[/]" in view.text("#answer")

    in_view(steps)


# ---- the command, in a terminal ---------------------------------------------------------------------------------------

posix = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
DRAWN = b"\x1b[?1049h"
LEFT = b"\x1b[?1049l"


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, *arguments: str, code: str = COMMAND, columns: int = 100, **environment: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.seen = b""
        self.before: list[object] = []
        command = [sys.executable, "-c", code, "watch", "small.py", *arguments]
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, command, os.environ | {"TERM": "xterm-256color"} | environment)
        fcntl.ioctl(self.file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.status: int | None = None

    def until(self, text: str) -> None:
        deadline = time.monotonic() + 120
        while text.encode() not in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.seen):
            assert time.monotonic() < deadline, self.seen[-3000:]
            assert self._read(), self.seen[-3000:]

    def _read(self) -> bool:
        import select

        if not select.select([self.file], [], [], 1)[0]:
            return True
        try:
            data = os.read(self.file, 1 << 16)
        except OSError:  # the other side is closed
            return False
        self.seen += data
        return bool(data)

    def press(self, keys: bytes) -> None:
        os.write(self.file, keys)

    def end(self) -> int:
        """Wait for the end, and return the exit code, or the negative number of a signal."""
        while self.file >= 0 and self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        os.close(self.file)
        self.file = -1


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals whose commands are ended if a test fails."""
    opened: list[Terminal] = []
    yield opened
    for each in opened:
        try:
            os.kill(each.pid, signal.SIGKILL)
            os.waitpid(each.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


@posix
def test_in_a_terminal_from_the_first_save_to_the_end(folder: Path, terminals: list[Terminal]) -> None:
    terminal = Terminal(columns=40)
    terminals.append(terminal)
    terminal.until("not attempted")
    terminal.press(b"h")
    terminal.until("Look at the `*` operator.")
    Path("new.tmp").write_text(f"{STUB}\n\n{SCALE}")
    Path("new.tmp").replace("small.py")
    terminal.until("Next: `noise`")
    terminal.press(b"q")
    assert terminal.end() == 0
    drawn, _, after = terminal.seen.rpartition(LEFT)
    assert DRAWN in drawn
    assert "Small: 1 of 3 tasks pass all visible checks. Your place is saved." in re.sub(r"\s+", " ", after.decode())
    assert Store(folder).current("small") == "noise"


@posix
def test_without_colour_there_is_none(folder: Path, terminals: list[Terminal]) -> None:
    coloured = rb"\x1b\[(?:[0-9;]*;)?(?:[349][0-7]|10[0-7]|[34]8;[25];[0-9;]*)(?:;[0-9;]*)?m"
    for environment, found in (({}, True), ({"NO_COLOR": "1"}, False)):
        terminal = Terminal(**environment)
        terminals.append(terminal)
        Path("small.py").write_text(f"{STUB}\n\n{SCALE}")
        terminal.until("1 of 3 tasks pass, checked at")
        terminal.press(b"q")
        assert terminal.end() == 0
        assert bool(re.search(coloured, terminal.seen)) is found


@posix
@pytest.mark.parametrize(
    ("arguments", "code", "environment"),
    [(("--plain",), COMMAND, {}), ((), COMMAND, {"TERM": "dumb"}), ((), WITHOUT_TEXTUAL, {})],
    ids=["plain", "dumb", "without textual"],
)
def test_lines_stay_where_they_are_wanted(folder, terminals, arguments, code, environment):
    terminal = Terminal(*arguments, code=code, **environment)
    terminals.append(terminal)
    terminal.until("Watching small.py: it is checked each time you save it; press Ctrl-C to stop.")
    assert ("pip install textual" in terminal.seen.decode()) is (code is WITHOUT_TEXTUAL)
    assert DRAWN not in terminal.seen
    terminal.press(b"\x03")
    assert terminal.end() == 130
    assert b"Your place is saved." in terminal.seen


@posix
@pytest.mark.parametrize("ending", ["Ctrl-C", "closed", "SIGTERM", "SIGHUP", "SIGINT", "SIGKILL"])
def test_nothing_that_it_starts_outlives_it(folder, tmp_path, monkeypatch, terminals, ending):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    pids = tmp_path / "pids"
    looping = "import os, subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    looping += f"with open({str(pids)!r}, 'w') as file: file.write(f'{{os.getpid()}} {{child.pid}}\\n')\nwhile True: pass\n"
    Path("small.py").write_text(looping)
    terminal = Terminal()
    terminals.append(terminal)
    terminal.until("checking")
    eventually(lambda: pids.exists() and pids.read_text().endswith("\n"))
    if ending == "Ctrl-C":
        terminal.press(b"\x03")
    elif ending == "closed":
        terminal.close()
    else:
        os.kill(terminal.pid, getattr(signal, ending))
    codes = {"Ctrl-C": 130, "SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "closed": 129, "SIGKILL": -9}
    assert terminal.end() == codes[ending]
    if ending not in ("closed", "SIGKILL"):
        assert LEFT in terminal.seen
        assert b"Your place is saved." in terminal.seen.rpartition(LEFT)[2] or ending in ("SIGTERM", "SIGHUP")
    for pid in pids.read_text().split():
        eventually(lambda pid=pid: not is_alive(int(pid)))
    eventually(lambda: not list(temporary.iterdir()))


@posix
@pytest.mark.parametrize("ending", ["SIGTERM", "SIGHUP"])
def test_an_endless_task_is_ended_after_five_seconds_and_nothing_outlives_the_command(
    folder, tmp_path, monkeypatch, terminals, ending
):
    temporary, beats = tmp_path / "temporary", tmp_path / "beats"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    endless = "import subprocess, time\n\ndef scale(x, by):\n    subprocess.Popen(['sleep', '600'])\n"
    endless += (
        f"    while True:\n        with open({str(beats)!r}, 'a') as file:\n            file.write(f'{{time.time()}}\\n')\n"
    )
    Path("small.py").write_text(f"{endless}        time.sleep(0.05)\n\nguess = 'int64'\n")
    terminal = Terminal()
    terminals.append(terminal)
    terminal.until("The code did not end within 5 s.")
    terminal.until("○ not run")
    first, *_, last = map(float, beats.read_text().split())
    assert 4 < last - first < 8, "one check ran into its limit, and none after it"
    terminal.until("1 of 3 tasks pass, checked at")
    os.kill(terminal.pid, getattr(signal, ending))
    assert terminal.end() == {"SIGTERM": 143, "SIGHUP": 129}[ending]
    eventually(lambda: not list(temporary.iterdir()))
    eventually(lambda: not running_in(temporary))


@posix
def test_a_closed_terminal_ends_it_even_if_the_signal_is_ignored(folder, terminals):
    terminal = Terminal(code=f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); {COMMAND}")
    terminals.append(terminal)
    terminal.until("not attempted")
    terminal.close()
    terminal.end()


def running_in(folder: Path) -> list[str]:
    """The processes that were started with a folder of temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={folder}\0".encode() in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
