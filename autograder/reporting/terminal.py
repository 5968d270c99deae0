"""What `autograde grade` and `autograde show` print. Colour only repeats what the words say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autograder._words import counted
from autograder.course.course_file import Course
from autograder.gradebook.marks import with_mark
from autograder.records.jobs import CellReport, Outcome
from autograder.records.results import CheckResult, TaskResult, TopicResult, told_checks
from autograder.reporting.labels import cause_sentence, counted_points, points_text, readable, wrong_values
from autograder.reporting.told import unavailable_sentence
from autograder.sandbox import level

if TYPE_CHECKING:
    from autograder.gradebook.changes import Change
    from autograder.gradebook.marks import Mark
    from autograder.records.results import Graded

__all__ = ["ClassSummary", "confinement", "print_changes", "print_result"]

_MOST_FREQUENT = 8
_MOST_TROUBLES = 40
_LONGEST_LINE = 500
_STUDENTS_NAMED = 3
_MOST_NOTES = 10
_STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "red",
    Outcome.ERROR: "red",
    Outcome.TIMEOUT: "red",
    Outcome.NOT_RUN: "yellow",
}


@dataclass
class ClassSummary:
    """Collects what was graded, and prints the class's table, misconceptions and problems."""

    course: Course
    students: Sequence[str]
    graded: dict[tuple[str, str], Graded] = field(default_factory=dict)
    by_hand: set[tuple[str, str]] = field(default_factory=set)

    def add(self, graded: Graded) -> None:
        """Add one more submission."""
        self.graded[graded.student, graded.topic] = graded

    def apply(self, marks: Mapping[tuple[str, str], Mark], *, but: Collection[tuple[str, str]] = ()) -> None:
        """Show these marks instead of those at the time of grading, except for the submissions in `but`."""
        for key in self.graded.keys() & marks.keys() - set(but):
            mark = marks[key]
            if mark.adjusted:
                self.by_hand.add(key)
            penalty = mark.lateness.penalty if mark.lateness else 0.0
            self.graded[key] = replace(
                self.graded[key],
                points=mark.points,
                earned=mark.earned,
                pending=mark.pending,
                penalty=penalty,
                not_graded=mark.undecided,
            )

    def print(self, console: Console, *, named: Iterable[str] = ()) -> None:
        """Print everything. Topics in `named` get a column even if nobody handed them in."""
        topics = [topic for topic in self.course.topics if topic in named or any(t == topic for _, t in self.graded)]
        table = self._table(topics)
        if (
            console.is_terminal
            and Measurement.get(console, console.options.update(max_width=1000), table).maximum > console.width
        ):
            self._print_lines(console, topics)
        else:
            console.print(table, width=None if console.is_terminal else 1000, soft_wrap=not console.is_terminal)
        self._print_causes(console)
        self._print_misconceptions(console)
        self._print_troubles(console)

    def _points(self, topic: str) -> float:
        return sum(task.points for task in self.course.topics[topic].tasks.values())

    def _table(self, topics: Sequence[str]) -> Table:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("student")
        for topic in topics:
            table.add_column(f"{topic}\n/{points_text(self._points(topic))}", justify="right", no_wrap=True)
        if len(topics) > 1:
            table.add_column(f"total\n/{points_text(sum(map(self._points, topics)))}", justify="right", no_wrap=True)
        for student in self.students:
            cells = [self._cell(student, topic) for topic in topics]
            total = [Text(points_text(self._total(student, topics)), "bold")] if len(topics) > 1 else []
            table.add_row(Text(student), *cells, *total)
        return table

    def _total(self, student: str, topics: Sequence[str]) -> float:
        found = [self.graded[student, topic] for topic in topics if (student, topic) in self.graded]
        return sum(graded.earned for graded in found if not graded.not_graded)

    def _cell(self, student: str, topic: str) -> Text:
        graded = self.graded.get((student, topic))
        if graded is None:
            return Text("–", "dim")
        if graded.not_graded:
            return Text("not graded", "bold yellow")
        marks = "!" * bool(graded.troubles or graded.causes) + "*" * bool(graded.penalty) + "?" * bool(graded.pending)
        marks += "~" * ((student, topic) in self.by_hand)
        style = "green" if graded.earned == graded.points else "red" if graded.troubles or graded.causes else ""
        return Text(f"{marks}{' ' if marks else ''}{points_text(graded.earned)}", style)

    def _print_lines(self, console: Console, topics: Sequence[str]) -> None:
        for student in self.students:
            line = Text(student, "bold")
            for topic in topics:
                line.append_text(Text.assemble("  ", topic, " ", self._cell(student, topic), style="not bold"))
            line.append(f"  total {points_text(self._total(student, topics))}")
            console.print(line)
        console.print()

    def _print_causes(self, console: Console) -> None:
        """Each first cause once for the class: what failed, and whom it cost how many tasks."""
        found: dict[str, list[tuple[str, int]]] = {}
        for graded in self.graded.values():
            for cause in graded.causes:
                found.setdefault(cause.error, []).append((graded.student, len(cause.tasks)))
        if not found:
            return
        console.print("What stopped tasks before their checks (the first cell that failed)", style="bold")
        ordered = sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
        for error, cases in ordered[:_MOST_FREQUENT]:
            students = list(dict.fromkeys(student for student, _ in cases))
            named = ", ".join(students[:_STUDENTS_NAMED])
            more = f" and {len(students) - _STUDENTS_NAMED} more" if len(students) > _STUDENTS_NAMED else ""
            tasks = counted(sum(count for _, count in cases), "task")
            console.print(
                Text.assemble(f"{len(cases):3} × ", (readable(error), "bold"), f" ({named}{more}: {tasks})"), soft_wrap=True
            )
        if len(ordered) > _MOST_FREQUENT:
            console.print(f"      and {len(ordered) - _MOST_FREQUENT} more; see the pages", style="dim")
        console.print()

    def _print_misconceptions(self, console: Console) -> None:
        frequent = Counter((graded.topic, *diagnosis) for graded in self.graded.values() for diagnosis in graded.diagnoses)
        if not frequent:
            return
        console.print("Most frequent misconceptions", style="bold")
        for (topic, task, name, feedback), count in sorted(frequent.items(), key=lambda each: (-each[1], each[0]))[
            :_MOST_FREQUENT
        ]:
            console.print(Text.assemble(f"{count:3} × ", (f"{topic}: {task}", "bold"), f" ({name})"), soft_wrap=True)
            _print_indented(Text(feedback, "dim"), 6, console)
        if len(frequent) > _MOST_FREQUENT:
            console.print(f"      and {len(frequent) - _MOST_FREQUENT} more", style="dim")
        console.print()

    def _print_troubles(self, console: Console) -> None:
        self._print_incomplete(console)
        lines = [
            (f"{graded.student}, {graded.topic}: ", trouble)
            for graded in self.graded.values()
            if not graded.incomplete
            for trouble in graded.troubles
        ]
        if lines:
            console.print("Problems (! in the table)", style="bold")
            for who, trouble in lines[:_MOST_TROUBLES]:
                console.print(Text.assemble("  ", (who, "bold"), readable(trouble)), soft_wrap=True)
            if len(lines) > _MOST_TROUBLES:
                console.print(f"  and {len(lines) - _MOST_TROUBLES} more; see the pages", style="dim")
            console.print()
        self._print_notes(console)
        notes = [
            *(["* handed in late: points were deducted"] if any(each.penalty for each in self.graded.values()) else []),
            *(["~ decided by hand: see adjustments.yml"] if self.by_hand else []),
            *(
                ["? points pending: some checks wait for a device, or a task for a person"]
                if any(each.pending and not each.incomplete for each in self.graded.values())
                else []
            ),
        ]
        if notes:
            console.print("\n".join(notes))
            console.print()

    @property
    def incomplete(self) -> list[Graded]:
        """What is to be graded again, because the machine failed."""
        return [graded for graded in self.graded.values() if graded.incomplete]

    def _print_incomplete(self, console: Console) -> None:
        if self.incomplete:
            console.print(f"NOT GRADED, because the machine failed ({len(self.incomplete)}):", style="bold yellow")
            for graded in self.incomplete:
                why = graded.troubles[-1] if graded.troubles else ""
                console.print(Text(readable(f"  {graded.student}, {graded.topic}: {why}"), "yellow"), soft_wrap=True)
            console.print()

    def _print_notes(self, console: Console) -> None:
        lines = [(f"{graded.student}, {graded.topic}: ", note) for graded in self.graded.values() for note in graded.notes]
        if lines:
            console.print("Worth a look (never a mark): what the code reaches for", style="bold")
            for who, note in lines[:_MOST_NOTES]:
                console.print(Text.assemble("  ", (who, "bold"), readable(note)), soft_wrap=True)
            if len(lines) > _MOST_NOTES:
                console.print(f"  and {len(lines) - _MOST_NOTES} more; see the class's page", style="dim")
            console.print()


