"""Gradescope: “Export Submissions” of a programming assignment.

`assignment_123_export/submission_metadata.yml` says for each folder beside it who submitted it, and when:

    submission_456:
      :submitters:
      - :name: Ada Lovelace
        :sid: '1815'
        :email: ada@x.edu
      :created_at: 2026-11-20 13:45:10.123456000 Z

A group's submission counts for each of its members. What else the file says (results, history) is not read; it may be
large. Source: scripts of many courses that read `meta[folder][':submitters'][0][':name']`, and their samples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from autograder.errors import SubmissionError
from autograder.intake.archive import UNREADABLE, Entry, Source
from autograder.intake.handin import Claim, Context, Handin, Parts, Reading, without_common_folders

__all__ = ["TITLE", "read", "recognises"]

TITLE = "Gradescope's export of submissions"
_METADATA = "submission_metadata.yml"
_LARGEST = 256 << 20
_WANTED = (":submitters:", ":created_at:")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?")


def recognises(names: Sequence[Parts]) -> bool:
    """Whether these are the files of such a download: a student's own file of that name says nothing."""
    top = min((parts for parts in names if parts[-1] == _METADATA), key=len, default=None)
    return top is not None and sum(parts[: len(top) - 1] == top[:-1] for parts in names) * 2 >= len(names)


def read(source: Source, context: Context) -> Reading:
    """The hand-ins of such a download.

    Raises:
        SubmissionError: if submission_metadata.yml cannot be read.
    """
    reading = Reading()
    taken: set[Parts] = set()
    found = [each for each in source.entries if each.name == _METADATA]
    for metadata in sorted(found, key=lambda each: len(each.parts)):
        if metadata.parts in taken:  # it was handed in
            continue
        taken.add(metadata.parts)
        above = metadata.parts[:-1]
        beside: dict[Parts, list[Entry]] = {}
        for each in source.entries:
            beside.setdefault(each.parts[: len(above) + 1], []).append(each)
        for folder, fields in _submissions(metadata):
            inside = beside.get((*above, folder), [])
            taken.update(each.parts for each in inside)
            files = without_common_folders([(each.parts[len(above) :], each) for each in inside])
            when = _time(fields.get(":created_at"))
            for who in _people(fields.get(":submitters")) or [Claim(folder, guess=folder)]:
                reading.handins.append(Handin(who, files, when, attempt=_number(folder), assignment=source.name))
    for entry in source.entries:
        if entry.parts not in taken:
            reading.strays.append((entry, f"{_METADATA} does not say whose it is"))
    return reading


def _submissions(metadata: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each folder's name with the fields that are wanted of it."""
    try:
        lines = metadata.read(_LARGEST).decode("utf-8-sig", "replace").splitlines()
    except UNREADABLE as error:
        raise SubmissionError(f"{metadata.shown}: cannot be read; export the submissions again.") from error
    wanted: list[str] = []
    keep = False
    for line in lines:
        if line and not line[0].isspace() and not line.startswith(("-", "#")):
            wanted.append(line)
            keep = False
        elif re.match(r"  \S", line) and not line.startswith("  - "):
            keep = line.strip().startswith(_WANTED)
            wanted += [line] if keep else []
        elif keep:
            wanted.append(line)
    try:
        found = yaml.load("\n".join(wanted), yaml.BaseLoader)  # text only, and tags of Ruby's are passed over
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SubmissionError(f"{metadata.shown}: is not YAML; export the submissions again.") from error
    for folder, fields in found.items() if isinstance(found, dict) else ():
        if isinstance(folder, str):
            yield folder, fields if isinstance(fields, dict) else {}


def _people(submitters: object) -> list[Claim]:
    people = []
    for each in submitters if isinstance(submitters, list) else []:
        name, sid, email = (_text(each.get(key)) if isinstance(each, dict) else "" for key in (":name", ":sid", ":email"))
        if name or sid or email:
            people.append(Claim(email or sid or name, name, email=email, id=sid))
    return people


def _text(value: object) -> str:
    """A field's text; "" if it is none: what aliases make of lists may have no end."""
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    """A time in UTC; a Ruby object of a time holds it as `utc`."""
    match = _TIME.match(_text(value.get("utc") if isinstance(value, dict) else value))
    if not match:
        return None
    zone = match[3] if match[3] and match[3][0] in "+-" else "+00:00"
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _number(folder: str) -> int:
    digits = re.sub(r"\D", "", folder)[:18]
    return int(digits) if digits else 0
