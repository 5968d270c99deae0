"""`autograde start`, `check`, `watch`, `hint` and `progress`, as students run them."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import torch
from released_course import SCALE, release_course
from small_course import FILES

from autograder.course.cells import read_cells
from autograder.course.course_file import load_course
from autograder.course.make_job import make_job
from autograder.course.topic import load_topic
from autograder.keys.build import build_key
from autograder.keys.key import read_key
from autograder.processes.pool import Pool
from autograder.records.jobs import Outcome
from autograder.scoring.rules import rules_of
from autograder.scoring.score import score
from autograder.student.released import PLACE, find_release
from autograder.student.session import ask
from autograder.student.store import Store
from autograder.student.student_file import python_file, read_file
from autograder.student.watch import watch

pytestmark = pytest.mark.slow

COMMANDS = {
    "instructors": "from autograder.commands.instructor import main; main()",
    "students": "from autograder.commands.student import main; main()",
}
RIGHT = f"import torch\n\n{SCALE}\n\ndef noise(n):\n    return torch.randn(n, 2)\n\n\nguess = 'int64'\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    return release_course(tmp_path_factory.mktemp("course"), pool)


@pytest.fixture
def folder(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's copy of the release, as the working folder."""
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(shutil.copytree(source, tmp_path / "mine"))
    return Path.cwd()


