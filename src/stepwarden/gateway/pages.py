"""The two pages made once at start: ``/openapi.json`` and the browsable ``/docs``.

``/docs`` is one HTML file with its style inside and no script. Its content security policy allows exactly that style,
by hash, and nothing else, so the page asks no third party for anything. It follows the reader's light or dark setting.
Both speak of the product only, so they need no key.
"""

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

import jinja2
import msgspec

from stepwarden.gateway import openapi
from stepwarden.gateway.exchange import Call, Reply, Settings
from stepwarden.gateway.operation import Operation
from stepwarden.gateway.operations import OPERATIONS

HTML = b"text/html; charset=utf-8"


def page_operations(settings: Settings) -> tuple[Operation, ...]:
    """The routes of the two pages, with their content ready to send."""
    document_row = _row("/openapi.json", "openapi", "This API as OpenAPI 3.1", "application/json")
    docs_row = _row("/docs", "docs", "This API as a page", "text/html")
    document = openapi.document((*OPERATIONS, document_row, docs_row), settings)
    json_reply = Reply(msgspec.json.format(msgspec.json.encode(document), indent=2))
    docs_reply = _docs(document, settings)

    async def openapi_json(call: Call) -> Reply:
        """GET /openapi.json"""
        return json_reply

    async def docs(call: Call) -> Reply:
        """GET /docs"""
        return docs_reply

    return (
        _row("/openapi.json", "openapi", document_row.summary, "application/json", openapi_json),
        _row("/docs", "docs", docs_row.summary, "text/html", docs),
    )


async def _never(call: Call) -> Reply:
    raise ValueError("a row that only describes is not called")


def _row(path: str, name: str, summary: str, answer: str, handler: Any = _never) -> Operation:
    return Operation(
        method="GET",
        path=path,
        name=name,
        group="Service",
        summary=summary,
        description="Needs no key: it tells about the product, not about anybody.",
        scope=None,
        handler=handler,
        answer=answer,
    )


def _docs(document: dict[str, Any], settings: Settings) -> Reply:
    folder = files("stepwarden.gateway") / "templates"
    style = (folder / "docs.css").read_text("utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((folder / "docs.html").read_text("utf-8"))
    names: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            names.setdefault(found["tags"][0], []).append(_view(path, method.upper(), found, settings))
    html = template.render(
        document=document,
        groups=names,
        schemas={name: _pretty(schema) for name, schema in sorted(document["components"]["schemas"].items())},
        style=style,
    )
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Reply(html.encode(), media=HTML, headers=((b"content-security-policy", policy.encode()),))


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _view(path: str, method: str, found: dict[str, Any], settings: Settings) -> dict[str, Any]:
    operation = next((row for row in OPERATIONS if (row.path, row.method) == (path, method)), None)
    content = found["responses"]["200"]["content"]
    sent = found.get("requestBody", {}).get("content", {})
    return {
        "path": path,
        "method": method,
        "id": found["operationId"],
        "summary": found["summary"],
        # Between backticks stands code: every second part.
        "description": found["description"].split("`"),
        "parameters": found.get("parameters", []),
        "responses": found["responses"],
        "request": _shape(next(iter(sent.values()))["schema"]) if sent else [],
        "media": " or ".join(sent),
        "answer": [name for media in content.values() for name in _shape(media["schema"])],
        "curl": curl(operation, settings) if operation else f"curl {settings.public_url}{path}",
    }


def _shape(schema: dict[str, Any]) -> list[str]:
    schema = schema.get("x-line-schema", schema)
    options = schema.get("anyOf", [schema])
    return [option["$ref"].rsplit("/", 1)[1] for option in options if "$ref" in option]


def curl(operation: Operation, settings: Settings) -> str:
    """A command that asks this route, with ``$KEY`` for the key."""
    path = operation.path
    for name, value in (operation.parameters or {}).items():
        path = path.replace("{" + name + "}", value)
    if operation.method == "GET" and operation.example:
        path += "?" + operation.example
    lines = [f"curl '{settings.public_url}{path}'"]
    if openapi.needs_key(operation, settings):
        lines.append('-H "Authorization: Bearer $KEY"')
    if operation.request is not None:
        lines.append(f"-H 'Content-Type: {operation.media[0]}'")
        lines.append(f"--data-binary '{operation.example}'")
    return " \\\n  ".join(lines)
