"""An application that sends people to our page, and one that protects an action itself: over HTTP, end to end."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from stepwarden.sdk import BadGrantError, Client, action_hash, verify_grant
from tests.stories.asking import FIREFOX, Browser, entries, send
from tests.stories.authenticator import Authenticator
from tests.stories.running import Server, check_log, run

APP = "https://shop.example"
ORDER = {"resource": "account/7", "parameters": {"amount": 100, "to": "DE02"}}
INACTIVE = b'{"active":false}'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server that knows one application."""
    data = tmp_path_factory.mktemp("shop") / "data"
    with Server(data, STEPWARDEN_ADDRESSES_BUILTIN="false", STEPWARDEN_PAGES_APPS=APP) as server:
        server.url = server.url.replace("127.0.0.1", "localhost")  # what it calls itself
        yield server


@pytest.fixture(scope="module")
def key(shop: Server) -> str:
    return shop.make_key()


@pytest.fixture(scope="module")
def http(shop: Server, key: str) -> Iterator[httpx.Client]:
    with shop.client(key) as client:
        yield client


class Person:
    """Somebody who is signed in, has an authenticator, and a browser of their own for our page."""

    def __init__(self, shop: Server, http: httpx.Client, name: str) -> None:
        self.http = http
        self.name = name
        self.session = f"{name}-1"
        self.browser = shop.client(**{"user-agent": FIREFOX})
        self.seen = Browser(http, "198.51.100.7", FIREFOX, f"laptop-of-{name}")
        self.seen.sign_in(name, self.session)
        enrolled = send(http, f"/v1/actors/{name}/factors/totp", {"attempt": ""})
        self.device = Authenticator(enrolled["secret"])

    def transfer(self, **more: object) -> dict[str, Any]:
        return self.seen.ask("transfer", self.name, session=self.session, **ORDER, **more)

    def opened(self, url: str) -> dict[str, str]:
        """Open our page; the hidden fields of its code form, and where the form is sent."""
        page = self.browser.get(url, params={"return_to": f"{APP}/done", "state": "st"})
        assert page.status_code == 200, page.text
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        forms = re.findall(r'<form[^>]*action="([^"]*/answer[^"]*)"', page.text)
        return {**{name: unescape(value) for name, value in fields.items()}, "to": unescape(forms[0])}

    def passed_on_page(self, asked: dict[str, Any]) -> str:
        """Type the code on our page; the code that the browser brings back."""
        form = self.opened(asked["challenge"]["url"])
        to = form.pop("to")
        reply = self.browser.post(to, data={**form, "factor": "totp", "answer": self.device.code()})
        while reply.status_code == 303 and not reply.headers["location"].startswith(APP):
            reply = self.browser.get(reply.headers["location"])
        place = reply.headers.get("location") or unescape(reply.text)
        found = re.search(r"[?&]code=([A-Za-z0-9_-]+)", place)
        assert found, reply.text
        return found[1]

    def collect(self, asked: dict[str, Any], code: str, *, status: int = 200) -> dict[str, Any]:
        return send(
            self.http, f"/v1/challenges/{asked['challenge']['id']}/collect", {"code": code}, status=status
        )


def test_a_transfer_is_approved_on_our_page_and_collected_once(shop: Server, http: httpx.Client) -> None:
    """The redirect way. Attacks: the code of another challenge, the same code twice."""
    alice, mallory = Person(shop, http, "alice"), Person(shop, http, "mallory")
    asked, other = alice.transfer(), mallory.transfer()
    assert asked["challenge"]["url"] == f"{shop.url}/step-up/{asked['challenge']['id']}"
    code = alice.passed_on_page(asked)
    for wrong in (code[:-1], "x" * 32):
        assert alice.collect(asked, wrong, status=409)["code"] == "challenge.closed"
    # A code that was obtained for one challenge is nothing for another one.
    assert mallory.collect(other, code, status=409)["code"] == "challenge.closed"
    assert alice.transfer()["decision"] == "step_up"  # passed, not collected: it counts for nothing yet
    passed = alice.collect(asked, code)
    assert passed["session"] not in ("", alice.session)
    assert alice.collect(asked, code, status=409)["code"] == "challenge.closed"
    paid = alice.transfer(grant=passed["grant"])
    assert paid["decision"] == "allow"
    alice.seen.tell(paid, "success", session=passed["session"])
    assert alice.transfer(grant=passed["grant"])["decision"] == "step_up"
    kinds = {entry["kind"] for entry in entries(http, actor="alice")}
    assert {"challenge.passed", "challenge.collected"} <= kinds