def confinement(layers: dict[str, str], *, unsafe: bool) -> Text:
    """One line about the confinement of student code; loud if something is missing."""
    missing = [f"{name} {state}" for name, state in layers.items() if state != "on"]
    if unsafe:
        return Text(
            "Confinement: NOT REQUIRED (--unsafe). " + (f"Missing: {'; '.join(missing)}." if missing else ""), "bold red"
        )
    if missing:
        return Text(f"Confinement: {level(layers)}. Missing: {'; '.join(missing)}.", "bold yellow")
    return Text(f"Confinement: {level(layers)}, all {len(layers)} layers on ({', '.join(layers)}).")


def print_changes(changes: Iterable[Change], console: Console) -> None:
    """Print whose mark changes, by how much and why, the largest changes first."""
    for change in sorted(changes, key=lambda change: -abs(change.difference)):
        before, after = (_earned(mark) for mark in (change.before, change.after))
        sign = "+" if change.difference > 0 else ""
        style = "green" if change.difference > 0 else "red" if change.difference < 0 else ""
        head = f"  {change.student}, {change.topic}: {before} -> {after}"
        mark = change.after or change.before
        total = mark.points if mark else 0.0
        console.print(
            Text.assemble(f"{head} of {points_text(total)}  ", (f"({sign}{points_text(change.difference)})", style)),
            soft_wrap=True,
        )
        for reason in change.reasons:
            _print_indented(Text(readable(reason)), 6, console)


