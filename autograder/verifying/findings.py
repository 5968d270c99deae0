"""What `autograde verify` found, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from rich.table import Table

from autograder._words import counted
from autograder.verifying.explore import Found, Same
from autograder.verifying.measures import Measures, held_out_sentence
from autograder.verifying.suggest import Suggestion

__all__ = ["Equal", "Survivor", "TopicVerification", "Verification"]


@dataclass(frozen=True)
class Survivor:
    """A mutant of the reference that no check noticed. `entry` accepts it once a reason is filled in.

    `verdict` is what further runs found: no difference anywhere, or the first one; None if nothing can be said. Then
    `suggestion` is a check that would notice the mutant, if one could be written; it may be `told_before`.
    """

    task: str
    description: str
    file: str
    line: int
    diff: str
    entry: str
    verdict: Found | Same | None = None
    suggestion: Suggestion | None = None
    told_before: bool = False

    @property
    def sentence(self) -> str:
        """Where it is and what was changed, with the changed lines, and what is known of it."""
        told = f"{self.file}:{self.line}: {self.task}: no check notices this mutant ({self.description})."
        return "\n".join([told, indent(self.diff, "    "), *self._known()])

    def _known(self) -> Iterator[str]:
        if isinstance(self.verdict, Same):
            yield f"  It seems equivalent: {self.verdict.sentence}."
        if isinstance(self.verdict, Found):
            yield f"  {self.verdict.sentence}"
            if self.suggestion is not None and self.told_before:
                yield f"  {self.suggestion.name}, above, notices it, too."
            elif self.suggestion is not None:
                yield f"  This check notices it; in {self.suggestion.file}:"
                yield indent(self.suggestion.code, "    ")
            else:
                yield from (indent(code, "    ") for code in self.verdict.codes[-1:])


@dataclass(frozen=True)
class Equal:
    """Misconceptions of a task that no check tells apart; a submission with any of them gets the feedback of them all."""

    task: str
    misconceptions: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The misconceptions in one line."""
        return f"{self.task}: {' = '.join(self.misconceptions)}"


@dataclass(frozen=True)
class TopicVerification:
    """A topic's counts, and everything wrong with it (`problems`, including survivors).

    `idle` says by task how many mutants only change gradients where none can be. `newly_accepted` of the `accepted` ones
    were written into the author's file by this run. `warnings` are no faults of the topic.
    """

    topic: str
    tasks: int = 0
    checks: int = 0
    alternatives: int = 0
    misconceptions: int = 0
    mutants: int = 0
    killed: int = 0
    timed_out: int = 0
    accepted: int = 0
    newly_accepted: int = 0
    idle: tuple[tuple[str, int], ...] = ()
    survivors: tuple[Survivor, ...] = ()
    equal: tuple[Equal, ...] = ()
    assertions: tuple[str, ...] = ()
    measures: Measures | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def set_aside(self) -> int:
        """How many mutants are no survivors, since they only change gradients where none can be."""
        return sum(number for _, number in self.idle)

    def counts(self) -> dict[str, object]:
        """The topic's counts and problems, as `autograde verify --json` prints them."""
        names = ("topic", "tasks", "checks", "alternatives", "misconceptions", "mutants", "killed", "timed_out", "accepted")
        more = {"surviving": len(self.survivors), "set_aside": self.set_aside}
        return {name: getattr(self, name) for name in names} | more | {"problems": self.problems, "warnings": self.warnings}


def idle_sentence(task: str, number: int) -> str:
    """That mutants of a task were set aside, and what to do if that is wrong."""
    which = "1 mutant that only changes" if number == 1 else f"{number} mutants that only change"
    return (
        f"{task}: {which} gradients set aside, since no gradient flows there in any check; if one should, draw inputs "
        "with requires_grad=True."
    )


_COLUMNS = (
    *("tasks", "checks", "alternatives", "misconceptions", "mutants", "killed", "accepted", "surviving"),
    *("warnings", "problems"),
)


