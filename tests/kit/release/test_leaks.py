"""Anything private planted anywhere in a release is found; a clean release has no leaks."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zipfile
import zlib
from pathlib import Path

import msgspec
import pytest
from course_files import write_files

from autograder.release.leaks import scan

pytestmark = pytest.mark.slow

EXERCISE = '''
# %% [markdown]
# # Means

# %%
import torch
y = torch.ones(2, 3).sum(dim=0)

# %%
def row_means(x):
    """Return the mean of each row of x."""
    raise NotImplementedError
'''
REFERENCE = '''"""Reference solutions."""

import torch

predicted = 17.0  # because both gradients are added
y = torch.ones(2, 3).sum(dim=0)


def row_means(x):
    """Return the mean of each row of x."""
    if x.dim() != 2:
        raise ValueError(f"x has {x.dim()} dimensions")
    return x.mean(dim=1, keepdim=False)
'''
HIDDEN = '''
@checks("row_means")
def test_transposed_input(code, given):
    """Works on a transposed tensor."""
    x = given.transposed(given.normal(4, 2))
    return {"means": code.row_means(x)}
'''
VISIBLE = '''
@checks("row_means")
def test_values(code, given):
    """Each number is the mean of one row."""
    return {"row_means(x)": code.row_means(given.normal(3, 5))}
'''
MISTAKES = """
@misconception("row_means", "These are the means of the columns. Which dimension disappears?")
def means_of_columns(x):
    return torch.stack([column.mean() for column in x.T])
