"""`check`, `hint` and `progress` as students call them."""

from __future__ import annotations

import gc
import json
import linecache
import random
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from released_course import SCALE, release_course

import autograder
from autograder.course.cells import read_cells
from autograder.keys.key import read_key, write_key
from autograder.processes.pool import Pool
from autograder.records.jobs import Cell, Job, Outcome
from autograder.records.results import CheckResult, Difference, TaskResult
from autograder.student.answer import Answer, with_unread_cells
from autograder.student.as_html import html
from autograder.student.as_text import plain
from autograder.student.definition_text import unread_cell
from autograder.student.lookup import progress_of
from autograder.student.notebook import check, hint, progress
from autograder.student.released import PLACE, find_release
from autograder.student.view import answer_view_of


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


def say(capsys: pytest.CaptureFixture[str], *cells: str) -> str:
    """What is printed when a student runs these cells one after the other."""
    namespace = {"__name__": "__main__", "check": check, "hint": hint, "progress": progress, "torch": torch}
    for number, cell in enumerate(cells, 1):
        name = f"<input {number}>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec"), namespace)
    return capsys.readouterr().out


def test_a_right_answer(folder, capsys):
    assert say(capsys, SCALE, 'check("scale")').splitlines() == [
        "✓ passes scale  3 of 3 visible checks passed",
        "  ✓ passed The values are multiplied.",
        "  ✓ passed A factor of zero is refused with a ValueError.",
        "  ✓ passed Inputs and global settings are left unchanged.",
        "Grading also runs hidden checks, on other inputs.",
    ]


def test_a_known_mistake_is_named_and_the_difference_told(folder, capsys):
    wrong = SCALE.replace("x * by", "-x * by").replace("ValueError", "ValueError('by is 0')")
    said = say(capsys, wrong, "check(scale)")
    assert "✗ not right yet scale  2 of 3 visible checks passed" in said
    assert "Your code does the same as a well-known mistake:\n    Look at the sign." in said
    assert "✗ failed The values are multiplied.\n      `product`: " in said
    assert "The sign is flipped." in said


def test_what_changes_an_input_is_told(folder, capsys):
    assert "in place" in say(capsys, SCALE.replace("x * by", "x.mul_(by)"), 'check("scale")')


def test_an_exception_shows_the_students_own_line_and_is_told_once(folder, capsys):
    said = say(capsys, "def scale(x, by):\n    print('seen')\n    return x[99]\n", 'check("scale")')
    assert said.count("Your code raised IndexError on line 3.") == 1
    assert "It was called with x: float32 tensor of shape (3, 4), by: 2.5." in said
    assert "          return x[99]" in said
    assert "Output of your code:\n      seen" in said


def test_one_box_says_what_to_look_at_first(folder, capsys):
    said = say(capsys, "def scale(x, by):\n    print(x * by)\n", 'check("scale")')
    assert said.count("Look at this first:") == 1
    assert "Your code printed something, but `scale` returned None" in said
    said = say(
        capsys, "def scale(by, x):\n    if by == 0:\n        raise ValueError\n    return x[0] * by\n", "check(scale)"
    )
    assert "`scale` takes its arguments in a different order: yours are (by, x), the exercise says (x, by)." in said
    said = say(capsys, "def scale(x, by):\n    return (x * by,)\n", "check(scale)")
    assert "`scale` returned a tuple of one; a Tensor is asked for. A comma after a value makes it a tuple." in said
    assert "Look at this first:" not in say(capsys, SCALE, "check(scale)")


