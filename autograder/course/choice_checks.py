"""The checks that a `kind: choice` task has by itself, as source text: they run like those that authors write.

What students have is the check of the form; and that of the answer, too, where the task's `tells` is `verdict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from autograder.choices import demand_of
from autograder.course.declarations import CheckSpec
from autograder.course.task_entry import TaskEntry
from autograder.course.topic_checks import TopicCheck
from autograder.records.observation import MappingFact, Observation, SequenceFact, ValueFact
from autograder.records.results import Tells

__all__ = ["answer_check", "choice_checks", "choice_source", "form_check", "plain_answer"]

_IMPORTS = """

# ---- Written by autograde: what course.yml says of tasks of kind: choice ----
import autograder.choices
"""
_FORM = '''

@autograder.choices.form_check({task!r})
def {name}(code, given):
    """{sentence}"""
    answer = code.{task}
    return {{{task!r}: autograder.choices.form_of({task!r}, answer, options={options!r}, several={several!r})}}
'''
_ANSWER = '''

@autograder.checks({task!r}, gate=True, draws=1)
def {name}(code, given):
    """{sentence}"""
    answer = code.{task}
    options, several, tolerance = {options!r}, {several!r}, {tolerance!r}
    answer = autograder.choices.answer_of({task!r}, answer, options=options, several=several, tolerance=tolerance)
    return {{{task!r}: answer}}
'''


def form_check(task: str) -> str:
    """The name of the check that tells whether the answer has the right form."""
    return f"test_form_of_{task}"


def answer_check(task: str) -> str:
    """The name of the check that tells whether the answer is right."""
    return f"test_answer_of_{task}"


def plain_answer(seen: Observation) -> str | float | list[str] | None:
    """What such a check returned: a text, a number or a list of texts; None if it returned nothing."""
    fact = seen.returned.items[0] if isinstance(seen.returned, MappingFact) and seen.returned.items else None
    if isinstance(fact, SequenceFact):
        return [str(item.value) for item in fact.items if isinstance(item, ValueFact)]
    return fact.value if isinstance(fact, ValueFact) else None


def choice_checks(tasks: Mapping[str, TaskEntry], tells: Tells = "message") -> Iterator[TopicCheck]:
    """The checks of all tasks of this kind, as they would be declared, the visible ones first; `tells` is the course's."""
    told: list[TopicCheck] = []
    for task, entry in _choices(tasks):
        form = CheckSpec(form_check(task), task, _form_sentence(entry), weight=0.0, draws=1)
        answer = CheckSpec(answer_check(task), task, _ANSWER_SENTENCE, gate=True, draws=1)
        yield TopicCheck(form, visible=True)
        told.append(TopicCheck(answer, visible=entry.tells == "verdict", tells=tells))
    yield from sorted(told, key=lambda check: not check.visible)


def choice_source(tasks: Mapping[str, TaskEntry], *, visible: bool) -> str:
    """Their source, to stand after what the author wrote in the file of visible or hidden checks; empty if there is none."""
    parts = []
    for task, entry in _choices(tasks):
        values = {
            "task": task,
            "options": entry.options or (),
            "several": entry.several,
            "tolerance": entry.tolerance or 0.0,
        }
        if visible:
            parts.append(_FORM.format(name=form_check(task), sentence=_quoted(_form_sentence(entry)), **values))
        if visible == (entry.tells == "verdict"):
            parts.append(_ANSWER.format(name=answer_check(task), sentence=_ANSWER_SENTENCE, **values))
    return _IMPORTS + "".join(parts) if parts else ""


_ANSWER_SENTENCE = "The answer is right."


def _choices(tasks: Mapping[str, TaskEntry]) -> Iterator[tuple[str, TaskEntry]]:
    return ((task, entry) for task, entry in tasks.items() if entry.kind == "choice")


def _form_sentence(entry: TaskEntry) -> str:
    sentence = f"The answer is {demand_of(entry.options or (), entry.several)}."
    return sentence if entry.tells == "verdict" else f"{sentence} Grading says whether it is right."


def _quoted(sentence: str) -> str:
    return sentence.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
