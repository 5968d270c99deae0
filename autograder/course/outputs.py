"""The checks that a `kind: output` task has by itself, as source text, built on `printed` and on marked ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autograder.course.declarations import CheckSpec
from autograder.course.task_entry import TaskEntry
from autograder.course.topic_checks import TopicCheck
from autograder.records.results import Tells

__all__ = ["output_checks", "output_source", "printing_check", "running_check"]

_IMPORTS = """

# ---- Written by autograde: what course.yml says of tasks of kind: output ----
import autograder
import autograder.choices
"""
_RUNS = '''

@autograder.choices.form_check({task!r})
def {name}(code, given):
    """{sentence}"""
    said = autograder.printed(code.{task}).thing
    return {{"what it prints": autograder.says("something" if said.strip() else "nothing", "It prints nothing.")}}
'''
_PRINTS = '''

@autograder.checks({task!r}, gate=True{draws})
def {name}(code, given):
    """{sentence}"""
    values = {{name: given.choice(options) for name, options in {inputs!r}.items()}}
    what = ", ".join(f"{{name}} = {{value!r}}" for name, value in values.items())
    said = autograder.printed(lambda: code.{task}(**values), tolerance={tolerance!r}, unordered={unordered!r})
    return {{f"output for {{what}}" if what else "output": said}}
'''


def running_check(task: str) -> str:
    """The name of the check that tells whether the range runs and prints something."""
    return f"test_running_of_{task}"


def printing_check(task: str) -> str:
    """The name of the check that tells whether it prints what it should."""
    return f"test_output_of_{task}"


def output_checks(tasks: Mapping[str, TaskEntry], tells: Tells = "message") -> Iterator[TopicCheck]:
    """The checks of all tasks of this kind, as they would be declared; `tells` is the course's, of hidden checks."""
    for task, entry in _outputs(tasks):
        yield TopicCheck(CheckSpec(running_check(task), task, _running_sentence(entry), weight=0.0, draws=1), visible=True)
        draws = None if entry.inputs else 1
        spec = CheckSpec(printing_check(task), task, _printing_sentence(entry), gate=True, draws=draws)
        yield TopicCheck(spec, visible=entry.tells == "verdict", tells=tells)


def output_source(tasks: Mapping[str, TaskEntry], *, visible: bool) -> str:
    """Their source, to stand after what the author wrote in the file of visible or hidden checks; empty if there is none."""
    parts = []
    for task, entry in _outputs(tasks):
        if visible:
            parts.append(_RUNS.format(task=task, name=running_check(task), sentence=_running_sentence(entry)))
        if visible == (entry.tells == "verdict"):
            parts.append(
                _PRINTS.format(
                    task=task,
                    name=printing_check(task),
                    sentence=_printing_sentence(entry),
                    draws="" if entry.inputs else ", draws=1",
                    inputs={name: list(values) for name, values in (entry.inputs or {}).items()},
                    tolerance=entry.tolerance or 0.0,
                    unordered=entry.unordered,
                )
            )
    return _IMPORTS + "".join(parts) if parts else ""


def _running_sentence(entry: TaskEntry) -> str:
    sentence = "It runs and prints something."
    return sentence if entry.tells == "verdict" else f"{sentence} Grading says whether that is right."


def _printing_sentence(entry: TaskEntry) -> str:
    names = [f"`{name}`" for name in entry.inputs or ()]
    if not names:
        return "It prints what it should."
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return f"It prints what it should, for other values of {listed}, too."


def _outputs(tasks: Mapping[str, TaskEntry]) -> Iterator[tuple[str, TaskEntry]]:
    return ((task, entry) for task, entry in tasks.items() if entry.kind == "output")
