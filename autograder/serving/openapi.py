"""The server's interface as an OpenAPI 3.1 description (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from typing import Any

import msgspec

from autograder.records.results import FORMAT_VERSION, TopicResult

__all__ = ["description"]

_REFUSALS = {
    "400": "The request is not valid JSON, or not of this form.",
    "401": "The token is missing or wrong.",
    "408": "The request did not arrive in time.",
    "413": "The request is too large.",
    "415": "The request is not sent as application/json.",
    "422": "The course has no such topic.",
    "429": "Too many submissions of this client are here already. Retry-After says in how many seconds to try again.",
    "500": "The topic's own files are at fault, or there is a bug.",
    "503": "The queue is full, or the server is stopping. Retry-After says in how many seconds to try again.",
}


def description(request: type[msgspec.Struct], max_bytes: int, *, token: bool) -> dict[str, Any]:
    """The description.

    Args:
        request: the type of what `/v1/grade` takes.
        max_bytes: how large a request may be.
        token: whether requests need a token.
    """
    (asked, result), schemas = msgspec.json.schema_components(
        (request, TopicResult), ref_template="#/components/schemas/{name}"
    )
    error = {
        "type": "object",
        "properties": {"error": {"type": "string", "description": "A sentence."}},
        "required": ["error"],
    }
    schemas["Error"] = error
    refusal = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
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
                        **{
                            status: {"description": text, "content": refusal}
                            for status, text in _REFUSALS.items()
                            if token or status != "401"
                        },
                    },
                }
            },
            "/health": _get("Whether the server takes submissions (200) or is stopping (503)", "application/json"),
            "/metrics": _get("Counts and times, in Prometheus's text format", "text/plain"),
            "/openapi.json": _get("This description", "application/json"),
        },
    }
    if token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"token": []}]
        described["paths"]["/health"]["get"]["security"] = []
    return described


def _get(summary: str, kind: str) -> dict[str, Any]:
    return {"get": {"summary": summary, "responses": {"200": {"description": "The answer.", "content": {kind: {}}}}}}
