"""Blackboard Learn: “Assignment File Download” of the grade centre.

`ASSIGNMENT_LOGIN_attempt_2026-11-20-13-45-10_autograd.ipynb`, and for each attempt a receipt, the same without a file's name
and with .txt: `Name: Ada Lovelace (al12)`, `Date Submitted: …`, comments, pairs of `Original filename:` and `Filename:`. The
time in the names is the server's, without a zone. Source: the regular expressions and samples of tools that read it
(timdrysdale/gradex-cli, vangef/BBGradebookOrganiser, jeroendoggen/blackboard-analysis-tools).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath

from autograder.intake.archive import UNREADABLE, Entry, Source
from autograder.intake.handin import Claim, Context, File, Handin, Parts, Reading, match_in, share

__all__ = ["TITLE", "read", "recognises"]

TITLE = "Blackboard's assignment file download"
_NAMED = re.compile(r"(?P<assignment>.+?)_(?P<login>[^_]+)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)")
_NAME = re.compile(r"^\s*Name:\s*(?P<name>.+?)\s*\((?P<login>[^()]+)\)\s*$", re.MULTILINE)
_RENAMED = re.compile(r"Original filename:[ \t]*(?P<original>[^\r\n]+)\s+Filename:[ \t]*(?P<name>[^\r\n]+)")
_LARGEST_RECEIPT = 1 << 20


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of such a download."""
    return share(names, _NAMED) >= 0.5


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a download, one for each attempt."""
    reading = Reading()
    found: dict[tuple[str, str, str], list[tuple[int, Entry, re.Match[str]]]] = {}
    for entry in source.entries:
        match = match_in(entry.parts, _NAMED)
        if match is None:
            reading.strays.append((entry, "its name does not say whose it is"))
            continue
        place, named = match
        found.setdefault((named["assignment"], named["login"], named["time"]), []).append((place, entry, named))
    for (assignment, login, time), items in found.items():
        receipt = next((_text(entry) for place, entry, named in items if _is_receipt(place, entry, named)), "")
        name = next((match["name"] for match in _NAME.finditer(receipt) if match["login"].strip() == login), "")
        originals = {match["name"].strip(): match["original"].strip() for match in _RENAMED.finditer(receipt)}
        items.sort(key=lambda item: _is_receipt(*item))  # what was handed in comes first
        files = [File(_path(place, entry, named, originals), entry) for place, entry, named in items]
        who = Claim(login, name, login=login)
        reading.handins.append(Handin(who, tuple(files), _time(time, context), assignment=assignment))
    return reading


def _is_receipt(place: int, entry: Entry, named: re.Match[str]) -> bool:
    return named["file"] is None and place + 1 == len(entry.parts)


def _text(entry: Entry) -> str:
    try:
        return entry.read(_LARGEST_RECEIPT).decode("utf-8-sig", "replace")
    except UNREADABLE:
        return ""


def _path(place: int, entry: Entry, named: re.Match[str], originals: dict[str, str]) -> PurePosixPath:
    if place + 1 < len(entry.parts):
        return PurePosixPath(*entry.parts[place + 1 :])
    original = originals.get(entry.name, "").replace("\\", "/").rpartition("/")[2]
    return PurePosixPath(original or named["file"] or entry.name)


def _time(text: str, context: Context) -> datetime | None:
    try:
        return context.local(datetime.strptime(text, "%Y-%m-%d-%H-%M-%S"))
    except (ValueError, OverflowError):
        return None
