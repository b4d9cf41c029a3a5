"""The OpenAPI 3.1 document of every route, made from the table of operations and from the structs themselves.

Schemas come from ``msgspec.json.schema_components``, so they state the same limits that decoding enforces.
"""

from typing import Any

import msgspec

from stepwarden.gateway.exchange import Settings
from stepwarden.gateway.operation import Operation
from stepwarden.gateway.operations import OPERATIONS, answer_types
from stepwarden.gateway.problems import Problem

REF = "#/components/schemas/{name}"
TITLES = {
    401: "No valid API key",
    403: "The key lacks the scope, or the request is refused",
    404: "There is no such thing",
    405: "The method is not allowed here",
    408: "The body did not come in time",
    409: "Conflicts with an earlier request",
    410: "It was pruned: it is in the sealed archive",
    400: "The body cannot be read",
    413: "The body is too large",
    415: "The content type is not read",
    422: "A value is not what was asked for",
    429: "Too many wrong answers",
    500: "Internal error: a code only",
    502: "What was to be sent could not be handed over",
    503: "Too much at once, or not ready",
}


def document(operations: tuple[Operation, ...], settings: Settings) -> dict[str, Any]:
    """The whole document."""
    schemas, components = _schemas()
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas, settings, components
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stepwarden",
            "version": settings.version,
            "summary": "The audit log that decides who gets through the door.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": settings.public_url}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.group for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, `sw_<id>_<secret>`, made by `stepwarden keys create`.",
                }
            },
        },
    }


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    queries = [operation.query for operation in OPERATIONS if operation.query is not None]
    types = list(dict.fromkeys([*answer_types(), *queries, Problem]))
    found, components = msgspec.json.schema_components(types, ref_template=REF)
    return dict(zip(types, found, strict=True)), components


def _operation(
    operation: Operation, schemas: dict[Any, Any], settings: Settings, components: dict[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.group],
        "summary": operation.summary,
        "description": operation.description + _scope_words(operation),
        "responses": _responses(operation, schemas),
    }
    if needs_key(operation, settings):
        found["security"] = [{"key": []}]
    else:
        found["security"] = [{}, {"key": []}] if operation.optional_key else []
    if parameters := _parameters(operation, schemas, components):
        found["parameters"] = parameters
    if operation.request is not None:
        schema = schemas[operation.request]
        if operation.media[0] != "application/json":
            schema = {"type": "string", "description": "One JSON object a line", "x-line-schema": schema}
        found["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in operation.media},
        }
    return found


def needs_key(operation: Operation, settings: Settings) -> bool:
    """Whether this route refuses a caller without a key, under these settings."""
    return operation.scope is not None and not settings.is_open(operation.name)


def _scope_words(operation: Operation) -> str:
    also = " or `audit`" if operation.scope == "read" else ""
    return "" if operation.scope is None else f"\n\nScope: `{operation.scope}`{also}."


def _parameters(
    operation: Operation, schemas: dict[Any, Any], components: dict[str, Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 256},
            "example": example,
        }
        for name, example in (operation.parameters or {}).items()
    ]
    if operation.query is not None:
        shape = components[schemas[operation.query]["$ref"].rsplit("/", 1)[1]]
        for name, schema in shape["properties"].items():
            schema = {key: value for key, value in schema.items() if key != "default" or value is not None}
            found.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in shape["required"],
                    "description": schema.pop("description", ""),
                    "schema": _without_null(schema),
                }
            )
    if operation.idempotent:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "1 to 255 visible ASCII characters; the same key again gives the same answer.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
            }
        )
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is absent, never null."""
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return {**rest, **options[0]}
    if None in schema.get("enum", []):
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return schema


def _responses(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    if isinstance(operation.answer, str):
        content: dict[str, Any] = {operation.answer: {"schema": {"type": "string"}}}
    else:
        schema = schemas[operation.answer]
        if operation.other_answer is not None:
            schema = {"anyOf": [schema, schemas[operation.other_answer]]}
        content = {"application/json": {"schema": schema}}
    responses: dict[str, Any] = {"200": {"description": "Done", "content": content}}
    for status in sorted(statuses(operation)):
        responses[str(status)] = {
            "description": TITLES[status],
            "content": {"application/problem+json": {"schema": schemas[Problem]}},
        }
    if operation.name == "readyz":
        responses["503"] = {"description": "Not ready", "content": content}
    return responses


def statuses(operation: Operation) -> set[int]:
    """The refusals that this route can answer with."""
    found = {500, *operation.problems}
    if operation.scope is not None:
        found |= {401, 403, 422, 503}
    if operation.optional_key or operation.scope is None:
        found |= {401, 422}
    if operation.request is not None:
        found |= {400, 408, 413, 415}
    if operation.parameters:
        found |= {400, 404}
    if 409 in found:  # what can name an earlier request can name one that was pruned
        found.add(410)
    return found
