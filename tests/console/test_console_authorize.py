"""Where browsers come to our OpenID provider: who is sent on, who is not, and by which cookie a browser is known."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from stepwarden.console.authorize import AuthorizeSite, Reply
from stepwarden.errors import BusyError, StorageError
from stepwarden.flow.openid_request import UntrustedError
from stepwarden.flow.shown import Browser

CLIENT = "https://shop.example.com/cb?code=1"


class FakeProvider:
    """Sends everybody to ``goes``, or fails."""

    def __init__(self) -> None:
        self.goes = "/step-up/c1?return_to=x"
        self.fails: Exception | None = None
        self.seen: list[tuple[Mapping[str, str], Browser]] = []

    async def authorize(self, given: Mapping[str, str], browser: Browser) -> str:
        self.seen.append((given, browser))
        if self.fails is not None:
            raise self.fails
        return self.goes

    async def go_on(self, challenge: str, code: str, browser: Browser) -> str:
        return await self.authorize({"challenge": challenge, "code": code}, browser)


class Browsing:
    """A site, and what its replies say."""

    def __init__(self, url: str = "https://warden.example.com") -> None:
        self.provider = FakeProvider()
        self.site = AuthorizeSite(
            self.provider,
            public_url=url,
            issuer="Warden",
            key=bytes(32),
            clock=lambda: 0,
            entropy=lambda size: b"e" * size,
        )

    def ask(self, name: str, *, query: bytes = b"", body: bytes = b"", **headers: str) -> Reply:
        sent = {key.replace("_", "-").encode(): value.encode() for key, value in headers.items()}
        return asyncio.run(
            self.site.visit(name, segments=(), query=query, body=body, headers=sent, peer="192.0.2.7")
        )


def header(reply: Reply, name: bytes) -> list[str]:
    return [value.decode() for key, value in reply[3] if key == name]


def test_a_browser_is_sent_on_and_known_again() -> None:
    """The first visit makes the cookie; with it, the same browser is the same."""
    browsing = Browsing()
    reply = browsing.ask("page.openid.authorize", query=b"client_id=k&state=a+b", user_agent="Mozilla")
    assert (reply[0], header(reply, b"location")) == (303, ["/step-up/c1?return_to=x"])
    (cookie,) = header(reply, b"set-cookie")
    assert cookie.startswith("__Host-stepwarden=")
    assert "HttpOnly" in cookie
    assert "Secure" in cookie
    key = cookie.partition("=")[2].partition(";")[0]
    browsing.provider.goes = CLIENT
    reply = browsing.ask(
        "page.openid.continue", query=b"challenge=c&code=d", cookie=f"__Host-stepwarden={key}"
    )
    assert header(reply, b"location") == [CLIENT]
    assert header(reply, b"set-cookie") == []
    (given, first), (brought, second) = browsing.provider.seen
    assert given == {"client_id": "k", "state": "a b"}
    assert brought == {"challenge": "c", "code": "d"}
    assert first.key == second.key == key
    assert (first.peer, first.user_agent) == ("192.0.2.7", "Mozilla")


def test_our_path_is_before_ours_only() -> None:
    """Behind a path of a proxy, our own pages are below it; a client's address stays what it is."""
    browsing = Browsing("https://example.com/warden")
    reply = browsing.ask("page.openid.authorize")
    assert header(reply, b"location") == ["/warden/step-up/c1?return_to=x"]
    browsing.provider.goes = CLIENT
    assert header(browsing.ask("page.openid.authorize"), b"location") == [CLIENT]


def test_what_another_site_posts_is_asked_for_once_more() -> None:
    """No cookie came with it, so none is made, and nothing is done before the browser comes with its own."""
    browsing = Browsing()
    reply = browsing.ask("page.openid.authorize.posted", body=b"client_id=k&state=a%26b%0d%0a")
    (location,) = header(reply, b"location")
    assert (reply[0], urlsplit(location).path) == (303, "/openid/authorize")
    assert urlsplit(location).query == "client_id=k&state=a%26b%0D%0A"
    assert header(reply, b"set-cookie") == []
    assert browsing.provider.seen == []


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UntrustedError("invalid_request", "this application is not known here"), 400),
        (BusyError("full"), 503),
        (StorageError("/var/lib/secret"), 400),
    ],
)
def test_attack_sent_on_by_a_request_that_nobody_vouches_for(
    error: Exception, status: int, language: str
) -> None:
    """An error page, in the person's language: no redirect, no link, and nothing of what was sent."""
    browsing = Browsing()
    browsing.provider.fails = error
    reply = browsing.ask(
        "page.openid.authorize",
        query=b"redirect_uri=https://evil.example/&state=%3Cscript%3E",
        accept_language=language,
    )
    html = reply[1].decode()
    assert reply[0] == status
    assert header(reply, b"location") == []
    assert f'lang="{language}"' in html
    assert not any(word in html for word in ("evil.example", "<script>alert", "%3C", "secret"))
    assert "frame-ancestors 'none'" in header(reply, b"content-security-policy")[0]


def test_attack_a_query_that_two_readers_read_in_two_ways() -> None:
    """A parameter twice is refused before anybody looks at it."""
    browsing = Browsing()
    for name, how in (
        ("page.openid.authorize", {"query": b"client_id=a&client_id=b"}),
        ("page.openid.authorize.posted", {"body": b"client_id=a&client_id=b"}),
        ("page.openid.continue", {"query": b"challenge=a&challenge=b"}),
    ):
        assert browsing.ask(name, **how)[0] == 400  # type: ignore[arg-type]  # names of bytes
    assert browsing.provider.seen == []
