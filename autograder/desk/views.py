"""What the desk's templates show: forms and what was decided before, the round of a manual task, a regrade."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from autograder._words import counted
from autograder.course.saved_outputs import CellShown
from autograder.desk.books import Books, Entry, about, comments_used, seen_of
from autograder.desk.decisions import Attempt, DecisionForm, sentence_of
from autograder.desk.manual import Answer, Place, Round
from autograder.desk.regrading import Proposal
from autograder.gradebook.adjustments import Adjustment, Adjustments, load_adjustments
from autograder.gradebook.changes import Change
from autograder.gradebook.marks import Mark
from autograder.records.results import INSTRUCTOR_PAGES
from autograder.reporting.labels import counted_points, points_text

__all__ = [
    "Bar", "EntryView", "FormView", "ManualRow", "ManualView", "RegradeView", "forms_of", "manual_href", "manual_row",
    "manual_view", "regrade_view", "submission_href",
]  # fmt: skip

_LONGEST_OPTION = 90


@dataclass(frozen=True)
class Bar:
    """The bar over each page: the word that forms bring, which page is open, what waits, and what was just done."""

    csrf: str
    here: str = ""
    regrade: bool = False
    told: str = ""


@dataclass(frozen=True)
class DecidedView:
    """An earlier decision: what it says, its comment, who made it and when."""

    what: str
    comment: str
    who: str


@dataclass(frozen=True)
class FormView:
    """A form to decide about a task, or about the whole topic if `task` is empty."""

    id: str
    title: str
    task: str
    now: str
    most: str
    seen: str
    manual: bool
    typed: DecisionForm
    problem: str
    stale: bool
    decided: tuple[DecidedView, ...]
    bank: tuple[tuple[str, str], ...]

    @property
    def open(self) -> bool:
        """Whether it is shown at once."""
        return bool(self.problem)


@dataclass(frozen=True)
class EntryView:
    """The forms of a student's topic, for the whole of it and by task; `missing` tasks have no place on the page."""

    student: str
    topic: str
    name: str
    graded: bool
    whole: FormView
    tasks: dict[str, FormView]
    missing: tuple[FormView, ...]
    problem: str


def submission_href(student: str, topic: str) -> str:
    """The address of a submission's page at the desk."""
    return f"/{INSTRUCTOR_PAGES}/{quote(student, safe='', errors='surrogateescape')}/{quote(topic, safe='')}.html"


def forms_of(books: Books, entry: Entry, attempt: Attempt | None) -> EntryView:
    """The forms about a student's topic; one that was not saved keeps what was typed."""
    result = entry.result
    shown = {task.task for task in result.tasks if not (result.problem or task.standing == "missing")} if result else set()
    decided = load_adjustments(books.course)
    forms = {task.task: _form_of(decided, entry, task.task, attempt) for task in entry.mark.tasks}
    return EntryView(
        student=entry.student,
        topic=entry.topic,
        name=entry.name,
        graded=result is not None,
        whole=_form_of(decided, entry, "", attempt),
        tasks={name: form for name, form in forms.items() if name in shown},
        missing=tuple(form for name, form in forms.items() if name not in shown),
        problem=attempt.problem if attempt else "",
    )


def _form_of(decided: Adjustments, entry: Entry, task: str, attempt: Attempt | None) -> FormView:
    """The form about a task, or about the whole topic; `decided` is everything in adjustments.yml."""
    mine = attempt if attempt and attempt.form.task == task else None
    mark = entry.task(task) if task else None
    number = next((number for number, each in enumerate(entry.mark.tasks, 1) if each.task == task), 0)
    return FormView(
        id=f"decide-{number}",
        title=f"`{task}`" if task else "the whole topic",
        task=task,
        now=_now(entry.mark, task),
        most=points_text(mark.points if mark else sum(each.points for each in entry.mark.tasks)),
        seen=seen_of(entry.decisions, entry.topic, task, entry.result),
        manual=bool(mark and mark.manual),
        typed=mine.form if mine else DecisionForm(),
        problem=mine.problem if mine else "",
        stale=mine.stale if mine else False,
        decided=tuple(_decided(each) for each in about(entry.decisions, entry.topic, task)[::-1]),
        bank=tuple((text, _shortened(text)) for text in comments_used(decided, entry.topic, task)),
    )


def _now(mark: Mark, task: str) -> str:
    """What a task or a topic counts now."""
    if not task:
        if mark.undecided:
            return "not graded yet"
        flags = f" ({', '.join(mark.flags)})" if mark.flags else ""
        return f"{points_text(mark.earned)} of {points_text(mark.points)} points{flags}"
    own = next(each for each in mark.tasks if each.task == task)
    if own.excused:
        return "excused"
    if own.pending and not own.earned:
        return f"{counted_points(own.pending)} pending"
    by = ", decided by hand" if own.adjusted else ""
    return f"{points_text(own.earned)} of {points_text(own.points)} points{by}"