@dataclass(frozen=True)
class Verification:
    """All topics that were verified. Everything is right if there are no `problems`."""

    topics: tuple[TopicVerification, ...]
    seeds: int = 0
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """Every problem of every topic, one text each."""
        return [f"{topic.topic}: {problem}" for topic in self.topics for problem in topic.problems]

    @property
    def warnings(self) -> list[str]:
        """Every warning of every topic, one text each."""
        return [f"{topic.topic}: warning: {warning}" for topic in self.topics for warning in topic.warnings]

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows: one per topic, then the sum."""
        counts = [
            (
                *(topic.tasks, topic.checks, topic.alternatives, topic.misconceptions, topic.mutants, topic.killed),
                *(topic.accepted, len(topic.survivors), len(topic.warnings), len(topic.problems)),
            )
            for topic in self.topics
        ]
        lines = [(topic.topic, *map(str, numbers)) for topic, numbers in zip(self.topics, counts, strict=True)]
        if len(lines) > 1:
            lines.append(("all", *(str(sum(column)) for column in zip(*counts, strict=True))))
        return lines

    def table(self) -> Table:
        """The counts for a terminal."""
        table = Table(title="Verification", title_justify="left")
        table.add_column("topic")
        for column in _COLUMNS:
            table.add_column(column, justify="right")
        rows = self.rows()
        for row in rows:
            if row[0] == "all" and len(rows) > 1:
                table.add_section()
            table.add_row(*row, style="red" if row[-1] != "0" else "yellow" if row[-2] != "0" else None)
        return table

    def plain(self) -> str:
        """Counts, equal misconceptions, problems and a summary line, without colour; for logs."""
        rows = [("topic", *_COLUMNS), *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            )
            for row in rows
        ]
        return "\n".join([*lines, "", *self.notes(), self.summary()])

    def notes(self) -> list[str]:
        """What the table has no room for: equal misconceptions, problems, and how to accept a survivor."""
        notes = [f"{topic.topic}: equal misconceptions: {equal.sentence}" for topic in self.topics for equal in topic.equal]
        for topic in self.topics:
            if topic.measures is not None:
                notes += [f"{topic.topic}: {sentence}" for sentence in topic.measures.sentences()]
            for task, number in topic.idle:
                notes.append(f"{topic.topic}: {idle_sentence(task, number)}")
            if topic.newly_accepted:
                notes.append(
                    f"{topic.topic}: {counted(topic.newly_accepted, 'equivalent mutant')} accepted in "
                    f"solutions/equivalent_mutants/{topic.topic}.yml; write the reasons there."
                )
            if topic.assertions:
                names = ", ".join(topic.assertions)
                notes.append(f"{topic.topic}: judged beside student code, where a verdict can be forged: {names}.")
        measured = [topic.measures for topic in self.topics if topic.measures is not None]
        if len(measured) > 1:
            boxes, true = sum(each.boxes for each in measured), sum(each.true_boxes for each in measured)
            notes.append(f"all: {held_out_sentence(boxes, true)}")
        return [*notes, *self.warnings, *self.problems, *self._advice()]

    def _advice(self) -> list[str]:
        """What to do about survivors."""
        survivors = [(topic.topic, survivor) for topic in self.topics for survivor in topic.survivors]
        if not survivors:
            return []
        same = sum(isinstance(survivor.verdict, Same) for _, survivor in survivors)
        name, survivor = survivors[0]
        offered = f"{counted(same, 'survivor')} seem{'s' * (same == 1)} equivalent; --accept writes the entries for you."
        return [
            *([offered] if same else []),
            "A survivor is either a gap in the checks or not a mistake at all. If it is not a mistake, write down why,",
            f"for example in solutions/equivalent_mutants/{name}.yml, under {survivor.task}:",
            survivor.entry,
        ]

    def summary(self) -> str:
        """One line: how much was tried, and the result."""
        problems = len(self.problems)
        verdict = "everything holds" if not problems else counted(problems, "problem")
        verdict += f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
        mutants = sum(topic.mutants for topic in self.topics)
        slow = sum(topic.timed_out for topic in self.topics)
        ended = f" ({slow} of them stopped by a time limit)" if slow else ""
        topics = counted(len(self.topics), "topic")
        return f"{topics}, {mutants} mutants{ended}, {self.seeds} seeds, {self.seconds:.0f} s: {verdict}."
