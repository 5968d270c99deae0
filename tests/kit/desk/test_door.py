"""Who may come in to the desk, and what every answer says of what its page may do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_course import HERE, KEYS, at_desk, form_in, make_class_with_answers, make_manual_course, write_results
from made_up_results import Page
from starlette.testclient import TestClient

from autograder.desk.door import Keys

ADA = "/instructor-pages/ann/views.html"
PAGES = ("/", "/index.html", ADA, "/ann/views.html", "/instructor-pages/zoe/views.html", "/desk/manual", "/desk/regrade")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_manual_course(tmp_path_factory.mktemp("course"))
    make_class_with_answers(root / "submitted")
    return write_results(root)


@pytest.fixture
def client(root: Path) -> Iterator[TestClient]:
    with at_desk(root) as client:
        yield client


def stranger(client: TestClient) -> TestClient:
    return TestClient(client.app, HERE, follow_redirects=False)


def test_the_token_gives_a_cookie_and_leaves_the_address(client: TestClient) -> None:
    other = stranger(client)
    first = other.get("/", params={"token": KEYS.token})
    [cookie] = first.headers.get_list("set-cookie")
    assert re.fullmatch(r"autograde-desk-8000=(cookie-){4}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert '<meta http-equiv="refresh" content="0; url=/">' in first.text
    assert KEYS.token not in first.text
    assert other.get("/").status_code == 200


def test_each_desk_has_secrets_of_its_own() -> None:
    secrets = {word for keys in (Keys(), Keys()) for word in (keys.token, keys.cookie, keys.form)}
    assert len(secrets) == 6
    assert min(map(len, secrets)) >= 43


@pytest.mark.parametrize("path", [*PAGES, "/desk/decide", "/nothing", "/?token=wrong", "/?token="])
def test_without_the_token_there_is_nothing(client: TestClient, path: str) -> None:
    other = stranger(client)
    answers = [other.get(path), other.post(path, data={"csrf": KEYS.form})]
    other.cookies.set("autograde-desk-8000", "guessed")
    answers.append(other.get(path))
    for answer in answers:
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "Open the address" in answer.text
        assert "Ann" not in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "", "127.0.0.1:8000:1", "[::1"]
)
def test_other_names_of_this_machine_are_not_answered(client: TestClient, host: str) -> None:
    for path in ("/", f"/?token={KEYS.token}"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert "Ann" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:9", "localhost:9000"])
def test_a_forwarded_port_is_this_machine(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "https://evil.example"},
    ],
)
def test_a_form_from_elsewhere_does_nothing(client: TestClient, root: Path, headers: dict[str, str]) -> None:
    form = form_in(client.get(ADA).text, "/desk/decide", task="guess")
    answer = client.post("/desk/decide", data={**form, "comment": "Well."}, headers=headers)
    assert answer.status_code == 403
    assert not (root / "adjustments.yml").exists()


@pytest.mark.parametrize("word", [None, "", "wrong", "é", KEYS.cookie])
@pytest.mark.parametrize("path", ["/desk/decide", "/desk/grade-again", "/desk/regrade"])
def test_a_form_without_the_desks_word_does_nothing(client: TestClient, root: Path, path: str, word: str | None) -> None:
    form = form_in(client.get(ADA).text, "/desk/decide", task="guess")
    del form["csrf"]
    answer = client.post(path, data={**form, "comment": "Well.", **({"csrf": word} if word is not None else {})})
    assert answer.status_code == 403
    assert "not from this desk" in answer.text
    assert not (root / "adjustments.yml").exists()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a=1", "text/plain", 415),
        (b"", "multipart/form-data; boundary=x", 415),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        (b"a=\xff", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 60, "application/x-www-form-urlencoded", 400),
        (b"a=" + b"x" * 300_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_what_is_no_form(client: TestClient, content: bytes, kind: str, status: int) -> None:
    answer = client.post("/desk/decide", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert "This did not work" in answer.text


def test_every_answer_says_what_its_page_may_do(client: TestClient) -> None:
    answers = [client.get(path) for path in (*PAGES, "/nothing", "/desk/manual/views/why")]
    answers += [client.post("/", data={}), client.post("/desk/decide", data={}), stranger(client).get("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        for kind in ("style", "script"):
            for text in re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL):
                digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
                assert f"'sha256-{digest}'" in policy
        attributes = (
            {name for element in Page(answer.text).elements for name in element.attributes} if answer.text else set()
        )
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert [answer.status_code for answer in answers[-4:-1]] == [303, 405, 415]