def _decided(entry: Adjustment) -> DecidedView:
    when = entry.at.replace("T", " ")[:16]
    return DecidedView(sentence_of(entry), entry.comment, ", ".join(text for text in (entry.by, when) if text))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_OPTION else f"{line[: _LONGEST_OPTION - 1]}…"


# ---- manual tasks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ManualRow:
    """A manual task in the list of all."""

    topic: str
    task: str
    points: str
    answers: int
    waiting: int
    href: str
    hidden_href: str


@dataclass(frozen=True)
class ManualView:
    """An answer to a manual task, with its neighbours and the form for its points."""

    topic: str
    title: str
    task: str
    points: str
    who: str
    submission: str
    count: str
    key: str
    named: bool
    previous: str
    next: str
    next_waiting: str
    other_names: str
    answer: tuple[tuple[CellShown, str], ...]
    note: str
    form: FormView


def manual_row(tour: Round) -> ManualRow:
    """A manual task in the list of all."""
    return ManualRow(
        topic=tour.topic,
        task=tour.task,
        points=points_text(tour.points),
        answers=len(tour.places),
        waiting=tour.waiting,
        href=manual_href(tour.topic, tour.task, named=True),
        hidden_href=manual_href(tour.topic, tour.task, named=False),
    )


def manual_href(topic: str, task: str, key: str = "", *, named: bool) -> str:
    """The address of an answer, or of the first one that waits."""
    path = "/".join(quote(part, safe="") for part in ("desk", "manual", topic, task, key) if part)
    return f"/{path}{'' if named else '?' + urlencode({'names': 'hidden'})}"


def manual_view(
    books: Books, entry: Entry, tour: Round, number: int, answer: Answer, attempt: Attempt | None, *, named: bool
) -> ManualView:
    """What an answer's page shows."""
    place = tour.places[number]

    def href(other: Place | None) -> str:
        return manual_href(tour.topic, tour.task, other.key, named=named) if other else ""

    before = tour.places[number - 1] if number else None
    after = tour.places[number + 1] if number + 1 < len(tour.places) else None
    count = f"Answer {number + 1} of {len(tour.places)}; {counted(tour.waiting, 'answer')} "
    return ManualView(
        topic=tour.topic,
        title=tour.title,
        task=tour.task,
        points=points_text(tour.points),
        who=place.name if named else "Name hidden",
        submission=submission_href(place.student, tour.topic) if named else "",
        count=f"{count}{'waits' if tour.waiting == 1 else 'wait'} for points.",
        key=place.key,
        named=named,
        previous=href(before),
        next=href(after),
        next_waiting=href(tour.next_waiting(number)),
        other_names=manual_href(tour.topic, tour.task, place.key, named=not named),
        answer=tuple((cell, answer.printed.get(cell.number, "") if cell.number else "") for cell in answer.cells),
        note=answer.note,
        form=_form_of(load_adjustments(books.course), entry, tour.task, attempt),
    )


# ---- regrades -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangeRow:
    """A mark that would change."""

    name: str
    topic: str
    href: str
    before: str
    after: str
    difference: str
    up: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RegradeView:
    """What waits to be accepted or refused."""

    rows: tuple[ChangeRow, ...]
    count: int
    outdated: tuple[str, ...]
    missing: int
    seen: str
    problem: str


def regrade_view(proposal: Proposal | None, names: dict[str, str], problem: str) -> RegradeView:
    """What the page of a regrade shows."""
    if proposal is None:
        return RegradeView((), 0, (), 0, "", problem)
    return RegradeView(
        rows=tuple(_change_row(change, names) for change in proposal.changes),
        count=len(proposal.keys),
        outdated=tuple(f"{names.get(student, student)}, {topic}" for student, topic in proposal.outdated),
        missing=proposal.missing,
        seen=proposal.seen,
        problem=problem,
    )


def _change_row(change: Change, names: dict[str, str]) -> ChangeRow:
    return ChangeRow(
        name=names.get(change.student, change.student),
        topic=change.topic,
        href=submission_href(change.student, change.topic),
        before=_mark_text(change.before),
        after=_mark_text(change.after),
        difference=f"{change.difference:+g}".replace("-", "−"),
        up=change.difference >= 0,
        reasons=change.reasons,
    )


def _mark_text(mark: Mark | None) -> str:
    if mark is None:
        return "–"
    return "not graded yet" if mark.undecided else f"{points_text(mark.earned)} of {points_text(mark.points)}"
