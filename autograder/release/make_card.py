"""Makes a release's course.json from course.yml and the exercises."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import msgspec

from autograder.course.cells import task_source
from autograder.course.course_file import Course, TaskEntry
from autograder.course.data_files import read_data
from autograder.course.topic import Topic
from autograder.records.course_card import CourseCard, TaskCard, TaskKind, TopicCard, digest
from autograder.release.public_keys import content_version

__all__ = ["course_card"]


def course_card(course: Course, topics: Sequence[Topic]) -> bytes:
    """The file's bytes: what students' commands must know about the course, and nothing from its private folders."""
    card = CourseCard(
        title=course.title,
        tolerances=course.tolerances,
        topics={topic.name: _topic_card(course, topic) for topic in topics},
        data=tuple(file.name for file in read_data(course.root).public),
    )
    return msgspec.json.format(msgspec.json.encode(card), indent=1) + b"\n"


def _topic_card(course: Course, topic: Topic) -> TopicCard:
    entry = course.topics[topic.name]
    return TopicCard(
        title=entry.title,
        number=entry.number,
        tasks={name: _task_card(topic, name, task) for name, task in entry.tasks.items()},
        version=content_version(course, topic),
        checks=digest(topic.visible.source.encode()) if topic.visible else "",
        required=entry.required,
        due=entry.due,
        solutions=entry.solutions,
        cell_seconds=entry.limits.cell_seconds,
        check_seconds=entry.limits.check_seconds,
        topic_seconds=entry.limits.topic_seconds,
        notebook=course.notebook(topic.name) if course.numbered else "",
        data=None if entry.data is None else tuple(file.name for file in topic.data.public),
    )


def _task_card(topic: Topic, name: str, task: TaskEntry) -> TaskCard:
    body = ast.parse(task_source(topic.exercise, name)).body or [ast.Pass()]
    kind: TaskKind = "class" if isinstance(body[0], ast.ClassDef) else "variable"
    arguments, returns = None, ""
    if name in topic.marked:
        kind = "range"
    elif isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef):
        kind, arguments = "function", _arguments(body[0].args)
        returns = ast.unparse(body[0].returns) if body[0].returns else ""
    elif isinstance(body[0], ast.ClassDef):
        arguments = _constructor_arguments(body[0])
    return TaskCard(
        points=task.points,
        level=task.level,
        side_effects=task.effects_weight,
        kind=kind,
        arguments=arguments,
        returns=returns,
        only_form=task.only_form,
        stub=topic.stubs.get(name, ""),
    )


def _constructor_arguments(defined: ast.ClassDef) -> str | None:
    """What a class is made with, where the exercise writes it out."""
    for each in defined.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            del each.args.args[:1]  # self
            return _arguments(each.args)
    return None


def _arguments(given: ast.arguments) -> str:
    for each in (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg):
        if each is not None:
            each.annotation = None
    return ast.unparse(given)
