"""Enforced at the service and nowhere else: every route, every change of factors, every level."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stepwarden.console.authorize import AuthorizeSite
from stepwarden.console.site import Site
from stepwarden.gateway.operations import OPERATIONS
from tests.stories.asking import send
from tests.stories.running import ALL_SCOPES
from tests.threats.page_browser import PageBrowser
from tests.threats.threat_house import CALLBACK, House

SCOPES = (*ALL_SCOPES.split(","), "audit")


def routes(house: House) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, a path that can be asked for, and what the document says of it."""
    document = house.http.get("/openapi.json").json()
    found = []
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            filled = path
            for parameter in said.get("parameters", []):
                if parameter["in"] == "path":
                    filled = filled.replace("{" + parameter["name"] + "}", "12-abcdefgh")
            found.append((method.upper(), filled, said))
    return found


def test_attack_crawl_every_route_without_a_key(house: House) -> None:
    """Every route of the document refuses who has no key, or a made-up one, alike; open are a few that name nobody."""
    opened = set()
    with house.server.client() as stranger:
        for method, path, _ in routes(house):
            replies = [
                stranger.request(method, path, json={}, headers=headers)
                for headers in (
                    {},
                    {"Authorization": "Bearer sw_guessed_guessed"},
                    {"Authorization": "Basic eA=="},
                )
            ]
            if any(reply.status_code != 401 for reply in replies):
                opened.add(path)
                continue
            assert len({reply.content for reply in replies}) == 1, path
    assert opened == {
        "/.well-known/authzen-configuration",
        "/.well-known/jwks.json",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
    }
    with house.server.client() as stranger:
        assert stranger.post("/v1/push/answer", json={}).status_code == 401


def test_attack_crawl_every_route_with_the_wrong_scopes(house: House) -> None:
    """A key that may do everything else may not do this."""
    keys = {
        scope: house.server.make_key(",".join(one for one in SCOPES if one not in {scope, "audit"}) or "read")
        for scope in SCOPES
        if scope != "audit"
    }
    tried = 0
    for row in OPERATIONS:
        if row.scope is None:
            continue
        path = row.path
        for name, value in (row.parameters or {}).items():
            path = path.replace("{" + name + "}", value)
        with house.server.client(keys[row.scope]) as http:
            reply = http.request(
                row.method, path, content=row.example or "{}", headers={"content-type": row.media[0]}
            )
        assert (reply.status_code, reply.json()["code"]) == (403, "auth.forbidden"), path
        tried += 1
    assert tried >= 25


def test_attack_crawl_every_page_without_having_entered(house: House) -> None:
    """A browser with nothing but a cookie of its own: no page shows or changes anything of anybody."""
    asked = house.person().sign_in().with_totp().transfer()
    browser = PageBrowser(house.url)
    browser.go(asked["challenge"]["url"])
    token = browser.form("/answer")[1]["csrf"]
    for method, path, name in (*Site.routes, *AuthorizeSite.routes):
        path = path.replace("{challenge}", "no-such-challenge").replace("{file}", "no-such-file")
        reply = browser.http.get(path) if method == "GET" else browser.post(path, {"csrf": token})
        if name == "page.account.leave":
            assert (reply.status_code, urlsplit(str(reply.url)).path) == (403, "/account")
            continue
        assert reply.status_code in (400, 403, 404, 405, 410, 303), (path, reply.status_code)
        if reply.status_code == 303:
            assert name in ("page.provider", "page.callback", "page.openid.authorize.posted"), name
        for secret in (house.key, house.client_key):
            assert secret not in reply.text


def test_attack_every_action_of_the_policy_at_aal1(house: House) -> None:
    """A session that knows a password and no more, at everything that takes more: never allowed."""
    person = house.person().sign_in().with_totp()
    sensitive = (
        "transfer transfer.sepa payment payment.card mail.change phone.change password.change credential.add "
        "factor.enroll factor.remove factor.totp.enrol role.grant admin.open export customers.export export.all "
        "vault.open order.confirm"
    )
    for action in sensitive.split():
        for more in ({}, {"acr_values": "nist-aal1"}, {"max_age": 31_536_000}, {"outcome": "success"}):
            assert person.ask(action, **more)["decision"] != "allow", (action, more)


def test_attack_a_weak_session_deletes_or_adds_a_factor(house: House) -> None:
    """Signed in by password alone: no attempt, an old one, another's, another action's: 403, and nothing changes."""
    person = house.person().sign_in().with_totp()
    other = house.person().sign_in()
    credential = house.http.get(f"/v1/actors/{person.actor}/factors").json()["factors"][0]["credential"]
    asked = person.ask("factor.enroll")
    names = [
        "",
        asked["id"],
        other.ask("balance.read")["id"],
        person.ask("balance.read")["id"],
        "999999-aaaaaaaa",
    ]
    before = house.http.get(f"/v1/actors/{person.actor}/factors").json()
    for name in names:
        calls = [
            (f"totp/{credential}/remove", {"attempt": name}),
            ("totp", {"attempt": name}),
            ("recovery", {"attempt": name}),
            ("address", {"factor": "email", "address": "mallory@mail.example", "attempt": name}),
        ]
        for path, body in calls:
            reply = house.http.post(f"/v1/actors/{person.actor}/factors/{path}", json=body)
            assert reply.status_code in (403, 404, 409, 422), (path, name, reply.text)
    assert house.http.get(f"/v1/actors/{person.actor}/factors").json() == before