def test_what_failed_for_the_same_reason_is_told_once_and_a_long_list_is_folded():
    same = Difference(where="a", fact="dtype", sentence="`a` has dtype int64; it should be float32.")
    many = tuple(Difference(where=name, fact="values", sentence=f"`{name}` differs.") for name in "abcd")
    many = (*many, Difference(where="…", fact="", sentence="7 more things differ."))
    checks = tuple(
        CheckResult(
            name=f"test_{number}", sentence=f"Check {number}.", visible=True, outcome=Outcome.FAILED, differences=each
        )
        for number, each in enumerate([(same,), many, (same,)])
    )
    answer = Answer(topic="small", tasks=(TaskResult(task="scale", points=1.0, checks=checks),))
    view = answer_view_of("Small", answer)
    said, page = plain(view), html(view)
    assert said.count("`a` has dtype") == 1
    assert "✗ failed Check 2.\n      For the same reason as above." in said
    assert "      `a` differs.\n      `b` differs.\n      and 9 more\n" in said
    assert "<details><summary>and 9 more</summary><ul>\n<li><code>c</code> differs.</li>" in page
    assert "7 more things differ." in page


def test_a_cell_that_python_cannot_read_or_a_magic_keeps_is_named():
    def unread(*texts: str, task: str = "scale") -> str:
        return unread_cell([Cell(number, text) for number, text in enumerate(texts, 1)], task)

    broken = "def scale(x, by)\n    return x"
    cells = ("def scale(x, by):\n    return x * by", "other = (", broken)
    sentence = "Cell 3 did not run: SyntaxError on line 1: expected ':' (`def scale(x, by)`)."
    assert unread(*cells) == sentence
    assert unread(*cells, task="scales") == ""
    assert unread(SCALE, "scale == (") == ""
    assert unread(*cells, "import mine\nfrom mine import scale") == ""
    assert unread(*cells, "await something()\nscale = 3") == ""
    under = "Cell 2 defines `scale` under `%%timeit`, which keeps it to itself; delete that line."
    assert unread(SCALE, f"%%timeit -n 1\n{SCALE}") == under
    assert unread(SCALE, f"%%time\n{SCALE}") == ""
    assert "on line 2: expected ':'" in unread(SCALE, f"%%time\n{broken}")
    assert unread_cell([Cell(0, broken)], "scale") == sentence.replace("Cell 3", "Your file")
    assert unread_cell([Cell(0, ""), Cell(0, broken)], "scale") == sentence.replace("Cell 3", "Part of your file")
    answer = Answer(topic="small", tasks=(TaskResult(task="scale", points=1.0),))
    there = with_unread_cells(answer, {"scale": sentence})
    assert f"{sentence} The `scale` checked here is not the one in that cell." in plain(answer_view_of("Small", there))
    undefined = replace(answer, problems={"scale": "It is not defined yet."}, undefined=frozenset({"scale"}))
    assert plain(answer_view_of("Small", with_unread_cells(undefined, {"scale": sentence}))).splitlines()[1:2] == [
        f"  {sentence}"
    ]


def test_not_attempted_is_not_wrong(folder, capsys):
    said = say(capsys, "guess = ...\ndef scale(x, by):\n    raise NotImplementedError\n", "check()")
    assert "○ not attempted scale  3 visible checks will look at it" in said
    assert "○ not attempted guess" in said
    assert "○ not defined yet noise" in said
    assert "✗" not in said


def test_warnings_are_shown_and_never_count(folder, capsys):
    noisy = "import warnings\n" + SCALE.replace("return", "warnings.warn('careful')\n    return")
    said = say(capsys, noisy, 'check("scale")')
    assert said.startswith("✓ passes scale")
    assert "Warnings (these never count):\n      UserWarning: careful" in said


def test_predictions_and_random_numbers(folder, capsys):
    cells = "guess = 'float32'\ndef noise(n):\n    return torch.randn(n, 2)\n"
    said = say(capsys, cells, 'check("guess", "noise")')
    assert "Integers are not rounded numbers." in said
    assert "✓ passes noise" in said
    assert "int64" not in said


