"""The HTTP interface of `autograde serve`: what each route answers.

POST /v1/grade      a submission as JSON; answers with its result (docs/result.schema.json) once it is graded
GET  /health        whether the server takes submissions; needs no token
GET  /metrics       counts and times, in Prometheus's text format
GET  /openapi.json  this interface, described

Each mistake is answered with `{"error": "a sentence"}`.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from autograder.errors import AutogradeError, SubmissionError
from autograder.grading.grader import Grader
from autograder.grading.versions import MOST_VERSIONS
from autograder.serving.metrics import Metrics
from autograder.serving.openapi import description

__all__ = ["GradeRequest", "Service", "Settings"]

_BODY_SECONDS = 60.0
_FIRST_GUESS_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 60
_SHARE_OF_NEWEST = 0.2
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class GradeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A submission. `source` is the text of a Python file, or of a notebook, which starts with `{`. `version` counts a
    student's files for the topic: each version has inputs of its own, the same for everybody. `for_student`: answer with
    what the student may be told, instead of everything."""

    topic: str
    source: str
    student: str = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=MOST_VERSIONS)] = 1
    for_student: bool = False


@dataclass(frozen=True)
class Settings:
    """How much the server takes.

    Attributes:
        tokens: one of them must come with each request; if there are none, anybody who reaches the server may ask.
        queue: how many submissions may wait while others are graded.
        per_client: how many of one client may wait or be graded at a time; a client is a token at an address.
        max_bytes: how large a request may be.
    """

    tokens: tuple[str, ...] = ()
    queue: int = 64
    per_client: int = 16
    max_bytes: int = 16 << 20


class Service:
    """A grader that answers HTTP requests."""

    def __init__(self, grader: Grader, settings: Settings) -> None:
        """Serve `grader`, whose topics should be prepared."""
        self._grader, self._settings = grader, settings
        self._workers = grader.pool.workers
        self._turns = asyncio.Semaphore(self._workers)
        self._taken: Counter[str] = Counter()
        self._seconds = _FIRST_GUESS_SECONDS
        self._metrics = Metrics()
        described = description(GradeRequest, settings.max_bytes, topics=grader.course.topics, token=bool(settings.tokens))
        self._description = msgspec.json.encode(described)
        self.stopping = False

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/v1/grade", self._grade, methods=["POST"]),
                Route("/health", self._health),
                Route("/metrics", self._show_metrics),
                Route("/openapi.json", self._describe),
            ],
            exception_handlers={HTTPException: self._refuse, Exception: self._fail},
        )

    async def _grade(self, request: Request) -> Response:
        client = self._client(request)
        with self._place(client):
            order = await self._order(request)
            async with self._turns:
                if await request.is_disconnected():
                    raise HTTPException(499, "The client went away before its turn.")
                started = time.monotonic()
                try:
                    result = await self._grader.grade_async(
                        order.source, topic=order.topic, student=order.student, version=order.version
                    )
                except SubmissionError as error:
                    raise HTTPException(422, str(error)) from error
                except AutogradeError as error:
                    raise HTTPException(500, str(error)) from error
                self._took(time.monotonic() - started)
                if result.not_graded:
                    raise HTTPException(503, result.problem, {"Retry-After": str(_AFTER_FAILURE_SECONDS)})
        self._metrics.graded(result)
        self._metrics.answered(200)
        return _json(Grader.for_student(result) if order.for_student else result)

    async def _health(self, request: Request) -> Response:
        state = "stopping" if self.stopping else "ok"
        body = {
            "status": state,
            "topics": sorted(self._grader.prepared),
            "workers": self._workers,
            "running": min(self._taken.total(), self._workers),
            "waiting": max(0, self._taken.total() - self._workers),
        }
        return _json(body, 503 if self.stopping else 200)

    async def _show_metrics(self, request: Request) -> Response:
        self._client(request)
        return Response(self._metrics.text(self._taken.total(), self._workers), media_type=self._metrics.media_type)

    async def _describe(self, request: Request) -> Response:
        self._client(request)
        return Response(self._description, media_type="application/json")

    def _client(self, request: Request) -> str:
        """Who asks, if that may be."""
        address = request.client.host if request.client else ""
        if not self._settings.tokens:
            # A web page may send its reader's browser here under a name of its own.
            if address and request.url.hostname not in _LOCAL_NAMES:
                raise HTTPException(403, "This server has no token, so it answers only to localhost.")
            return address
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        # All are compared, so that the time that it takes says nothing.
        right = [hmac.compare_digest(given.strip().encode(), token.encode()) for token in self._settings.tokens]
        if kind.lower() != "bearer" or not any(right):
            raise HTTPException(401, "Send a valid token: “Authorization: Bearer TOKEN”.", {"WWW-Authenticate": "Bearer"})
        return f"{right.index(True)} {address}"

    @contextmanager
    def _place(self, client: str) -> Iterator[None]:
        """A place in the queue, for as long as the submission waits and is graded."""
        retry = {"Retry-After": str(max(1, math.ceil(self._seconds * self._taken.total() / self._workers)))}
        if self.stopping:
            raise HTTPException(503, "The server is stopping.", retry)
        if self._taken[client] >= self._settings.per_client:
            most = self._settings.per_client
            raise HTTPException(429, f"{most} of your submissions are here already; wait for an answer.", retry)
        if self._taken.total() >= self._workers + self._settings.queue:
            raise HTTPException(503, "The queue is full; try again later.", retry)
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

    async def _order(self, request: Request) -> GradeRequest:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "Send the submission as JSON: “Content-Type: application/json”.")
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await self._body(request)
        except TimeoutError:
            raise HTTPException(408, f"The submission did not arrive within {_BODY_SECONDS:g} s.") from None
        except ClientDisconnect:
            raise HTTPException(499, "The client went away before it had sent everything.") from None
        try:
            return msgspec.json.decode(body, type=GradeRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise HTTPException(400, f"The request is not what /openapi.json describes: {error}.") from None

    async def _body(self, request: Request) -> bytes:
        most = self._settings.max_bytes
        body = bytearray()
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced[:20]) <= most:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    break
            else:
                return bytes(body)
        raise HTTPException(413, f"The request is larger than {most} bytes; clear the notebook's outputs.")

    def _took(self, seconds: float) -> None:
        self._seconds += _SHARE_OF_NEWEST * (seconds - self._seconds)
        self._metrics.took(seconds)

    async def _refuse(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        self._metrics.answered(error.status_code)
        response = _json({"error": error.detail}, error.status_code)
        response.headers.update(error.headers or {})
        if error.status_code == 413:
            response.headers["Connection"] = "close"  # the rest of the request is not read
        return response

    async def _fail(self, request: Request, error: Exception) -> Response:
        self._metrics.answered(500)
        return _json({"error": "This is a bug in autograde; its log says more. Please report it."}, 500)


def _json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")
