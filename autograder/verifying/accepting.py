"""Writes entries into solutions/equivalent_mutants/TOPIC.yml, and leaves the rest of the file as its author wrote it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import yaml

from autograder._files import read_whole, write_whole
from autograder._yaml import yaml_node, yaml_text, yaml_value
from autograder.errors import AuthoringError
from autograder.verifying.accepted_mutants import TO_WRITE, accepted_file
from autograder.verifying.explore import Same
from autograder.verifying.mutants import Mutant
from autograder.verifying.try_mutants import TriedMutants

__all__ = ["accept", "accept_equivalent"]

_HEADER = "# Mutants of the reference that no check can notice, each with the reason why it is not a mistake.\n"


def accept_equivalent(root: Path, topic: str, tried: TriedMutants) -> TriedMutants:
    """Accept the survivors that seem equivalent to the reference, each with a reason for the author to edit.

    Raises:
        AuthoringError: as `accept`.
    """
    same = {name: verdict for name, verdict in tried.verdicts.items() if isinstance(verdict, Same)}
    mutants = [mutant for mutant in tried.surviving if mutant.name in same]
    if mutants:
        accept(root, topic, mutants, {name: f"{TO_WRITE} why? {verdict.sentence}." for name, verdict in same.items()})
    return replace(
        tried,
        surviving=[mutant for mutant in tried.surviving if mutant.name not in same],
        accepted=tried.accepted + len(mutants),
        newly_accepted=len(mutants),
    )


def accept(root: Path, topic: str, mutants: Sequence[Mutant], reasons: Mapping[str, str]) -> Path:
    """Add an entry for each mutant, with its reason by the mutant's name; those of a task stand after the ones that it has.

    Returns:
        The file, made if there was none.

    Raises:
        AuthoringError: if the file's form leaves no place for the entries, or it cannot be written; then it is as before.
    """
    path = accepted_file(root, topic)
    before = read_whole(path).decode() if path.exists() else _HEADER
    text = before.replace("\r\n", "\n")
    expected: dict[str, list[dict[str, str]]] = yaml_value(text) or {}
    for task in dict.fromkeys(mutant.task for mutant in mutants):
        entries = [_entry(mutant, reasons[mutant.name]) for mutant in mutants if mutant.task == task]
        text = _with_entries(text, task, entries)
        expected[task] = [*(expected.get(task) or ()), *entries]
    if _value(text) != expected:
        raise AuthoringError(f"{path}: there is no place for more entries; write a task's as a list, a dash before each.")
    try:
        write_whole(path, (text.replace("\n", "\r\n") if "\r\n" in before else text).encode())
    except OSError as error:
        raise AuthoringError(f"{path}: cannot be written ({error.strerror}).") from error
    return path


def _entry(mutant: Mutant, reason: str) -> dict[str, str]:
    return {"mutant": mutant.description, "line": mutant.text, "reason": reason}


def _value(text: str) -> object:
    try:
        return yaml_value(text)
    except yaml.YAMLError:
        return None


def _with_entries(text: str, task: str, entries: Sequence[dict[str, str]]) -> str:
    """The text with more entries of a task; as it is if there is no place for them."""
    root = yaml_node(text)
    tasks = root.value if isinstance(root, yaml.MappingNode) and not root.flow_style else []
    node = next((value for key, value in tasks if key.value == task), None)
    if isinstance(node, yaml.SequenceNode):
        return (
            _in_flow(text, node, entries) if node.flow_style else _after(text, _end(node), node.start_mark.column, entries)
        )
    columns = [
        value.start_mark.column for _, value in tasks if isinstance(value, yaml.SequenceNode) and not value.flow_style
    ]
    column = columns[-1] if columns else 2
    if node is None:
        whole = text.rstrip() + "\n" if text.strip() else ""
        whole = f"{whole}\n{task}:\n" if whole else f"{task}:\n"
        return _after(whole, len(whole) - 1, column, entries)
    text = text[: node.start_mark.index] + text[node.end_mark.index :]  # `~`, or nothing
    return _after(text, node.start_mark.index, column, entries)


def _end(node: yaml.Node) -> int:
    """Where the last thing of a list ends; blank lines and comments after it do not belong to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    return end - (node.end_mark.column == 0)


def _after(text: str, index: int, column: int, entries: Sequence[dict[str, str]]) -> str:
    """The text with entries after the line of `index`."""
    whole = text if text.endswith("\n") else text + "\n"
    place = whole.find("\n", index) + 1 or len(whole)
    written = yaml_text(entries).splitlines()
    return whole[:place] + "".join(f"{' ' * column}{line}\n" for line in written) + whole[place:]


def _in_flow(text: str, node: yaml.SequenceNode, entries: Sequence[dict[str, str]]) -> str:
    """The text with entries before the bracket that ends a list."""
    before = text[: node.end_mark.index - 1].rstrip()
    rest = text[len(before) :]
    apart = "\n" + " " * node.value[-1].start_mark.column if rest.startswith("\n") and node.value else " "
    comma = "" if before.endswith(("[", ",")) else ","
    last = "," if before.endswith(",") else ""
    start = "" if before.endswith("[") else apart
    return before + comma + start + f",{apart}".join(map(_as_json, entries)) + last + rest


def _as_json(entry: dict[str, str]) -> str:
    return msgspec.json.encode(entry).decode()