def test_the_students_state_is_left_alone(folder, capsys):
    torch.manual_seed(1), numpy.random.seed(1), random.seed(1)
    expected = torch.rand(1).item(), numpy.random.rand(), random.random()
    torch.manual_seed(1), numpy.random.seed(1), random.seed(1)
    torch.set_default_dtype(torch.float64)
    try:
        say(
            capsys,
            "def noise(n):\n    torch.set_default_dtype(torch.float16)\n    return torch.rand(n, 2)\n",
            'check("noise")',
        )
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert (torch.rand(1).item(), numpy.random.rand(), random.random()) == expected


def test_no_full_garbage_collection_falls_into_a_check(folder, capsys):
    usual, found = gc.get_threshold(), []

    def note(phase: str, info: dict[str, int]) -> None:
        found.append((info["generation"], gc.get_threshold() == usual))

    gc.callbacks.append(note)
    try:
        say(capsys, "def scale(x, by):\n    kept = [[] for _ in range(200_000)]\n    return x * by\n", 'check("scale")')
    finally:
        gc.callbacks.remove(note)
    inside = [generation for generation, is_usual in found if not is_usual]
    assert 1 in inside
    assert 2 not in inside
    assert gc.get_threshold() == usual


@pytest.mark.skipif(not hasattr(__import__("signal"), "setitimer"), reason="the system has no timers")
def test_what_does_not_end_is_ended(folder, capsys, monkeypatch):
    card = json.loads((folder / "course.json").read_text())
    card["topics"]["small"]["check_seconds"] = 0.2
    (folder / "course.json").write_text(json.dumps(card))
    before = time.monotonic()
    said = say(capsys, "def scale(x, by):\n    while True:\n        pass\n", 'check("scale")')
    assert "∞ time-out" in said
    assert said.count("The code did not end within 0.2 s. It was stopped on line ") == 1
    assert "It was not run, because another check of this task did not end." in said
    assert time.monotonic() - before < 20


def test_importing_is_not_the_students_time(folder, capsys, monkeypatch, tmp_path):
    card = json.loads((folder / "course.json").read_text())
    card["topics"]["small"]["check_seconds"] = 0.2
    (folder / "course.json").write_text(json.dumps(card))
    (tmp_path / "takes_long_to_import.py").write_text("import time\ntime.sleep(0.7)\n")
    monkeypatch.syspath_prepend(tmp_path)
    said = say(capsys, SCALE.replace("    if", "    import takes_long_to_import\n    if"), 'check("scale")')
    assert "✓ passes scale" in said


def test_interrupting_stops_the_checks_and_nothing_else(folder, capsys):
    said = say(capsys, "def scale(x, by):\n    raise KeyboardInterrupt\n", 'check("scale")')
    assert "○ not checked scale" in said
    assert "You interrupted it." in said


def test_hints_come_one_by_one_and_are_remembered(folder, capsys):
    first, second = say(capsys, 'hint("scale")'), say(capsys, 'hint("scale")')
    assert first.splitlines() == [
        "Hint 1 of 3 for scale",
        "  1. Look at the `*` operator.",
        '2 hints left. Show the next one: `hint("scale")`.',
    ]
    assert "1. Look" in second
    assert "2. What is special about 0?" in second
    assert "3. Raise" in say(capsys, 'hint("scale")')
    assert say(capsys, 'hint("scale")').endswith("This is the last hint.\n")
    assert say(capsys, 'hint("guess")') == "There are no hints for this task.\n"


def test_progress(folder, capsys):
    said = say(capsys, SCALE, 'check("scale")', 'hint("noise")', "progress()")
    assert said.splitlines()[-8:] == [
        "Small",
        "  ✓ passes          scale  4 points, 3 of 3 visible checks passed",
        "  ○ not checked yet noise  2 points, hints read: 1",
        "  ○ not checked yet guess  1 point",
        "1 of 3 tasks passed all visible checks when last checked. Next: `noise`.",
        "Topics",
        "  Small  ███░░░░░░░  1 of 3 tasks",
        "  Other  ░░░░░░░░░░  0 of 1 task",
    ]


