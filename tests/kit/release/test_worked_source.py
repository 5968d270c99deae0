"""The source of a worked solution: the task and what it needs, without the other tasks."""

from __future__ import annotations

from pathlib import Path

from autograder.release.worked_source import worked_source

REFERENCE = '''"""The reference."""

import math
import torch
from os import path as place

# %%
# How many at once.
SIZE: int = 2
UNUSED = 5


# Twice is enough,
# as the paper says.
@torch.no_grad()
def task(x):
    return _helper(x) * SIZE


def _helper(x):
    if x is None:
        return other(x)
    return math.sqrt(deeper(x))


if SIZE > 1:
    def deeper(x):
        return x
else:
    deeper = None


def other(x):
    return place
'''
WORKED = """import math
import torch


# How many at once.
SIZE: int = 2


# Twice is enough,
# as the paper says.
@torch.no_grad()
def task(x):
    return _helper(x) * SIZE


def _helper(x):
    if x is None:
        return other(x)
    return math.sqrt(deeper(x))


if SIZE > 1:
    def deeper(x):
        return x
else:
    deeper = None"""


def test_helpers_constants_and_imports_come_along_and_other_tasks_do_not(tmp_path: Path):
    path = tmp_path / "topic.py"
    path.write_text(REFERENCE)
    assert worked_source(path, "task", ["task", "other"]) == WORKED
    assert worked_source(path, "other", ["task", "other"]).startswith("from os import path as place\n\n\ndef other")
