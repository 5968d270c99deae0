"""Cells of notebooks and Python files, and where they define a task."""

from __future__ import annotations

import json
import time

import jupytext
import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.course.cells import has_value, notebook_topic, read_cells, strict_json, task_source
from autograder.course.unneeded_cells import unneeded_cells
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


HALF = "\ud83d"
WITH_ODD_PARTS = {
    "NaN in an output": notebook(code("a = 1"), metadata={"papermill": {"lr": float("nan"), "by": -float("inf")}}),
    "half a pair": notebook(code("a = 1"), {"cell_type": "markdown", "source": HALF}, metadata={HALF: "x" + HALF}),
    "a cell without a source": notebook(code("a = 1"), code(None), {"cell_type": "markdown", "source": None}),
    "a version in quotes": notebook(code("a = 1"), nbformat="4"),
    "a cell without a type": notebook(code("a = 1"), {"cell_type": None, "source": "b"}),
    "a byte-order mark": b"\xef\xbb\xbf" + notebook(code("a = 1")),
    "UTF-16": notebook(code("a = 1")).decode().encode("utf-16"),
    "UTF-16, the other way round": b"\xfe\xff" + notebook(code("a = 1")).decode().encode("utf-16-be"),
    "everything at once": notebook(code("a = 1"), code(None), metadata={"x": [float("inf"), HALF]})
    .decode()
    .encode("utf-16"),
    "a long number": notebook(code("a = 1"))[:-1] + b', "x": ' + b"9" * 5000 + b"}",
}


@pytest.mark.parametrize("kind", WITH_ODD_PARTS)
@pytest.mark.parametrize("name", ["n.ipynb", "n.py"])
def test_what_other_tools_write_around_the_code_does_not_matter(kind: str, name: str) -> None:
    assert read_cells(WITH_ODD_PARTS[kind], name) == (Cell(1, "a = 1"),)


def test_half_a_surrogate_pair_in_code_becomes_a_replacement_character() -> None:
    data = notebook(code(f"a = '{HALF}'\nb = '\\\\ud83d'"), code("c = '\U0001f600'"))
    assert [cell.source for cell in read_cells(data, "n.ipynb")] == ["a = '\ufffd'\nb = '\\\\ud83d'", "c = '\U0001f600'"]


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.text(st.characters(), max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(st.characters()), inner, max_size=3)),
    )
)
@settings(max_examples=200, derandomize=True)
def test_strict_json_changes_only_what_others_cannot_read(value: object) -> None:
    text = json.dumps(value)
    strict = strict_json(text.encode()).decode()
    without = json.loads(text, parse_constant=lambda _: None)
    assert json.loads(strict) == json.loads(json.dumps(without).encode())
    nan = any(constant in json.dumps(value) for constant in ("NaN", "Infinity"))
    assert nan or strict == text


def test_a_notebook_saved_as_py_is_read_as_a_notebook() -> None:
    data = notebook(code("a = 1"), metadata={"autograde": {"topic": "views"}})
    assert read_cells(data, "views.py") == (Cell(1, "a = 1"),)
    assert notebook_topic(data.decode().encode("utf-16")) == "views"
    assert read_cells(b"{'a': 1}", "views.py") == (Cell(0, "{'a': 1}"),)
    assert read_cells(b'{"a": 1}', "views.py") == (Cell(0, '{"a": 1}'),)


def test_format_3_with_odd_parts_is_read() -> None:
    sheets = [
        {"cells": [{"cell_type": "code", "input": "a = 1"}]},
        {"cells": [{"cell_type": "code", "input": ["b", " = 2"]}]},
    ]
    data = json.dumps({"worksheets": sheets, "metadata": {"x": float("nan")}, "nbformat": 2}).encode()
    assert read_cells(data, "old.ipynb") == (Cell(1, "a = 1"), Cell(2, "b = 2"))


@pytest.mark.attack
@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"import torch\nx = 1\n",
         "n.ipynb is Python code, not a notebook; rename it so that it ends in .py."),
        (b"# %%\nx = 1\n", "n.ipynb is Python code, not a notebook; rename it so that it ends in .py."),
        (b"[" * 2_000_001, "n.ipynb holds too much besides code; clear its outputs and save it again."),
        (b'{"cells": [], "x": [' + b"NaN, " * 2_000_000 + b"0]}",
         "n.ipynb holds too much besides code; clear its outputs and save it again."),
        (b'{"cells": [], "x": "' + rb"\ud800" * 2_000_000 + b'"}',
         "n.ipynb holds too much besides code; clear its outputs and save it again."),
        (notebook(*[code("a")] * 2001), "n.ipynb has more than 2000 code cells; remove what your answers do not need."),
        (notebook(code("a" * 2**20), code("a")),
         "n.ipynb holds more than 1 MB of code; remove what your answers do not need."),
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
        (b"\xff\xfe\x00", "n.ipynb is not a notebook: byte 0 is not valid UTF-8 text; save the file as UTF-8."),
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


