"""Our OpenID provider in process: what clients are told. Attacks on it: ``test_openid_attacks``."""

import pytest

from stepwarden.errors import SettingsError
from stepwarden.flow.openid_kept import Kept
from stepwarden.flow.openid_request import (
    RefusedRequestError,
    check_redirect_uri,
)
from stepwarden.policy.default import default_text
from tests.flow.flow_house import START, House
from tests.flow.openid_client import (
    ALICE,
    CALLBACK,
    OTHER_CALLBACK,
    SITE,
    World,
    life,
    told,
)

SECONDS = START // 1_000_000


def test_a_passkey_alone_gives_an_identity_token(house: House) -> None:
    """Named by the browser only: the passkey is both factors, and the token says when it was used."""

    async def do(world: World) -> None:
        await world.enrol()
        location = await world.provider.authorize(world.asking(acr_values="nist-aal2"), ALICE)
        house.forward(30)
        challenge, code = await world.pass_at(location)
        house.forward(20)
        got = told(await world.provider.go_on(challenge, code, ALICE))
        assert (got["state"], got["iss"]) == ("s-1", SITE)
        house.forward(40)
        claims = await world.identity(got["code"])
        assert claims["sub"] == "alice"
        assert claims["acr"] == "nist-aal2"
        assert claims["nonce"] == "n-1"
        assert claims["amr"] == ["mfa", "swk", "user"]
        # The moment of the proof, and not of the code or of the token.
        assert claims["auth_time"] == SECONDS + 30
        assert (claims["iat"], claims["exp"]) == (SECONDS + 90, SECONDS + 390)

    life(house, do)


def test_a_client_vouches_for_a_password_and_a_code_does_the_rest(house: House) -> None:
    """Pushed: the first factor is the client's word, and an authenticator's code is the second."""

    async def do(world: World) -> None:
        enrolment = await world.node.service.enrol_totp("alice", attempt="", by="test")
        given = world.push(session="s1", proved="pwd", acr_values="nist-aal2")
        location = await world.provider.authorize(given, ALICE)
        challenge = location.partition("?")[0].removeprefix("/step-up/")
        page = await world.pages.challenge(challenge, ALICE)
        assert (page.own, page.back) == (True, "/openid/continue")
        assert [one.factor for one in page.choices] == ["totp"]
        assert page.parameters == {"application": "shop.example.com"}
        passed = await world.pages.answer(
            challenge, ALICE, factor="totp", answer=house.code(enrolment), remember=False
        )
        got = told(await world.provider.go_on(challenge, passed.code, ALICE))
        claims = await world.identity(got["code"])
        assert (claims["acr"], claims["amr"]) == ("nist-aal2", ["otp", "pwd"])
        # The session holds it now: the same question again needs nobody.
        house.forward(100)
        again = await world.provider.authorize(
            world.push(session="s1", proved="pwd", acr_values="nist-aal2", prompt="none"), ALICE
        )
        claims = await world.identity(told(again)["code"])
        assert (claims["acr"], claims["auth_time"]) == ("nist-aal2", SECONDS)

    life(house, do)


def test_what_the_risk_does_not_ask_for_is_the_clients_word(house: House) -> None:
    """Nothing asked and little risk: the token says what the client itself vouched for, and no more."""

    async def do(world: World) -> None:
        given = world.push(session="s1", proved="pwd")
        house.forward(60)
        claims = await world.identity(told(await world.provider.authorize(given, ALICE))["code"])
        assert (claims["acr"], claims["amr"], claims["auth_time"]) == ("nist-aal1", ["pwd"], SECONDS)

    life(house, do)


def test_a_fresh_proof_is_a_fresh_proof(house: House) -> None:
    """``prompt=login`` asks again whatever stands, however slowly the person goes on; so does ``max_age``."""

    async def do(world: World) -> None:
        await world.enrol()
        vouched = {"session": "s1", "proved": "pwd"}
        await world.step_up(world.push(**vouched, acr_values="nist-aal2"))
        for more in ({"prompt": "login"}, {"max_age": "0"}, {"max_age": "30"}):
            house.forward(31)
            location = await world.provider.authorize(world.push(**vouched, **more), ALICE)
            assert location.startswith("/step-up/"), more
            house.forward(50)
            challenge, code = await world.pass_at(location)
            at = house.time // 1_000_000
            house.forward(100)
            claims = await world.identity(told(await world.provider.go_on(challenge, code, ALICE))["code"])
            assert claims["auth_time"] == at
        relaxed = await world.provider.authorize(world.push(**vouched, max_age="3600"), ALICE)
        assert "code" in told(relaxed)

    life(house, do)


def test_nothing_is_shown_where_nothing_may_be(house: House) -> None:
    """``prompt=none`` never leads to a page of ours."""

    async def do(world: World) -> None:
        await world.enrol()
        more = {"prompt": "none", "acr_values": "nist-aal2"}
        for given in (
            world.asking(**more),
            world.push(session="s1", **more),
            world.push(session="s1", proved="pwd", **more),
        ):
            assert told(await world.provider.authorize(given, ALICE))["error"] == "interaction_required"

    life(house, do)