def autograde(*arguments: str, by: str = "instructors", status: int = 0) -> str:
    """What the command prints."""
    command = [sys.executable, "-c", COMMANDS[by], *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout + run.stderr


@pytest.mark.parametrize("by", list(COMMANDS))
def test_from_start_to_finish_in_an_editor(folder, by):
    assert autograde("start", by=by).splitlines()[1:] == ["  small            Small", "  other            Other"]
    said = autograde("start", "small", by=by)
    assert said == "Wrote small.py. Open it in your editor, and run `autograde watch small.py` in a terminal beside it.\n"
    assert "small.py already exists" in autograde("start", "small", by=by, status=2)
    said = autograde("check", "small.py", by=by)
    assert said.splitlines()[1:] == [
        "  ○ not attempted scale  3 visible checks will look at it",
        "  ○ not attempted noise  2 visible checks will look at it",
        "  ○ not attempted guess",
    ]
    path = Path("small.py")
    path.write_text(path.read_text().replace("guess = ...", "guess = 'int64'"))
    said = autograde("check", by=by)
    assert "  ✓ passes guess" in said
    said = autograde("progress", by=by)
    assert "✓ passes        guess  1 point\n" in said
    assert "1. Look at the `*` operator." in autograde("hint", "scale", by=by)
    assert "2. What is special about 0?" in autograde("hint", "scale", by=by)


def test_lines_are_told_as_the_file_counts_them(folder):
    autograde("start", "small")
    path = Path("small.py")
    text = path.read_text().replace("    raise NotImplementedError", "    return x[9] * by", 1) + "\n1 / 0\n"
    path.write_text(text)
    number = text.splitlines().index("    return x[9] * by") + 1
    said = autograde("check", "small.py")
    assert f"Your code raised IndexError on line {number}." in said
    assert "        return x[9] * by\n" in said
    last = text.splitlines().index("1 / 0") + 1
    assert f"The file raised ZeroDivisionError on line {last}: division by zero (1 / 0). The rest still ran" in said


def test_a_part_that_python_cannot_read_is_named_with_its_line(folder):
    autograde("start", "small")
    path = Path("small.py")
    text = re.sub(r"def scale\(.*", "def scale(x, by)", path.read_text())
    path.write_text(text)
    number = text.splitlines().index("def scale(x, by)") + 1
    said = autograde("check", "small.py")
    assert f"The file raised SyntaxError on line {number}: expected ':' (def scale(x, by)). The rest still ran." in said
    assert f"Part of your file did not run: SyntaxError on line {number}: expected ':' (`def scale(x, by)`)." in said
    assert "`scale` is not defined" not in said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_file_from_windows_is_read(folder, encoding, end):
    text = f'"""Größe"""\n\n# %%\n{SCALE}\n# %%\n%%writefile größe.txt\nnaïve\n'.replace("\n", end)
    Path("small.py").write_bytes(text.encode(encoding))
    sources = [SCALE.replace("\n", end), f"%%writefile größe.txt{end}naïve{end}"]
    notebook = json.dumps({"cells": [{"cell_type": "code", "source": each} for each in sources]}, ensure_ascii=False)
    Path("01_small.ipynb").write_bytes(notebook.encode(encoding))
    for name in ("small.py", "01_small.ipynb"):
        assert "✓ passes scale" in autograde("check", name)


def test_a_file_in_another_encoding_is_refused_with_a_remedy(folder):
    Path("small.py").write_bytes("import torch\r\nx = 'größer'\r\n".encode("cp1252"))
    assert "small.py: line 2 is not valid UTF-8 text; save the file as UTF-8." in autograde("check", "small.py", status=2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_script_that_checks_itself_is_read_as_python_reads_it(folder, encoding):
    text = "from autograder import check\ndef scale(x, by):\n    print(x * by)\ncheck('scale')\n".replace("\n", "\r\n")
    Path("small.py").write_bytes(text.encode(encoding))
    said = subprocess.run([sys.executable, "small.py"], capture_output=True, text=True, check=True).stdout
    assert "`scale` returned None: `print` only shows a value" in said


def test_what_is_typed_at_the_end_of_a_python_file_is_code():
    cells = [{"cell_type": "code", "source": "a = 1"}, {"cell_type": "markdown", "source": "The end."}]
    text = python_file(json.dumps({"cells": cells}).encode())
    assert [cell.source for cell in read_cells(f"{text}b = 2\n".encode(), "small.py")] == ["a = 1", "b = 2"]


def test_python_files_and_notebooks_are_the_same_cells(folder):
    notebook = (folder / "small.ipynb").read_bytes()
    sources = [cell.source for cell in read_cells(notebook, "small.ipynb")]
    assert [cell.source for cell in read_cells(python_file(notebook).encode(), "small.py")] == sources


def write_notebook(path: Path, *sources: str, version: str = "") -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    notebook.metadata = {"autograde": {"topic": "small", "version": version}}
    nbformat.write(notebook, path)


def test_a_state_left_by_deleted_cells_is_pointed_out(folder, monkeypatch, capsys):
    definition = "def scale(x, by):\n    refuse(by)\n    return x * by\n"
    helper = "def refuse(by):\n    if by == 0:\n        raise ValueError\n"
    code = f"from autograder import check\n{helper}\n{definition}\ncheck('scale')\n"
    Path("kernel.py").write_text(code)
    said = subprocess.run([sys.executable, "kernel.py"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("✓ passes scale")
    write_notebook(folder / "mine.ipynb", "import torch", definition)
    for _ in range(2):
        said = autograde("check", "mine.ipynb")
        assert "`scale` passed all visible checks in the notebook, but not here" in said
        assert "“Restart and run all” gives a different answer." in said
        assert "name 'refuse' is not defined" in said
    write_notebook(folder / "mine.ipynb", "import torch", definition.replace("x * by", "x * by * 2"))
    assert "Restart" not in autograde("check", "mine.ipynb"), "the code has changed since, so nothing is to be compared"
    write_notebook(folder / "mine.ipynb", "import torch")
    assert "`scale` passed all visible checks in the notebook, but not here" in autograde("check", "mine.ipynb")
    write_notebook(folder / "mine.ipynb", "import torch", helper, definition)
    assert "Restart" not in autograde("check", "mine.ipynb")


def test_a_second_definition_that_was_not_run_is_pointed_out(folder):
    kernel = f"from autograder import check\n{SCALE}\ncheck('scale')\n"
    Path("kernel.py").write_text(kernel)
    subprocess.run([sys.executable, "kernel.py"], capture_output=True, check=True)
    write_notebook(folder / "mine.ipynb", SCALE, "import torch", "def scale(x, by):\n    return x\n")
    said = autograde("check", "mine.ipynb")
    assert "`scale` passed all visible checks as cell 1 defines it, but cell 3 further down defines it again" in said


def test_many_cells_that_raise_are_told_in_short(folder):
    write_notebook(folder / "mine.ipynb", *["1 / 0"] * 8)
    said = autograde("check", "mine.ipynb")
    assert said.count("raised ZeroDivisionError") == 5
    assert "The same happened in cells 6, 7, 8." in said
    assert said.count("`scale` is not defined in your file.") == 1


def test_a_notebook_run_in_another_order_and_saved(folder):
    from nbclient import NotebookClient

    sources = ("half = by_default / 2", "from autograder import check", SCALE, 'check("scale")', "by_default = 2")
    write_notebook(folder / "mine.ipynb", "from __future__ import annotations", *sources)
    path = folder / "mine.ipynb"
    notebook = nbformat.read(path, as_version=4)
    used = notebook.cells[3]
    used.source = SCALE.replace("x * by", "x * by * half")
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}})
    with client.setup_kernel():
        for index in (5, 1, 2, 3, 4):
            client.execute_cell(notebook.cells[index], index)
    nbformat.write(notebook, path)
    assert "✓ passes scale" in notebook.cells[4].outputs[0].data["text/plain"]
    said = autograde("check", "mine.ipynb")
    assert "Cell 2 raised NameError on line 1: name 'by_default' is not defined" in said
    assert "`scale` passed all visible checks in the notebook, but not here" in said


def test_notebooks_of_another_release_are_told(folder):
    write_notebook(folder / "mine.ipynb", "guess = 1", version="old")
    assert "mine.ipynb is from a different release than the checks beside it" in autograde("check", "mine.ipynb")
    autograde("check", "small.ipynb")


def test_code_that_ends_the_process_or_does_not_end(folder, monkeypatch):
    temporary = folder.parent / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    card = json.loads((folder / "course.json").read_text())
    card["topics"]["small"] |= {"cell_seconds": 2.0, "check_seconds": 1.0}
    (folder / "course.json").write_text(json.dumps(card))
    write_notebook(
        folder / "mine.ipynb",
        "import os, time",
        "os._exit(3)",
        "while True: pass",
        f"exit()\n{SCALE}",
        "def noise(n):\n    time.sleep(60)",
        "!echo hello",
        "guess = 'int64'",
    )
    said = autograde("check", "mine.ipynb")
    assert "Cell 2: The cell ended the process (exit code 3); it was left out." in said
    assert "Cell 3: The cell did not end within 2 s; it was left out." in said
    assert "Cell 6: Shell commands are not run while grading." in said
    assert re.search("✓ passes scale|not defined", said)
    assert "∞ time-out" in said
    assert "✓ passes guess" in said
    assert not list(temporary.iterdir())


def test_a_name_that_stands_for_something_else(folder):
    Path("small.py").write_text("def scale(x):\n    return x\nguess = 'int64'\nclass noise: pass\n")
    said = autograde("check", "small.py")
    assert "! cannot be checked scale\n    `scale` now takes (x); the exercise says (x, by)." in said
    assert "`noise` is a class; the exercise asks for a function." in said


def test_a_file_gets_the_same_box_as_a_notebook(folder):
    Path("small.py").write_text("def scale(by, x):\n    return x[0] * by\ndef noise(n):\n    print(n)\n")
    said = autograde("check", "small.py")
    assert "`scale` takes its arguments in a different order: yours are (by, x), the exercise says (x, by)." in said
    assert "Your code printed something, but `noise` returned None" in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "scale"], "scale is a task, but this command checks a whole file: name the file, or run"),
        (["check", "smal.ipynb"], "smal.ipynb: there is no such file; did you mean 'small.ipynb'?"),
        (
            ["check", "README.md"],
            "README.md: which topic is it for? Name the file after its topic, or give the topic with --topic",
        ),
        (["check", "small.ipynb", "--topic", "smal"], "There is no topic 'smal'; did you mean 'small'?"),
        (["check"], "Which file do you mean? Name one of other.ipynb, small.ipynb."),
        (["check", "broken.ipynb", "--topic", "small"], "broken.ipynb is not a notebook: line 1 is not valid JSON."),
        (["start", "smal"], "There is no topic 'smal'; did you mean 'small'?"),
        (["hint", "scael"], "There is no task 'scael'; did you mean 'scale'?"),
        (["progress"], "Which topic do you mean? Name one of small, other."),
        (["watch", "nothing.py"], "nothing.py: there is no such file"),
    ],
)
def test_misuse_is_one_sentence(folder, arguments, sentence):
    (folder / "broken.ipynb").write_text("{this is none")
    said = autograde(*arguments, status=2)
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_watching_shows_the_next_task_and_keeps_its_place(folder, capsys):
    path = Path("small.py")
    stub = "def scale(x, by):\n    '''Multiply.'''\n    raise NotImplementedError\n\n"
    stub += "def noise(n):\n    '''Noise.\n\n    More.'''\n    raise NotImplementedError\n\nguess = ...\n"
    path.write_text("import torch\n" + stub)
    release = find_release()
    said: list[str] = []

    class Saved:
        def __init__(self, *texts: str) -> None:
            self.texts = list(texts)

        def wait(self) -> bool:
            said.append(capsys.readouterr().out)
            if not self.texts:
                return False
            path.write_text(self.texts.pop(0))
            return True

        def waiting(self) -> bool:
            return False

    half = path.read_text().replace("raise NotImplementedError", "return x * by", 1)
    done = half.replace("return x * by", "if by == 0: raise ValueError\n    return x * by")
    watch(release, path, None, Saved(half, "def scale(:\n", done, done.replace("guess = ...", "guess = 1")))
    start, partly, broken, complete, elsewhere = said
    assert "Small: 0 of 3 tasks pass all visible checks." in start
    assert "Next: `scale`. Multiply." in start
    assert "Watching small.py: it is checked each time you save it" in start
    assert "◐ partly right scale" in partly or "✗ not right yet scale" in partly
    assert "For a hint: autograde hint scale" in partly
    assert "The file raised SyntaxError on line 1" in broken
    assert "✓ passes scale" in complete
    assert "Next: `noise`. Noise.\n" in complete
    assert "not right yet guess" in elsewhere, "the task that was edited"
    path.write_text(done)
    Store(release.folder).keep_current("small", "noise")
    said.clear()
    watch(release, path, None, Saved(RIGHT))
    assert said[0].startswith("You were at `noise`.")
    assert capsys.readouterr().out.endswith("All tasks pass. Hand in the file, or go on to the next topic.\n")