def test_progress_as_a_page_has_points_first_and_a_bar_for_each_topic(folder, capsys):
    say(capsys, SCALE, 'check("scale")')
    page = html(progress_of("small"))
    columns = re.findall('<th scope="col"[^>]*>([^<]*)</th>', page)
    assert columns == ["Task", "State", "Points", "Visible checks passed", "Hints read"]
    (row,) = re.findall('<tr><th scope="row"><code>scale</code>.*</tr>', page)
    assert re.findall('class="autograde-number autograde-wide">([^<]*)<', row) == ["4", "3 of 3", "–"]
    assert '<th scope="row"><strong>Small</strong></th>' in page
    bars = re.findall(r'<span style="width: (\d+)%"></span></span></td><td>([^<]*)</td>', page)
    assert bars == [("33", "1 of 3 tasks"), ("0", "0 of 1 task")]


def test_a_store_that_cannot_be_read_or_written_costs_nothing(folder, capsys):
    (folder / ".autograde").write_text("a file where a folder is wanted")
    assert "Hint 1 of 3" in say(capsys, 'hint("scale")')
    assert "Hint 2 of 3" in say(capsys, 'hint("scale")')
    (folder / ".autograde").unlink()


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (['check("scael")'], "There is no task 'scael'; did you mean 'scale'?"),
        (['check("keeper")'], "There is no task 'keeper'; did you mean 'Keeper'?"),
        (['hint("nois")'], "There is no task 'nois'; did you mean 'noise'?"),
        (['check("")'], "There is no task '' in any topic."),
        (['check("xyzzy")'], "There is no task 'xyzzy' in any topic."),
        ([SCALE, 'check("xyzzy")'], "There is no task 'xyzzy'; choose from scale, noise, guess."),
        (["hint()"], 'Give the name of a task in quotes, as in hint("match"); each call shows one more hint.'),
        (["hint(...)"], 'Give the name of a task in quotes, as in hint("match"); each call shows one more hint.'),
        (['hint("small")'], "small is a topic; name one of its tasks: scale, noise, guess."),
        (
            ['hint("scale", 2)'],
            '`hint` takes fewer arguments than 2: write hint("match"), which shows one more hint each time.',
        ),
        (
            ['check(tasks="scale")'],
            '`check` takes no argument called tasks: write check("match"), check() for all tasks or check(topic="dtypes").',
        ),
        (
            ['progress(task="scale")'],
            '`progress` takes no argument called task: write progress() or progress("dtypes").',
        ),
        (['progress("small", "other")'], '`progress` takes fewer arguments than 2: write progress() or progress("dtypes").'),
        (['progress("scale")'], "There is no topic 'scale': it is a task of small."),
        (["check(topic=3)"], 'Give the name of the topic in quotes, as in topic="small".'),
        (["check(3)"], 'Give the name of a task in quotes, as in check("match"), or nothing to check them all.'),
        (['check("scale", "Keeper")'], "These tasks belong to different topics; check them one by one."),
        (['check(topic="smal")'], "There is no topic 'smal'; did you mean 'small'?"),
        (['check("scale", topic="other")'], "There is no task 'scale' in other: it is a task of small."),
        (['hint("scael", topic="other")'], "There is no task 'scael' in other; did you mean 'scale' in small?"),
        (['hint("keeper", topic="other")'], "There is no task 'keeper' in other; did you mean 'Keeper'?"),
        (['hint("xyzzy", topic="other")'], "There is no task 'xyzzy' in other; choose from Keeper."),
        (["progress()"], "Which topic do you mean? Name one of small, other."),
    ],
)
def test_what_is_misspelt_is_one_sentence(folder, capsys, cells, sentence):
    from autograder.student import lookup

    lookup._last.clear()
    assert say(capsys, *cells) == f"{sentence}\n"


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (
            "scale = torch.ones(2)",
            "`scale` is now a Tensor and no longer a function: another line reuses its name. "
            "Use a different name there, then run the cell that defines `scale` again.",
        ),
        ("class scale: pass", "`scale` is a class; the exercise asks for a function."),
        (
            "def scale(x): return x",
            "`scale` now takes (x); the exercise says (x, by). Restore its arguments, with their names and order.",
        ),
        (
            "def scale(x, by, more): return x",
            "`scale` now takes (x, by, more); the exercise says (x, by). Restore its arguments, with their names and order.",
        ),
    ],
)
def test_what_a_name_stands_for_is_told_in_one_sentence(folder, capsys, cell, sentence):
    assert say(capsys, cell, 'check("scale")').splitlines() == ["! cannot be checked scale", f"  {sentence}"]
    assert say(capsys, cell, "check()").count(sentence) == 1


