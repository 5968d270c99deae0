"""The desk's pages and forms: what is shown, what is written, and that nothing is lost."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from desk_course import HOSTILE, PNG, at_desk, form_in, make_class_with_answers, make_manual_course, write_results
from made_up_results import Page
from starlette.testclient import TestClient

from autograder.course.course_file import load_course
from autograder.desk.app import Desk
from autograder.errors import CourseError, ResultError
from autograder.gradebook.adjustments import Adjustment, load_adjustments, write_adjustment
from autograder.grading.result_files import read_result, result_path, write_result

ANN, BO, ZOE = (f"/instructor-pages/{name}/views.html" for name in ("ann", "bo", "zoe"))


@pytest.fixture(scope="module")
def class_of(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_manual_course(tmp_path_factory.mktemp("course"))
    make_class_with_answers(root / "submitted")
    return write_results(root)


@pytest.fixture
def root(class_of: Path) -> Path:
    (class_of / "adjustments.yml").unlink(missing_ok=True)
    return class_of


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with at_desk(root) as client:
        yield client


def decisions(root: Path) -> list[Adjustment]:
    return [each for own in load_adjustments(load_course(root)).values() for each in own]


def send(client: TestClient, page: str, task: str = "", **typed: str) -> tuple[int, str]:
    """Fill in a form of a page, send it, and follow where it leads: the status, and the page's text."""
    form = form_in(client.get(page).text, "/desk/decide", task=task)
    return sent(client, form, **typed)


def sent(client: TestClient, form: dict[str, str], **typed: str) -> tuple[int, str]:
    answer = client.post("/desk/decide", data={**form, **typed})
    if answer.status_code == 303:
        answer = client.get(answer.headers["location"])
        return 303, words_of(answer.text)
    return answer.status_code, words_of(answer.text)


def words_of(text: str) -> str:
    """What stands on a page, the bar included."""
    return " ".join(Page(text).all("body")[0].text.split())


def first_answer(client: TestClient, task: str = "why", query: str = "") -> str:
    return client.get(f"/desk/manual/views/{task}{query}").headers["location"]


# ---- pages --------------------------------------------------------------------------------------------------------------


def test_all_pages_are_linked_and_well_formed(client: TestClient) -> None:
    seen, waiting = set(), ["/"]
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address, follow_redirects=True)
        assert answer.status_code == 200, address
        parsed = Page(answer.text)
        for link in parsed.all("a"):
            target = str(answer.url.join(link.attributes["href"].partition("#")[0] or address).raw_path, "ascii")
            waiting.append(target)
    assert {ANN, "/ann/views.html", ZOE, "/desk/manual", "/desk/regrade"} <= seen
    assert any("names=hidden" in address for address in seen)


def test_hostile_names_and_answers_are_text(client: TestClient) -> None:
    for address in ("/", first_answer(client), first_answer(client, "plot")):
        text = client.get(address).text
        for word in (HOSTILE, "<script>alert", "<img src=x", "<b>never"):
            assert word not in text
    page = client.get(first_answer(client)).text  # it comes first by name
    assert html.escape(HOSTILE, quote=False).replace('"', "&#34;").replace("'", "&#39;") in page
    assert "A view &lt;img src=x onerror=alert(2)&gt;" in page
    assert f'<img src="data:image/png;base64,{PNG}"' in page
    link = Page(page).all("a", href="/instructor-pages/")[0].attributes["href"]
    assert HOSTILE in Page(client.get(link).text).text
    status, text = send(client, link, "guess", comment=f"{HOSTILE}\r\n</textarea>")
    assert (status, "Saved." in text) == (303, True)
    assert f"{HOSTILE} </textarea>" in text