def _earned(mark: Mark | None) -> str:
    return "–" if mark is None else "not graded" if mark.undecided else points_text(mark.earned)


def print_result(result: TopicResult, console: Console, *, mark: Mark | None = None, page: Path | None = None) -> None:
    """Print one result in full, for an instructor; with its mark, if given."""
    result = with_mark(result, mark) if mark else result
    points = f"{points_text(result.earned)} of {points_text(result.points)} points"
    points = "not graded" if (mark.undecided if mark else result.not_graded) else points
    head = f"{result.student}: {result.title or result.topic}, {points}"
    origin = f"{result.submission.path}, graded {result.graded_at}, seed {result.seed}, {result.device}"
    if result.version > 1:
        origin += f", version {result.version}"
    if result.completed is not None:
        origin += f", completed on {result.completed.device} {result.completed.graded_at}"
    console.print(Text(readable(head), "bold"), soft_wrap=True)
    console.print(Text(readable(origin), "dim"), soft_wrap=True)
    if result.lateness:
        late = result.lateness
        deducted = f"{points_text(late.penalty * 100)} % of the points deducted" if late.penalty else "nothing deducted"
        console.print(f"Handed in {points_text(late.days)} days late: {deducted}.", style="yellow")
    for comment in mark.all_comments if mark else ():
        console.print(Text(f"Comment: {readable(comment)}"), soft_wrap=True)
    if mark and mark.outdated:
        waits = "Another file has been handed in since; it is not graded yet. Run `autograde grade`."
        console.print(waits, style="bold yellow", soft_wrap=True)
    flags = [flag for flag in mark.flags if flag in ("adjusted", "excused", "extended")] if mark else []
    if flags:
        console.print(f"By hand: {', '.join(flags)}; the checks alone give {points_text(mark.automatic if mark else 0)}.")
    if result.problem:
        console.print(Text(f"Problem: {readable(result.problem)}", "bold red"))
    if result.tries > 1 and not result.not_graded:
        console.print(f"It was run {result.tries} times, the last time alone, and ended in the same way.", style="yellow")
    if result.layers or result.unsafe:
        line = confinement(result.layers, unsafe=result.unsafe)
        if line.style:
            console.print(line)
    for cell in result.cells:
        if cell.outcome is not Outcome.PASSED:
            console.print(_cell_line(cell))
    for note in result.notes:
        console.print(Text(f"Worth a look (never a mark): {readable(note)}", "dim"), soft_wrap=True)
    for cause in result.causes:
        console.print(Text(cause_sentence(cause), "bold red"), soft_wrap=True)
    missing = [task.task for task in result.tasks if task.standing == "missing"]
    if missing:
        console.print(Text(f"Not in the file: {', '.join(missing)}"), soft_wrap=True)
    for task in result.tasks:
        if task.standing != "missing":
            console.print()
            _print_task(task, console)
    if page and page.exists():
        console.print(f"\nAs a page: {page}", soft_wrap=True)


