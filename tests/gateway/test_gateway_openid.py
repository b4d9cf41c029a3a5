"""What clients ask of our OpenID provider, over a real socket: who they are, what they hear, in the shapes of OAuth."""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from stepwarden.errors import BusyError
from stepwarden.flow.openid_request import RefusedRequestError
from stepwarden.flow.openid_tokens import metadata
from stepwarden.gateway.application import build
from stepwarden.gateway.openid import OpenIdSite
from tests.gateway.conftest import SETTINGS, running
from tests.gateway.gateway_fake import FakeService

FORM = {"content-type": "application/x-www-form-urlencoded"}


class FakeProvider:
    """Clients ``decide`` and ``read``; remembers what it was given, and fails as it is told to."""

    def __init__(self) -> None:
        self.given: list[tuple[str, Mapping[str, str]]] = []
        self.strangers = 0
        self.fails: Exception | None = None

    def metadata(self) -> Mapping[str, Any]:
        return metadata("https://warden.example")

    def has(self, client_id: str) -> bool:
        return client_id in ("decide", "read")

    def push(self, client_id: str, given: Mapping[str, str]) -> tuple[str, int]:
        self._called(client_id, given)
        return "urn:ietf:params:oauth:request_uri:x", 90

    async def redeem(self, client_id: str, given: Mapping[str, str]) -> dict[str, Any]:
        self._called(client_id, given)
        return {"access_token": "a", "id_token": "i"}

    async def unauthenticated(self) -> None:
        self.strangers += 1

    def _called(self, client_id: str, given: Mapping[str, str]) -> None:
        if self.fails is not None:
            raise self.fails
        self.given.append((client_id, given))


@pytest.fixture(scope="module")
def home() -> Iterator[tuple[FakeProvider, str]]:
    provider, service = FakeProvider(), FakeService()
    with running(build(service, SETTINGS, (OpenIdSite(provider, service.authenticate),))) as url:
        yield provider, url


@pytest.fixture
def provider(home: tuple[FakeProvider, str]) -> FakeProvider:
    FakeProvider.__init__(home[0])
    return home[0]


@pytest.fixture
def http(home: tuple[FakeProvider, str], provider: FakeProvider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=home[1]) as client:
        yield client


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@pytest.mark.parametrize("path", ["/openid/par", "/openid/token"])
def test_a_client_is_its_key_in_the_header_or_in_the_form(
    http: httpx.Client, provider: FakeProvider, path: str
) -> None:
    """Both ways of RFC 6749, 2.3.1, and nothing of it is kept by anybody on the way back."""
    for data, headers in (
        ({"a": "1"}, {"authorization": basic("decide", "sw_decide_secret")}),
        ({"a": "1"}, {"authorization": basic("decide", "sw%5Fdecide%5Fsecret")}),
        ({"a": "1", "client_id": "decide", "client_secret": "sw_decide_secret"}, {}),
    ):
        reply = http.post(path, data=data, headers=headers)
        assert reply.status_code in (200, 201)
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["content-type"] == "application/json"
    assert [client for client, _ in provider.given] == ["decide"] * 3


@pytest.mark.parametrize("path", ["/openid/par", "/openid/token"])
@pytest.mark.parametrize(
    ("data", "authorization"),
    [
        ({}, None),
        ({"client_id": "decide"}, None),
        ({"client_id": "decide", "client_secret": "sw_decide_wrong"}, None),
        ({"client_id": "all", "client_secret": "sw_decide_secret"}, None),
        ({"client_id": "all", "client_secret": "sw_all_secret"}, None),
        ({"client_id": "read", "client_secret": "sw_read_secret"}, None),
        ({"client_id": "all"}, basic("decide", "sw_decide_secret")),
        ({}, basic("read", "sw_decide_secret")),
        ({}, basic("decide", "")),
        ({}, "Basic"),
        ({}, "Basic !!!!"),
        ({}, "Basic " + base64.b64encode(b"decide").decode()),
        ({}, "Basic " + base64.b64encode(b"\xff:\xff").decode()),
        ({}, "Basic " + "A" * 2_000),
        ({}, "Bearer sw_decide_secret"),
    ],
)
def test_attack_somebody_elses_client(
    http: httpx.Client, provider: FakeProvider, path: str, data: dict[str, str], authorization: str | None
) -> None:
    """No key, a wrong one, another's, without the scope, or of no client: the same answer each time."""
    headers = {"authorization": authorization} if authorization is not None else {}
    reply = http.post(path, data={"x": "1", **data}, headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"].startswith("Basic")
    assert reply.json() == {
        "error": "invalid_client",
        "error_description": "the client is not authenticated",
    }
    assert (provider.given, provider.strangers) == ([], 1)


def test_attack_two_requests_in_one(http: httpx.Client, provider: FakeProvider) -> None:
    """A parameter twice, two ways to authenticate, another media type: refused before anything is done."""
    key = {"authorization": basic("decide", "sw_decide_secret")}
    for content, headers in (
        (b"code=1&code=2", key | FORM),
        (b"code=1&client_id=decide&client_secret=sw_decide_secret", key | FORM),
        (b'{"code":"1"}', key | {"content-type": "application/json"}),
        (b"code", key | FORM),
    ):
        reply = http.post("/openid/token", content=content, headers=headers)
        assert (reply.status_code, reply.json()["error"]) == (400, "invalid_request")
    assert provider.given == []


def test_what_is_wrong_is_said_in_the_words_of_oauth(http: httpx.Client, provider: FakeProvider) -> None:
    """A refusal is 400 with its code; too much at once is 503, to be asked again."""
    key = {"authorization": basic("decide", "sw_decide_secret")}
    provider.fails = RefusedRequestError("invalid_grant", "the code is not good")
    reply = http.post("/openid/token", data={"code": "1"}, headers=key)
    assert (reply.status_code, reply.json()["error"]) == (400, "invalid_grant")
    provider.fails = BusyError("full", retry_after=3)
    reply = http.post("/openid/token", data={"code": "1"}, headers=key)
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "3")
    assert reply.json()["error"] == "temporarily_unavailable"


def test_an_error_of_ours_leaves_as_a_code(http: httpx.Client, provider: FakeProvider) -> None:
    """What nobody foresaw tells nothing."""
    provider.fails = RuntimeError("secret path")
    key = {"authorization": basic("decide", "sw_decide_secret")}
    reply = http.post("/openid/token", data={"code": "1"}, headers=key)
    assert reply.status_code == 500
    assert "secret" not in reply.text


def test_discovery_says_what_there_is(http: httpx.Client) -> None:
    """Both addresses, one document; only what is really done, under the address of the settings."""
    found = [
        http.get(path, headers={"host": "evil.example"})
        for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")
    ]
    assert [one.status_code for one in found] == [200, 200]
    assert found[0].json() == found[1].json()
    said = found[0].json()
    assert said["issuer"] == "https://warden.example"
    assert said["token_endpoint"] == "https://warden.example/openid/token"
    assert said["response_types_supported"] == ["code"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["acr_values_supported"] == ["nist-aal1", "nist-aal2", "nist-aal3"]
    assert said["authorization_response_iss_parameter_supported"] is True
    assert said["request_parameter_supported"] is False


def test_tokens_are_posted_for(http: httpx.Client) -> None:
    """A code or a key in an address would stand in logs."""
    assert http.get("/openid/token?code=1").status_code == 405