@pytest.mark.parametrize(
    "address",
    [
        "/instructor-pages/nobody/views.html",
        "/instructor-pages/ann/other.html",
        "/instructor-pages/..%2f..%2fsecret/views.html",
        "/zoe/views.html",
        "/desk/manual/views/double",
        "/desk/manual/views/why/0000",
        "/desk/other",
    ],
)
def test_what_is_not_there(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert "This did not work" in answer.text


def test_a_mistake_in_the_courses_files_is_shown_and_then_mended(client: TestClient, root: Path) -> None:
    (root / "adjustments.yml").write_text("- student: ann\n  topic: viws\n")
    answer = client.get(ANN)
    assert answer.status_code == 409
    assert 'topic is "viws", which the course does not have' in Page(answer.text).text
    (root / "adjustments.yml").unlink()
    assert client.get(ANN).status_code == 200


def test_without_results_there_is_no_desk(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="there is no such folder; run `autograde grade` first"):
        Desk(root, tmp_path / "gone")
    with pytest.raises(ResultError, match="there are no results here"):
        Desk(root, tmp_path)
    with pytest.raises(CourseError):
        Desk(tmp_path, root / "grades")


# ---- decisions ----------------------------------------------------------------------------------------------------------


def test_a_mark_is_changed_with_its_reason(client: TestClient, root: Path) -> None:
    status, text = send(client, BO, "double", points="2,5", comment="The idea is right.")
    assert status == 303
    assert "Saved." in text
    assert "2.5 of 4 points, decided by your instructor." in text
    assert "points: 2.5 (grace, " in text
    [entry] = decisions(root)
    assert (entry.student, entry.topic, entry.task, entry.points) == ("bo", "views", "double", 2.5)
    assert (entry.comment, entry.by) == ("The idea is right.", "grace")
    assert entry.at[:2] == "20"
    assert "The idea is right." in client.get("/bo/views.html").text


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"points": "3"}, "Say why the mark changes"),
        ({"add": "-1"}, "Say why the mark changes"),
        ({"points": "five", "comment": "x"}, "“five” is not a number of points"),
        ({"points": "nan", "comment": "x"}, "“nan” is not a number of points"),
        ({"points": "5", "comment": "x"}, "points is 5, but double has 4"),
        ({"points": "-1", "comment": "x"}, "points is -1; write a number of at least 0"),
        ({"points": "1", "auto": "yes", "comment": "x"}, "Either give points, or take those of the checks again."),
        ({"comment": "x" * 10_001}, "longer than 10000 characters"),
        ({}, "There is nothing to save"),
    ],
)
def test_a_mistake_in_a_form_keeps_what_was_typed(
    client: TestClient, root: Path, typed: dict[str, str], message: str
) -> None:
    form = form_in(client.get(BO).text, "/desk/decide", task="double")
    answer = client.post("/desk/decide", data={**form, **typed})
    parsed = Page(answer.text)
    assert answer.status_code == 422
    assert message in parsed.text
    assert decisions(root) == []
    for name in ("points", "add"):
        assert typed.get(name, "") in [each.attributes["value"] for each in parsed.all("input", name=name)]
    assert typed.get("comment", "") in [each.text for each in parsed.all("textarea")]
    assert "open" in parsed.all("details", id="decide-1")[0].attributes


def test_everything_about_a_topic(client: TestClient, root: Path) -> None:
    assert "3 of 10 points" in send(client, ANN, points="3", comment="We agreed on this.")[1]
    assert "Now: 5 of 10 points (pending)." in send(client, ANN, auto="yes", comment="No.")[1]
    assert "Now: 5.5 of 10 points (adjusted, pending)." in send(client, ANN, add="0.5", comment="A beautiful plot.")[1]
    assert "48h" in send(client, ANN, extension="48h", comment="Get well soon.")[1]
    assert "Excused: this topic counts neither for nor against you." in send(client, ANN, excused="yes")[1]
    assert "not excused" in send(client, ANN, excused="no")[1]
    kept = [(each.points, each.add, each.extension, each.excused) for each in decisions(root)]
    assert kept == [
        (3, None, "", None), ("auto", None, "", None), (None, 0.5, "", None), (None, None, "48h", None),
        (None, None, "", True), (None, None, "", False),
    ]  # fmt: skip
    status, text = send(client, ANN, extension="tomorrow")
    assert (status, "write 90m, 48h, 2d or 1w" in text) == (422, True)