def test_attack_whoever_has_the_address_only(shop: Server, http: httpx.Client) -> None:
    """Another browser is shown nothing, and any number of forms from it leaves no entry."""
    bob = Person(shop, http, "bob")
    asked = bob.transfer()
    bob.opened(asked["challenge"]["url"])
    before = len(shop.leaves())
    with shop.client() as stranger:
        page = stranger.get(asked["challenge"]["url"])
        assert page.status_code in (403, 409, 410)
        assert "DE02" not in page.text
        for _ in range(20):
            stranger.post(f"/step-up/{asked['challenge']['id']}/answer", data={"answer": "000000"})
            stranger.post("/step-up/c-unknown/answer", data={"answer": "000000"})
    assert len(shop.leaves()) == before


def test_attack_a_code_of_our_own_page_is_no_applications(shop: Server, http: httpx.Client) -> None:
    """What was passed for the security page cannot be collected over the API."""
    carol = Person(shop, http, "carol")
    found = send(http, "/v1/actors/carol/pages", {"proved": ["pwd"], "return_to": f"{APP}/"})
    reply = carol.browser.get(found["url"])
    while reply.status_code == 303:
        place = reply.headers["location"]
        reply = carol.browser.get(place)
    challenge = re.search(r"/step-up/([A-Za-z0-9_-]+)", place)
    assert challenge, reply.text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', reply.text))
    to = unescape(re.findall(r'<form[^>]*action="([^"]*/answer[^"]*)"', reply.text)[0])
    sent = {**fields, "factor": "totp", "answer": carol.device.code()}
    reply = carol.browser.post(to, data={name: unescape(value) for name, value in sent.items()})
    for code in re.findall(r"code=([A-Za-z0-9_-]+)", reply.headers.get("location", "") + reply.text):
        refused = http.post(f"/v1/challenges/{challenge[1]}/collect", json={"code": code})
        assert (refused.status_code, refused.json()["code"]) == (409, "challenge.closed")
    again = http.post(
        "/v1/actors/carol/pages", json={"proved": ["pwd"], "return_to": "https://evil.example/"}
    )
    assert again.status_code == 422
    # The ticket was good once.
    assert carol.browser.get(found["url"]).status_code in (403, 404, 410)


def test_a_grant_is_verified_introspected_and_used_up(shop: Server, http: httpx.Client, key: str) -> None:
    """By whoever protects the action. Attacks: changed by one byte, foreign, junk, used: one answer for all."""
    dave = Person(shop, http, "dave")
    asked = dave.transfer()
    path = f"/v1/challenges/{asked['challenge']['id']}/answer"
    grant = send(http, path, {"factor": "totp", "answer": dave.device.code()})["grant"]
    with Client(shop.url, key=key) as client:
        said = verify_grant(
            grant,
            jwks=client.key_set(),
            issuer=shop.url,
            acr="nist-aal2",
            max_age=300,
            action_hash=action_hash("transfer", "dave", "account/7", {"amount": 100, "to": "DE02"}),
        )
        assert (said.sub, said.action, "otp" in said.amr) == ("dave", "transfer", True)
        with pytest.raises(BadGrantError):
            verify_grant(grant, jwks=client.key_set(), issuer="https://evil.example")
        active = client.introspect(grant)
        assert active is not None
        assert active.action_hash == said.action_hash
    head, body, signature = grant.split(".")
    bad = [f"{head}.{body}.{signature[:-4]}AAAA", f"{head}.{body}x.{signature}", "junk", "W" * 2_000, "." * 9]
    bad += ["W1tb" * 500 + ".e30.x", "eyJhbGciOiJub25lIn0." + body + "."]
    for token in bad:
        assert http.post("/v1/grants/introspect", json={"token": token}).content == INACTIVE
        assert http.post("/v1/grants/redeem", json={"grant": token}).content == INACTIVE
    assert send(http, "/v1/grants/redeem", {"grant": grant})["sub"] == "dave"
    for path, name in (("introspect", "token"), ("redeem", "grant")):
        assert http.post(f"/v1/grants/{path}", json={name: grant}).content == INACTIVE
    assert dave.transfer(grant=grant)["decision"] == "step_up"


