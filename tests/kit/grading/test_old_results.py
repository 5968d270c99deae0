"""The promise of docs/results.md: results of the same format are read for ever, and a format only grows.

`samples/` holds what the first version with a format wrote. These files never change; a new format gets files of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from autograder.grading.result_files import read_result, result_schema
from autograder.records.results import FORMAT_VERSION, TopicResult

SAMPLES = Path(__file__).parent / "samples"
OLD = json.loads((SAMPLES / f"schema-{FORMAT_VERSION}.json").read_text())


def lost(old: Any, new: Any, place: str = "") -> list[str]:
    """Where `new` says something else than `old`, or nothing; what it says besides does not matter."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            one for key in old for one in (lost(old[key], new[key], f"{place}.{key}") if key in new else [f"{place}.{key}"])
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [one for number, pair in enumerate(zip(old, new, strict=True)) for one in lost(*pair, f"{place}[{number}]")]
    return [] if old == new else [place]


def test_an_old_result_is_read_and_nothing_of_it_is_lost() -> None:
    path = SAMPLES / f"result-{FORMAT_VERSION}.json"
    old = json.loads(path.read_text())
    jsonschema.Draft202012Validator(result_schema()).validate(old)
    assert lost(old, json.loads(msgspec.json.encode(read_result(path)))) == []


def test_fields_of_a_newer_version_do_not_matter(tmp_path: Path) -> None:
    old = json.loads((SAMPLES / f"result-{FORMAT_VERSION}.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps(old | {"added": {"later": 1}}))
    assert isinstance(read_result(tmp_path / "r.json"), TopicResult)


@pytest.mark.parametrize("name", OLD["$defs"])
def test_a_format_only_grows(name: str) -> None:
    old, new = OLD["$defs"][name], result_schema()["$defs"][name]
    assert set(new.get("required", ())) == set(old.get("required", ()))
    assert set(new.get("enum", ())) >= set(old.get("enum", ()))
    for field, kind in old.get("properties", {}).items():
        assert _kind(new["properties"][field]) == _kind(kind), field


def _kind(kind: dict[str, Any]) -> dict[str, Any]:
    """A field's type, without its default, which is the default of all that it consists of."""
    return {key: value for key, value in kind.items() if key not in ("description", "title", "default", "enum")}