def test_who_handed_in_nothing_can_be_given_time_or_excused(client: TestClient, root: Path) -> None:
    assert "Zoë Eck, views: nothing handed in" in client.get("/").text
    assert "Nothing was handed in." in client.get(ZOE).text
    status, text = send(client, ZOE, extension="2d")
    assert status == 303
    assert "more time: 2d (grace, " in text
    assert send(client, ZOE, "why", points="1")[0] == 303
    assert [each.student for each in decisions(root)] == ["zoe", "zoe"]


def test_what_the_machine_failed_at_is_no_zero(tmp_path: Path) -> None:
    root = make_manual_course(tmp_path)
    make_class_with_answers(root / "submitted")
    write_results(root, ["ann"])
    path = result_path(root / "grades", "ann", "views")
    nothing = {"tasks": (), "earned": 0.0, "not_graded": True, "problem": "The machine ran out of memory."}
    write_result(msgspec.structs.replace(read_result(path), **nothing), root / "grades")
    with at_desk(root) as client:
        text = words_of(client.get(ANN).text)
        assert "not graded yet" in text
        assert "0 of" not in text
        assert send(client, ANN, points="7", comment="By hand.")[0] == 303
        assert "7 of 10 points" in words_of(client.get(ANN).text)


def test_comments_used_before_can_be_chosen(client: TestClient, root: Path) -> None:
    for student, comment in (("ann", "Often."), ("bo", "Often."), ("bo", "Once,\nin two lines.")):
        write_adjustment(load_course(root), Adjustment(student=student, topic="views", comment=comment))
    write_adjustment(load_course(root), Adjustment(student="ann", topic="views", task="guess", comment="Here."))
    parsed = Page(client.get(BO).text)
    offered = [each.attributes["value"] for each in parsed.all("option") if "value" in each.attributes]
    first = offered.index("Here.")  # in the form about `guess`, or behind the more frequent ones
    assert {"Often.", "Once,\nin two lines.", "Here."} <= set(offered)
    assert first > 0
    assert send(client, BO, "guess", used="Once,\r\nin two lines.", comment="And more.", points="0")[0] == 303
    assert decisions(root)[-1].comment == "Once,\nin two lines.\nAnd more."


def test_a_stale_form_is_refused_with_both_versions(client: TestClient, root: Path) -> None:
    form = form_in(client.get(BO).text, "/desk/decide", task="double")
    other = form_in(client.get(BO).text, "/desk/decide", task="guess")
    write_adjustment(
        load_course(root), Adjustment(student="bo", topic="views", task="double", points=1, comment="No.", by="alan")
    )
    status, text = sent(client, form, points="3", comment="Yes.")
    assert status == 409
    assert "Something else was decided or graded after you opened this page, so nothing was saved." in text
    assert "There now 1 of 4 points, decided by hand; points: 1, “No.” (alan)" in text
    assert "Yours points: 3; comment: Yes." in text
    assert len(decisions(root)) == 1
    assert sent(client, other, comment="Another task.")[0] == 303
    answer = client.post("/desk/decide", data={**form, "points": "3", "comment": "Yes."})
    again = form_in(answer.text, "/desk/decide", task="double")
    assert sent(client, again, points="3", comment="Yes.")[0] == 303
    assert [each.points for each in decisions(root)] == [1, None, 3]


def test_a_form_about_another_result_is_refused(client: TestClient, root: Path) -> None:
    form = form_in(client.get(BO).text, "/desk/decide", task="double")
    path = root / "grades/bo/views.json"
    before = path.read_bytes()
    path.write_bytes(before.replace(b'"cdcd', b'"eded', 1))
    try:
        assert sent(client, form, points="3", comment="Yes.")[0] == 409
    finally:
        path.write_bytes(before)


