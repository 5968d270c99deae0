"""solutions/equivalent_mutants/TOPIC.yml: mutants that no check can tell from the reference, each with its reason.

    sign_ste:
      - mutant: "call dropped: soft.detach() → soft"
        line: "return hard + (soft - soft.detach())"
        reason: "why this is not a mistake"

`mutant` and `line` are as `autograde verify` prints them; they stay valid when the code around the line moves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from autograder._yaml import read_yaml, yaml_text
from autograder.errors import AuthoringError
from autograder.verifying.mutants import Mutant

__all__ = ["TO_WRITE", "AcceptedMutant", "accepted_file", "entry_for", "read_accepted", "stale_entries", "unwritten_reasons"]

TO_WRITE = "WRITE:"
"""What a reason begins with that `verify --accept` has written and nobody has read; `autograde new` marks text so, too."""
_SHORTEST_REASON = 20


class AcceptedMutant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An entry: the mutant's description, the changed line, and why the change is not a mistake."""

    mutant: str
    line: str
    reason: str


def accepted_file(root: Path, topic: str) -> Path:
    """The path of a topic's file of entries, whether or not it exists."""
    return root / "solutions" / "equivalent_mutants" / f"{topic}.yml"


def read_accepted(root: Path, topic: str, tasks: Collection[str]) -> dict[tuple[str, str, str], AcceptedMutant]:
    """A topic's entries by task, description and line; empty if there is no such file.

    Raises:
        AuthoringError: if the file is not of this form, names a task that the topic lacks, has an entry twice, or an
            entry without a proper reason.
    """
    path = accepted_file(root, topic)
    if not path.exists():
        return {}
    try:
        entries = msgspec.convert(read_yaml(path, AuthoringError) or {}, dict[str, list[AcceptedMutant] | None])
    except msgspec.ValidationError as error:
        raise AuthoringError(f"{path}: {error}; write a list of mutant, line and reason for each task.") from error
    accepted: dict[tuple[str, str, str], AcceptedMutant] = {}
    for task, entry in ((task, entry) for task, listed in entries.items() for entry in listed or ()):
        if task not in tasks:
            raise AuthoringError(f"{path}: {task} is not a task of {topic}; choose from {', '.join(tasks)}.")
        if len(entry.reason.strip()) < _SHORTEST_REASON:
            raise AuthoringError(
                f"{path}: {task}: the reason for {entry.mutant!r} is too short; say why it is not a mistake."
            )
        key = (task, entry.mutant, entry.line)
        if key in accepted:
            raise AuthoringError(f"{path}: {task}: {entry.mutant!r} is listed twice; remove one of them.")
        accepted[key] = entry
    return accepted


def unwritten_reasons(root: Path, topic: str, accepted: Collection[AcceptedMutant]) -> Iterator[str]:
    """A sentence for each entry whose reason still has to be written."""
    file = accepted_file(root, topic).relative_to(root)
    for entry in accepted:
        if entry.reason.startswith(TO_WRITE):
            yield f"{file}: the reason for {entry.mutant!r} begins with {TO_WRITE}; say why it is not a mistake."


def entry_for(mutant: Mutant, reason: str = "…") -> str:
    """The entry that would accept this mutant, as YAML to put under its task's name."""
    entry = {"mutant": mutant.description, "line": mutant.text, "reason": reason}
    return yaml_text([entry]).rstrip()


def stale_entries(
    accepted: Collection[tuple[str, str, str]], made: Collection[Mutant], surviving: Collection[Mutant]
) -> Iterator[str]:
    """A sentence for each entry that no longer accepts any mutant."""
    known = {mutant.identity for mutant in made}
    alive = {mutant.identity for mutant in surviving}
    for key in accepted:
        if key not in alive:
            why = "a check now notices it" if key in known else "there is no such mutant"
            yield f"{key[0]}: the accepted mutant {key[1]!r} in {key[2]!r} is out of date ({why}); remove the entry."
