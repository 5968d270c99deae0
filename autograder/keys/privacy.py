"""Takes out of a key what students are not to see: the solution's lines and words, and secret answers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from autograder.comparing.compare import message_template
from autograder.comparing.digests import digest_of
from autograder.records.jobs import NotObserved
from autograder.records.observation import (
    DigestFact,
    ErrorFact,
    Fact,
    MappingFact,
    Observation,
    Policy,
    RaisedFact,
    SequenceFact,
    SourceFact,
)

if TYPE_CHECKING:
    from autograder.keys.key import AnswerKey

__all__ = ["without_private_parts"]


def without_private_parts(key: AnswerKey) -> AnswerKey:
    """The same key for students.

    Of exceptions only type and, for misconceptions, the message without numbers and names stay; output, warnings, lines
    and arguments go. A secret thing becomes a digest, in the reference and in every misconception, under one salt for
    each draw of a check, so that it still can be told which of them a student's answer equals.
    """
    reference = {
        check: [_public(seen, _salt(key, check, draw), keep_messages=False) for draw, seen in enumerate(draws)]
        for check, draws in key.reference.items()
    }
    misconceptions: dict[str, dict[str, list[Observation | NotObserved]]] = {}
    for name, checks in key.misconceptions.items():
        misconceptions[name] = {}
        for check, draws in checks.items():
            misconceptions[name][check] = [
                _public(seen, _salt(key, check, draw), keep_messages=True) if isinstance(seen, Observation) else seen
                for draw, seen in enumerate(draws)
            ]
    return msgspec.structs.replace(key, reference=reference, misconceptions=misconceptions, public=True)


def _salt(key: AnswerKey, check: str, draw: int) -> bytes:
    text = "\0".join(("salt", key.made_from, key.topic, check, str(draw)))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _public(seen: Observation, salt: bytes, *, keep_messages: bool) -> Observation:
    return msgspec.structs.replace(
        seen,
        returned=None if seen.returned is None else _public_fact(seen.returned, salt, keep_messages),
        error=None if seen.error is None else _public_error(seen.error, keep_messages),
        warnings=(),
        output="",
    )


def _public_fact(fact: Fact, salt: bytes, keep_messages: bool) -> Fact:
    if fact.policy.secret and not isinstance(fact, DigestFact):
        policy: Policy = msgspec.structs.replace(fact.policy, secret=False)
        return DigestFact(salt=salt, digest=digest_of(fact, salt, policy), policy=policy)
    match fact:
        case MappingFact() | SequenceFact():
            return msgspec.structs.replace(fact, items=tuple(_public_fact(item, salt, keep_messages) for item in fact.items))
        case RaisedFact():
            error = None if fact.error is None else _public_error(fact.error, keep_messages)
            return msgspec.structs.replace(fact, error=error, returned=fact.returned if keep_messages else "")
        case SourceFact():
            return msgspec.structs.replace(fact, count=0 if fact.count <= fact.at_most else fact.at_most + 1, places=())
    return fact


def _public_error(error: ErrorFact, keep_messages: bool) -> ErrorFact:
    message = message_template(error.message) if keep_messages and not error.own_words else ""
    return msgspec.structs.replace(error, message=message, at=None, arguments="", held="")
