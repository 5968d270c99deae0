"""Survivors of several kinds, explored where they differ in few draws, only in what a check returns, or at random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from course_files import write_files

from autograder.course.course_file import load_course
from autograder.course.topic import load_topic
from autograder.records.jobs import Cell
from autograder.verifying.explore import Found, explore
from autograder.verifying.mutants import make_mutants
from autograder.verifying.suggest import suggest
from autograder.verifying.trials import Progress, Trials

pytestmark = pytest.mark.slow

FILES = {
    "course.yml": """
title: A tiny course
topics:
  tiny: {title: Tiny, number: 1, tasks: {Twice: {points: 2}, noise: {points: 2}, capped: {points: 1}, add: {points: 1}}}
""",
    "exercises/tiny.py": """
# %%
from torch import nn

# %%
class Twice(nn.Module):
    pass

# %%
def noise(n):
    raise NotImplementedError

# %%
def capped(x):
    raise NotImplementedError

# %%
def add(x, y):
    raise NotImplementedError
""",
    "tests/visible/test_tiny.py": '''
from autograder import checks, distributed_as


@checks("Twice", gate=True)
def test_twice(code, given):
    """The input is doubled."""
    return {"y": code.Twice()(given.normal(3))}


@checks("noise", gate=True)
def test_noise(code, given):
    """Normal numbers."""
    return distributed_as(code.noise(10_000), "normal", mean=0, std=1)
''',
    "tests/hidden/test_tiny.py": '''
import torch

from autograder import checks, only


@checks("capped", gate=True)
def test_capped(code, given):
    """Nothing is above 3."""
    return {"y": code.capped(given.uniform(2, high=3.05))}


@checks("add", gate=True)
def test_add(code, given):
    """The sum, in a tensor of its own."""
    x = torch.tensor([given.number()])
    return only({"y": code.add(x, given.normal(1))}, "values")
''',
    "solutions/tiny.py": """
import torch
from torch import nn


class Twice(nn.Module):
    def forward(self, x):
        return x.float() * 2


def noise(n):
    return torch.randn(n, generator=None)


def capped(x):
    return x.clamp(max=3.0) + 1.0


def add(x, y):
    return x + y
""",
}


@pytest.fixture(scope="module")
def trials(tmp_path_factory, pool) -> Trials:
    root: Path = tmp_path_factory.mktemp("course")
    write_files(root, FILES)
    return Trials(load_course(root), "tiny", pool, Progress(None), "cpu")


def verdict(trials: Trials, task: str, description: str):
    """What is found of one mutant of a task, and the code that is suggested."""
    topic = load_topic(trials.course, "tiny")
    (mutant,) = (each for each in make_mutants(topic.reference, task) if each.description.startswith(description))
    found = explore(trials, topic, task, [mutant]).get(mutant.name)
    suggested = suggest(trials, topic, mutant, found) if isinstance(found, Found) else None
    return found, suggested


def test_a_class_is_told_apart_by_what_its_check_returns(trials):
    found, suggested = verdict(trials, "Twice", "call dropped: x.float()")
    assert (found.variation, found.codes) == ("float64", ())
    assert "`y` has dtype float64; it should be float32" in found.sentence
    assert suggested.file == "tests/visible/test_tiny.py"
    assert suggested.code == (
        "import torch\n\n\n@checks('Twice')\ndef test_twice_float64(code, given):\n"
        '    """The result is right for float64 inputs, too."""\n'
        "    return {'y': code.Twice()(given.normal(3, dtype=torch.float64))}"
    )


def test_of_random_numbers_nothing_is_said(trials):
    assert verdict(trials, "noise", "other operation: torch.randn") == (None, None)


def test_what_few_draws_show_is_written_with_its_values(trials):
    found, suggested = verdict(trials, "capped", "call dropped: x.clamp(max=3.0)")
    assert found.rare
    assert "Your checks would see it with other draws: " in found.sentence
    assert f"(test_capped, seed {found.seed})" in found.sentence
    assert "    x = given.tensor([" in suggested.code
    assert '"capped(x)": code.capped(x)' in suggested.code
    assert suggested.code.startswith('@checks("capped")\n')  # its file has all the imports


def test_a_change_of_an_input_that_no_check_watches_is_seen(trials):
    found, suggested = verdict(trials, "add", "in-place on the operand: x + y")
    assert "the code changes something else (argument 1: values)" in found.sentence
    assert "    x = given.tensor([" in suggested.code
    assert "    y = given.normal(1)\n" in suggested.code


def test_code_that_cannot_be_run_differs(trials):
    topic = load_topic(trials.course, "tiny")
    (mutant, *_) = make_mutants(topic.reference, "add")
    broken = replace(mutant, cells=(Cell(0, "raise ValueError"),))
    found = explore(trials, topic, "add", [broken])[mutant.name]
    assert found.what == "the check cannot be run"
    assert suggest(trials, topic, broken, found) is None
