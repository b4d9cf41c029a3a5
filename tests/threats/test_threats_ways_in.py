"""Another way in skips the lock (Keycloak CIBA, CVE-2026-9798): there is one counter and one lock for all ways.

The ways: an answer over the API, one on our page, a push provider's report, our own OpenID provider, and an upstream
one.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import httpx
import pytest

from tests.connect import openid_provider
from tests.connect.openid_provider import CLIENT, SECRET, Provider, provider_at_work
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import CALLBACK, House, Person, open_house


@contextmanager
def upstream_provider() -> Iterator[Provider]:
    """Somebody else's OpenID provider, in a thread of its own."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []
    done = asyncio.Event()

    async def serve() -> None:
        async with provider_at_work(lambda: int(time() * 1_000_000)) as provider:
            found.append(provider)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Provider]:
    with upstream_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def ways(upstream: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service that an upstream provider does step-ups for, beside everything else."""
    data: Path = tmp_path_factory.mktemp("ways") / "data"
    settings = {
        "ISSUER": upstream.issuer,
        "NAME": "Example ID",
        "CLIENT_ID": CLIENT,
        "CLIENT_SECRET": SECRET,
        "ACR_VALUES": "gold",
        "ALLOW_PRIVATE": "true",
    }
    more = "[provider.acr]\ngold = 2\nsilver = 1\n"
    with (
        pytest.MonkeyPatch.context() as patched,
        open_house(data, toml=more, **{f"STEPWARDEN_PROVIDER_{k}": v for k, v in settings.items()}) as house,
    ):
        patched.setattr(openid_provider, "CALLBACK", house.url + "/openid/callback")
        yield house


def authorize(house: House, **more: str) -> str:
    """A pushed request, and the address that a browser is sent to."""
    client = house.client_key.split("_")[1]
    asked = {
        "client_id": client,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        "acr_values": "nist-aal2",
        "prompt": "login",
        **more,
    }
    pushed = house.http.post("/openid/par", data=asked, auth=(client, house.client_key))
    assert pushed.status_code == 201, pushed.text
    return f"/openid/authorize?client_id={client}&request_uri={pushed.json()['request_uri']}"


def ways_of(person: Person) -> dict[str, Callable[[], str]]:
    """A wrong code by each way, to a challenge of its own (there may be three): what is said to it."""
    asked = person.confirm()
    page, client = (PageBrowser(person.house.url, person.ip) for _ in range(2))
    page.go(person.confirm()["challenge"]["url"])
    client.go(authorize(person.house, login_hint=person.actor, session=person.session, proved="pwd"))

    def on_page(browser: PageBrowser) -> str:
        if "/answer" not in str([action for action, _ in browser.forms]):
            return "locked: no form"
        browser.submit("/answer", form={"factor": "totp"}, answer=person.wrong_code())
        return urlsplit(str(browser.reply.url)).query

    return {
        "api": lambda: str(person.answer(asked, "totp", person.wrong_code()).json()["code"]),
        "page": lambda: on_page(page),
        "openid": lambda: on_page(client),
    }


@pytest.mark.parametrize("last", ["api", "page", "openid"])
def test_attack_guess_a_little_by_every_way(ways: House, last: str) -> None:
    """Wrong codes by all ways in turn make one count; at ten the factor is locked, for each way as for the others."""
    person = ways.person().sign_in().with_totp()
    guesses = ways_of(person)
    turns = (list(guesses) * 4)[:10]
    for number, way in enumerate(turns):
        assert "locked" not in guesses[way](), way
        assert ways.looked_at(person.actor, "totp") == number + 1, way
    assert "locked" in guesses[last]()
    assert all("locked" in guess() for guess in guesses.values())
    assert ways.looked_at(person.actor) == 10
    assert not ways.entries(person.actor, "challenge.passed")


def test_attack_a_push_reported_behind_the_lock(ways: House) -> None:
    """Ten refused numbers lock the push; the provider's report, its page and the API say the same afterwards."""
    person = ways.person().sign_in()
    person.with_address("push")
    for number in range(2):
        asked = person.ask("note.confirm", resource=f"n/{number}")
        for _ in range(5):
            assert ways.pushed(asked["challenge"]["id"], "approve", "").status_code == 403
    third = person.ask("note.confirm", resource="n/3")
    assert ways.pushed(third["challenge"]["id"], "approve", "").json()["code"] == "factor.locked"
    assert ways.looked_at(person.actor, "push") == 10


def test_attack_a_push_report_that_is_not_the_providers(ways: House) -> None:
    """Unsigned, of another body, or sent a second time: 401, alike, and no entry of the log."""
    person = ways.person().sign_in()
    person.with_address("push")
    asked = person.ask("note.confirm", resource="n/1")
    before = len(ways.entries(person.actor))
    body = json.dumps({"challenge": asked["challenge"]["id"], "answer": "approve", "number": ""}).encode()
    headers = {"content-type": "application/json", "webhook-id": "m1", "webhook-timestamp": str(int(time()))}
    replies = [
        ways.http.post("/v1/push/answer", content=body, headers={**headers, **more})
        for more in ({}, {"webhook-signature": "v1,AAAA"}, {"webhook-signature": "v1," + "A" * 43 + "="})
    ]
    assert len(ways.entries(person.actor)) == before
    first = ways.pushed(asked["challenge"]["id"], "approve", "", name="m2")
    replies.append(ways.pushed(asked["challenge"]["id"], "approve", "", name="m2"))
    assert first.status_code == 403
    assert {(one.status_code, one.content) for one in replies} == {(401, replies[0].content)}


def at_provider(browser: PageBrowser, target: str) -> str:
    """What the provider answers a browser: the way back to us."""
    reply = httpx.get(target, trust_env=False, verify=False)  # noqa: S501  # plain http on this machine
    return str(reply.headers["location"])


def by_provider(house: House, person: Person, upstream: Provider) -> tuple[PageBrowser, str]:
    """Somebody on our page has gone to the provider and signed in there: their browser, and the way back."""
    upstream.person, upstream.session = person.actor, None
    browser = PageBrowser(house.url, person.ip)
    browser.go(person.confirm()["challenge"]["url"])
    forward = browser.submit("/provider")
    target = next(
        part.split('"')[0].replace("&amp;", "&")
        for part in forward.text.split('href="')
        if part.startswith(upstream.issuer)
    )
    return browser, at_provider(browser, target)


def test_attack_the_providers_answer_in_another_browser(ways: House, upstream: Provider) -> None:
    """Login CSRF: the answer is good in the browser that was sent there, once, and nowhere else."""
    person = ways.person().sign_in().with_totp()
    browser, back = by_provider(ways, person, upstream)
    mallory = PageBrowser(ways.url, "93.4.4.4")
    assert mallory.go(back).status_code in (403, 410, 500)
    assert not ways.entries(person.actor, "challenge.passed")
    assert browser.go(back).status_code != 200 or "/done" not in str(browser.reply.url)


def test_attack_the_provider_knows_somebody_else(ways: House, upstream: Provider) -> None:
    """Signed in there as another person: the challenge is not passed, and the wrong answer is counted."""
    person, other = ways.person().sign_in().with_totp(), ways.person().sign_in()
    upstream.saying = lambda claims: {**claims, "sub": other.actor}
    try:
        browser, back = by_provider(ways, person, upstream)
        browser.go(back)
    finally:
        upstream.saying = lambda claims: claims
    assert not ways.entries(person.actor, "challenge.passed")
    assert ways.looked_at(person.actor, "provider") == 1


def test_attack_the_provider_says_a_lower_level(ways: House, upstream: Provider) -> None:
    """Its ``acr`` is checked against what the action takes: silver opens nothing that takes gold."""
    person = ways.person().sign_in().with_totp()
    upstream.saying = lambda claims: {**claims, "acr": "silver"}
    try:
        browser, back = by_provider(ways, person, upstream)
        browser.go(back)
    finally:
        upstream.saying = lambda claims: claims
    assert not ways.entries(person.actor, "challenge.passed")
    browser, back = by_provider(ways, person, upstream)
    browser.go(back)
    assert "/done" in str(browser.reply.url), browser.page
    assert len(ways.entries(person.actor, "challenge.passed")) == 1
    assert browser.go(back).status_code != 200 or len(ways.entries(person.actor, "challenge.passed")) == 1
