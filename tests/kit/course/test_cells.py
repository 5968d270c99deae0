"""Cells of notebooks and Python files, and where they define a task."""

from __future__ import annotations

import json

import jupytext
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course.cells import notebook_topic, read_cells, task_source
from autograder.errors import SubmissionError
from autograder.records.jobs import Cell


def notebook(*cells: object, **more: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}).encode()


def code(source: object) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def test_code_cells_are_counted_from_one_and_empty_ones_left_out() -> None:
    data = notebook(code("a = 1"), {"cell_type": "markdown", "source": "# b"}, code(" \n"), code(["c = 3\n", "d = 4"]))
    assert read_cells(data, "n.ipynb") == (Cell(1, "a = 1"), Cell(3, "c = 3\nd = 4"))


@pytest.mark.parametrize("data", [notebook(), b'{"cells": []}', b"\xef\xbb\xbf" + notebook()])
def test_a_notebook_without_code_has_no_cells(data: bytes) -> None:
    assert read_cells(data, "n.ipynb") == ()


def test_damaged_cells_do_not_hide_the_others() -> None:
    data = notebook({"cell_type": "code"}, {}, {"source": "not code"}, code("a = 1"))
    assert read_cells(data, "n.ipynb") == (Cell(2, "a = 1"),)


def test_format_3_is_read() -> None:
    sheet = {"cells": [{"cell_type": "code", "input": ["a = 1"], "language": "python", "outputs": []}], "metadata": {}}
    data = json.dumps({"worksheets": [sheet], "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0}).encode()
    assert read_cells(data, "old.ipynb") == (Cell(1, "a = 1"),)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "n.ipynb is empty."),
        (b" \n", "n.ipynb is empty."),
        (b"hello", "n.ipynb is not a notebook: line 1 is not valid JSON."),
        (b'{"cells": [\n{"source": ""},\n',
         "n.ipynb is not a valid notebook: the file breaks off in the middle; save it again."),
        (b'{"cells": [{"source": "a', "n.ipynb is not a valid notebook: the file breaks off in the middle; save it again."),
        (b"{}", "n.ipynb is not a notebook: it has no cells."),
        (b"[1]", "n.ipynb is not a notebook: its JSON is not in notebook format."),
        (b'{"cells": [{"source": 5}]}', "n.ipynb is not a notebook: its JSON is not in notebook format."),
        (b'{"worksheets": 5, "nbformat": 3}', "n.ipynb is not a notebook: it has no cells."),
        (b"[" * 100_000, "n.ipynb is not a notebook: its JSON is nested too deeply."),
        (b"\xff\xfe\x00", "n.ipynb is not a notebook: byte 0 is not valid UTF-8 text."),
        (b'{\n<<<<<<< HEAD\n',
         "n.ipynb is not a valid notebook: line 2 is a Git merge conflict marker; resolve the conflict."),
        (b"%PDF-1.7", "n.ipynb is a PDF document; hand in the notebook (.ipynb) or Python file (.py) itself."),
        (b"PK\x03\x04", "n.ipynb is a ZIP archive or an office document; hand in the notebook (.ipynb) or "
         "Python file (.py) itself."),
        (b"\n<!DOCTYPE html>", "n.ipynb is a web page; hand in the notebook (.ipynb) or Python file (.py) itself."),
    ],
)  # fmt: skip
def test_what_is_not_a_notebook_is_told_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(SubmissionError) as caught:
        read_cells(data, "n.ipynb")
    assert str(caught.value) == sentence


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_cells_or_a_sentence(data: bytes) -> None:
    for name in ("a.ipynb", "a.py"):
        try:
            cells = read_cells(data, name)
        except SubmissionError:
            continue
        assert all(isinstance(cell, Cell) for cell in cells)


def test_a_plain_python_file_is_one_cell_with_number_0() -> None:
    assert read_cells(b"a = 1\r\nb = 2\r\n", "s.py") == (Cell(0, "a = 1\nb = 2\n"),)
    assert read_cells("# -*- coding: latin-1 -*-\nä = 1\n".encode("latin-1"), "s.py")[0].source.endswith("ä = 1\n")
    with pytest.raises(SubmissionError, match=r"^s\.py is not a Python file: it is not valid UTF-8 text\.$"):
        read_cells("ä = 1".encode("latin-1"), "s.py")