def test_what_runs_for_long_is_told_while_it_runs(folder, monkeypatch, capsys):
    card = json.loads((folder / "course.json").read_text())
    card["topics"]["small"] |= {"cell_seconds": 1.5}
    (folder / "course.json").write_text(json.dumps(card))
    monkeypatch.setattr("autograder.student.run_file._SLOW_SECONDS", 0.5)
    Path("small.py").write_text("while True: pass\n")

    class Never:
        def wait(self) -> bool:
            return False

        def waiting(self) -> bool:
            return False

    watch(find_release(), Path("small.py"), None, Never())
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"The file's code has been running since \d\d:\d\d:\d\d; after 1.5 s it is ended and left out\. Does it never end\? "
        r"Save the file again with the mistake corrected, or press Ctrl-C to stop\. .*did not end within 1.5 s",
        said,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_command_watches_files_as_editors_save_them(folder):
    autograde("start", "small")
    command = [sys.executable, "-c", COMMANDS["students"], "watch", "small.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        assert process.stderr is not None

        def until(text: str) -> None:
            deadline = time.monotonic() + 120
            for line in process.stdout:
                if text in line:
                    return
                assert time.monotonic() < deadline
            pytest.fail(f"{text!r} was not said")

        until("Watching small.py")
        time.sleep(1)
        Path("small.py").write_text(f"import time\ntime.sleep(20)\n{RIGHT}")
        time.sleep(2)
        Path("new.tmp").write_text(RIGHT.replace("'int64'", "'float32'"))
        Path("new.tmp").replace("small.py")
        until("small.py was saved again: the new version is checked.")
        until("✗ not right yet guess")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert "Your place is saved." in process.stderr.read()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_nothing_that_a_check_starts_outlives_it(folder, tmp_path, monkeypatch, ending):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    pids = tmp_path / "pids"
    looping = "import os, subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
    looping += f"with open({str(pids)!r}, 'w') as file: file.write(f'{{os.getpid()}} {{child.pid}}\\n')\nwhile True: pass\n"
    Path("small.py").write_text(looping)
    process = subprocess.Popen([sys.executable, "-c", COMMANDS["students"], "check", "small.py"])
    eventually(lambda: pids.exists() and pids.read_text().endswith("\n"))
    process.send_signal(ending)
    process.wait(30)
    for pid in pids.read_text().split():
        eventually(lambda pid=pid: not is_alive(int(pid)))
    eventually(lambda: not list(temporary.iterdir()))


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


def test_the_answers_are_those_of_grading(source, pool, folder):
    """With the public seed, a notebook, a file and grading agree on the reference and all misconceptions."""
    root = source.parent
    course = load_course(root)
    topic = load_topic(course, "small")
    released = find_release(folder).topic("small")
    key = read_key(folder / "keys/small.key")
    wrong = re.findall(
        r"(?s)def (negates|allows_zero|in_place)(\(x, by\):.*?)(?=\n\n)", FILES["solutions/misconceptions/small.py"]
    )
    for code in (RIGHT, *(RIGHT + f"\ndef scale{body}\n".replace("\n        ", "\n") for _, body in wrong)):
        cells = read_cells(code.encode(), "small.py")
        run = next(iter(pool.map([make_job(course, topic, cells, seed=key.seed, hidden=False)])))
        graded = score(rules_of(course, topic, key.device), key, run, visible_only=True)
        namespace: dict[str, object] = {"__name__": "__main__", "torch": torch}
        exec(compile(code, "<submission>", "exec"), namespace)
        asked = ask(released, list(released.card.tasks), namespace, locate=_all_of(namespace))
        assert [_told(task) for task in asked.tasks] == [_told(task) for task in graded]


def _all_of(namespace):
    return lambda frame: 0 if frame.f_globals is namespace else None


def _told(task):
    checks = [(check.name, check.outcome, [each.sentence for each in check.differences]) for check in task.checks]
    return task.task, task.attempted, checks, [(each.misconception, each.exact) for each in task.diagnoses]


def test_what_passes_here_passes_with_other_seeds_unless_it_is_learnt_by_heart(source, pool):
    root = source.parent
    course = load_course(root)
    topic = load_topic(course, "small")
    by_heart = (
        "\n_right = scale\ndef scale(x, by):\n    if by == 0: raise ValueError\n"
        "    return _right(x, by) if round(float(x.sum()), 3) in {learnt} else torch.zeros_like(x)\n"
    )
    sums = []
    release = find_release(source).topic("small")
    namespace: dict[str, object] = {"torch": torch, "sums": sums}
    exec(
        RIGHT + "\n_s = scale\ndef scale(x, by):\n    sums.append(round(float(x.sum()), 3))\n    return _s(x, by)\n",
        namespace,
    )
    ask(release, ["scale"], namespace, locate=lambda frame: None)
    learnt = RIGHT + by_heart.replace("{learnt}", str(sums))
    namespace = {"torch": torch}
    exec(learnt, namespace)
    (task,) = ask(release, ["scale"], namespace, locate=lambda frame: None).tasks
    assert all(check.outcome is Outcome.PASSED for check in task.checks)
    for code, right in ((RIGHT, True), (learnt, False)):
        cells = read_cells(code.encode(), "small.py")
        key = build_key(course, topic, seed=4321, pool=pool)
        run = next(iter(pool.map([make_job(course, topic, cells, seed=key.seed)])))
        visible = [
            check for each in score(rules_of(course, topic, key.device), key, run) for check in each.checks if check.visible
        ]
        assert all(check.outcome is Outcome.PASSED for check in visible) is right


def test_a_file_is_read_in_the_students_folder_and_run_in_an_empty_one(folder):
    (folder / "data.txt").write_text("x")
    Path("small.py").write_text("import os\nguess = len(os.listdir('.'))\n")
    assert "(yours: 0)" in autograde("check", "small.py")
    assert read_file(find_release(), Path("small.py")).whole


@pytest.fixture(scope="module")
def numbered_source(tmp_path_factory: pytest.TempPathFactory, pool: Pool) -> Path:
    return release_course(tmp_path_factory.mktemp("numbered"), pool, numbered=True)


@pytest.fixture
def numbered(numbered_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student's copy of a release whose notebooks have numbers."""
    monkeypatch.delenv(PLACE, raising=False)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.chdir(shutil.copytree(numbered_source, tmp_path / "mine"))
    return Path.cwd()


def answer_in(path: Path, *, keep_topic: bool = True) -> None:
    """Put right answers into a released notebook."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(RIGHT))
    if not keep_topic:
        del notebook.metadata["autograde"]
    nbformat.write(notebook, path)


@pytest.mark.parametrize("by", list(COMMANDS))
def test_a_file_is_found_with_its_number_or_without(numbered, by):
    answer_in(numbered / "01_small.ipynb", keep_topic=False)
    for name in ("01_small.ipynb", "small.ipynb", "07_small.ipynb"):
        assert "✓ passes scale" in autograde("check", name, by=by), name
    if by == "students":  # the rest is one function, which both commands call
        return
    for name in ("small.ipynb", "03_small.ipynb", "01_small (2).ipynb", "ada_01_small.ipynb", "small-Copy1.ipynb"):
        (numbered / "01_small.ipynb").rename(numbered / name)
        assert "✓ passes scale" in autograde("check", name, by=by), name
        (numbered / name).rename(numbered / "01_small.ipynb")
    (numbered / "02_other.ipynb").unlink()
    assert "✓ passes scale" in autograde("check", by=by), "the only file here"
    assert "Small" in autograde("progress", "--topic", "small", by=by)
    assert "Hint 1 of 3 for scale" in autograde("hint", "scale", by=by)
    Path("01_small.ipynb").rename("small.ipynb")
    assert "There is no task" not in autograde("check", "01_small.ipynb", by=by)


def test_what_numbers_change_in_messages(numbered, monkeypatch, capsys):
    assert autograde("start", "small").startswith("Wrote small.py.")
    assert "There is no" not in autograde("check"), "small.py is the only Python file"
    Path("small.py").unlink()
    assert autograde("check", status=2) == "Which file do you mean? Name one of 01_small.ipynb, 02_other.ipynb.\n"
    assert "run `check('scale')` in the notebook 01_small.ipynb." in autograde("check", "scale", status=2)
    assert autograde("check", "00_start.ipynb", status=2) == (
        "00_start.ipynb has no tasks to check; the first notebook that has some is 01_small.ipynb.\n"
    )
    from autograder.student.notebook import progress

    for name, title in (("01_small.ipynb", "Small"), ("02_other.ipynb", "Other"), ("ada_02_other.ipynb", "Other")):
        monkeypatch.setenv("JPY_SESSION_NAME", str(numbered / name))
        progress()
        assert capsys.readouterr().out.startswith(title), name


def test_continuous_integration_takes_the_file_with_work(numbered):
    shutil.copy("01_small.ipynb", "small.ipynb")
    answer_in(numbered / "small.ipynb")  # of an older release, beside the untouched one of a later release
    autograde("ci")
    report = Path("autograde-report/junit.xml").read_text()
    assert "small.ipynb" in report
    assert "01_small.ipynb" not in report
    shutil.rmtree("autograde-report")
    autograde("ci", "00_start.ipynb", "small.ipynb")
    assert "00_start" not in Path("autograde-report/junit.xml").read_text()
    for name in ("smal.ipynb", "."):
        said = autograde("ci", "small.ipynb", name, status=2)
        assert said == f"{name}: there is no such file; name a notebook or Python file, or none to check them all.\n"


@pytest.mark.parametrize("name", ["mine.ipynb", "01_small (1).ipynb", "ada_01_small.ipynb"])
def test_continuous_integration_finds_a_renamed_notebook_as_grading_does(numbered, name):
    Path("01_small.ipynb").rename(name)
    shutil.copy("00_start.ipynb", "welcome.ipynb")
    answer_in(numbered / name)
    Path("notes.ipynb").write_text("not a notebook")
    autograde("ci")
    report = Path("autograde-report/junit.xml").read_text()
    assert name in report
    for other in ("welcome", "notes"):
        assert other not in report


def test_watching_a_numbered_notebook(numbered, capsys):
    answer_in(numbered / "01_small.ipynb")

    class Never:
        def wait(self) -> bool:
            return False

        def waiting(self) -> bool:
            return False

    watch(find_release(), Path("01_small.ipynb"), None, Never())
    assert "Small: 3 of 3 tasks pass all visible checks." in capsys.readouterr().out