def _cell_line(cell: CellReport) -> Text:
    place = f"Cell {cell.number}" if cell.number else "The file"
    error = f"{cell.error.type}: {cell.error.message}" if cell.error else ""
    at = f" (line {cell.error.at.line}: {cell.error.at.text.strip()})" if cell.error and cell.error.at else ""
    words = {Outcome.FAILED: "raised", Outcome.ERROR: "died", Outcome.TIMEOUT: "ran out of time"}
    line = f"{place} {words.get(cell.outcome, 'was not run')} {error}{at} {cell.note}"
    return Text(readable(_one_line(line)), _STYLES[cell.outcome])


def _one_line(text: str) -> str:
    """Words of student code, so that they cannot pass for lines of ours."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]} …"


def _print_task(task: TaskResult, console: Console) -> None:
    state = "" if task.attempted else ", not attempted"
    if task.gated and task.attempted and not task.prediction:
        state += f", no points because its {'values are wrong' if wrong_values(task) else 'main check did not pass'}"
    state += f", {counted_points(task.pending)} pending" if task.pending else ""
    console.print(Text(f"{task.task}  {points_text(task.earned)} of {points_text(task.points)}{state}", "bold"))
    for diagnosis in task.diagnoses:
        where = "" if diagnosis.exact or task.prediction else f", in {counted(len(diagnosis.checks), 'check')}"
        text = f"matches the misconception {diagnosis.misconception}{where}: {diagnosis.feedback}"
        _print_indented(Text(text, "magenta"), 2, console)
    if task.note:
        _print_indented(Text(readable(task.note)), 2, console)
    if not task.attempted or task.standing:
        return
    for name in task.unavailable:
        _print_indented(Text(unavailable_sentence(name)), 2, console)
    for check in told_checks(task):
        _print_check(check, console)


def _print_check(check: CheckResult, console: Console) -> None:
    word = check.outcome.value.replace("_", " ")
    head = Text.assemble((f"{word:8}", _STYLES[check.outcome]), readable(check.sentence), (f"  [{check.name}]", "dim"))
    _print_indented(head, 2, console)
    details = [difference.sentence for difference in check.differences]
    if check.error_type and not details:
        details.append(_one_line(f"{check.error_type}: {check.error_message}"))
    if check.at:
        place = f"{f'in cell {check.at.cell}, ' if check.at.cell else 'on '}line {check.at.line}"
        details.append(": ".join(filter(None, (place, check.at.text.strip()))))
    if check.arguments:
        details.append(f"called with {check.arguments}")
    if check.reason:
        details.append(check.reason)
    if 0 < check.draws_passed < check.draws:
        details.append(f"It passed on {check.draws_passed} of {check.draws} inputs.")
    for detail in details:
        _print_indented(Text(readable(detail)), 10, console)


def _print_indented(text: Text, indent: int, console: Console) -> None:
    """Print text wrapped to the terminal's width; elsewhere each paragraph stays on one line, so that it can be searched."""
    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, indent)))
    else:
        console.print(Text(" " * indent) + text, soft_wrap=True)
