"""nbgrader: its exchange's `inbound/`, and its `submitted/`.

Exchange   `ada+autograd+2026-11-20 13:45:10.123456 UTC/autograd.ipynb`, with or without `+RANDOM` at the end
Submitted  `ada/autograd/autograd.ipynb`, with `ada/autograd/timestamp.txt`

Source: nbgrader 0.9, exchange/default/submit.py (`assignment_filename`) and collect.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from autograder.intake.archive import UNREADABLE, Entry, Source
from autograder.intake.handin import Claim, Context, Handin, Parts, Reading, match_in, share, without_common_folders

__all__ = ["TIMESTAMP", "TITLE", "is_exchange", "read", "recognises", "says_time", "time_in"]

TITLE = "nbgrader's submissions"
_NAMED = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d[ T_][^+]*)(?:\+[^+]+)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T_](\d\d)[:_-](\d\d)[:_-](\d\d)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?.*", re.DOTALL)
TIMESTAMP = "timestamp.txt"
_LARGEST_TIMESTAMP = 1000


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of nbgrader's folders."""
    timed = {parts[:-1] for parts in names if len(parts) >= 3 and says_time(parts)}
    inside = sum(any(parts[:n] in timed for n in range(2, len(parts))) for parts in names) if timed else 0
    return is_exchange(names) or inside * 2 > len(names)


def is_exchange(names: Sequence[Parts]) -> bool:
    """Whether these are the files of the exchange."""
    return share(names, _NAMED) >= 0.5


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a folder, one for each attempt."""
    reading = Reading()
    found: dict[Parts, list[tuple[Parts, Entry]]] = {}
    for entry in source.entries:
        match = match_in(entry.parts[:-1], _NAMED)
        if match:
            found.setdefault(entry.parts[: match[0] + 1], []).append((entry.parts[match[0] + 1 :], entry))
    if not found:
        _read_submitted(source, found, reading)
    else:
        inside = {entry.parts for files in found.values() for _, entry in files}
        reading.strays += [(each, "it is in nobody's folder") for each in source.entries if each.parts not in inside]
    for folder, files in found.items():
        named = _NAMED.fullmatch(folder[-1])
        student, assignment = (named["student"], named["assignment"]) if named else folder[-2:]
        stamps = [entry for parts, entry in files if parts == (TIMESTAMP,)]
        when = time_in(stamps[0]) if stamps else None
        kept = [(parts, entry) for parts, entry in files if parts != (TIMESTAMP,)]
        reading.handins.append(
            Handin(
                Claim(student, login=student, guess=student),
                without_common_folders(kept),
                when or (_time(named["time"]) if named else None),
                assignment=assignment,
            )
        )
    return reading


def _read_submitted(source: Source, found: dict[Parts, list[tuple[Parts, Entry]]], reading: Reading) -> None:
    depths = [len(each.parts) - 3 for each in source.entries if says_time(each.parts) and len(each.parts) >= 3]
    above = min(depths, default=0)
    for entry in source.entries:
        if len(entry.parts) >= above + 3:
            found.setdefault(entry.parts[: above + 2], []).append((entry.parts[above + 2 :], entry))
        else:
            reading.strays.append((entry, "it is in no folder STUDENT/ASSIGNMENT"))


def says_time(parts: Parts) -> bool:
    """Whether a path is that of a timestamp.txt that no student has zipped."""
    return parts[-1] == TIMESTAMP and not any(part.lower().endswith(".zip") for part in parts)


def time_in(entry: Entry) -> datetime | None:
    """The time in a timestamp.txt; None if there is none in it."""
    try:
        return _time(entry.read(_LARGEST_TIMESTAMP).decode("utf-8-sig", "replace").strip())
    except UNREADABLE:
        return None


def _time(text: str) -> datetime | None:
    """A time as nbgrader writes it, in UTC; without a zone it is UTC."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    zone = match[5] if match[5] and match[5][0] in "+-" else "+00:00"
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}:{match[3]}:{match[4]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
