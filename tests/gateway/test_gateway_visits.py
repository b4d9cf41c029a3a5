"""The people's pages behind the listener: what a visit is told, what it may say, and what never reaches it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx
import pytest

from stepwarden.errors import ChallengeClosedError
from stepwarden.gateway.application import build
from stepwarden.gateway.exchange import Reply
from stepwarden.gateway.listener_head import read_head
from stepwarden.gateway.listener_reply import encode_reply
from stepwarden.gateway.visits import Answered, visit_operations
from tests.gateway.conftest import SETTINGS, running
from tests.gateway.gateway_fake import FakeService
from tests.gateway.listener_site import DATE

HTML = b"text/html; charset=utf-8"


class Pages:
    """Two pages; remembers how it was visited."""

    routes = (
        ("GET", "/step-up/{id}", "challenge"),
        ("POST", "/step-up/{id}", "answer"),
        ("GET", "/boom", "boom"),
        ("GET", "/closed", "closed"),
    )

    def __init__(self) -> None:
        self.visits: list[tuple[str, tuple[str, ...], bytes, bytes, Mapping[bytes, bytes], str]] = []
        self.answer: Answered = (200, b"<p>hello", HTML, ())

    async def visit(
        self,
        name: str,
        *,
        segments: tuple[str, ...],
        query: bytes,
        body: bytes,
        headers: Mapping[bytes, bytes],
        peer: str,
    ) -> Answered:
        self.visits.append((name, segments, query, body, headers, peer))
        if name == "boom":
            raise RuntimeError("secret path")
        if name == "closed":
            raise ChallengeClosedError("the challenge is closed")
        return self.answer


@contextmanager
def opened() -> Iterator[tuple[Pages, FakeService, httpx.Client]]:
    pages, service = Pages(), FakeService()
    with running(build(service, SETTINGS, (pages,))) as url, httpx.Client(base_url=url) as client:
        yield pages, service, client


def test_a_visit_is_told_what_the_browser_sent() -> None:
    """Cookies, language, agent, origin, query, form and address reach the page; other headers do not."""
    sent = {
        "cookie": "a=1",
        "accept-language": "de",
        "accept": "text/html",
        "user-agent": "Test/1",
        "sec-fetch-site": "same-origin",
        "origin": "https://warden.example",
        "x-forwarded-for": "198.51.100.7",
        "x-other": "y",
    }
    with opened() as (pages, _, client):
        assert client.get("/step-up/12-a%2Fb?return_to=x%26y", headers=sent).text == "<p>hello"
        client.post("/step-up/1", data={"answer": "123 456"})
        first, second = pages.visits
        assert first[:4] == ("challenge", ("12-a/b",), b"return_to=x%26y", b"")
        del sent["x-other"]
        assert {name: first[4][name.encode()].decode() for name in sent} == sent
        assert b"x-other" not in first[4]
        assert first[5] == "127.0.0.1"
        assert second[:4] == ("answer", ("1",), b"", b"answer=123+456")


def test_a_page_says_its_own_headers_and_each_once() -> None:
    """Its policies stand alone, where it says none ours do, and cookies may be several."""
    own = (
        (b"content-security-policy", b"default-src 'self'"),
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"max-age=5"),
        (b"set-cookie", b"a=1; HttpOnly"),
        (b"set-cookie", b"b=2; HttpOnly"),
    )
    with opened() as (pages, _, client):
        pages.answer = (200, b"x", HTML, own)
        headers = client.get("/step-up/1").headers
        assert headers.get_list("set-cookie") == ["a=1; HttpOnly", "b=2; HttpOnly"]
        for name, value in own[:3]:
            assert headers.get_list(name.decode()) == [value.decode()]
        assert headers.get_list("x-content-type-options") == ["nosniff"]
        assert headers.get_list("cross-origin-resource-policy") == ["same-origin"]
        pages.answer = (303, b"", b"", ((b"location", b"https://shop.example/done"),))
        reply = client.get("/step-up/1")
        assert (reply.status_code, reply.headers["location"]) == (303, "https://shop.example/done")
        assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "header",
    [
        (b"set-cookie", b"a=1\r\nset-cookie: admin=1"),
        (b"set-cookie", b"a=1\nx: y"),
        (b"location", b"/\r\n\r\n<script>"),
        (b"Set-Cookie", b"a=1"),
        (b"content-length", b"1"),
        (b"content-type", b"text/html"),
        (b"connection", b"keep-alive"),
        (b"date", b"now"),
    ],
)
def test_attack_a_cookie_that_would_begin_another_header_never_leaves(header: tuple[bytes, bytes]) -> None:
    """Whatever a page was made to say: the browser gets a plain error, and nothing of the injected line."""
    with pytest.raises(ValueError, match="header"):
        encode_reply(Reply(b"x", 200, HTML, (header,)), date=DATE)
    with opened() as (pages, _, client):
        pages.answer = (200, b"x", HTML, (header,))
        reply = client.get("/step-up/1")
        assert reply.status_code == 500
        assert "set-cookie" not in reply.headers
        assert reply.json()["code"] == "internal.error"


def test_a_header_said_twice_is_our_own_mistake() -> None:
    """Two readers of one reply must not see two policies; only cookies are a list."""
    twice = ((b"x-frame-options", b"DENY"), (b"x-frame-options", b"ALLOW"))
    with pytest.raises(ValueError, match="twice"):
        encode_reply(Reply(b"x", 200, HTML, twice), date=DATE)


@pytest.mark.parametrize(
    ("content_type", "size", "status"),
    [
        ("application/x-www-form-urlencoded", 65_536, 200),
        ("application/x-www-form-urlencoded", 65_537, 413),
        ("application/json", 10, 200),
        ("multipart/form-data; boundary=x", 10, 415),
        ("text/plain", 10, 415),
        ("", 10, 415),
    ],
)
def test_only_short_forms_and_json_reach_a_page(content_type: str, size: int, status: int) -> None:
    """What a form of another site could send without asking (text/plain) is not among them."""
    with opened() as (pages, _, client):
        reply = client.post("/step-up/1", content=b"x" * size, headers={"content-type": content_type})
        assert reply.status_code == status
        assert len(pages.visits) == (status == 200)


def test_what_escapes_a_page_is_a_plain_problem_and_fills_no_log() -> None:
    """Errors of ours keep their status, bugs are a code alone, and nobody without a key writes an entry by them."""
    with opened() as (_, service, client):
        closed, boom = client.get("/closed"), client.get("/boom")
        assert (closed.status_code, closed.json()["code"]) == (409, "challenge.closed")
        assert (boom.status_code, boom.json()["code"]) == (500, "internal.error")
        assert "secret" not in boom.text
        assert service.exceptions == []


def test_pages_stand_beside_the_api_and_in_none_of_its_documents() -> None:
    """No key, no document, no other method; the API keeps its keys."""
    with opened() as (pages, _, client):
        paths = client.get("/openapi.json").json()["paths"]
        assert not [path for path in paths if path.startswith("/step-up")]
        assert client.put("/step-up/1").status_code == 405
        assert client.post("/v1/attempts", json={"action": "login"}).status_code == 401
        assert pages.visits == []


def test_two_pages_of_one_address_are_a_mistake_of_ours() -> None:
    """A page cannot take the place of a route of the API, nor of another page."""
    pages = Pages()
    with pytest.raises(ValueError, match="two operations"):
        build(FakeService(), SETTINGS, (pages, pages))
    pages.routes = (("POST", "/v1/attempts", "mine"),)  # type: ignore[assignment]  # another length
    with pytest.raises(ValueError, match="two operations"):
        build(FakeService(), SETTINGS, (pages,))
    pages.routes = (("PUT", "/x", "put"),)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="got and posted"):
        visit_operations(pages)


def test_fields_that_come_twice_are_joined_as_their_kind_is() -> None:
    """Cookies by a semicolon, lists by a comma; an origin said twice is no origin any more."""
    head = b"GET / HTTP/1.1\r\nHost: a\r\n"
    twice = b"Cookie: a=1\r\nOrigin: https://a\r\nCookie: b=2\r\nX-Forwarded-For: 1\r\norigin: https://b\r\n"
    headers = read_head(head + twice + b"x-forwarded-for: 2\r\n\r\n").headers
    assert headers[b"cookie"] == b"a=1; b=2"
    assert headers[b"x-forwarded-for"] == b"1, 2"
    assert headers[b"origin"] == b"https://a, https://b"