def test_more_is_asked_for_and_never_less(shop: Server, http: httpx.Client) -> None:
    """``acr_values`` and ``max_age`` raise what the policy asks; a level that nobody knows is an error."""
    erin = Person(shop, http, "erin")
    plain = erin.seen.ask("balance.read", "erin", session=erin.session)
    assert plain["decision"] == "allow"
    more = erin.seen.ask("balance.read", "erin", session=erin.session, acr_values="nist-aal2", max_age=60)
    assert (more["decision"], more["demand"]["aal"], more["demand"]["max_age"]) == ("step_up", 2, 60)
    less = erin.transfer(acr_values="nist-aal1")
    assert (less["decision"], less["demand"]["aal"]) == ("step_up", 2)
    wrong = {"action": "balance.read", "actor": "erin", "acr_values": "aal2"}
    assert send(http, "/v1/attempts", wrong, status=422)["field"].endswith("acr_values")


def test_an_operator_ends_sessions_and_takes_factors_away(shop: Server, http: httpx.Client) -> None:
    """Nothing is allowed in a session that was ended; after a reset the next factor is a first one again."""
    frank = Person(shop, http, "frank")
    held = send(http, "/v1/actors/frank/factors/reset", {"reason": "frank asked"}, status=422)
    assert held["field"] == "reason"
    assert [one["factor"] for one in http.get("/v1/actors/frank/factors").json()["factors"]] == ["totp"]
    send(http, "/v1/actors/frank/sessions/revoke", {"session": frank.session, "reason": "request 1"})
    assert frank.seen.ask("balance.read", "frank", session=frank.session)["decision"] != "allow"
    refused = http.post("/v1/actors/frank/factors/totp", json={"attempt": ""})
    assert refused.status_code == 403
    assert send(http, "/v1/actors/frank/factors/reset", {"reason": "request 2"})["removed"] == 1
    send(http, "/v1/actors/frank/factors/totp", {"attempt": ""})
    send(http, "/v1/actors/frank/devices/forget", {})
    for path in ("sessions/revoke", "devices/forget"):
        body = {"reason": "request 3"} if path.startswith("s") else {}
        assert send(http, f"/v1/actors/stranger/{path}", body, status=404)["code"] == "request.not_found"
    assert http.get("/v1/actors/stranger/factors").json() == {"factors": []}
    kinds = [entry["kind"] for entry in entries(http, actor="frank")]
    assert {"factor.removed", "session.revoked", "device.forgotten"} <= set(kinds)


def test_keys_of_tokens_are_changed_at_the_next_start(tmp_path: Path) -> None:
    """While it runs nothing changes; after a start the new key signs, and the one before it is still shown."""
    with Server(tmp_path / "data", STEPWARDEN_ADDRESSES_BUILTIN="false") as server:
        with server.client() as http:
            before = http.get("/.well-known/jwks.json").json()["keys"]
            done = run("keys", "rotate-tokens", "--data", server.data)
            assert done.returncode == 0, done.stderr
            assert "next start" in done.stderr
            assert http.get("/.well-known/jwks.json").json()["keys"] == before
        assert server.stop() == 0
        server.start()
        with server.client() as http:
            after = http.get("/.well-known/jwks.json").json()["keys"]
        assert [one["kid"] for one in after] == [done.stdout.split()[-1], before[0]["kid"]]
        assert server.stop() == 0
    check_log(server.data)


def test_the_log_of_all_this_verifies_and_replays(shop: Server) -> None:
    """Everything above, in one log."""
    check_log(shop.data)