WRONG: list[tuple[dict[str, str], str]] = [
    ({"response_type": ""}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"response_mode": "form_post"}, "invalid_request"),
    ({"request": "eyJ"}, "request_not_supported"),
    ({"registration": "{}"}, "registration_not_supported"),
    ({"scope": ""}, "invalid_scope"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"scope": "openidx"}, "invalid_scope"),
    ({"code_challenge": ""}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "+" * 43}, "invalid_request"),
    ({"code_challenge_method": ""}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": "s256"}, "invalid_request"),
    ({"login_hint": ""}, "invalid_request"),
    ({"login_hint": "a\x00"}, "invalid_request"),
    ({"login_hint": "a" * 257}, "invalid_request"),
    ({"id_token_hint": "eyJ"}, "invalid_request"),
    ({"acr_values": "phr"}, "unmet_authentication_requirements"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"max_age": "1e3"}, "invalid_request"),
    ({"max_age": "٣"}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"prompt": "create"}, "invalid_request"),
    ({"state": "a\n"}, "invalid_request"),
    ({"nonce": "ü"}, "invalid_request"),
]


def test_what_cannot_be_done_is_told_to_the_client(house: House) -> None:
    """In the words of OAuth, with who says so (RFC 9207); pushed requests are refused as they come."""

    async def do(world: World) -> None:
        for more, error in WRONG:
            location = await world.provider.authorize(world.asking(**more), ALICE)
            assert location.startswith(CALLBACK + "?")
            got = told(location)
            assert (got["error"], got["iss"]) == (error, SITE), more
            assert got.get("state") == (None if "state" in more else "s-1")
            with pytest.raises(RefusedRequestError) as refused:
                world.provider.push(world.shop, world.asking(**more))
            assert refused.value.code == error, more

    life(house, do)


async def _code(world: World) -> str:
    return told(await world.provider.authorize(world.push(session="s1", proved="pwd"), ALICE))["code"]


def test_a_code_is_good_for_a_minute(house: House) -> None:
    """And for its one grant type, with everything that belongs to it."""

    async def do(world: World) -> None:
        for more, error in (
            ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
            ({"grant_type": ""}, "unsupported_grant_type"),
            ({"code_verifier": ""}, "invalid_request"),
            ({"code": ""}, "invalid_request"),
        ):
            with pytest.raises(RefusedRequestError) as refused:
                await world.redeem("x", **more) if "code" not in more else await world.redeem("")
            assert refused.value.code == error
        code = await _code(world)
        house.forward(60)
        with pytest.raises(RefusedRequestError) as refused:
            await world.redeem(code)
        assert refused.value.code == "invalid_grant"

    life(house, do)


def test_what_nobody_here_can_meet_is_said(house: House) -> None:
    """A demand for AAL3 without a hardware key, or for a second factor without one (RFC 9470)."""

    async def do(world: World) -> None:
        await world.enrol()
        unmet = "unmet_authentication_requirements"
        vouched = {"session": "s1", "proved": "pwd"}
        for more in ({"acr_values": "nist-aal3"}, {"login_hint": "bob", "acr_values": "nist-aal2"}):
            got = told(await world.provider.authorize(world.push(**vouched, **more), ALICE))
            assert got["error"] == unmet
        # Named by the browser only: first the passkey is shown, and then it is said.
        got = await world.step_up(world.asking(acr_values="nist-aal3"))
        assert got["error"] == unmet

    life(house, do)


def test_going_away_is_told(house: House) -> None:
    """Without a code from the challenge page the client hears that it was not done."""

    async def do(world: World) -> None:
        await world.enrol()
        location = await world.provider.authorize(world.asking(), ALICE)
        challenge = location.partition("?")[0].removeprefix("/step-up/")
        assert told(await world.provider.go_on(challenge, "", ALICE))["error"] == "access_denied"

    life(house, do)


def test_a_policy_that_denies_is_obeyed(house: House) -> None:
    """What the policy refuses is refused here, whoever vouches."""

    async def do(world: World) -> None:
        line = "openid.step_up: {sensitivity: 1, demand: none"
        text = default_text()
        assert line in text
        await world.node.service.policies.use(text.replace(line, line.replace("none", "deny")), by="test")
        got = told(await world.provider.authorize(world.push(proved="pwd"), ALICE))
        assert got["error"] == "access_denied"

    life(house, do)


def test_what_is_kept_is_bounded() -> None:
    """Of too many the oldest go; nothing outlives its time, or its one use."""
    kept = Kept[int](seconds=1, limit=100)
    for number in range(1_000):
        kept.put(str(number), number, now=0)
    assert len(kept) == 100
    assert kept.take("0", now=0) is None
    assert kept.take("999", now=0) == 999
    assert kept.take("998", now=1_000_000) is None
    assert len(kept) == 98


@pytest.mark.parametrize(
    "address",
    [
        "http://shop.example.com/cb",
        "https://shop.example.com/cb#x",
        "https://shop.example.com/cb#",
        "https://user@shop.example.com/cb",
        "https:///cb",
        "https://shop.example.com:x/cb",
        "https://shop.example.com\\@evil.example/",
        "https://shop.example.com/c b",
        "shop://cb",
        "javascript:alert(1)",
        "",
    ],
)
def test_addresses_that_cannot_be_registered(address: str) -> None:
    """An operator's slip is an error at the start, and not a hole afterwards."""
    with pytest.raises(SettingsError):
        check_redirect_uri(address)


@pytest.mark.parametrize("address", [CALLBACK, OTHER_CALLBACK, "http://127.0.0.1:9/cb", "http://[::1]:9/cb"])
def test_addresses_that_can(address: str) -> None:
    """https, and http at home."""
    assert check_redirect_uri(address) == address


def test_an_address_with_a_query_keeps_it(house: House) -> None:
    """The answer is added to what stands there."""

    async def do(world: World) -> None:
        given = world.push(by=world.bank, redirect_uri=OTHER_CALLBACK, proved="pwd")
        location = await world.provider.authorize(given, ALICE)
        assert location.startswith(OTHER_CALLBACK + "&code=")

    life(house, do)
