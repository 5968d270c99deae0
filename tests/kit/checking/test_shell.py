"""Cells run as in IPython: plain Python by a shortcut, the rest by IPython itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

CELLS = {
    "a value is shown": "x = 3\nx + 1",
    "a semicolon hides it": "x = 3\nx + 1;",
    "nothing is shown of a statement": "x = 3",
    "print and a value": "print('seen')\n[1, 2]",
    "a single name": "y = 'first'\ny",
    "an error in the middle": "z = 1\nraise ValueError('no')\nz = 2",
    "the interpreter's end": "import sys\nsys.exit(3)",
    "a syntax error": "def f(:\n    pass",
    "return outside of a function": "a = 1\nreturn a",
    "a future import": "from __future__ import annotations\ndef f(x: nowhere): ...\nprint(f.__annotations__)",
    "a magic": "%time pass",
    "a cell magic": "%%time\nq = 5",
    "a shell command": "!ls\nr = 7",
    "a prompt": "In [1]: s = 8",
    "top-level await": "import asyncio\nawait asyncio.sleep(0)\nt = 9",
    "await in a function": "import asyncio\nasync def g():\n    return 4\nprint(asyncio.run(g()))",
    "a statement on several lines": "if True:\n    x = 2\nelse:\n    x = 3",
    "a string on several lines": 'a = """\n  text\n"""',
    "a line that goes on": "r = 1 + \\\n    2",
    "a future import again": "from __future__ import division\ndef f(x: nowhere): ...",
    "empty": "",
    "a comment": "# nothing",
    "its own source": "import inspect\ndef h():\n    return 6\nprint(inspect.getsource(h))",
}
_RUN = """
import contextlib, io, json, sys, tempfile
from pathlib import Path
from autograder.records.jobs import Cell
from autograder.course.cells import has_value
from autograder.checking.shell import make_shell

with contextlib.redirect_stdout(io.StringIO()):
    shell = make_shell(Path(tempfile.mkdtemp()))
if sys.argv[1] == "ipython":
    shell._usual_hooks = -1
said = {}
for number, (name, source) in enumerate(json.loads(sys.stdin.read()).items(), 1):
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        error = shell.run(Cell(number, source), has_value=sys.argv[1] != "told" or has_value(source))
    names = sorted(set(shell.user_ns) & set("axyzqrst"))
    text = output.getvalue() if "time" not in name and "magic" not in name else ""
    said[name] = [text, type(error).__name__, str(error), shell.note, {each: str(shell.user_ns[each]) for each in names}]
print(json.dumps(said))
"""


def run(way: str) -> dict[str, list[object]]:
    import json

    done = subprocess.run(
        [sys.executable, "-c", _RUN, way], input=json.dumps(CELLS), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def ways() -> dict[str, dict[str, list[object]]]:
    """What was seen by IPython, by the shortcut, and by the shortest way: told that there is nothing to show."""
    return {way: run(way) for way in ("ipython", "short", "told")}


@pytest.mark.parametrize("way", ["short", "told"])
@pytest.mark.parametrize("name", [name for name in CELLS if name != "return outside of a function"])
def test_the_short_ways_do_what_ipython_does(ways: dict[str, dict[str, list[object]]], name: str, way: str) -> None:
    assert ways[way][name] == ways["ipython"][name]


def test_what_is_shown(ways: dict[str, dict[str, list[object]]]) -> None:
    short = ways["short"]
    assert short["a value is shown"][0] == "4\n"
    assert short["a semicolon hides it"][0] == ""
    assert short["a shell command"][3] == "shell commands are not run while grading"
    assert short["its own source"][0] == "def h():\n    return 6\n\n"
    assert short["return outside of a function"][1] == "SyntaxError"
