"""The page of similar submissions: for each task groups, pairs, and the two sources of a pair side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder._words import counted
from autograder.reporting.similarity import LEAST, SHORT, Pair, TaskSimilarity
from autograder.reporting.templating import write

__all__ = ["write_similar"]

_SHOWN = 40
_FEW = 10
"""Among fewer sources, how unusual a pair is says nothing."""
_LONGEST = 20_000


@dataclass(frozen=True)
class _PairView:
    one: str
    other: str
    similarity: str
    unusual: str
    share: str
    sources: tuple[str, str] | None


@dataclass(frozen=True)
class _TaskView:
    id: str
    heading: str
    summary: str
    groups: tuple[str, ...]
    crowds: tuple[str, ...]
    pairs: tuple[_PairView, ...]


@dataclass(frozen=True)
class _SimilarView:
    title: str
    summary: str
    least: int
    short: int
    few: int
    tasks: tuple[_TaskView, ...]


def write_similar(
    found: Iterable[TaskSimilarity],
    sources: Mapping[tuple[str, str], Mapping[str, str]],
    path: Path,
    *,
    title: str,
    threshold: float,
    people: Mapping[str, str],
) -> Path:
    """Write the page. The first 40 pairs of a task are shown with their sources.

    Args:
        found: what is similar.
        sources: the sources that were compared, by topic and task, and then by student.
        path: the page.
        title: the course's.
        threshold: the least similarity that was asked for.
        people: names by student; others are called by their student's name.
    """
    every = tuple(found)
    number = sum(each.found for each in every)
    tasks = tuple(
        _task(at, each, sources[each.topic, each.task], people)
        for at, each in enumerate(every, start=1)
        if each.pairs or each.crowds
    )
    with_pairs = counted(sum(bool(each.pairs) for each in every), "task")
    summary = f"{counted(number, 'pair')} in {with_pairs} of {len(every)}, from {threshold * 100:g} % upwards."
    return write(path, "similar.html.j2", _SimilarView(title, summary, LEAST, SHORT, _FEW, tasks))


def _task(at: int, found: TaskSimilarity, sources: Mapping[str, str], people: Mapping[str, str]) -> _TaskView:
    compared = counted(found.compared, "source")
    pairs = counted(found.found, "pair")
    shown = f", of which the first {len(found.pairs)} are listed" if found.found > len(found.pairs) else ""
    middle = f"Half of all pairs are {found.median * 100:.0f} % similar or more."
    obvious = f" {counted(found.obvious, 'obvious answer')} left out." if found.obvious else ""
    return _TaskView(
        id=f"task-{at}",
        heading=f"`{found.task}` ({found.topic})",
        summary=f"{pairs} among {compared}{shown}. {middle}{obvious}",
        groups=tuple(_named(group, people) for group in found.groups if len(group) > 2),
        crowds=tuple(f"{len(crowd)} students: {_named(crowd, people)}" for crowd in found.crowds),
        pairs=tuple(
            _pair(pair, sources if number < _SHOWN else None, people, few=found.compared < _FEW)
            for number, pair in enumerate(found.pairs)
        ),
    )


def _named(group: Iterable[str], people: Mapping[str, str]) -> str:
    return ", ".join(people.get(name, name) for name in group)


def _pair(pair: Pair, sources: Mapping[str, str] | None, people: Mapping[str, str], *, few: bool) -> _PairView:
    return _PairView(
        one=people.get(pair.one, pair.one),
        other=people.get(pair.other, pair.other),
        similarity=f"{pair.similarity * 100:.0f} %",
        unusual="" if few else f"{pair.unusual:+.1f}",
        share=f"{min(99, int(pair.share * 100))} %",
        sources=(sources[pair.one][:_LONGEST], sources[pair.other][:_LONGEST]) if sources else None,
    )