def test_what_fits_the_arguments_is_checked(folder, capsys):
    for cell in (
        "def scale(x, by, *, more=1): return x * by",
        "def scale(*a): return a[0] * a[1]",
        "scale = lambda y, z=3: y * z",
        "@torch.no_grad()\ndef scale(x, by): return x * by",
        "import functools\nscale = functools.partial(lambda k, x, by: x * by, 1)",
    ):
        assert "3 visible checks passed" in say(capsys, cell, 'check("scale")'), cell


def test_a_prediction_is_right_or_wrong_and_not_in_parts(folder, capsys):
    right, wrong = (say(capsys, f"guess = {value!r}", 'check("guess")') for value in ("int64", "float32"))
    assert right.startswith("✓ passes guess")
    assert wrong.startswith("✗ not right yet guess")
    assert not any(re.search("visible check|hidden|unchanged", said) for said in (right, wrong))
    said = say(capsys, "progress()")
    assert "✗ not right yet   guess  1 point\n" in said, "a wrong one earns no `1 of 2`"


def test_a_class_where_a_function_stands(folder, capsys):
    said = say(capsys, "def Keeper(): pass", 'check("Keeper")')
    assert "`Keeper` is a function; the exercise asks for a class." in said
    assert "✓ passes" in say(capsys, "class Keeper:\n    def keep(self, x):\n        return x", 'check("Keeper")')


def test_a_task_may_be_given_itself(folder, capsys):
    both = f"{SCALE}\nguess = 'int64'"
    for call in ("check(scale)", 'check("scale")', 'check(["scale"])', "check((scale,))"):
        assert say(capsys, both, call).startswith("✓ passes scale"), call
    assert say(capsys, both, "check(guess)").startswith("✓ passes guess")
    assert say(capsys, both, 'check(scale, "guess")').startswith("Small: 2 of 2 tasks pass")
    assert say(capsys, "scale = lambda y, z: y * z", "check(scale)").startswith("◐ partly right scale")
    assert say(capsys, SCALE, "hint(scale)").startswith("Hint 1 of 3 for scale")
    assert say(capsys, both, 'check("small")').startswith("Small: 2 of 3 tasks pass")


