"""Finds the release that a student works in, and reads a topic of it: checks, public key and hints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from autograder._files import decode_versioned, read_whole
from autograder._words import suggestion
from autograder.course.declarations import read_checks
from autograder.course.scripts import scripts_in
from autograder.course.source_rules import seen_of
from autograder.course.stubs import untouched
from autograder.course.topic_checks import TopicCheck, derive_seed, lacks_device
from autograder.errors import KeyMismatch, RequestError
from autograder.keys.key import AnswerKey, current_versions, read_key
from autograder.records.course_card import COURSE_FILE, FORMAT_VERSION, CourseCard, TopicCard, digest
from autograder.records.jobs import Cell, CheckModule, CheckRequest, ScriptPart
from autograder.records.observation import Observation
from autograder.scoring.rules import Rules, predictions_among

__all__ = ["PLACE", "Release", "ReleasedTopic", "find_release"]

PLACE = "AUTOGRADE_RELEASE"
"""The environment variable that can name the release's folder."""


@dataclass(frozen=True)
class ReleasedTopic:
    """A topic in a release: what course.json says about it, its file of visible checks, and its public key."""

    name: str
    card: TopicCard
    checks_file: CheckModule
    rules: Rules
    key: AnswerKey
    folder: Path

    def requests(self, tasks: Iterable[str]) -> Iterator[CheckRequest]:
        """All draws of the checks of these tasks, as the public key has them."""
        chosen = set(tasks)
        for check in self.rules.checks:
            if check.task not in chosen or check.spec.rule or lacks_device(check.spec, self.key.device):
                continue
            for draw in range(len(self.key.reference.get(check.name, ()))):
                yield CheckRequest(
                    check=check.name,
                    task=check.task,
                    draw=draw,
                    seed=derive_seed(self.key.seed, self.name, check.name, draw),
                    seconds=check.spec.seconds or self.card.check_seconds,
                )

    @property
    def data(self) -> Path:
        """The folder of the course's data, if there is one."""
        return self.folder / "data"

    def rule_observations(self, tasks: Iterable[str], cells: tuple[Cell, ...]) -> dict[tuple[str, int], Observation]:
        """What the rules on the source of these tasks see in cells; nothing if there are none to look at."""
        chosen = set(tasks if cells else ())
        rules = [check.spec.rule for check in self.rules.checks if check.spec.rule is not None]
        return {(rule.check, 0): seen_of(rule, cells) for rule in rules if rule.task in chosen}

    def checks_of_stubs(self, cells: tuple[Cell, ...]) -> list[str]:
        """The checks of the tasks that are still the exercise's stub in cells."""
        tasks = untouched(cells, {task: card.stub for task, card in self.card.tasks.items()})
        return [check.name for check in self.rules.checks if check.task in tasks]

    def scripts(self, cells: tuple[Cell, ...]) -> dict[str, tuple[ScriptPart, ...]]:
        """The tasks that are ranges of cells, as cells have them."""
        return scripts_in(cells, [task for task, card in self.card.tasks.items() if card.kind == "range"])

    @cached_property
    def hints(self) -> dict[str, list[str]]:
        """The hints by task; tasks without hints are missing.

        Raises:
            RequestError: if the file cannot be read.
        """
        from autograder._yaml import read_yaml

        path = self.folder / "hints" / f"{self.name}.yml"
        try:
            return msgspec.convert(read_yaml(path, RequestError), dict[str, list[str]])
        except FileNotFoundError as error:
            raise RequestError(f"{path} is missing; take it from the release.") from error
        except (RequestError, msgspec.ValidationError) as error:
            raise RequestError(f"{path} cannot be read; take a fresh copy from the release.") from error


