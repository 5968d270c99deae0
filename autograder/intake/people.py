"""Finds out which student of the class a download means."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from autograder._words import closest
from autograder.course.roster import Person, Roster, folder_name
from autograder.intake.handin import Claim

__all__ = ["People", "merged"]

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "å": "aa", "ł": "l"})
_LONGEST_NAME = 12  # words
_KINDS = ("email", "login", "id", "name", "sorted name", "joined name")


@dataclass
class People:
    """The class, by whatever a download may call its students.

    Without a roster, each person of a download becomes a student. `known` are the folders that earlier downloads gave to
    whom, so that they stay the same; `reserved` are names that no student's folder can have.
    """

    roster: Roster | None
    known: dict[str, str] = field(default_factory=dict)
    reserved: Collection[str] = ()
    reasons: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Index the roster."""
        self._index: dict[tuple[str, str], set[str]] = {}
        for person in self.roster.people if self.roster else ():
            for key in _keys_of(person):
                self._index.setdefault(key, set()).add(person.student)

    def assign(self, form: str, claims: Iterable[Claim]) -> dict[str, str | None]:
        """The student of each claim, by the claim's key; None if `why_not` has a reason.

        Args:
            form: the name of the download's format, to which the keys belong.
            claims: all of a download, so that two people of one name are seen to be two.
        """
        by_key = {claim.key: claim for claim in claims}
        self.reasons = {}
        if self.roster is None:
            bases = Counter(_base(claim).casefold() for claim in by_key.values())
            return {key: self._newcomer(form, claim, bases) for key, claim in by_key.items()}
        found = {key: self._match(claim) for key, claim in by_key.items()}
        for student in {student for student, by_name in found.values() if student and by_name}:
            same = [key for key, (each, by_name) in found.items() if each == student and by_name]
            if len(same) > 1:
                for key in same:
                    found[key] = (None, True)
                    self.reasons[key] = (
                        f"{len(same)} people in the download are called “{by_key[key].shown}”, but one in the roster; "
                        "give the roster their ids or logins"
                    )
        return {key: student for key, (student, _) in found.items()}

    def why_not(self, claim: Claim) -> str:
        """Why a claim was not assigned, after `assign`."""
        return self.reasons.get(claim.key, "it could not be assigned")

    def _match(self, claim: Claim) -> tuple[str | None, bool]:
        """The student, and whether only the name says so."""
        candidates: set[str] = set()
        by_name = True
        for kind in _KINDS:
            text = {"email": claim.email, "login": claim.login, "id": claim.id}.get(kind, claim.name)
            hits = {each for said in {text, claim.guess} if said for each in self._index.get((kind, _key(kind, said)), ())}
            if candidates and hits and not candidates & hits:
                self.reasons[claim.key] = (
                    f"“{claim.shown}” is {' or '.join(sorted(candidates | hits))} in the roster: its ids and names disagree"
                )
                return None, False
            candidates = (candidates & hits or candidates) if candidates else hits
            by_name = by_name and ("name" in kind or not hits)
        if not candidates:
            candidates, by_name = self._by_a_word(claim.guess), False
        if len(candidates) == 1:
            return candidates.pop(), by_name
        if candidates:
            self.reasons[claim.key] = (
                f"the roster has {len(candidates)} people called “{claim.shown}” ({', '.join(sorted(candidates))}); "
                "ids or logins in the roster would tell them apart"
            )
            return None, True
        near = closest(claim.shown, [each.name for each in self.roster.people if each.name] if self.roster else [])
        hint = f"; did you mean {near[0]!r}?" if near else ""
        self.reasons[claim.key] = f"nobody in the roster is called “{claim.shown}”{hint}"
        return None, True

    def _by_a_word(self, guess: str) -> set[str]:
        """Those whose login, e-mail or id is a word of a file's name; or else whose name is the longest in it."""
        words = [word for word in re.split(r"[\s_-]+", guess) if word]
        hits = {each for word in words for kind in _KINDS[:3] for each in self._index.get((kind, _key(kind, word)), ())}
        of_name = _words(guess)
        for length in range(min(len(of_name), _LONGEST_NAME) if not hits else 0, 0, -1):
            parts = ("".join(of_name[n : n + length]) for n in range(len(of_name) - length + 1))
            if found := {each for part in parts for each in self._index.get(("joined name", part), ())}:
                return found
        return hits

    def _newcomer(self, form: str, claim: Claim, bases: Counter[str]) -> str | None:
        """A folder for a person without a roster: login, e-mail, name or id, in this order."""
        identity = f"{form} {claim.key}"
        if identity in self.known:
            return self.known[identity]
        base = _base(claim)
        if not base:
            self.reasons[claim.key] = "nothing says whose it is"
            return None
        if bases[base.casefold()] > 1 or base.casefold() in {each.casefold() for each in self.reserved}:
            base = folder_name(f"{base} ({claim.id or claim.key})")
        self.known[identity] = base
        return base


def merged(own: Roster | None, other: Roster) -> tuple[Roster, tuple[Person, ...]]:
    """The course's roster with the ids and logins that another list adds, and the people that only the other list has."""
    if own is None:
        return other, ()
    people = People(own)
    extended = {person.student: person for person in own.people}
    new = []
    claims = [Claim(each.student, each.name, each.login, each.email, each.id) for each in other.people]
    students = people.assign("", claims)
    for each in other.people:
        student = students[each.student]
        if student is None:
            new.append(each)
            continue
        person = extended[student]
        known = {person.id, person.login, person.email, *person.also}
        more = [text for text in (each.id, each.login, each.email, *each.also) if text and text not in known]
        extended[student] = replace(person, name=person.name or each.name, also=(*person.also, *more))
    return Roster((*extended.values(), *new)), tuple(new)


def _base(claim: Claim) -> str:
    candidates = (claim.login, claim.email.partition("@")[0], claim.name, claim.guess, claim.id)
    return next((name for text in candidates if (name := folder_name(text))), "")


def _keys_of(person: Person) -> set[tuple[str, str]]:
    keys = {("email", person.email), ("login", person.login), ("id", person.id), ("login", person.student)}
    for each in person.also:
        keys |= {("id", each), ("login", each), ("email", each)}
    keys |= {("login", person.email.partition("@")[0])} if person.email else set()
    for kind in ("name", "sorted name"):
        keys.add((kind, person.name))
    done = {(kind, _key(kind, text)) for kind, text in keys if text}
    return done | {("joined name", each) for each in _joined(person.name)}


def _key(kind: str, text: str) -> str:
    plain = unicodedata.normalize("NFC", text).strip().casefold()
    if kind == "sorted name":
        return " ".join(sorted(_words(plain)))
    if kind == "joined name":
        return "".join(_words(plain))
    return " ".join(plain.split())


def _words(text: str) -> list[str]:
    """A name's words in letters without marks, for ILIAS and Canvas: Müller is Mueller."""
    spelt = text.casefold().translate(_UMLAUTS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", spelt) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", plain)


def _joined(name: str) -> set[str]:
    """A name's words in one, from each word on: Canvas writes `Lovelace, Ada` as `lovelaceada`."""
    words = _words(name)
    return {"".join(words[n:] + words[:n]) for n in range(len(words))}