def test_attack_an_allowed_enrolment_is_used_twice_or_by_another(house: House) -> None:
    """One proof, one change, of that person."""
    person = house.person().sign_in().with_totp()
    other = house.person().sign_in().with_totp()
    name = person.may_enrol(person.code())
    stolen = house.http.post(f"/v1/actors/{other.actor}/factors/recovery", json={"attempt": name})
    assert stolen.status_code == 403
    assert (
        house.http.post(f"/v1/actors/{person.actor}/factors/recovery", json={"attempt": name}).status_code
        == 200
    )
    again = house.http.post(f"/v1/actors/{person.actor}/factors/recovery", json={"attempt": name})
    assert again.status_code == 403


def test_attack_the_weaker_factor_changes_the_stronger(house: House) -> None:
    """Who has a passkey proves a passkey to change factors: the code of an app, which is AAL2 too, is not enough."""
    person = house.person().sign_in().with_totp()
    person.enrol_with_passkey(person.may_enrol(person.code()))
    asked = person.ask("factor.remove")
    assert asked["decision"] == "step_up"
    reply = person.answer(asked, "totp", person.code())
    assert (reply.status_code, reply.json()["code"]) == (403, "challenge.refused")
    assert person.answer(asked, "webauthn", person.sign(asked)).status_code == 200


def test_attack_a_mail_code_twice_is_still_aal1(house: House) -> None:
    """Two codes by mail are one factor of one class, and weak (Kratos #4317): what takes AAL2 stays shut."""
    person = house.person().sign_in()
    address = person.with_address("email")
    for number in range(2):
        asked = person.ask("note.confirm", resource=f"note/{number}")
        send(house.http, f"/v1/challenges/{asked['challenge']['id']}/send", {"factor": "email"})
        code = house.mailed_code(address)
        house.box.raw.clear()
        house.box.envelopes.clear()
        passed = person.answer(asked, "email", code).json()
        assert passed["aal"] == 1
        assert (
            person.ask("note.confirm", resource=f"note/{number}", grant=passed["grant"])["decision"]
            == "allow"
        )
    assert person.ask("vault.open")["decision"] != "allow"
    assert person.ask("transfer", parameters={"amount": 1, "to": "DE02"})["decision"] != "allow"


def test_attack_a_recovery_code_passes_for_a_factor(house: House) -> None:
    """It lets somebody sign in, at AAL1; it moves no money, and for a day it changes no factor."""
    person = house.person().sign_in()
    codes = person.with_recovery()
    asked = person.from_new_phone()
    passed = person.answer(asked, "recovery", codes[0]).json()
    assert (passed["aal"], passed["amr"]) == (1, ["recovery"])
    assert person.ask("vault.open")["decision"] != "allow"
    for path in ("totp", "recovery"):
        refused = person.ask("factor.enroll")
        assert refused["decision"] != "allow"
        reply = house.http.post(f"/v1/actors/{person.actor}/factors/{path}", json={"attempt": refused["id"]})
        assert reply.status_code == 403
    if refused["decision"] == "step_up":
        held = person.answer(refused, "recovery", codes[1])
        assert held.status_code in (403, 409)


@pytest.mark.parametrize("kept", ["acr_values=nist-aal2", "acr_values=nist-aal1", ""])
def test_attack_acr_values_are_stripped_from_the_address(house: House, kept: str) -> None:
    """The browser removes what the application asked for: what comes back says no more than was proved."""
    person = house.person().sign_in()
    address = person.with_address("email")
    client = house.client_key.split("_")[1]
    query = {
        "client_id": client,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "s",
        "nonce": "n",
        "code_challenge": "A" * 43,
        "code_challenge_method": "S256",
        "login_hint": person.actor,
    }
    given = "&".join(f"{name}={value}" for name, value in query.items()) + (f"&{kept}" if kept else "")
    browser = PageBrowser(house.url, person.ip)
    reply = browser.go(f"/openid/authorize?{given}")
    # Somebody with nothing but a mail address cannot come to AAL2, whatever the address asks for or leaves out.
    location = reply.headers.get("location", "")
    assert "code" not in parse_qs(urlsplit(location).query), location
    assert address not in reply.text
    # And an action of the application's own is decided anew, by our policy: no parameter of a request lowers it.
    for more in ({}, {"acr_values": "nist-aal1"}, {"acr_values": "nist-aal1", "max_age": 10**6}):
        assert person.ask("vault.open", **more)["decision"] != "allow"


def test_attack_levels_that_do_not_exist_are_asked_for(house: House) -> None:
    """An unknown level, or a negative age, is refused: it is never taken for no demand."""
    person = house.person().sign_in()
    for more in (
        {"acr_values": "urn:mace:gold"},
        {"acr_values": "nist-aal4"},
        {"max_age": -1},
        {"max_age": "0"},
    ):
        reply = house.http.post("/v1/attempts", json=person.asks("balance.read", **more))
        assert reply.status_code == 422, more