"""
SOLUTION_LINE = "    return x.mean(dim=1, keepdim=False)"
REFORMATTED = "def f(x):\n    return x.mean(\n        dim = 1,\n        keepdim = False\n    )\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    write_files(
        tmp_path,
        {
            "course.yml": "title: A course\n",
            "exercises/means.py": EXERCISE,
            "solutions/means.py": REFERENCE,
            "solutions/misconceptions/means.py": MISTAKES,
            "tests/hidden/test_means.py": HIDDEN,
            "tests/visible/test_means.py": VISIBLE,
        },
    )
    (tmp_path / "release").mkdir()
    return tmp_path


def notebook(**changes) -> dict:
    cell = {
        "cell_type": "code",
        "id": "a1",
        "metadata": changes.pop("cell_metadata", {}),
        "source": changes.pop("source", ["import torch\n", "y = torch.ones(2, 3).sum(dim=0)"]),
        "outputs": changes.pop("outputs", []),
        "execution_count": None,
    }
    text = {
        "cell_type": "markdown",
        "id": "a2",
        "metadata": {},
        "source": changes.pop("text", ["# Means"]),
        "attachments": changes.pop("attachments", {}),
    }
    return {"cells": [text, cell], "metadata": changes.pop("metadata", {}), "nbformat": 4, "nbformat_minor": 5}


def planted(course: Path, name: str, data: bytes | str | dict) -> list:
    path = course / "release" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, dict):
        data = json.dumps(data)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return scan(course, course / "release")


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_what_stands_in_public_files_is_no_leak(course):
    assert planted(course, "means.ipynb", notebook(source=EXERCISE)) == []
    assert planted(course, "checks/test_means.py", VISIBLE) == []
    assert planted(course, "README.md", "Return the mean of each row of x. `import torch`, then work.") == []


@pytest.mark.parametrize(
    ("book", "where"),
    [
        (notebook(source=SOLUTION_LINE), "cells[1].source"),
        (notebook(source=["def f(x):\n", SOLUTION_LINE + "\n"]), "cells[1].source"),
        (notebook(source=REFORMATTED), "cells[1].source"),
        (notebook(text=["Hint: `return x.mean(dim=1, keepdim=False)`"]), "cells[0].source"),
        (notebook(outputs=[{"output_type": "stream", "text": ["a\n", SOLUTION_LINE]}]), "cells[1].outputs[0].text"),
        (
            notebook(outputs=[{"output_type": "display_data", "data": {"image/png": b64("png" + SOLUTION_LINE)}}]),
            "cells[1].outputs[0].data.image/png",
        ),
        (notebook(cell_metadata={"tags": [SOLUTION_LINE]}), "cells[1].metadata.tags"),
        (notebook(metadata={"autograde": {"note": SOLUTION_LINE}}), "metadata.autograde.note"),
        (notebook(metadata={SOLUTION_LINE: 1}), "metadata (a key)"),
        (notebook(attachments={"a.txt": {"text/plain": SOLUTION_LINE}}), "cells[0].attachments.a.txt.text/plain"),
        (
            notebook(attachments={"a.png": {"image/png": base64.encodebytes(b"x" * 90 + SOLUTION_LINE.encode()).decode()}}),
            "cells[0].attachments.a.png.image/png",
        ),
        (notebook(text=[f"![a](data:image/png;base64,{b64(SOLUTION_LINE)})"]), "cells[0].source"),
    ],
)
def test_a_solution_is_found_anywhere_in_a_notebook(course, book, where):
    leaks = planted(course, "means.ipynb", book)
    assert leaks
    assert {leak.file for leak in leaks} == {"release/means.ipynb"}
    assert any(leak.where.startswith(where) for leak in leaks)
    assert {leak.private for leak in leaks} == {"solutions/means.py:13"}
    assert "keepdim" in leaks[0].text
    assert str(leaks[0]).startswith(f"release/means.ipynb: {where}")


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("Checks: test_transposed_input and others", "tests/hidden/test_means.py:3"),
        ("    x = given.transposed(given.normal(4, 2))", "tests/hidden/test_means.py:5"),
        ("torch.stack([column.mean() for column in x.T])\nreturn  torch.stack( [column.mean() for column in x.T] )",
         "solutions/misconceptions/means.py:4"),
        ("def means_of_columns(x): ...", "solutions/misconceptions/means.py:3"),
        ("see solutions/means.py", "solutions/means.py"),
        ("see ../tests/hidden/test_means.py", "tests/hidden/test_means.py"),
        ("# because both gradients are added", "solutions/means.py:5"),
        ("x.mean(dim=1, keepdim=False)", "solutions/means.py:13"),
        ("predicted=17.0", "solutions/means.py:5"),
        ('raise ValueError(f"x has {x.dim()} dimensions")', "solutions/means.py:12"),
    ],
)  # fmt: skip
def test_every_kind_of_private_thing_is_found(course, text, private):
    for name in ("README.md", "means.key"):
        leaks = planted(course, name, text)
        assert private in {leak.private for leak in leaks if leak.file == f"release/{name}"}


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("package/module.py", data)
    return buffer.getvalue()


PACKERS = {
    "msgpack": lambda text: msgspec.msgpack.encode({"topic": "means", "checks": [{"values": b"\x00\xff", "text": text}]}),
    "msgpack bytes": lambda text: msgspec.msgpack.encode({"inner": text.encode() + b"\xff"}),
    "raw bytes": lambda text: b"\x00\xfe\xff\x93" + text.encode() + b"\x00",
    "length before text": lambda text: b"\xc1\xd9A" + text.encode() + b"\xc0",
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 amid bytes": lambda text: b"\xff\x00\xd8\x00" + text.encode("utf-16-le"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "zlib": lambda text: zlib.compress(text.encode()),
    "zip": lambda text: zipped(text.encode()),
    "gzipped msgpack": lambda text: gzip.compress(msgspec.msgpack.encode([text])),
    "base64": lambda text: base64.b64encode(text.encode()),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("text", [SOLUTION_LINE, "test_transposed_input"])
def test_a_key_is_searched_whatever_its_form(course, packer, text):
    leaks = planted(course, "keys/means.key", PACKERS[packer](text))
    assert leaks
    assert {leak.file for leak in leaks} == {"release/keys/means.key"}


def test_a_file_may_not_even_be_called_after_a_private_one(course):
    leaks = planted(course, "solutions/means.py", "x = 1")
    assert [(leak.where, leak.private) for leak in leaks] == [("its name", "solutions/means.py")]
    assert planted(course, "test_transposed_input.md", "Nothing.")


def test_a_whole_private_file_is_one_finding_with_a_count(course):
    (leak,) = planted(course, "notes.txt", REFERENCE)
    assert leak.private == "solutions/means.py:1"
    assert leak.more >= 3
    assert f"and {leak.more} more from that file" in str(leak)


def test_trivial_lines_are_not_taken_for_secrets(course):
    (course / "solutions/means.py").write_text("def f(n):\n    n = 1\n    return n\n)]\n")
    assert planted(course, "README.md", "n = 1\nreturn n\n)]\n") == []


def test_a_secret_prediction_in_a_key_is_found_by_its_statement(course):
    leaks = planted(course, "means.ipynb", notebook(source="predicted = 17.0"))
    assert {leak.private for leak in leaks} == {"solutions/means.py:5"}


def test_feedback_is_no_secret_since_the_key_has_it(course):
    (course / "solutions/misconceptions/means.py").write_text(
        '@misconception(\n    "row_means",\n    """These are the means of the columns.\n'
        'Which dimension disappears?""",\n)\ndef means_of_columns(x):\n    return x.mean(dim=0)\n'
    )
    feedback = "These are the means of the columns.\nWhich dimension disappears?"
    assert planted(course, "means.key", msgspec.msgpack.encode({"feedback": feedback, "bytes": b"\xff"})) == []
