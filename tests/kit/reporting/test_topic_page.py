"""What the pages show to whom; hostile text stays where it belongs."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_results import MISTAKE, PASSED, SOURCE, Element, Page, check, page, result, task

from autograder.errors import AutogradeError
from autograder.records.jobs import CellReport, Outcome
from autograder.records.observation import ErrorFact, SourceLine
from autograder.records.results import Diagnosis, Difference, Lateness, SubmissionFile
from autograder.reporting.class_page import write_index
from autograder.reporting.topic_page import write_page


def test_the_header_says_who_what_and_how(tmp_path):
    late = Lateness(days=1.5, penalty=0.1)
    path = write_page(result(task(PASSED, earned=2.5), lateness=late), tmp_path)
    assert path == tmp_path / "ada" / "autograd.html"
    read = page(path)
    header = " ".join(read.all("header")[0].text.split())
    for part in ["ada", "Automatic differentiation", "2.5 of 5 points", "Device cpu", "2 of 3 layers"]:
        assert part in header
    assert "1.5 days late: 10 % of the points" in header
    assert "812" not in read.source  # from the seed, the inputs of a known check could be drawn
    assert "Seed 812" in " ".join(page(write_page(result(), tmp_path, audience="instructor")).all("header")[0].text.split())
    assert read.all("html")[0].attributes["lang"] == "en"
    assert [each.text for each in read.all("h1")] == ["Automatic differentiation"]


def test_a_page_needs_nothing_from_elsewhere(tmp_path):
    for path in (
        write_page(result(task(check()), cells=(CellReport(number=1, outcome=Outcome.FAILED),)), tmp_path),
        write_page(result(task(check())), tmp_path / "instructor", audience="instructor"),
        write_index([result(task(check()))], tmp_path),
    ):
        read = page(path)
        policy = read.all("meta", content="default-src")[0].attributes["content"]
        assert [_hash_of(each) for each in read.all("script")] == re.findall(r"'(sha256-[^']*)'", policy)
        assert not read.all("link")
        assert not read.all("img")
        assert "url(" not in read.source
        assert "@import" not in read.source
        assert not re.search(r"https?://", read.source)
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")


def _hash_of(script: Element) -> str:
    """As a browser compares it with the page's policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()}"


def test_only_the_page_of_the_class_has_a_script(tmp_path):
    assert not page(write_page(result(task(check())), tmp_path)).all("script")
    assert not page(write_page(result(task(check())), tmp_path, audience="instructor")).all("script")
    assert len(page(write_index([result(task(check()))], tmp_path)).all("script")) == 1