def test_two_desks_lose_nothing(root: Path) -> None:
    with at_desk(root) as first, at_desk(root, by="alan") as second:
        forms = [form_in(first.get(BO).text, "/desk/decide", task=task) for task in ("double", "guess", "why", "plot", "")]
        answers: list[int] = []

        def type_in(client: TestClient, comment: str) -> None:
            for form in forms:
                answers.append(sent(client, form, comment=comment)[0])

        threads = [threading.Thread(target=type_in, args=each) for each in ((first, "A."), (second, "B."))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(answers) == [303] * 5 + [409] * 5
    assert len(decisions(root)) == 5


def test_pages_in_the_folder_follow_when_the_desk_closes(root: Path) -> None:
    with at_desk(root) as client:
        send(client, BO, "double", points="2", comment="For the idea.")
    assert "For the idea." in (root / "grades/bo/views.html").read_text()
    assert ">adjusted</span>" in (root / "grades/index.html").read_text()
    assert '"earned": 3.0' in (root / "grades/marks.json").read_text()


# ---- manual tasks -------------------------------------------------------------------------------------------------------


def test_manual_tasks_go_through_the_class(client: TestClient, root: Path) -> None:
    rows = Page(client.get("/desk/manual").text).all("tr")
    assert [" ".join(row.text.split()[:5]) for row in rows[1:]] == ["why views 3 4 4", "plot views 2 4 4"]
    address, seen = first_answer(client), []
    while "/why/" in address:
        page = client.get(address)
        seen.append(Page(page.text).all("strong")[0].text)
        form = form_in(page.text, "/desk/decide", task="why")
        address = client.post("/desk/decide", data={**form, "points": "2"}).headers["location"]
    assert seen == [HOSTILE, "Ann Bell", "Bo Chen", "Cy Díaz"]
    assert "No other answer waits for points." in client.get(address).text
    assert [(each.student, each.task, each.points) for each in decisions(root)] == [
        (student, "why", 2) for student in (HOSTILE, "ann", "bo", "cy")
    ]
    assert "Now: 2 of 3 points, decided by hand." in Page(client.get(first_answer(client)).text).text


def test_names_can_be_hidden(client: TestClient, root: Path) -> None:
    address = first_answer(client, query="?names=hidden")
    order = []
    for _ in range(4):
        page = client.get(address)
        assert "Name hidden" in page.text
        for name in ("Ann", "Bo Chen", "Cy", "ann", "onclick", "/bo/"):
            assert name not in page.text.partition("<main>")[2]
        assert "names=hidden" in address
        order.append(address.split("/")[-1])
        form = form_in(page.text, "/desk/decide", task="why")
        assert "student" not in form
        address = client.post("/desk/decide", data={**form, "full": "yes", "comment": "Yes."}).headers["location"]
    assert order == sorted(order)
    assert {each.student for each in decisions(root)} == {"ann", "bo", "cy", HOSTILE}
    assert {(each.points, each.comment) for each in decisions(root)} == {(3, "Yes.")}


def test_an_answer_is_excused_taken_back_and_looked_at_again(client: TestClient, root: Path) -> None:
    address = first_answer(client)
    status, text = send(client, address, "why", points="1", comment="Half of it.", stay="yes")
    assert "Saved." in text
    assert "points: 1 (grace" in text
    assert "3 answers wait" in text
    assert "Now: 3 points pending." in send(client, address, "why", auto="yes", stay="yes")[1]
    assert "Now: excused." in send(client, address, "why", excused="yes", stay="yes")[1]
    status, text = send(client, address, "why", points="4", stay="yes")
    assert (status, "points is 4, but why has 3" in text) == (422, True)
    stale = form_in(client.get(address).text, "/desk/decide", task="why")
    send(client, address, "why", points="2")
    status, text = sent(client, stale, points="3")
    assert status == 409
    assert "There now excused; points: 2 (grace" in text


def test_an_answer_whose_file_is_gone_or_has_changed(client: TestClient, root: Path) -> None:
    write_adjustment(load_course(root), Adjustment(student=HOSTILE, topic="views", task="why", points=1))
    address = first_answer(client)  # ann's
    file = root / "submitted/ann/views.ipynb"
    before = file.read_bytes()
    try:
        file.write_bytes(before + b"\n")
        text = Page(client.get(address).text).text
        assert "The file has changed since it was graded." in text
        assert "shares memory" in text
        file.unlink()
        text = Page(client.get(address).text).text
        assert "The hand-in of ann is no longer at submitted/ann/views.ipynb" in text
        assert "shares memory" in text
    finally:
        file.write_bytes(before)
