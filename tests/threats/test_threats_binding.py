"""A step-up is for one action, once: what is captured, changed by a byte, or used by two is worth nothing."""

import json
from typing import Any

import pytest

from tests.threats.racing import Racers
from tests.threats.threat_house import House, Person

ORDER: dict[str, Any] = {"resource": "account/7", "parameters": {"amount": 12_000, "to": "DE02"}}


def granted(person: Person) -> tuple[dict[str, Any], str]:
    """An order that has been proved: the attempt that asked, and its grant."""
    asked = person.ask("transfer", **ORDER)
    reply = person.answer(asked, "totp", person.code())
    assert reply.status_code == 200, reply.text
    return asked, str(reply.json()["grant"])


def test_attack_replay_a_captured_assertion(house: House) -> None:
    """The same assertion again, to the same challenge and to another (CVE-2026-28787): refused as any wrong answer."""
    person = house.person().sign_in().with_passkey()
    first, second = person.transfer(1), person.transfer(2)
    captured = person.sign(first)
    assert person.answer(first, "webauthn", captured).status_code == 200
    again = person.answer(first, "webauthn", captured)
    assert (again.status_code, again.json()["code"]) == (409, "challenge.closed")
    other = person.answer(second, "webauthn", captured)
    assert (other.status_code, other.json()["code"]) == (403, "challenge.refused")
    assert person.answer(second, "webauthn", person.sign(second)).status_code == 200


@pytest.mark.parametrize(
    "lie",
    [
        {"verified": False},
        {"present": False},
        {"rp_id": "evil.example"},
        {"challenge": b"c" * 32},
        {"kind": "webauthn.create"},
        {"cross_origin": True},
    ],
    ids=lambda lie: next(iter(lie)),
)
def test_attack_an_assertion_that_lies(house: House, lie: dict[str, Any]) -> None:
    """Found keys, relayed answers, frames, challenges that the client made up."""
    person = house.person().sign_in().with_passkey()
    asked = person.transfer()
    reply = person.answer(asked, "webauthn", person.sign(asked, **lie))
    assert (reply.status_code, reply.json()["code"]) == (403, "challenge.refused")


def test_attack_an_assertion_made_for_a_phishing_site(house: House) -> None:
    """Whoever relays our challenge on a site of their own gets an assertion that says so."""
    person = house.person().sign_in().with_passkey()
    asked = person.transfer()
    options = house.http.get(f"/v1/challenges/{asked['challenge']['id']}/webauthn").text
    for origin in ("https://evil.example", house.url + ".evil.example", house.url.replace("http:", "https:")):
        reply = person.answer(asked, "webauthn", person.passkey.answer(options, origin))
        assert (reply.status_code, reply.json()["code"]) == (403, "challenge.refused")


def test_attack_every_byte_of_the_approved_action_changed(house: House) -> None:
    """Anything about the action changed: no grant for it. The very action: once, and never again."""
    person = house.person().sign_in().with_totp()
    _, grant = granted(person)
    other = house.person().sign_in()
    amount, to = ORDER["parameters"]["amount"], ORDER["parameters"]["to"]
    changed: list[dict[str, Any]] = [
        {"parameters": {"amount": amount + 1, "to": to}},
        {"parameters": {"amount": str(amount), "to": to}},
        {"parameters": {"amount": amount, "to": "DE03"}},
        {"parameters": {"amount": amount, "to": to + " "}},
        {"parameters": {"amount": amount, "to": to, "note": ""}},
        {"parameters": {"amount": amount}},
        {"parameters": None},
        {"resource": "account/8"},
        {"resource": ""},
        {"session": other.session},
        {"session": ""},
        {"actor": other.actor},
        {"actor": person.actor.upper()},
        {"action": "payment"},
    ]
    for one in changed:
        body = {**person.asks("transfer", **ORDER), "grant": grant, **one}
        answer = house.http.post("/v1/attempts", json={k: v for k, v in body.items() if v is not None}).json()
        assert answer["decision"] != "allow", one
    assert person.ask("transfer", **ORDER, grant=grant)["decision"] == "allow"
    assert person.ask("transfer", **ORDER, grant=grant)["decision"] != "allow"


