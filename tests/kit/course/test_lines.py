"""Lines of cells are found in the file that they come from."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_course import write_notebook

from autograder.course.cells import definition_line, read_cells
from autograder.course.lines import Lines

PYTHON = """\
# %% [markdown]
# # Text

# %%
import torch

# %%
# %matplotlib inline

x = 1
x = 1

# %%
@decorated
def f(x):
    return "ü"
"""


def test_a_python_file_with_cells() -> None:
    cells = read_cells(PYTHON.encode(), "x.py")
    lines = Lines(PYTHON.encode(), cells)
    assert [lines.line(1, 1), lines.line(2, 3), lines.line(2, 4), lines.line(3, 1), lines.line(3, 3)] == [5, 10, 11, 14, 16]
    assert definition_line(cells, "f") == (3, 1)
    assert definition_line(cells, "g") is None
    assert lines.line(9, 1) == 1


def test_a_plain_file() -> None:
    lines = Lines(b"a = 1\n\nb = 2\n", read_cells(b"a = 1\n\nb = 2\n", "x.py"))
    assert [lines.line(0, number) for number in (1, 2, 3)] == [1, 1, 3]


def test_a_notebook(tmp_path: Path) -> None:
    source = 'def f(x):\n    return "ü\\n"\n'
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text.splitlines(keepends=True)}
             for text in ("import torch", source, source)]  # fmt: skip
    for ascii_only in (True, False):
        data = json.dumps({"cells": cells, "metadata": {}}, indent=1, ensure_ascii=ascii_only).encode()
        lines, rows = Lines(data, read_cells(data, "x.ipynb")), data.decode().splitlines()
        places = [lines.line(2, 1), lines.line(2, 2), lines.line(3, 2)]
        assert places == sorted(set(places))
        assert "def f" in rows[places[0] - 1]
        assert [row.strip()[:12] for row in (rows[places[1] - 1], rows[places[2] - 1])] == ['"    return '] * 2
    one_row = write_notebook(tmp_path / "x.ipynb", "a = 1", "b = 2").read_bytes()
    assert Lines(one_row, read_cells(one_row, "x.ipynb")).line(2, 1) == 1