@dataclass(frozen=True)
class Release:
    """A folder that `autograde release` wrote."""

    folder: Path
    card: CourseCard

    @cached_property
    def _topics(self) -> dict[str, tuple[tuple[int, ...], ReleasedTopic]]:
        return {}

    def topic(self, name: str) -> ReleasedTopic:
        """Read a topic. It is kept in memory until one of its files changes.

        Raises:
            RequestError: if there is no such topic.
            KeyMismatch: if its key or its checks are missing, damaged, from a different release or for a different torch.
        """
        if name not in self.card.topics:
            raise RequestError(f"There is no topic {name!r}; {suggestion(name, self.card.topics)}")
        files = self._checks(name), self._key(name)
        stamp = tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in files)
        known = self._topics.get(name)
        if known is None or known[0] != stamp:
            known = self._topics[name] = stamp, self._read(name)
        return known[1]

    def notebook(self, name: str) -> Path:
        """A topic's notebook in the release."""
        return self.folder / (self.card.topics[name].notebook or f"{name}.ipynb")

    def _checks(self, name: str) -> Path:
        return self.folder / "checks" / f"test_{name}.py"

    def _key(self, name: str) -> Path:
        return self.folder / "keys" / f"{name}.key"

    def _read(self, name: str) -> ReleasedTopic:
        card = self.card.topics[name]
        path = self._checks(name)
        try:
            data = read_whole(path)
        except OSError as error:
            raise KeyMismatch(f"{path} is missing; take it from the release.") from error
        if digest(data) != card.checks:
            raise KeyMismatch(f"{path} was changed, or is from a different release; take a fresh copy from the release.")
        key = read_key(self._key(name), versions=current_versions())
        if key.made_from != card.version or key.topic != name:
            raise KeyMismatch(
                f"{self._key(name)} is from a different release than {COURSE_FILE}; take all files fresh from one release."
            )
        checks = tuple(TopicCheck(spec, visible=True) for spec in read_checks(path))
        rules = Rules(
            points={task: entry.points for task, entry in card.tasks.items()},
            checks=checks,
            draws={check.name: len(key.reference.get(check.name, ())) for check in checks},
            tolerances=self.card.tolerances,
            side_effects={task: entry.side_effects for task, entry in card.tasks.items()},
            predictions=predictions_among((task for task, entry in card.tasks.items() if entry.kind == "variable"), checks),
        )
        checks_file = CheckModule(f"checks/{path.name}", data.decode("utf-8"))
        return ReleasedTopic(name, card, checks_file, rules, key, self.folder)

    def topics_with(self, task: str) -> list[str]:
        """The topics that have a task of this name."""
        return [name for name, card in self.card.topics.items() if task in card.tasks]


def find_release(start: Path | None = None) -> Release:
    """The release that a folder is in: the folder itself, one above it, or `release/` in one of these.

    Args:
        start: where to look; the working folder if None. The environment variable AUTOGRADE_RELEASE takes precedence.

    Raises:
        RequestError: if there is none, or its course.json cannot be read.
    """
    named = os.environ.get(PLACE)
    here = (start or Path.cwd()).absolute()
    above = (here, *here.parents)
    places = [Path(named)] if named else [place for folder in above for place in (folder, folder / "release")]
    for place in places:
        if (place / COURSE_FILE).is_file() and (place / "keys").is_dir():
            return _read_release(place)
    if named:
        raise RequestError(f"{PLACE} is {named}, but there is no release: no {COURSE_FILE} with keys/ beside it.")
    raise RequestError(
        f"There is no release in {here} or above: no {COURSE_FILE} with keys/ beside it. "
        "Keep your notebook in the folder you were given, with all its files."
    )


_known: dict[Path, tuple[int, Release]] = {}


def _read_release(folder: Path) -> Release:
    path = folder / COURSE_FILE
    stamp = path.stat().st_mtime_ns
    if folder not in _known or _known[folder][0] != stamp:
        _known[folder] = stamp, Release(folder, _read_card(path))
    return _known[folder][1]


def _read_card(path: Path) -> CourseCard:
    try:
        data = read_whole(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror}).") from error
    return decode_versioned(
        data,
        CourseCard,
        FORMAT_VERSION,
        codec=msgspec.json,
        path=path,
        error=RequestError,
        remedy="take a fresh one from the release",
        newer="install the release's requirements again",
    )
