"""A provider's documents: another issuer's, far too long, never ending, somewhere else."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwarden.connect.openid.metadata import discovery_url, read_metadata
from stepwarden.connect.openid.remote import MAX_DOCUMENT
from stepwarden.connect.urls import check_url
from stepwarden.errors import ProviderError
from tests.connect.openid_house import Clock, House, house, settings_for
from tests.connect.openid_provider import DISCOVERY, SECRET, Provider, answer

GOOD = Provider(Clock(), issuer="https://id.example").metadata()
PATHS = [DISCOVERY, "/keys", "/push", "/token"]


async def refused(there: House) -> str:
    with pytest.raises(ProviderError) as caught:
        await there.step_up()
    assert SECRET not in str(caught.value)
    return str(caught.value)


def read(document: object, **other: Any) -> str:
    """Why it is refused."""
    settings = settings_for(Provider(Clock(), issuer="https://id.example"), allow_private=False, **other)
    with pytest.raises(ProviderError) as caught:
        read_metadata(json.dumps(document).encode(), settings)
    return str(caught.value)


def test_documents_are_fetched_once_an_hour() -> None:
    """By ten at once, too; a clock that is set back fetches again rather than trust what is older than it seems."""

    async def run() -> None:
        async with house() as there:
            await asyncio.gather(*(there.step_up(f"c{number}") for number in range(10)))
            assert (there.provider.count(DISCOVERY), there.provider.count("/keys")) == (1, 1)
            there.clock.seconds += 3_599
            await there.step_up()
            assert (there.provider.count(DISCOVERY), there.provider.count("/keys")) == (1, 1)
            there.clock.seconds += 1
            await there.step_up()
            assert (there.provider.count(DISCOVERY), there.provider.count("/keys")) == (2, 2)
            there.clock.seconds -= 10
            await there.step_up()
            assert (there.provider.count(DISCOVERY), there.provider.count("/keys")) == (3, 3)

    asyncio.run(run())


@pytest.mark.parametrize("path", PATHS)
def test_attack_ten_megabytes(path: str) -> None:
    """They are not read to their end."""
    sent = 0

    async def flood(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10485760\r\n\r\n")
        for _ in range(160):
            writer.write(b" " * 65_536)
            await writer.drain()
            sent += 65_536

    async def run() -> None:
        async with house() as there:
            there.provider.answers[path] = flood
            assert await refused(there) == "the provider cannot be asked: ReplyTooLongError"

    asyncio.run(run())
    assert sent < 10_485_760


@pytest.mark.parametrize("path", PATHS)
def test_attack_a_redirect_is_not_followed(path: str) -> None:
    """To the cloud's metadata, or anywhere: neither are our credentials carried there."""

    async def run() -> None:
        async with house() as there, house() as elsewhere:
            target = f"Location: {elsewhere.provider.issuer}{path}"
            there.provider.answers[path] = answer(307, {}, target)
            assert await refused(there) == "the provider answered with status 307"
            assert elsewhere.provider.heard == []

    asyncio.run(run())


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"]
)
@pytest.mark.parametrize("path", PATHS)
def test_attack_a_server_that_hangs(path: str, begun: bytes) -> None:
    """It is waited for as long as the settings say, and no longer."""

    async def run() -> None:
        async with house({"seconds": 0.2}) as there:
            over = asyncio.Event()

            async def hang(writer: asyncio.StreamWriter) -> None:
                writer.write(begun)
                await over.wait()

            there.provider.answers[path] = hang
            async with asyncio.timeout(30):
                assert (await refused(there)).startswith("the provider cannot be asked: ")
            over.set()

    asyncio.run(run())


def test_a_provider_that_fails_is_left_alone_for_a_moment() -> None:
    """Those who wait for the same document fail with it, and do not each wait in turn; then it is asked again."""

    async def run() -> None:
        async with house() as there:
            there.provider.answers[DISCOVERY] = answer(503, {})
            ends = await asyncio.gather(*(there.step_up() for _ in range(10)), return_exceptions=True)
            assert {str(end) for end in ends} == {"the provider answered with status 503"}
            assert there.provider.count(DISCOVERY) == 1
            del there.provider.answers[DISCOVERY]
            there.clock.seconds += 4
            await refused(there)
            there.clock.seconds += 1
            assert (await there.step_up()).aal == 2

    asyncio.run(run())


