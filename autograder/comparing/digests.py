"""Salted digests of secret answers, for public keys.

A digest keeps an answer from being read in the key. It does not keep anybody from trying all answers there are: for a
prediction with ten possible answers that takes no time, as asking the check ten times does.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from autograder.comparing.arrays import decode, dtype_name, epsilon_of
from autograder.records.observation import Fact, MappingFact, Policy, SequenceFact, TensorFact, ValueFact

__all__ = ["digest_of"]


def digest_of(fact: Fact, salt: bytes, policy: Policy) -> bytes:
    """The digest of what the policy compares of a fact; floats are taken to as many digits as their dtype's tolerance.

    Things that compare equal exactly have equal digests; `rtol` and `atol` do not count.
    """
    data = msgspec.msgpack.encode(_canonical(fact, policy))
    return hashlib.blake2b(data, key=salt[:64], digest_size=32).digest()


def _canonical(fact: Fact, policy: Policy) -> Any:
    kind = getattr(fact, "type", "") if "type" in policy.facts else ""
    match fact:
        case ValueFact():
            value = fact.value
            if isinstance(value, float | int) and ("type" not in policy.facts or isinstance(value, float)):
                value = _rounded(float(value), 2.0**-23)
            return ["value", kind, value if "values" in policy.facts else None]
        case TensorFact():
            return ["tensor", *[[name, _part(fact, name)] for name in policy.facts]]
        case SequenceFact():
            items = [_canonical(item, policy) for item in fact.items]
            if policy.unordered or fact.type in ("set", "frozenset"):
                items.sort(key=msgspec.msgpack.encode)
            return ["sequence", kind, items]
        case MappingFact():
            pairs = sorted(zip(fact.keys, fact.items, strict=True), key=lambda pair: pair[0])
            return ["mapping", kind, [[key, _canonical(item, policy)] for key, item in pairs]]
    return ["other", type(fact).__name__, kind]


def _part(fact: TensorFact, name: str) -> Any:
    match name:
        case "values" | "bits":
            array = decode(fact)
            if array is None or name == "bits" or array.dtype.kind not in "fc":
                return [len(fact.values), fact.values]
            step = epsilon_of(fact.dtype)
            return [_rounded(float(part), step) for number in array.ravel().tolist() for part in (number.real, number.imag)]
        case "gradient":
            return fact.gradient
        case "grad_fn":
            return fact.has_grad_fn
        case "aliasing":
            return sorted(fact.shares)
        case "dtype":
            return dtype_name(fact.dtype)
    return getattr(fact, name)


def _rounded(number: float, step: float) -> str:
    digits = 9 if step < 1e-12 else 5 if step < 1e-5 else 2
    text = f"{number:.{digits - 1}e}"
    return "0" if float(text) == 0 else text
