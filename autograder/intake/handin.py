"""What a format reads out of a download: hand-ins, each with who made it, when, and its files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import PurePosixPath

from autograder.intake.archive import Entry

__all__ = ["Claim", "Context", "File", "Handin", "Parts", "Reading", "match_in", "share", "without_common_folders"]

Parts = tuple[str, ...]
_SAMPLE = 2000


@dataclass(frozen=True)
class Claim:
    """Who handed in, as far as the download says. `key` tells the people of one download apart.

    `guess` is a text that may be any of the others: a folder's name, say.
    """

    key: str
    name: str = ""
    login: str = ""
    email: str = ""
    id: str = ""
    guess: str = ""

    @property
    def shown(self) -> str:
        """How messages name the person."""
        return self.name or self.login or self.email or self.guess or self.id or self.key


@dataclass(frozen=True)
class File:
    """A file of a hand-in, by its path in it."""

    path: PurePosixPath
    entry: Entry


@dataclass(frozen=True)
class Handin:
    """One attempt of one person. `when` is None if the download does not say it; `late` is the platform's own mark.

    `attempt` orders the attempts of a person if there are no times. `assignment` is what the platform calls it.
    """

    who: Claim
    files: tuple[File, ...]
    when: datetime | None = None
    late: bool = False
    attempt: int = 0
    assignment: str = ""


@dataclass
class Reading:
    """All hand-ins of a download, and the files that belong to none, with the reason."""

    handins: list[Handin] = field(default_factory=list)
    strays: list[tuple[Entry, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    """What a format may ask for: the course's topics, and the zone of times that are written without one."""

    topics: Sequence[str] = ()
    zone: tzinfo | None = None

    def local(self, when: datetime) -> datetime:
        """A time without a zone, in UTC."""
        return (when.replace(tzinfo=self.zone) if self.zone else when).astimezone(UTC)


def match_in(parts: Parts, pattern: re.Pattern[str]) -> tuple[int, re.Match[str]] | None:
    """The first of a file's names that a pattern matches as a whole, and which one it is."""
    return next(((place, found) for place, part in enumerate(parts) if (found := pattern.fullmatch(part))), None)


def share(names: Sequence[Parts], pattern: re.Pattern[str]) -> float:
    """The share of files that a pattern matches, by one of their names; of very many files, that of a sample."""
    found = [match_in(parts, pattern) is not None for parts in names[:: len(names) // _SAMPLE + 1]]
    return sum(found) / len(found) if found else 0.0


def without_common_folders(files: Sequence[tuple[Parts, Entry]]) -> tuple[File, ...]:
    """Files of a hand-in, without the folders or the zip that all of them are in."""
    common = 0
    while all(len(parts) > common + 1 for parts, _ in files) and len({parts[common] for parts, _ in files}) == 1:
        common += 1
    return tuple(File(PurePosixPath(*parts[common:]), entry) for parts, entry in files)