@pytest.mark.parametrize(
    "wrong",
    [
        answer(200, b"<html>", kind="text/html"),
        answer(200, b"{}", kind="text/plain"),
        answer(200, b"not json"),
        answer(200, b'{"a":' * 50_000),
        answer(200, b"\xff\xfe"),
        answer(200, []),
        answer(200, None),
        answer(200, {}),
        answer(201, {}),
        answer(204, b""),
        answer(400, {"error": "invalid_request", "error_description": SECRET}),
        answer(500, {}),
        b"nonsense\r\n\r\n",
        b"",
    ],
)
@pytest.mark.parametrize("path", PATHS)
def test_attack_answers_that_are_none(path: str, wrong: bytes) -> None:
    """Errors, other content types, half an answer: one refusal, in none of the provider's words."""

    async def run() -> None:
        async with house({"seconds": 5.0}) as there:
            there.provider.answers[path] = wrong
            await refused(there)

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["text/html", "text/plain; x=application/json", "", "application/jwt"])
@pytest.mark.parametrize("path", PATHS)
def test_attack_a_page_that_somebody_else_filled_is_no_document(path: str, kind: str) -> None:
    """A file that a person uploaded there may hold the right JSON: what it is served as tells."""

    async def run() -> None:
        async with house() as there:
            right: dict[str, object] = {
                DISCOVERY: there.provider.metadata(),
                "/keys": {"keys": [key.as_dict(private=False) for key in there.provider.keys]},
                "/push": {"request_uri": "urn:x"},
                "/token": {"id_token": "a.b.c"},
            }
            there.provider.answers[path] = answer(201 if path == "/push" else 200, right[path], kind=kind)
            assert await refused(there) == "the provider answered with another content type"

    asyncio.run(run())


@pytest.mark.parametrize("token", [None, 5, {}, "", "a.b", "x" * 60_000, "é"])
def test_attack_an_identity_token_that_is_none(token: object) -> None:
    """Or none at all beside an access token."""

    async def run() -> None:
        async with house() as there:
            there.provider.answers["/token"] = answer(200, {"access_token": "a", "id_token": token})
            await refused(there)

    asyncio.run(run())


@pytest.mark.parametrize("reference", [None, 5, "", "x" * 600, "é"])
def test_attack_a_push_without_a_reference(reference: object) -> None:
    """The request is then not made in the open instead."""

    async def run() -> None:
        async with house() as there:
            there.provider.answers["/push"] = answer(201, {"request_uri": reference, "expires_in": 60})
            assert await refused(there) == "the provider gave no reference to the request"

    asyncio.run(run())


@pytest.mark.parametrize(
    "issuer", ["https://evil.example", "https://id.example/", "https://ID.example", "", None]
)
def test_attack_discovery_of_another_issuer(issuer: object) -> None:
    """Letter for letter."""
    read(GOOD | {"issuer": issuer})


@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "pushed_authorization_request_endpoint"]
)
@pytest.mark.parametrize(
    "url",
    [
        "http://id.example/x",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user:pass@id.example/x",
        "https://id.example/x#y",
        "//id.example/x",
        "",
    ],
)
def test_attack_discovery_that_leads_into_the_house(name: str, url: str) -> None:
    """The document is the provider's: it must not send us, or the browser, anywhere it likes (SSRF)."""
    if name.startswith("pushed") and url == "":
        return  # not offered
    assert "may not be called" in read(GOOD | {name: url})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"code_challenge_methods_supported": []}, "PKCE"),
        ({"response_types_supported": ["id_token"]}, "code flow"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "client secret"),
        ({"token_endpoint": 5}, "cannot be read"),
    ],
)
def test_a_provider_that_lacks_something_cannot_be_used(change: dict[str, Any], why: str) -> None:
    """Nothing is done without instead."""
    assert why in read(GOOD | change)


def test_attack_pushed_requests_are_taken_out_of_discovery_where_they_are_required() -> None:
    """No way back to the open URL."""
    document = {name: value for name, value in GOOD.items() if not name.startswith("pushed")}
    assert "pushed" in read(document | {"require_pushed_authorization_requests": True})


@pytest.mark.parametrize("name", ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_a_document_lacks_nothing_that_is_needed(name: str) -> None:
    """There is no default for where things are."""
    assert (
        read({key: value for key, value in GOOD.items() if key != name})
        == "the discovery document cannot be read"
    )


def test_what_a_document_does_not_say_is_as_the_standard_has_it() -> None:
    """Entra ID, for one, says nothing of PKCE and takes it."""
    needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
    settings = settings_for(Provider(Clock(), issuer="https://id.example"), allow_private=False)
    found = read_metadata(json.dumps({name: GOOD[name] for name in needed}).encode(), settings)
    assert found.authentication == "client_secret_basic"
    assert found.pushed_authorization_request_endpoint == ""


@settings(deadline=None)
@given(
    st.binary()
    | st.dictionaries(st.sampled_from(list(GOOD)), st.text() | st.none() | st.lists(st.text())).map(
        lambda d: json.dumps(GOOD | d).encode()
    )
)
def test_no_document_makes_anything_but_a_refusal(body: bytes) -> None:
    """What is read has the right issuer and addresses that may be called."""
    settings = settings_for(Provider(Clock(), issuer="https://id.example"), allow_private=False)
    try:
        found = read_metadata(body, settings)
    except ProviderError:
        return
    assert found.issuer == settings.issuer
    for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
        check_url(url, allow_private=False, allow_http=False)


@pytest.mark.parametrize("issuer", ["https://id.example", "https://id.example/"])
def test_a_slash_at_the_issuers_end_is_not_doubled(issuer: str) -> None:
    """OpenID Connect Discovery (4.1)."""
    assert discovery_url(issuer) == "https://id.example/.well-known/openid-configuration"
    assert MAX_DOCUMENT == 262_144
