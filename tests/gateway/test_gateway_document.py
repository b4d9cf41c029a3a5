"""The published document, its page, and that the service behaves as they say."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from stepwarden.gateway.application import build
from stepwarden.gateway.operations import NDJSON_TYPES, OPERATIONS
from stepwarden.gateway.pages import curl
from tests.gateway.conftest import ALL, SETTINGS, running
from tests.gateway.gateway_fake import FakeService

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_document_holds_every_route_and_every_reference_resolves(anonymous: httpx.Client) -> None:
    """Hot routes too, each with security, its refusals as problem documents, and described parameters."""
    document = anonymous.get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    found = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert found == {(row.path, row.method) for row in OPERATIONS} | {
        ("/openapi.json", "GET"),
        ("/docs", "GET"),
    }
    for reference in re.findall(r'"\$ref": ?"([^"]+)"', anonymous.get("/openapi.json").text):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]
    names = [found["operationId"] for methods in document["paths"].values() for found in methods.values()]
    assert len(names) == len(set(names))
    for row in OPERATIONS:
        described = document["paths"][row.path][row.method.lower()]
        assert {"422", "500"} <= described["responses"].keys()
        assert all(parameter["schema"] for parameter in described.get("parameters", []))


class Page(HTMLParser):
    """Collects what a page would load or run, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_asks_nobody_for_anything(anonymous: httpx.Client) -> None:
    """No script, no image, no style from elsewhere, no inline style attribute; links stay here."""
    reply = anonymous.get("/docs")
    page = Page()
    page.feed(reply.text)
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    assert not [
        attrs for _, attrs in page.tags if "style" in attrs or any(name.startswith("on") for name in attrs)
    ]
    anchors = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    for tag, attrs in page.tags:
        target = attrs.get("href") or ""
        assert tag != "a" or target == "/openapi.json" or target.removeprefix("#") in anchors
    policy = reply.headers["content-security-policy"]
    assert not re.search("unsafe|http|data:", policy)
    assert "style-src 'sha256-" in policy
    assert "color-scheme: light dark" in reply.text


def test_the_page_lists_every_operation_with_a_command(anonymous: httpx.Client) -> None:
    """Path, summary and curl example of each."""
    text = anonymous.get("/docs").text
    for row in OPERATIONS:
        assert f"<code>{row.path}</code>" in text
        assert row.summary in text
        assert curl(row, SETTINGS).split(" ")[1].replace("'", "&#39;").replace("&d", "&amp;d")[:30] in text


def test_the_guide_shows_every_route_and_every_code() -> None:
    """docs/api.md is complete: a curl for each operation, a row for each code that callers can meet."""
    text = DOCS.read_text("utf-8")
    for row in OPERATIONS:
        path = row.path
        for name, value in (row.parameters or {}).items():
            path = path.replace("{" + name + "}", value)
        assert re.search(rf"curl [^\n]*{re.escape(path)}['?\s]", text), row.path
    for code in ("input.invalid", "input.malformed", "service.busy", "challenge.refused", "factor.locked"):
        assert f"`{code}`" in text


@schemathesis.serializer(*NDJSON_TYPES)
def lines(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """A batch goes out as it was generated: a text."""
    return str(value).encode("utf-8", "replace")


def test_answers_are_what_the_document_says() -> None:
    """Generated requests, good and bad, on every operation: each answer fits the published schema."""
    fake = FakeService()
    with running(build(fake, SETTINGS)) as url:
        schema = schemathesis.openapi.from_url(
            f"{url}/openapi.json", headers={"accept": "application/json"}, config=SchemathesisConfig()
        )
        schema.config.update(base_url=url)
        for result in schema.get_all_operations():
            assert isinstance(result, Ok)
            check_operation(result.ok(), url)


def check_operation(operation: Any, url: str) -> None:
    """A handful of generated requests for one operation."""

    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(base_url=url, headers={"Authorization": f"Bearer {ALL}"})
        assert response.status_code != 500
        # JSON Schema counts 1.0 as an integer and cannot say that index is less than size: we refuse both.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    ask()
