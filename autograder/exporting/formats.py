"""The formats by name: which are for a class, which for a submission, and which are filled into a platform's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autograder.exporting.canvas import canvas
from autograder.exporting.github import github
from autograder.exporting.gradescope import gradescope
from autograder.exporting.marked_class import MarkedClass, Submission
from autograder.exporting.moodle import moodle
from autograder.exporting.plain import nbgrader_csv, per_task_csv, xlsx
from autograder.exporting.prairielearn import prairielearn

__all__ = ["FORMATS", "OF_A_CLASS", "OF_A_SUBMISSION", "PLATFORMS"]

PLATFORMS: Mapping[str, Callable[[MarkedClass, Path | None, Mapping[str, str]], bytes]] = {
    "canvas": canvas,
    "moodle": moodle,
}
"""Filled into what a platform has exported, or made anew."""

OF_A_CLASS: Mapping[str, Callable[[MarkedClass], bytes]] = {"csv": per_task_csv, "xlsx": xlsx, "nbgrader": nbgrader_csv}

OF_A_SUBMISSION: Mapping[str, Callable[[Submission], dict[str, Any]]] = {
    "gradescope": gradescope,
    "github": github,
    "prairielearn": prairielearn,
}

FORMATS = (*PLATFORMS, *OF_A_SUBMISSION, "junit", *OF_A_CLASS)
