"""The server: a real one on a Unix socket, with right answers and everything that clients do wrong."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest
from served_course import serving
from tiny_course import RIGHT, WRONG, make_course, write_notebook

from autograder.errors import AutogradeError
from autograder.grading.grader import Grader
from autograder.grading.versions import seed_of_version
from autograder.processes.pool import Pool
from autograder.serving import listen
from autograder.serving.service import Service, Settings

COMMAND = [sys.executable, "-c", "from autograder.commands.instructor import main; main()", "serve"]
SCHEMA = Path(__file__).parents[3] / "docs/result.schema.json"
SEED = 5
ADA, BO = "a" * 32, "b" * 32
SLOW = f"import time\ntime.sleep(1.5)\n{RIGHT}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def path(root: Path, pool: Pool) -> Iterator[Path]:
    """The socket of a server with one worker, one place to wait, and two clients."""
    settings = Settings(tokens=(ADA, BO), queue=1, per_client=2, max_bytes=50_000)
    with Grader(root, seed=SEED, pool=pool) as grader:
        grader.prepare("views")
        with serving(grader, root / "s", settings):
            yield root / "s"


@pytest.fixture
def client(path: Path) -> Iterator[httpx.Client]:
    with client_of(path) as client:
        yield client


def client_of(path: Path, token: str = ADA) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://grader", headers=headers, timeout=60)


def asked(source: str, **more: object) -> dict[str, object]:
    return {"topic": "views", "source": source, **more}


def test_a_submission_is_graded(client: httpx.Client, tmp_path: Path) -> None:
    answer = client.post("/v1/grade", json=asked(RIGHT, student="ada"))
    assert answer.status_code == 200
    result = answer.json()
    assert (result["student"], result["earned"], result["seed"]) == ("ada", 5.0, SEED)
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(result)
    notebook = write_notebook(tmp_path / "n.ipynb", RIGHT).read_text()
    assert client.post("/v1/grade", json=asked(notebook)).json()["earned"] == 5.0
    assert (
        client.post("/v1/grade", json=asked('{"cells')).json()["problem"].startswith("views.ipynb is not a valid notebook")
    )


def test_a_changed_submission_gets_inputs_of_its_own(client: httpx.Client) -> None:
    result = client.post("/v1/grade", json=asked(RIGHT, version=2)).json()
    assert (result["version"], result["seed"], result["earned"]) == (2, seed_of_version(SEED, 2), 5.0)
    described = client.get("/openapi.json").json()["components"]["schemas"]["GradeRequest"]["properties"]["version"]
    assert described == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1}


@pytest.mark.parametrize("header", [b"", b"Bearer", b"Basic " + ADA.encode(), b"Bearer " + b"a" * 31, b"Bearer \xe4"])
def test_a_wrong_token(client: httpx.Client, header: bytes) -> None:
    headers = {b"Authorization": header}
    for answer in (
        client.post("/v1/grade", json=asked(RIGHT), headers=headers),
        client.get("/metrics", headers=headers),
        client.get("/openapi.json", headers=headers),
    ):
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "truncated"),
        (b"{", 400, "truncated"),
        (b"[" * 20_000, 400, "Expected `object`"),
        (b'{"topic": "views"}', 400, "missing required field `source`"),
        (b'{"topic": "views", "source": 1}', 400, "Expected `str`, got `int`"),
        (b'{"topic": "views", "source": "", "version": 0}', 400, "Expected `int` >= 1"),
        (b'{"topic": "views", "source": "", "version": 1001}', 400, "Expected `int` <= 1000"),
        (b'{"topic": "views", "source": "", "code": ""}', 400, "unknown field `code`"),
        (b'{"topic": "views", "source": "\xff"}', 400, "The request is not what /openapi.json describes"),
        (b'{"topic": "vews", "source": ""}', 422, "did you mean 'views'?"),
        (b'{"topic": "views", "source": "%s"}' % (b"x" * 60_000), 413, "larger than 50000 bytes"),
    ],
)
def test_a_bad_request(client: httpx.Client, body: bytes, status: int, words: str) -> None:
    answer = client.post("/v1/grade", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_request_without_a_length_is_limited_too(client: httpx.Client) -> None:
    answer = client.post("/v1/grade", content=iter([b" " * 9_000] * 10), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_only_json_is_taken(client: httpx.Client) -> None:
    assert client.post("/v1/grade", content=RIGHT).status_code == 415
    assert client.get("/v1/grade").status_code == 405
    assert client.get("/v1/grades").json() == {"error": "Not Found"}


def test_a_full_queue(path: Path, client: httpx.Client) -> None:
    async def crowd() -> list[httpx.Response]:
        transport = httpx.AsyncHTTPTransport(uds=str(path))
        async with httpx.AsyncClient(transport=transport, base_url="http://grader", timeout=60) as many:

            async def send(token: str, delay: float) -> httpx.Response:
                await asyncio.sleep(delay)
                return await many.post("/v1/grade", json=asked(SLOW), headers={"Authorization": f"Bearer {token}"})

            return await asyncio.gather(send(ADA, 0), send(ADA, 0.2), send(ADA, 0.4), send(BO, 0.6))

    first, second, third, other = asyncio.run(crowd())
    assert (first.status_code, second.status_code) == (200, 200)
    assert (third.status_code, other.status_code) == (429, 503)
    assert "2 of your submissions" in third.json()["error"]
    assert other.json()["error"] == "The queue is full; try again later."
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in (third, other))
    assert client.get("/health").json()["waiting"] == 0
    assert client.post("/v1/grade", json=asked(WRONG)).status_code == 200


def test_who_goes_away_frees_the_place(path: Path, client: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/grade", json=asked(SLOW), timeout=0.2)
    with pytest.raises(httpx.ReadTimeout):
        client.post("/v1/grade", json=asked(SLOW), timeout=0.2)
    with client_of(path, BO) as other:
        while other.get("/health").json()["waiting"]:
            pass
        assert other.post("/v1/grade", json=asked(RIGHT)).json()["earned"] == 5.0


def test_metrics(client: httpx.Client) -> None:
    client.post("/v1/grade", json=asked(RIGHT))
    client.post("/v1/grade", json=asked(WRONG))
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for name in ("complete", "partial"):
        assert f'autograde_submissions_total{{outcome="{name}",topic="views"}}' in answer.text
    assert "autograde_waiting 0.0" in answer.text
    assert "autograde_grading_seconds_count" in answer.text


def test_the_description(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    schemas = described["components"]["schemas"]
    assert schemas["GradeRequest"]["required"] == ["topic", "source"]
    assert set(schemas) >= {"TopicResult", "TaskResult", "CheckResult", "Error"}
    assert set(described["paths"]) == {"/v1/grade", "/health", "/metrics", "/openapi.json"}
    assert schemas["GradeRequest"]["properties"]["topic"]["enum"] == ["views"]
    statuses = {path: set(methods.popitem()[1]["responses"]) for path, methods in described["paths"].items()}
    assert statuses.pop("/v1/grade") == {"200", "400", "401", "408", "413", "415", "422", "429", "500", "503"}
    assert statuses == {"/health": {"200", "503"}, "/metrics": {"200", "401"}, "/openapi.json": {"200", "401"}}
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_the_socket_is_its_owners(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(AutogradeError, match="another server listens there"):
        listen.unix_socket(path)
    with pytest.raises(AutogradeError, match="is not a socket"):
        listen.unix_socket(SCHEMA)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "short\n"])
def test_tokens_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(AutogradeError, match="write one token per line"):
        listen.read_tokens(tmp_path / "tokens")


@pytest.mark.slow
def test_the_command_stops_when_all_is_answered(root: Path, path: Path, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"# of ada\n{ADA}\n")
    own = tmp_path / "own"
    with socket.socket(socket.AF_UNIX) as left:  # by a server that was killed
        left.bind(str(own))
    server = subprocess.Popen(
        [*COMMAND, "--socket", str(own), "--token-file", str(tmp_path / "tokens"), "--seed", str(SEED), "--jobs", "1"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(f"Listening on {own} with seed {SEED}")
        with client_of(own) as client:

            async def busy() -> list[httpx.Response]:
                sent = [asyncio.create_task(asyncio.to_thread(client.post, "/v1/grade", json=asked(SLOW))) for _ in range(2)]
                while client.get("/health").json()["waiting"] < 1:
                    await asyncio.sleep(0.05)
                os.kill(server.pid, signal.SIGTERM)
                return list(await asyncio.gather(*sent))

            assert [answer.json()["earned"] for answer in asyncio.run(busy())] == [5.0, 5.0]
        assert server.communicate(timeout=60) == ("Stopped.\n", "")
        assert server.returncode == 0
        assert not own.exists()
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Say where to listen"),
        (["--socket", "s", "--port", "1"], "Say where to listen"),
        (["--port", "0", "--host", "0.0.0.0"], "--host 0.0.0.0 can be reached by others: give --token-file too."),
        (["--port", "0", "--token-file", "gone"], "gone: cannot be read (No such file or directory)."),
    ],
)
def test_a_mistake_is_one_line(root: Path, arguments: list[str], message: str) -> None:
    from typer.testing import CliRunner

    from autograder.commands.instructor import app

    done = CliRunner().invoke(app, ["serve", "--course", str(root), *arguments])
    assert done.exit_code == 2
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_without_a_token_only_localhost_is_answered(root: Path, pool: Pool) -> None:
    async def status(name: str) -> int:
        transport = httpx.ASGITransport(Service(grader, Settings()).app())
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{name}") as client:
            answer = await client.get("/openapi.json")
            if answer.status_code == 200:
                assert set(answer.json()["paths"]["/metrics"]["get"]["responses"]) == {"200", "403"}
            return answer.status_code

    with Grader(root, seed=SEED, pool=pool) as grader:
        assert [asyncio.run(status(name)) for name in ("localhost:8000", "evil.example")] == [200, 403]
