"""A course of one topic with two small tasks, and a class that takes it: what tests of grading share."""

from __future__ import annotations

import json
from pathlib import Path

from course_files import write_files

COURSE = """\
title: A tiny course
draws: 2
limits: {cell_seconds: 5, check_seconds: 5}
late: {grace_minutes: 10, per_day: 0.25, at_most: 0.5}
topics:
  views:
    number: 1
    title: Views
    due: 2027-03-01T12:00+00:00
    tasks:
      double: {points: 4, level: easy}
      guess: {points: 1}
"""

EXERCISE = """\
# %% [markdown]
# # Views

# %%
import torch

# %%
guess = ...

# %%
def double(x):
    raise NotImplementedError
"""

VISIBLE = '''\
from autograder import checks


@checks("double", gate=True)
def test_values(code, given):
    """Every element is doubled."""
    return {"result": code.double(given.normal(3))}
'''

HIDDEN = '''\
from autograder import checks, secret


@checks("double")
def test_two_dimensions(code, given):
    """A matrix stays a matrix."""
    return {"result": code.double(given.normal(2, 3))}


@checks("guess", gate=True)
def test_guess(code, given):
    """The prediction is right."""
    return {"guess": secret(code.guess)}
'''

MISCONCEPTIONS = """\
import torch

from autograder import misconception


@misconception("double", "Is the result what you get by adding x to itself?")
def squares(x):
    return x * x
"""

RIGHT = "import torch\n\nguess = 7\n\n\ndef double(x):\n    return 2 * x\n"
WRONG = "import torch\n\nguess = 6\n\n\ndef double(x):\n    return x**2\n"
ENDS = "import os\nimport torch\n\nguess = 7\n\n\ndef double(x):\n    os._exit(0)\n"


def make_course(root: Path) -> Path:
    """Write the course below `root`; returns its folder."""
    write_files(
        root,
        {
            "course.yml": COURSE,
            "exercises/views.py": EXERCISE,
            "solutions/views.py": RIGHT,
            "solutions/misconceptions/views.py": MISCONCEPTIONS,
            "tests/visible/test_views.py": VISIBLE,
            "tests/hidden/test_views.py": HIDDEN,
        },
    )
    return root


def write_notebook(path: Path, *sources: str) -> Path:
    """Write a notebook with these code cells."""
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for i, source in enumerate(sources)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def make_class(root: Path) -> Path:
    """Write a class of six below `root`; returns its folder."""
    write_notebook(root / "ann/views.ipynb", "import torch", "guess = 7", "def double(x):\n    return x + x")
    write_notebook(root / "bo/views.ipynb", *WRONG.split("\n\n", 1))
    write_notebook(root / "cy/views.ipynb", "import torch", "guess = ...", "def double(x):\n    raise NotImplementedError")
    write_notebook(root / "di/views.ipynb").write_text("this is no notebook")
    (root / "ed").mkdir()
    (root / "ed/views.py").write_text(ENDS)
    write_notebook(root / "fay/views/Mine.ipynb", RIGHT)
    (root / "fay/views/timestamp.txt").write_text("2027-03-02 13:00:00 UTC")
    return root
