"""Counts a class, result by result, into the figures of `class_figures`.

Of a result only its figures are kept, so that a class of any size can be counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from statistics import median, quantiles
from typing import Literal

from autograder.gradebook.marks import Mark
from autograder.records.jobs import CellReport, Outcome
from autograder.records.results import CheckResult, TaskResult, TopicResult, told_checks
from autograder.reporting.class_figures import (
    Again,
    CheckFigures,
    ClassFigures,
    Entry,
    Misconception,
    Spread,
    Student,
    TaskFigures,
    TopicFigures,
    Trouble,
)
from autograder.reporting.item_analysis import Item
from autograder.reporting.labels import readable, task_state

__all__ = ["count_class"]

_LONGEST_TROUBLE = 200


def count_class(
    results: Iterable[TopicResult],
    *,
    title: str = "The class",
    order: Sequence[str] = (),
    people: Mapping[str, str] | None = None,
    marks: Mapping[tuple[str, str], Mark] | None = None,
    waiting: Collection[tuple[str, str]] = (),
) -> ClassFigures:
    """Count a class.

    Args:
        results: the class's results, read one at a time.
        title: the course's.
        order: of the topics; any others follow in the order they come in.
        people: the names of all who should be there, by student; others are listed under the name of their folder.
        marks: by student and topic; each is looked up after its result has been taken.
        waiting: students and topics of submissions that may have no result.
    """
    tally = _Tally({} if marks is None else marks)
    for result in results:
        tally.add(result)
    return tally.figures(title, order, people or {}, waiting)


class _TaskTally:
    """The counts of one task and its checks."""

    def __init__(self, points: float) -> None:
        self.item = Item(most=points)
        self.states: Counter[str] = Counter()
        self.checks: dict[str, CheckResult] = {}
        self.items: dict[str, Item] = {}
        self.lost = 0.0
        self.by_mistake: dict[str, _Lost] = {}
        self.names: dict[str, dict[str, None]] = {}
        self.exact: Counter[str] = Counter()
        self.unexplained = _Lost()
        self.failed: Counter[str] = Counter()
        self.untouched = _Lost()
        self.stopped = _Lost()
        self.told: Counter[str] = Counter()

    def add(self, student: str, task: TaskResult, rest: float) -> None:
        self.item.add(task.earned, rest)
        self.states[task_state(task).style] += 1
        lost = max(0.0, task.points - task.earned - task.pending)
        self.lost += lost
        if not task.attempted:
            self.untouched.add(student, lost)
            return
        if task.standing == "stopped":
            self.stopped.add(student, lost)
            self.told[task.note] += 1
            return
        for check in task.checks:
            self.checks.setdefault(check.name, check)
            if check.outcome is not Outcome.NOT_RUN:
                self.items.setdefault(check.name, Item()).add(check.outcome is Outcome.PASSED, rest)
        mistakes = {each.feedback: each for each in task.diagnoses}
        for feedback, diagnosis in mistakes.items():
            self.by_mistake.setdefault(feedback, _Lost()).add(student, lost / len(mistakes))
            self.names.setdefault(feedback, {})[diagnosis.misconception] = None
            self.exact[feedback] += diagnosis.exact
        if lost and not mistakes:
            self.unexplained.add(student, lost)
            failed = (check for check in told_checks(task) if check.outcome not in (Outcome.PASSED, Outcome.NOT_RUN))
            # That the answer is wrong is all that the gate of a prediction says.
            self.failed.update(check.name for check in failed if not (task.prediction and check.gate))

    def figures(self, topic: str, task: str) -> TaskFigures:
        states = self.states
        return TaskFigures(
            topic=topic,
            task=task,
            points=self.item.most,
            complete=states["complete"],
            partial=states["partial"] + states["pending"],
            none=states["none"] + states["idle"],
            untouched=states["untouched"],
            facility=self.item.facility,
            discrimination=self.item.discrimination,
            lost=round(self.lost, 2),
        )

    def check_figures(self, topic: str, task: str) -> Iterator[CheckFigures]:
        for name, check in self.checks.items():
            item = self.items.get(name, Item())
            share = item.facility
            passed = round((share or 0.0) * item.count)
            yield CheckFigures(
                topic=topic,
                task=task,
                check=name,
                sentence=check.sentence,
                visible=check.visible,
                ran=item.count,
                passed=passed,
                share=share,
                discrimination=item.discrimination,
                tells="" if not item.count > 1 else "all pass" if passed == item.count else "" if passed else "none passes",
            )

    def misconceptions(self, topic: str, task: str) -> Iterator[Misconception]:
        for feedback, lost in self.by_mistake.items():
            yield Misconception(
                topic=topic,
                task=task,
                names=tuple(self.names[feedback]),
                feedback=feedback,
                students=_sorted(lost.students),
                exact=self.exact[feedback],
                lost=round(lost.points, 2),
            )

    def again(self, topic: str, task: str) -> Iterator[Again]:
        causes: list[tuple[Literal["misconception", "unexplained", "stopped", "untouched"], str, _Lost]] = [
            *(("misconception", feedback, lost) for feedback, lost in self.by_mistake.items()),
            ("unexplained", self._most_failed(), self.unexplained),
            ("stopped", self.told.most_common(1)[0][0] if self.told else "", self.stopped),
            ("untouched", "", self.untouched),
        ]
        for why, text, lost in causes:
            if lost.points > 0:
                yield Again(
                    topic=topic, task=task, why=why, text=text, students=_sorted(lost.students), of=self.item.count,
                    lost=round(lost.points, 2),
                )  # fmt: skip

    def _most_failed(self) -> str:
        return self.checks[self.failed.most_common(1)[0][0]].sentence if self.failed else ""


class _Lost:
    """Points lost for one reason, and who lost them."""

    def __init__(self) -> None:
        self.students: list[str] = []
        self.points = 0.0

    def add(self, student: str, points: float) -> None:
        self.students.append(student)
        self.points += points


class _Tally:
    """The counts of a class."""

    def __init__(self, marks: Mapping[tuple[str, str], Mark]) -> None:
        self._marks = marks
        self._entries: dict[tuple[str, str], Entry] = {}
        self._points: dict[str, float] = {}
        self._shares: dict[str, list[float]] = {}
        self._seconds: dict[str, list[tuple[float, str]]] = {}
        self._tasks: dict[tuple[str, str], _TaskTally] = {}
        self._troubles: dict[str, dict[tuple[str, str], None]] = {}
        self._depending: Counter[str] = Counter()

    def add(self, result: TopicResult) -> None:
        place = result.student, result.topic
        self._entries[place] = entry = self._entry(result)
        self._points[result.topic] = max(self._points.get(result.topic, 0.0), result.points)
        self._seconds.setdefault(result.topic, []).append((result.usage.wall_seconds, result.student))
        for text in _troubles(result):
            self._troubles.setdefault(text, {})[place] = None
        for cause in result.causes:
            self._depending[_worded(cause.error)] += len(cause.tasks)
        if result.problem or result.not_graded:
            return
        if entry.points:
            self._shares.setdefault(result.topic, []).append(max(0.0, min(1.0, entry.earned / entry.points)))
        total = sum(task.earned for task in result.tasks)
        for task in result.tasks:
            key = result.topic, task.task
            if key not in self._tasks:
                self._tasks[key] = _TaskTally(task.points)
            self._tasks[key].add(result.student, task, total - task.earned)

    def _entry(self, result: TopicResult) -> Entry:
        mark = self._marks.get((result.student, result.topic))
        late = ("late",) if result.lateness is not None and result.lateness.penalty and mark is None else ()
        waits = result.not_graded and (mark is None or mark.undecided)
        flags = (flag for flag in mark.flags if flag != "not graded") if mark else ()
        return Entry(
            topic=result.topic,
            state="waiting" if waits else "unreadable" if result.problem and not result.not_graded else "graded",
            earned=0.0 if waits else mark.earned if mark else result.earned,
            points=mark.points if mark else result.points,
            remarks=tuple(dict.fromkeys((*_remarks(result), *late, *flags))),
        )

    def figures(
        self, title: str, order: Sequence[str], people: Mapping[str, str], waiting: Collection[tuple[str, str]]
    ) -> ClassFigures:
        known = dict.fromkeys((*self._points, *(topic for _, topic in waiting)))
        topics = sorted(known, key=lambda topic: order.index(topic) if topic in order else len(order))
        tasks = sorted(self._tasks.items(), key=lambda item: topics.index(item[0][0]))
        everybody = dict.fromkeys((*people, *(student for student, _ in self._entries), *(who for who, _ in waiting)))
        everybody |= dict.fromkeys(student for student, topic in self._marks if topic in topics)
        mistakes = (each for (topic, task), tally in tasks for each in tally.misconceptions(topic, task))
        again = (each for (topic, task), tally in tasks for each in tally.again(topic, task))
        troubles = (
            Trouble(text=text, where=tuple(sorted(where)), tasks=self._depending[text])
            for text, where in self._troubles.items()
        )
        students = (self._student(student, people, topics, waiting) for student in everybody)
        return ClassFigures(
            title=title,
            topics=tuple(map(self._topic, topics)),
            students=tuple(sorted(students, key=lambda each: (each.name.casefold(), each.student))),
            again=tuple(sorted(again, key=lambda each: (-each.lost, -len(each.students)))),
            troubles=tuple(sorted(troubles, key=lambda each: (-len(each.where), each.text))),
            misconceptions=tuple(sorted(mistakes, key=lambda each: (-len(each.students), -each.lost, each.task))),
            tasks=tuple(tally.figures(topic, task) for (topic, task), tally in tasks),
            checks=tuple(each for (topic, task), tally in tasks for each in tally.check_figures(topic, task)),
        )

    def _student(
        self, student: str, people: Mapping[str, str], topics: Sequence[str], waiting: Collection[tuple[str, str]]
    ) -> Student:
        entries = tuple(
            self._entries.get((student, topic)) or self._without_result(student, topic, waiting) for topic in topics
        )
        return Student(
            student=student,
            name=people.get(student) or student,
            earned=round(sum(entry.earned for entry in entries), 2),
            points=round(sum(entry.points for entry in entries if entry.state != "waiting"), 2),
            entries=entries,
        )

    def _without_result(self, student: str, topic: str, waiting: Collection[tuple[str, str]]) -> Entry:
        mark = self._marks.get((student, topic))
        return Entry(
            topic=topic,
            state="waiting" if (student, topic) in waiting else "missing",
            earned=mark.earned if mark else 0.0,
            points=mark.points if mark else self._points.get(topic, 0.0),
            remarks=tuple(word for word in mark.flags if word not in ("missing", "not graded")) if mark else (),
        )

    def _topic(self, topic: str) -> TopicFigures:
        seconds = sorted(self._seconds.get(topic, [(0.0, "")]))
        unreadable = sum(entry.state == "unreadable" for (_, of), entry in self._entries.items() if of == topic)
        return TopicFigures(
            topic=topic,
            points=self._points.get(topic, 0.0),
            handed_in=len(self._seconds.get(topic, ())),
            unreadable=unreadable,
            spread=_spread(self._shares.get(topic, ())),
            seconds=round(median(each for each, _ in seconds), 2),
            longest_seconds=round(seconds[-1][0], 2),
            longest_student=seconds[-1][1],
        )


def _spread(shares: Sequence[float]) -> Spread | None:
    if not shares:
        return None
    lower, middle, upper = quantiles(shares, n=4, method="inclusive") if len(shares) > 1 else [shares[0]] * 3
    return Spread(least=min(shares), lower=lower, middle=middle, upper=upper, most=max(shares))


def _sorted(students: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(students, key=lambda name: (name.casefold(), name)))


def _remarks(result: TopicResult) -> Iterator[str]:
    """What happened to a submission, in single words."""
    outcomes = {cell.outcome for cell in result.cells} | {check.outcome for task in result.tasks for check in task.checks}
    if result.not_graded:
        return
    if result.problem:
        yield "unreadable"
    elif result.pending:
        yield "pending"
    elif Outcome.ERROR in outcomes:
        yield "crashed"
    elif Outcome.TIMEOUT in outcomes:
        yield "time-out"
    elif any(cell.error is not None for cell in result.cells):
        yield "cell failed"


# ---- troubles -----------------------------------------------------------------------------------------------------------


def _troubles(result: TopicResult) -> Iterator[str]:
    """What kept a submission from running, worded so that the same trouble of another one reads the same."""
    if result.problem:
        yield _cut(result.problem)
        return
    yield from (_worded(cause.error) for cause in result.causes)
    for cell in result.cells:
        if cell.error is not None and not cell.error.not_attempted and not cell.error.undefined:
            if not (result.causes and cell.error.type == "NameError"):  # that follows from a cause
                yield _worded(f"{cell.error.type}: {cell.error.message}")
        elif cell.outcome in _ENDINGS:
            yield _cut(_cell_text(cell))
    for task in result.tasks:
        for check in task.checks:
            if check.error_type == "ModuleNotFoundError" and check.error_message:
                yield _worded(f"{check.error_type}: {check.error_message}")
        for outcome, ending in _ENDINGS.items():
            if any(check.outcome is outcome for check in task.checks):
                yield f"{ending} in checks of `{task.task}`"


_ENDINGS = {Outcome.ERROR: "the process died", Outcome.TIMEOUT: "time ran out"}


def _worded(error: str) -> str:
    """`no module named 'pandas'`; of any other error its type and message, as they are."""
    type_, _, message = error.partition(": ")
    return _cut(message[0].lower() + message[1:] if type_ == "ModuleNotFoundError" and message else error.removesuffix(": "))


def _cell_text(cell: CellReport) -> str:
    return cell.note or f"{_ENDINGS[cell.outcome]} in a cell"


def _cut(text: str) -> str:
    plain = " ".join(readable(text).replace("`", "'").split()).rstrip(".")
    return plain if len(plain) <= _LONGEST_TROUBLE else f"{plain[: _LONGEST_TROUBLE - 1]}…"