def test_the_release_is_found_above_and_named(folder, capsys, monkeypatch, tmp_path):
    (folder / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(folder / "deep/er")
    assert find_release().folder == folder
    monkeypatch.chdir(tmp_path.parent)
    assert "There is no release in" in say(capsys, "check()")
    monkeypatch.setenv(PLACE, str(folder))
    assert "✓" in say(capsys, SCALE, 'check("scale")')
    monkeypatch.setenv(PLACE, str(tmp_path / "nowhere"))
    assert say(capsys, "check()").startswith(f"{PLACE} is {tmp_path / 'nowhere'}, but there is no release")


def test_keys_that_do_not_fit_are_one_sentence(folder, capsys):
    path = folder / "keys/small.key"
    key = read_key(path)

    def answer() -> str:
        said = say(capsys, SCALE, 'check("scale")')
        assert said.count("\n") == 1
        return said

    write_key(_with(key, made_from="old"), path)
    assert "is from a different release than course.json; take all files fresh from one release." in answer()
    write_key(_with(key, versions={**key.versions, "torch": "1.13.0"}), path)
    assert "was made with torch 1.13.0, but torch" in answer()
    path.unlink()
    assert "there is no answer key; take it from the release." in answer()
    checks = folder / "checks/test_small.py"
    checks.write_text(checks.read_text() + "\n# mine\n")
    assert "was changed, or is from a different release; take a fresh copy from the release." in answer()
    checks.unlink()
    assert "is missing; take it from the release." in answer()
    (folder / "course.json").write_text('{"format_version": 99}')
    assert "has format 99, but this autograde reads format 1; install the release's requirements again." in answer()


def _with(key, **changes):
    import msgspec

    return msgspec.structs.replace(key, **changes)


def test_importing_and_checking_needs_none_of_the_instructors_packages(folder):
    code = (
        "from autograder import check, hint, progress\n"
        "import sys\n" + SCALE + 'check("scale")\nhint("scale")\nprogress()\n'
        "heavy = {'nbgrader', 'sqlalchemy', 'jupytext', 'nbformat', 'pytest', 'IPython', 'jinja2', 'typer', 'rich', "
        "'autograder.processes.pool', 'autograder.sandbox', 'autograder.confined.zygote', 'torch._dynamo', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("✓ passes scale")
    assert run.stdout.endswith("[]\n")
    assert run.stderr == ""


def test_the_package_itself_imports_no_torch():
    code = "import sys, autograder; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
    with pytest.raises(AttributeError, match="nothing"):
        autograder.nothing  # noqa: B018


def test_in_a_kernel_the_released_notebook_answers_in_html(folder):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(folder / "small.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells]
    assert sources[0].startswith("from autograder import check, hint, progress")
    assert [source for source in sources if source.startswith("check(")] == [
        'check("scale")',
        'check("noise")',
        'check("guess")',
    ]
    notebook.cells.append(nbformat.v4.new_code_cell("def noise(n)\n    return n", metadata={"tags": ["raises-exception"]}))
    notebook.cells.append(nbformat.v4.new_code_cell('check("noise", "scale")'))
    cell = next(cell for cell in notebook.cells if cell.id == "task-scale")
    cell.source = "def scale(x, by):\n    y = -x * by\n    return y[7]"
    for source in ('hint("scale")', "progress()", "import sys; sys.stderr.flush()"):
        notebook.cells.append(nbformat.v4.new_code_cell(source))
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    shown = {cell.source: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}
    assert all(output.output_type != "stream" for outputs in shown.values() for output in outputs)
    (output,) = shown['check("scale")']
    number = cell.execution_count
    assert f"Your code raised IndexError in cell {number}, line 3." in output.data["text/plain"]
    page = output.data["text/html"]
    assert "<code>IndexError</code>" not in page
    assert f"Your code raised IndexError in cell {number}, line 3." in page
    assert 'aria-label="Your line">return y[7]</pre>' in page
    assert "<script" not in page
    assert "Hint 1 of 3" in shown['hint("scale")'][0].data["text/html"]
    assert '<th scope="col">Task</th>' in shown["progress()"][0].data["text/html"]
    assert "not attempted" in shown['check("noise")'][0].data["text/html"]
    (output,) = shown['check("noise", "scale")']
    assert "did not run: SyntaxError" in output.data["text/html"]
    assert output.data["text/plain"].count("The `noise` checked here is not the one in that cell.") == 1


def test_while_grading_they_do_nothing(folder, pool):
    cells = read_cells((folder / "small.ipynb").read_bytes(), "small.ipynb")
    cells += (Cell(len(cells) + 1, "check(task='scale')\nhint('scale', 2)\nprogress(1, 2)"),)
    run = next(iter(pool.map([Job(topic="small", cells=cells)])))
    assert [report.error for report in run.cells if report.error] == []
    assert [report.output for report in run.cells if "check()" in report.output] == [
        "(check() does nothing during grading)\n"
    ] * 3 + [
        "(check() does nothing during grading)\n"
        "(hint() does nothing during grading)\n"
        "(progress() does nothing during grading)\n"
    ]
