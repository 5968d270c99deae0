"""The server's interface as an OpenAPI 3.1 description (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from autograder.records.results import FORMAT_VERSION, TopicResult

__all__ = ["description"]

_NOT_ALLOWED = {
    "401": "The token is missing or wrong.",
    "403": "There is no token, and the request came under another name than localhost.",
}
_REFUSALS = {
    "400": "The request is not valid JSON, or not of this form.",
    **_NOT_ALLOWED,
    "408": "The request did not arrive in time.",
    "413": "The request is too large.",
    "415": "The request is not sent as application/json.",
    "422": "The course has no such topic.",
    "429": "Too many submissions of this client are here already. Retry-After says in how many seconds to try again.",
    "500": "The topic's own files are at fault, or there is a bug.",
    "503": "The queue is full, the server is stopping, or the machine failed. Retry-After says in how many seconds to try "
    "again.",
}


def description(request: type[msgspec.Struct], max_bytes: int, *, topics: Iterable[str], token: bool) -> dict[str, Any]:
    """The description.

    Args:
        request: the type of what `/v1/grade` takes.
        topics: those of the course.
        max_bytes: how large a request may be.
        token: whether requests need a token.
    """
    other = "403" if token else "401"
    (asked, result), schemas = msgspec.json.schema_components(
        (request, TopicResult), ref_template="#/components/schemas/{name}"
    )
    error = {
        "type": "object",
        "properties": {"error": {"type": "string", "description": "A sentence."}},
        "required": ["error"],
    }
    schemas["Error"] = error
    schemas[request.__name__]["properties"]["topic"]["enum"] = list(topics)
    not_allowed = _refusals(_NOT_ALLOWED, other)
    stopping = {"503": {"description": "It is stopping.", "content": {"application/json": {}}}}
    components: dict[str, Any] = {"schemas": schemas}
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "autograde", "version": str(FORMAT_VERSION)},
        "components": components,
        "paths": {
            "/v1/grade": {
                "post": {
                    "summary": "Grade a submission",
                    "description": f"Answers once the submission is graded. A request has at most {max_bytes} bytes.",
                    "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
                    "responses": {
                        "200": {"description": "The result.", "content": {"application/json": {"schema": result}}},
                        **_refusals(_REFUSALS, other),
                    },
                }
            },
            "/health": _get("Whether the server takes submissions", "application/json", stopping),
            "/metrics": _get("Counts and times, in Prometheus's text format", "text/plain", not_allowed),
            "/openapi.json": _get("This description", "application/json", not_allowed),
        },
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        described["paths"]["/health"]["get"]["security"] = []
    return described


def _refusals(texts: Mapping[str, str], other: str) -> dict[str, Any]:
    """The refusals, without the one that cannot occur."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": text, "content": content} for status, text in texts.items() if status != other}


def _get(summary: str, kind: str, others: Mapping[str, Any]) -> dict[str, Any]:
    answer = {"description": "The answer.", "content": {kind: {}}}
    return {"get": {"summary": summary, "responses": {"200": answer, **others}}}