PERCENT = b"""\
# ---
# jupyter: {}
# ---

# %% [markdown]
# # Title

# %%
import torch
# %matplotlib inline
# !pip list

# %% [raw] tags=["x"]
# raw

# %% Working title tags=["a"]
# cat the rows
x = torch.cat([])
# is it right?
# %%time

# %%
"""


def test_percent_format() -> None:
    assert read_cells(PERCENT, "s.py") == (
        Cell(1, "import torch\n%matplotlib inline\n!pip list"),
        Cell(2, "# cat the rows\nx = torch.cat([])\n# is it right?\n%%time"),
    )


def test_code_before_the_first_marker_is_a_cell() -> None:
    assert read_cells(b"import torch\n\n# %%\na = 1\n", "s.py") == (Cell(1, "import torch"), Cell(2, "a = 1"))


LINES = st.sampled_from(
    ["a = 1", "# a comment", "", "def f(x):\n    return x", "%matplotlib inline", "!pip list", "'''t'''"]
)


@given(st.lists(st.tuples(st.booleans(), st.lists(LINES, min_size=1, max_size=4)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_jupytext_writes_is_read_as_the_same_cells(cells: list[tuple[bool, list[str]]]) -> None:
    new = [
        nbformat.v4.new_code_cell("\n".join(lines).strip("\n"))
        if is_code
        else nbformat.v4.new_markdown_cell("text\n\n" + "\n".join(lines).strip("\n"))
        for is_code, lines in cells
    ]
    text = jupytext.writes(nbformat.v4.new_notebook(cells=new), fmt="py:percent")
    expected = [cell.source for cell in new if cell.cell_type == "code" and cell.source.strip()]
    assert [cell.source for cell in read_cells(text.encode(), "s.py")] == expected


def test_topic_from_metadata() -> None:
    assert notebook_topic(notebook(metadata={"autograde": {"topic": "views"}})) == "views"
    for data in (notebook(), b"junk", notebook(metadata={"autograde": 5}), b"[1]", b"\xff"):
        assert notebook_topic(data) is None


@pytest.mark.parametrize(
    ("sources", "task", "expected"),
    [
        (["def f(x):\n    return x\n\ny = 1"], "f", "def f(x):\n    return x"),
        (["def f(x):\n    return 1", "def f(x):\n    return 2"], "f", "def f(x):\n    return 2"),
        (["def f(x):\n    return 1\nf = g"], "f", "f = g"),
        (["@decorated\n@twice(1)\ndef f(x):\n    return 1"], "f", "@decorated\n@twice(1)\ndef f(x):\n    return 1"),
        (["class Affine(Module):\n    pass"], "Affine", "class Affine(Module):\n    pass"),
        (["answer = torch.float32"], "answer", "answer = torch.float32"),
        (["answer: object = 5"], "answer", "answer: object = 5"),
        (["a, answer = 1, 2"], "answer", "a, answer = 1, 2"),
        (["if True:\n    def f(x):\n        return 1"], "f", "def f(x):\n    return 1"),
        (["try:\n    f = 1\nexcept E:\n    f = 2"], "f", "f = 2"),
        (["def g():\n    f = 1"], "f", ""),
        (["%matplotlib inline\n!ls\nx = !ls\nhelp?\ndef f(x):\n    return 1"], "f", "def f(x):\n    return 1"),
        (
            ["def g(:\n    pass\n\ndef f(x):\n    return 1\n\n    # more\n\nz = 1"],
            "f",
            "def f(x):\n    return 1\n\n    # more",
        ),
        (["x = = 1\nf = (1,\n)\ny = 1"], "f", "f = (1,\n)"),
        (["x = = 1\nf == 1"], "f", ""),
        (["\x00"], "f", ""),
        ([], "f", ""),
    ],
)
def test_task_source(sources: list[str], task: str, expected: str) -> None:
    cells = tuple(Cell(number, source) for number, source in enumerate(sources, 1))
    assert task_source(cells, task) == expected
