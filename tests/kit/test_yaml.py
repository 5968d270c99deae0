"""YAML files that people write: what is wrong is told in a sentence with the file and the remedy."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder._yaml import read_yaml
from autograder.errors import AuthoringError


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"a: !!int x", ": a value does not fit its tag (invalid literal for int() with base 10: 'x'); correct the value, "
         "or remove the tag."),
        (b"a: !!bool x", ": a value does not fit its tag ('x'); correct the value, or remove the tag."),
        (b"a: 1\nb: " + b"[" * 1500 + b"]" * 1500,
         ": it is nested too deeply; remove brackets, or an alias that contains itself."),
        (b"a: 1\nb: !!map [a]",
         ':2: expected a mapping node, but found sequence; check the indentation, colons and quotes here.'),
        (b"a: \xff", ": byte 3 is not valid UTF-8; save the file as UTF-8."),
        (b'a: 1\nb: "\\ud800"', ":2: half a surrogate pair is not a character; write the whole character."),
        (b"a: 1\na: 2", ':2: "a" is already defined on line 1; remove one of the two.'),
        (b"a: b: 1", ":1: mapping values are not allowed here; check the indentation, colons and quotes here."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(data: bytes, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "hints.yml"
    path.write_bytes(data)
    with pytest.raises(AuthoringError) as caught:
        read_yaml(path, AuthoringError)
    assert str(caught.value) == f"{path}{sentence}"


@pytest.mark.parametrize(
    "text",
    [
        *("!!timestamp x", "!!float x", "!!null x", "!!str {a: b}", "!!set [a]", "!!omap {a: b}", "!!binary ä", "!!x y"),
        *(
            "!!pairs a",
            "{<<: 1}",
            "&a {<<: *a}",
            "{[a]: b}",
            "9" * 5000,
            "0x" + "f" * 5000,
            "1" + ":59" * 5000,
            "!!int ''",
            "\0",
        ),
    ],
)
def test_odd_values_are_read_or_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hints.yml"
    path.write_text(f"a: {text}")
    try:
        repr(read_yaml(path, AuthoringError))
    except AuthoringError as error:
        assert_names(path, error)


_PARTS = st.sampled_from(
    [
        *("!!int ", "!!map ", "!!seq ", "!!set ", "!!omap ", "!!timestamp ", "!!bool ", "!!float ", "!x ", "&a ", "*a"),
        *(
            "a",
            "b",
            ": ",
            ", ",
            "[",
            "]",
            "{",
            "}",
            "- ",
            "? ",
            "\n",
            "  ",
            "\t",
            "'",
            '"',
            "|\n",
            ">",
            "#",
            "%",
            "<<: ",
            "0x",
        ),
        *("12:59", ".nan", "~", "true", "2027-13-45", "9" * 4400, '"\\ud800"', "\x00", "\x85", "ä", "---\n", "..."),
    ]
)


@given(st.lists(_PARTS, max_size=20).map("".join))
@settings(max_examples=400, deadline=3000, derandomize=True)
def test_any_text_is_read_or_told(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yml"
        path.write_text(text, encoding="utf-8")
        try:
            repr(read_yaml(path, AuthoringError))
        except AuthoringError as error:
            assert_names(path, error)


def assert_names(path: Path, error: AuthoringError) -> None:
    assert str(error).startswith(f"{path}:")