def test_attack_one_byte_of_the_grant_changed(house: House) -> None:
    """Each byte of the token counts, its spelling too; what is no grant uses nothing up and says nothing."""
    person = house.person().sign_in().with_totp()
    _, grant = granted(person)
    head, claims, signature = grant.split(".")
    forged = [
        grant[:place] + ("A" if grant[place] != "A" else "B") + grant[place + 1 :]
        for place in range(0, len(grant), 37)
    ]
    forged += [
        grant + "=",
        grant + " ",
        " " + grant,
        grant + ".",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature}=",
        "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0." + claims + ".",
        grant.upper(),
    ]
    for text in forged:
        reply = house.http.post("/v1/grants/redeem", json={"grant": text})
        assert (reply.status_code, reply.content) == (200, b'{"active":false}'), text
    assert house.http.post("/v1/grants/introspect", json={"token": grant}).json()["active"] is True
    assert person.ask("transfer", **ORDER, grant=grant)["decision"] == "allow"


def test_attack_two_consumers_race_for_one_grant(house: House) -> None:
    """An attempt, a redemption, an attempt: over three connections at once, one of them gets it."""
    person = house.person().sign_in().with_totp()
    _, grant = granted(person)
    attempt = ("/v1/attempts", person.asks("transfer", **ORDER, grant=grant))
    with Racers(house.url, house.key, 3) as racers:
        answers = racers.race([attempt, ("/v1/grants/redeem", {"grant": grant}), attempt])
    bodies = [body for _, body in answers]
    assert sum(body.get("decision") == "allow" or body.get("active") is True for body in bodies) == 1
    assert house.http.post("/v1/grants/introspect", json={"token": grant}).content == b'{"active":false}'


def test_attack_a_grant_of_one_application_is_used_by_another(house: House) -> None:
    """A token says whom it is for; another application's key finds nothing active that it could mistake for its own."""
    person = house.person().sign_in().with_totp()
    _, grant = granted(person)
    with house.server.client(house.client_key) as other:
        told = other.post("/v1/grants/introspect", json={"token": grant}).json()
    assert told["aud"] == house.key.split("_")[1]
    assert told["aud"] != house.client_key.split("_")[1]


def test_attack_somebody_elses_challenge_is_approved_on_our_page(house: House) -> None:
    """A code that one browser brings back is good for its own challenge only, and only once."""
    person = house.person().sign_in().with_totp()
    mine, theirs = person.transfer(1), house.person().sign_in().with_totp().transfer(2)
    for code in ("", "x", "A" * 32):
        reply = house.http.post(
            f"/v1/challenges/{mine['challenge']['id']}/collect", json={"code": code or "-"}
        )
        assert (reply.status_code, reply.json()["code"]) == (409, "challenge.closed")
    assert mine["challenge"]["id"] != theirs["challenge"]["id"]
    assert not house.entries(person.actor, "challenge.collected")


def test_attack_the_ways_of_a_passkey_cloned(house: House) -> None:
    """The copy of a key answers with a counter that was seen: refused, evidence, and the owner is asked for more."""
    person = house.person().sign_in().with_passkey()
    first, second = person.transfer(1), person.transfer(2)
    clone = person.passkey.clone()
    assert person.answer(first, "webauthn", person.sign(first)).status_code == 200
    options = house.http.get(f"/v1/challenges/{second['challenge']['id']}/webauthn").text
    reply = person.answer(second, "webauthn", clone.answer(options, house.url))
    assert (reply.status_code, reply.json()["code"]) == (403, "challenge.refused")
    (entry,) = house.entries(person.actor, "challenge.answered")
    assert entry["result"] == "cloned"
    asked = person.ask("vault.open")
    assert "passkey-cloned" in {reason["rule"] for reason in asked["reasons"]}, json.dumps(asked)