def test_structure_for_screen_readers(tmp_path):
    cells = (CellReport(number=1, outcome=Outcome.TIMEOUT, note="Stopped.", output="x\n"),)
    results = [result(task(check(), diagnoses=(MISTAKE,)), cells=cells)]
    for path in (write_page(results[0], tmp_path, audience="instructor"), write_index(results, tmp_path)):
        read = page(path)
        levels = [int(each.tag[1]) for each in read.elements if re.fullmatch(r"h[1-6]", each.tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
        ids = [each.attributes["id"] for each in read.elements if "id" in each.attributes]
        assert len(ids) == len(set(ids))
        for element in read.elements:
            assert set(element.attributes.get("aria-labelledby", "").split()) <= set(ids)
            if element.tag == "th":
                assert element.attributes["scope"] in ("col", "row")
            if element.tag == "a" and element.attributes["href"].startswith("#"):
                assert element.attributes["href"][1:] in ids
        for symbol in read.all("span", **{"aria-hidden": "true"}):
            assert len(symbol.text.strip()) <= 1


@pytest.mark.parametrize(
    ("outcome", "word"),
    [("passed", "passed"), ("failed", "failed"), ("error", "error"), ("timeout", "time-out"), ("not_run", "not run")],
)
def test_an_outcome_is_a_word_and_a_symbol(tmp_path, outcome, word):
    read = page(write_page(result(task(check(outcome=Outcome(outcome)))), tmp_path))
    (tag,) = [each for each in read.all("span") if each.attributes.get("class") == f"tag {outcome}" and "li" in each.path]
    symbol, words = tag.text.split(None, 1)
    assert words == word
    assert not symbol.isalnum()


def test_differences_and_the_misconception_are_told(tmp_path):
    difference = Difference(where="value", fact="type", sentence="`value` is a float; it should be a Tensor.")
    failing = check(differences=(difference,), draws_passed=1)
    read = page(write_page(result(task(failing, PASSED, diagnoses=(MISTAKE,), earned=2.5)), tmp_path))
    assert "value is a float; it should be a Tensor." in read.text
    assert "It passed on 1 of 3 inputs." in read.text
    assert "Your code does the same as a well-known mistake" in read.text
    assert "leaves_grad_behind" not in read.text
    feedback = read.all("p", **{"class": "feedback"})
    assert [each.text for each in feedback] == ["Calling backward() leaves a gradient behind. Look at x.grad."]
    assert "partly right" in read.all("nav")[0].text
    assert "1 of 2" in read.all("nav")[0].text


def test_the_line_where_it_stopped_is_marked_in_the_students_own_source(tmp_path):
    stopped = check(
        error_type="RuntimeError",
        error_message="grad can be implicitly created only for scalar outputs",
        at=SourceLine(3, 3, "    y.backward()"),
        arguments="x: a float32 tensor of shape (3,)",
    )
    read = page(write_page(result(task(stopped)), tmp_path))
    (marked,) = read.all("span", **{"class": "row marked"})
    assert marked.text.split() == ["▶stopped", "here:", "y.backward()"]
    assert "Your code raised RuntimeError in cell 3, line 3." in read.text
    assert "grad can be implicitly created only for scalar outputs" in read.text
    assert "It was called with x: a float32 tensor of shape (3,)." in read.text
    plain = stopped.__class__(**{name: getattr(stopped, name) for name in stopped.__struct_fields__})
    twice = task(plain, source=SOURCE + "    y.backward()\n")
    read = page(write_page(result(twice), tmp_path))
    assert not read.all("span", **{"class": "row marked"})
    assert "y.backward()" in [each.text for each in read.all("pre", **{"aria-label": "Your line"})]


def test_what_comes_out_of_a_hidden_check_stays_with_the_instructor(tmp_path):
    hidden = check(
        "test_secret_name",
        sentence="A vector is refused.",
        visible=False,
        error_type="TheSourceOfTheCheck",
        error_message="def test_secret_name(code, given): ...",
        at=SourceLine(3, 987654321, "x = given.normal(3, 4)"),
        arguments="x = 0.123456",
    )
    died = check("test_other_name", Outcome.ERROR, sentence="It ends.", visible=False, reason="exit code 3: printed-secret")
    graded = result(task(hidden, died), notes=("cell 3, line 4: assigns to <b>math.sqrt</b>",))
    student = write_page(graded, tmp_path).read_text()
    for word in [
        "Worth a look",
        "math.sqrt",
        "The message is",
        "secret_name",
        "TheSourceOfTheCheck",
        "given.normal",
        "987654321",
        "0.123456",
        "printed-secret",
        "other_name",
    ]:
        assert word not in student
    text = Page(student).text
    assert "A vector is refused. only in grading" in text
    assert "The program ended before it returned a result." in text
    instructor = write_page(graded, tmp_path, audience="instructor").read_text()
    for word in [
        "test_secret_name",
        "TheSourceOfTheCheck",
        "given.normal(3, 4)",
        "printed-secret",
        "namespaces",
        "off: not permitted",
        "The message is: def test_secret_name(code, given): ...",
        "It was called with x = 0.123456.",
        "Worth a look, never a mark",
        "cell 3, line 4: assigns to &lt;b&gt;math.sqrt&lt;/b&gt;",
    ]:
        assert word in instructor
    assert "Worth a look" not in write_page(result(task(hidden)), tmp_path, audience="instructor").read_text()
    assert "For instructors." in instructor


def test_a_task_not_attempted_is_not_called_wrong(tmp_path):
    stub = task(check(), check("test_more", visible=False), attempted=False)
    read = page(write_page(result(stub), tmp_path))
    assert "not attempted" in read.all("nav")[0].text
    assert "failed" not in read.text.replace("passed, failed, error", "")
    assert "It does not count as wrong" in read.text


def test_gated_and_pending_points_are_explained(tmp_path):
    gated = task(check(gate=True), PASSED, gated=True)
    waiting = task(check(outcome=Outcome.NOT_RUN, reason="No device."), task="moves", pending=5.0)
    read = page(write_page(result(gated, waiting, pending=5.0), tmp_path))
    assert "The values are not right yet. Until they are, the task's other checks earn nothing." in read.text
    assert "5 points are pending: their checks need a device" in read.text
    assert "5 more points are pending" in read.text


@pytest.mark.parametrize(
    "gate",
    [
        check(gate=True, outcome=Outcome.TIMEOUT, reason="The code did not end within 5 s."),
        check(gate=True, outcome=Outcome.FAILED, error_type="ValueError", error_message="no"),
    ],
)
def test_values_are_not_called_wrong_where_there_were_none(tmp_path, gate):
    read = page(write_page(result(task(gate, PASSED, gated=True)), tmp_path))
    assert "The values are not right yet" not in read.text
    assert (
        "What this task must do first does not work yet. Until it does, the task's other checks earn nothing." in read.text
    )


def test_how_points_are_made_is_said_in_words(tmp_path):
    effects = check("side_effects", Outcome.PASSED)
    equal = page(write_page(result(task(check(gate=True), PASSED, effects)), tmp_path)).text
    assert "Each of the 3 checks is worth 1.67 of 5 points. None counts until this one passes: “What values says.”" in equal
    weighted = task(check(gate=True, weight=3.0), check("test_more", visible=False, gate=True), PASSED, effects)
    read = page(write_page(result(weighted), tmp_path)).text
    assert "The 4 checks share the 5 points as shown beside each. None counts until one of these passes:" in read
    assert "test_values · 2.5 points" in read
    assert "only in grading · 0.83 points" in read
    plain = page(write_page(result(task(check(), PASSED, effects)), tmp_path)).text
    assert "None counts until at least one passes besides the last." in plain


def test_cells_that_went_wrong_are_told_and_the_others_not(tmp_path):
    cells = (
        CellReport(number=1, outcome=Outcome.PASSED, output="fine"),
        CellReport(
            number=2,
            outcome=Outcome.FAILED,
            error=ErrorFact(type="SyntaxError", message="'(' was never closed", at=SourceLine(2, 4, "print((1)")),
        ),
        CellReport(number=3, outcome=Outcome.TIMEOUT, note="Stopped after 20 s.", output="round\n" * 5000),
        CellReport(number=4, outcome=Outcome.PASSED, note="`!pip install x` was not run."),
    )
    read = page(write_page(result(task(PASSED), cells=cells), tmp_path))
    assert [each.text.split()[:2] for each in read.all("h3") if each.text.startswith("Cell")] == [
        ["Cell", "2"],
        ["Cell", "3"],
        ["Cell", "4"],
    ]
    assert "SyntaxError on line 4: '(' was never closed" in read.text
    assert "Stopped after 20 s." in read.text
    assert "Only the first 4000 characters are shown." in read.text
    assert read.source.count("round\n") < 1000


def test_a_file_that_could_not_be_read_has_a_page(tmp_path):
    problem = "`autograd.ipynb` is not a notebook: line 1 is not valid JSON."
    read = page(write_page(result(problem=problem, layers={}, points=23.0), tmp_path))
    assert "This file could not be graded" in read.text
    assert "autograd.ipynb is not a notebook: line 1 is not valid JSON." in read.text
    assert "0 of 23 points" in read.text


def test_a_run_without_confinement_says_so(tmp_path):
    read = page(write_page(result(task(PASSED), unsafe=True, layers={}), tmp_path))
    assert "Run without confinement" in read.text


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}&amp;`<b>`\u202e\x1b[31m\x00\ud800"


@pytest.mark.attack
def test_hostile_text_stays_text_everywhere(tmp_path):
    bad = HOSTILE
    name = HOSTILE.replace("/", "|").replace("\x00", "").replace("\ud800", "")
    difference = Difference(where=bad, fact="values", sentence=bad)
    failing = check(
        name=bad, sentence=bad, differences=(difference,), reason=bad, error_type=bad, error_message=bad,
        at=SourceLine(1, 1, bad), arguments=bad,
    )  # fmt: skip
    hostile = result(
        task(failing, task=bad, source=bad, diagnoses=(Diagnosis(misconception=bad, feedback=bad, exact=False, checks=()),)),
        student=name,
        title=bad,
        problem=bad,
        versions={bad: bad},
        layers={bad: bad},
        device=bad,
        graded_at=bad,
        submission=SubmissionFile(path=bad, sha256=bad, submitted_at=bad),
        cells=(CellReport(number=1, outcome=Outcome.ERROR, output=bad, note=bad, error=ErrorFact(type=bad, message=bad)),),
    )
    for audience in ("student", "instructor"):
        read = page(write_page(hostile, tmp_path, audience=audience))
        assert not read.all("script")
        assert not read.all("img")
        assert not read.all("b")
        assert "{{ 7*7 }}" in read.text
        assert not re.search("[\u202e\x1b\x00]", read.source)
        assert all(not attribute.startswith("on") for each in read.elements for attribute in each.attributes)
    read = page(write_index([hostile], tmp_path, title=bad))
    assert len(read.all("script")) == 1
    assert "alert(1)" not in read.all("script")[0].text
    assert not read.all("img")
    links = [link.attributes["href"] for link in read.all("a") if not link.attributes["href"].startswith("#")]
    assert links
    assert all(re.fullmatch(r"instructor-pages/[A-Za-z0-9%._~-]+/autograd\.html", link) for link in links)


@pytest.mark.attack
@settings(max_examples=60)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_gives_a_well_formed_page(tmp_path_factory, text, source):
    out = tmp_path_factory.mktemp("page")
    shown = check(sentence=text, error_message=text, at=SourceLine(1, 1, source), error_type="E")
    tags = {each.tag for each in page(write_page(result(task(shown, source=source), title=text), out)).elements}
    plain = {each.tag for each in page(write_page(result(task(check(error_message="x"))), out)).elements}
    assert tags - plain <= {"code", "pre"}


@pytest.mark.attack
@pytest.mark.parametrize(("student", "topic"), [("../eve", "a"), ("..", "a"), ("", "a"), ("a\\b", "a"), ("ada", "x/y")])
def test_a_name_cannot_lead_out_of_the_folder(tmp_path, student, topic):
    with pytest.raises(AutogradeError, match="cannot be a file name"):
        write_page(result(student=student, topic=topic), tmp_path / "out")
    with pytest.raises(AutogradeError, match="cannot be a file name"):
        write_index([result(student=student, topic=topic)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


PAIRS = [(text, ground) for text in ("text", "soft", "link") for ground in ("page", "card", "sunk")]
PAIRS += [("good", "good-bg"), ("bad", "bad-bg"), ("warn", "warn-bg"), ("idle", "idle-bg"), ("note", "note-bg")]
PAIRS += [("soft", "note-bg"), ("text", "bad-bg"), ("text", "warn-bg"), ("mark-text", "mark"), ("note", "bad-bg")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_has_enough_contrast(tmp_path, theme):
    source = write_page(result(task(PASSED)), tmp_path).read_text()
    themes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{([^}]*)\}", source)]
    colours = themes[theme]
    for text, ground in PAIRS:
        lighter, darker = sorted((_luminance(colours[text]), _luminance(colours[ground])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"{text} on {ground}"
