"""A passphrase opens what was sealed with it, and the same text gives the same bytes."""

from __future__ import annotations

import sys

import pytest

from autograder._sealing import Sealed, seal, unseal
from autograder.errors import AutogradeError

TEXT = "def f(x): return x  # größer".encode()


def test_the_passphrase_opens_it_however_it_was_copied():
    sealed = seal(TEXT, "abcd-ef23")
    assert [unseal(sealed, words) for words in ("abcd-ef23", " ABCD EF23\n", "abcdef23")] == [TEXT] * 3


def test_the_same_text_gives_the_same_bytes_and_another_other_ones():
    assert seal(TEXT, "abcd") == seal(TEXT, "abcd")
    assert len({seal(TEXT, "abcd").data, seal(TEXT, "abce").data, seal(TEXT + b" ", "abcd").data}) == 3
    assert TEXT[:6] not in seal(TEXT, "abcd").data


@pytest.mark.parametrize("words", ["abce", "", "\0abcd", "abcd" * 100, "ä\ud800"])
def test_another_passphrase_opens_nothing(words: str):
    assert unseal(seal(TEXT, "abcd"), words) is None


def test_changed_bytes_open_nothing():
    sealed = seal(TEXT, "abcd")
    for salt, data in [
        (sealed.salt, sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])),
        (sealed.salt, sealed.data[:3]),
        (sealed.salt, b""),
        (b"", sealed.data),
    ]:
        assert unseal(Sealed(salt, data), "abcd") is None


def test_without_the_package_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(AutogradeError, match=r"run: pip install cryptography$"):
        seal(TEXT, "abcd")