@pytest.mark.attack
@given(st.binary(max_size=200))
@settings(max_examples=300)
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
    with pytest.raises(SubmissionError, match=r"^s\.py: line 1 is not valid UTF-8 text; save the file as UTF-8\.$"):
        read_cells("ä = 1".encode("latin-1"), "s.py")


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [("latin-1", "latin-1"), ("ISO_8859-1", "latin-1"), ("cp1252", "cp1252"), ("Windows-1252", "cp1252"), ("utf8", "utf-8")],
)
def test_an_encoding_that_people_use_may_be_declared(declared: str, encoding: str) -> None:
    text = f"#!/usr/bin/env python\n# vim: set fileencoding={declared} :\nä = 'é'\n"
    assert read_cells(text.encode(encoding), "s.py") == (Cell(0, text),)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert read_cells("ä = 1\r\n".encode(encoding), "s.py") == (Cell(0, "ä = 1\n"),)


@pytest.mark.attack
@pytest.mark.parametrize(
    "codec", ["utf-7", "undefined", "raw_unicode_escape", "unicode_escape", "punycode", "idna", "rot13", "hex", "zlib", "no"]
)
def test_no_other_codec_is_used(codec: str) -> None:
    data = b"# -*- coding: " + codec.encode() + b" -*-\nx = '+2AA-\\ud800'\n" + b"a-" * 200_000
    started = time.process_time()
    with pytest.raises(SubmissionError, match=rf"^s\.py declares the encoding {codec}; save it as UTF-8\.$"):
        read_cells(data, "s.py")
    assert time.process_time() - started < 1


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
@settings(max_examples=60)
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


BLANKS = " " * 60_000
DEEP = {
    "a long blank line": f"def f(:\n{BLANKS}x\n",
    "a long line of tabs": "def f(:\n" + "\t" * 60_000 + "x\n",
    "many question marks": "def f(:\n" + "? " * 30_000 + "x\n",
    "many names": "def f(:\n" + "x , " * 30_000 + "\n",
    "a shell assignment without an end": f"def f(:\nx{BLANKS}={BLANKS}y\n",
    "a name and blanks": f"def f(:\nf{BLANKS}:{BLANKS}\n",
    "an async function": f"def f(:\nasync{BLANKS}f\n",
    "nested lambdas": "f = " + "lambda: " * 1500 + "1",
    "many elifs": "if a:\n    f = 1\n" + "elif b:\n    f = 2\n" * 1200,
    "nested brackets": "f = " + "(" * 5000,
    "a long sum": "f = 1" + " + 1" * 50_000,
    "many attributes": "f = a" + ".a" * 50_000,
    "many signs": "f = " + "-" * 50_000 + "1",
    "nested if": "".join(" " * depth + "if a:\n" for depth in range(150)),
    "a zero byte": "f = 1\0",
    "a long number": "f = " + "9" * 100_000,
    "many withs": "".join(f"a{i} = 1\n" for i in range(8_000)) + "with b: 1\n" * 8_000,
    "a very long cell": "x = 1\n" * 150_000,
}


@pytest.mark.attack
@pytest.mark.parametrize("kind", DEEP)
def test_no_code_takes_long_or_raises(kind: str) -> None:
    started = time.process_time()
    cells = (Cell(1, DEEP[kind]),)
    task_source(cells, "f")
    has_value(DEEP[kind])
    assert unneeded_cells((*cells, Cell(2, "x")), {"x"}, {"f"}) is not None
    assert time.process_time() - started < 10


def test_the_last_of_many_elifs_is_a_tasks_source() -> None:
    assert task_source((Cell(1, DEEP["many elifs"]),), "f") == "f = 2"


_PARTS = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            '"',
            "\\",
            '"cells"',
            '"source"',
            '"cell_type"',
            '"code"',
            '"worksheets"',
            '"input"',
        ),
        *('"metadata"', '"nbformat"', "4", "NaN", "-Infinity", "null", "1e999", '"\\ud800"', '"\\u"', '"a = 1"', " ", "\n"),
        *("# %%", "# coding: utf-7", "# coding: latin-1", "def f(x):", "lambda: ", "elif a:", "%magic", "x?", "\xe9", "\0"),
    ]
)
_PIECES = st.lists(st.tuples(_PARTS, st.sampled_from([1, 1, 1, 2, 3000])), max_size=25)
_FILES = st.tuples(
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xff\xfe", b'{"cells": [{"cell_type": "code", "source": ']),
    _PIECES.map(lambda pieces: "".join(part * times for part, times in pieces)),
    st.sampled_from(["utf-8", "utf-16-le", "latin-1"]),
)


@pytest.mark.attack
@given(_FILES, st.sampled_from(["a.ipynb", "a.py"]))
@settings(max_examples=300, deadline=5000, derandomize=True)
def test_any_file_gives_cells_or_a_sentence_in_a_short_time(file: tuple[bytes, str, str], name: str) -> None:
    mark, text, encoding = file
    data = mark + text.encode(encoding)
    notebook_topic(data)
    try:
        cells = read_cells(data, name)
    except SubmissionError:
        return
    for cell in cells:
        cell.source.encode()
    task_source(cells, "f")
    unneeded_cells(cells, {"a = 1"}, {"f"})
