"""Text that a passphrase opens: AES-SIV (RFC 5297) with a key that scrypt (RFC 7914) makes from the passphrase.

The same text and passphrase always give the same bytes, so that a release can be built again byte for byte: AES-SIV needs no
random number, and the salt is a digest of the text, keyed with the passphrase, which tells nobody else anything. Needs the
package `cryptography`, which is imported only here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autograder.errors import AutogradeError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

__all__ = ["Sealed", "seal", "unseal"]

_COST, _BLOCK, _LANES = 2**14, 8, 1  # 16 MiB and some 50 ms for each guess
_KEY_BYTES = 64
_SALT_BYTES = 16


@dataclass(frozen=True)
class Sealed:
    """What `unseal` needs besides the passphrase; both may be public."""

    salt: bytes
    data: bytes


def seal(text: bytes, passphrase: str) -> Sealed:
    """Encrypt a text.

    Raises:
        AutogradeError: if the package `cryptography` is missing; the text says what to install.
    """
    salt = hashlib.blake2b(text, key=_plain(passphrase), digest_size=_SALT_BYTES).digest()
    aes, _ = _aes_siv(passphrase, salt)
    return Sealed(salt, aes.encrypt(text, None))


def unseal(sealed: Sealed, passphrase: str) -> bytes | None:
    """The text, or None if the passphrase is another one, or the bytes were changed.

    Capitals, spaces and hyphens in the passphrase do not matter.

    Raises:
        AutogradeError: if the package `cryptography` is missing; the text says what to install.
    """
    aes, wrong = _aes_siv(passphrase, sealed.salt)
    try:
        return bytes(aes.decrypt(sealed.data, None))
    except (wrong, ValueError):  # ValueError: too short to be anything encrypted
        return None


def _aes_siv(passphrase: str, salt: bytes) -> tuple[AESSIV, type[Exception]]:
    """The cipher, and what it raises if the key is wrong."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    except ModuleNotFoundError as error:
        raise AutogradeError(
            "Sealed solutions need the package cryptography, which is not installed; run: pip install cryptography"
        ) from error
    key = Scrypt(salt=salt, length=_KEY_BYTES, n=_COST, r=_BLOCK, p=_LANES).derive(_plain(passphrase))
    return AESSIV(key), InvalidTag


def _plain(passphrase: str) -> bytes:
    """The passphrase without what people add or lose when they copy it; at most 64 bytes, as BLAKE2b takes for a key."""
    return "".join(passphrase.split()).replace("-", "").lower().encode("utf-8", errors="replace")[:64]
