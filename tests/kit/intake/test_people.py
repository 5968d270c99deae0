"""Whom a download means: ids before names, the same names apart, and a reason for whoever is nobody."""

from __future__ import annotations

import pytest

from autograder.course.roster import Person, Roster
from autograder.intake.handin import Claim
from autograder.intake.people import People, merged

ROSTER = Roster(
    (
        Person("ada", "Ada Lovelace", "al@x.edu", "1815", "al12", ("participant 7", "501")),
        Person("jm", "Jörg Müller", "jm@x.edu"),
        Person("na1", "李娜", "na1@x.edu", "1"),
        Person("na2", "李娜", "na2@x.edu", "2"),
        Person("king", "Martin King, Jr."),
    )
)


def assigned(*claims: Claim) -> tuple[list[str | None], People]:
    people = People(ROSTER)
    students = people.assign("moodle", claims)
    return [students[claim.key] for claim in claims], people


@pytest.mark.parametrize(
    ("claim", "student"),
    [
        (Claim("k", name="Ada Lovelace"), "ada"),
        (Claim("k", name="LOVELACE, Ada"), "ada"),
        (Claim("k", name="lovelaceada"), "ada"),
        (Claim("k", name="A. Person", id="participant 7"), "ada"),
        (Claim("k", login="AL12"), "ada"),
        (Claim("k", email="AL@x.edu"), "ada"),
        (Claim("k", guess="al"), "ada"),
        (Claim("k", guess="al12_homework"), "ada"),
        (Claim("k", name="Joerg Mueller"), "jm"),
        (Claim("k", name="Jo\u0308rg Mu\u0308ller"), "jm"),
        (Claim("k", name="müllerjörg"), "jm"),
        (Claim("k", name="李娜", id="2"), "na2"),
        (Claim("k", name="King, Jr., Martin"), "king"),
    ],
)
def test_a_person_is_found_by_whatever_a_download_says(claim: Claim, student: str) -> None:
    assert assigned(claim)[0] == [student]


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (Claim("k", name="李娜"), "the roster has 2 people called “李娜” (na1, na2)"),
        (Claim("k", name="Ada Lovelacee"), "nobody in the roster is called “Ada Lovelacee”; did you mean 'Ada Lovelace'?"),
        (Claim("k", name="Nobody"), "nobody in the roster is called “Nobody”"),
        (Claim("k", name="Jörg Müller", id="1815"), "“Jörg Müller” is ada or jm in the roster: its ids and names disagree"),
    ],
)
def test_who_is_not_found_has_a_reason(claim: Claim, reason: str) -> None:
    students, people = assigned(claim)
    assert students == [None]
    assert people.why_not(claim).startswith(reason)


def test_two_of_one_name_are_not_one_person() -> None:
    one, other = Claim("71", name="Ada Lovelace"), Claim("72", name="Ada Lovelace")
    students, people = assigned(one, other)
    assert students == [None, None]
    assert people.why_not(one).startswith("2 people in the download are called “Ada Lovelace”, but one in the roster")
    students, _ = assigned(Claim("71", name="Ada Lovelace", id="1815"), other)
    assert students == ["ada", "ada"] or students == ["ada", None]


def test_without_a_roster_everybody_is_a_student() -> None:
    people = People(None, {"moodle 70": "Li Na"}, ("views",))
    claims = [
        Claim("70", name="Li Na", id="participant 70"),
        Claim("71", name="Li Na", id="participant 71"),
        Claim("72", name="Ada/Lovelace"),
        Claim("73", login="views"),
        Claim("74"),
    ]
    assert list(people.assign("moodle", claims).values()) == [
        "Li Na", "Li Na (participant 71)", "Ada_Lovelace", "views (73)", None,
    ]  # fmt: skip
    assert people.why_not(claims[-1]) == "nothing says whose it is"


def test_a_list_of_a_platform_adds_its_ids_to_the_roster() -> None:
    other = Roster((Person("x", "Lovelace, Ada", "", "77", "ada77"), Person("new", "Somebody New", "new@x.edu")))
    roster, new = merged(ROSTER, other)
    ada = roster.person("ada")
    assert ada is not None
    assert ada.also == ("participant 7", "501", "77", "ada77")
    assert new == (other.people[1],)
    assert merged(None, other) == (other, ())


@pytest.mark.parametrize(
    ("guess", "student"),
    [
        ("Ada Lovelace_work", "ada"),
        ("homework 3 - Ada_Lovelace", "ada"),
        ("Lovelace Ada final", "ada"),
        ("Mueller_Joerg_v2", "jm"),
        ("al12 of 李娜", "ada"),  # a login says more than a name
        ("Martin_work", None),
        ("李娜_work", None),  # two of that name
    ],
)
def test_a_name_among_other_words_is_found_in_the_roster(guess: str, student: str | None) -> None:
    assert assigned(Claim(guess, guess=guess))[0] == [student]


def test_several_files_of_one_person_are_not_two_people() -> None:
    claims = [Claim(guess, guess=guess) for guess in ("Ada_Lovelace", "Ada_Lovelace_report", "al12_plot")]
    assert assigned(*claims)[0] == ["ada", "ada", "ada"]
