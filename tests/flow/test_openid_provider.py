"""Our OpenID provider in process: what clients are told, and everything that must not get them told more."""

import asyncio

import pytest

from stepwarden.errors import ChallengeError, ForbiddenError, SettingsError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import ExceptionRaised
from stepwarden.flow.openid import PLAIN_PER_MINUTE
from stepwarden.flow.openid_kept import Kept
from stepwarden.flow.openid_request import (
    RefusedRequestError,
    UntrustedError,
    check_redirect_uri,
    read_parameters,
)
from stepwarden.policy.default import default_text
from tests.flow.flow_house import START, House
from tests.flow.openid_client import (
    ALICE,
    CALLBACK,
    MALLORY,
    OTHER_CALLBACK,
    SITE,
    VERIFIER,
    World,
    challenge_of,
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


def test_attack_no_proof_at_all(house: House) -> None:
    """Nobody vouches and nothing is asked for: a risk however low gives no token without a factor."""

    async def do(world: World) -> None:
        await world.enrol()
        for given in (world.asking(), world.push(), world.push(session="new"), world.push(proved="user geo")):
            assert (await world.provider.authorize(given, MALLORY)).startswith("/step-up/")

    life(house, do)


def test_attack_levels_taken_out_of_the_address(house: House) -> None:
    """The browser may lower the question, and then the answer says the level that was reached; a pushed one stays."""

    async def do(world: World) -> None:
        await world.enrol()
        given = world.push(session="s1", proved="pwd", acr_values="nist-aal2")
        # Whatever else the browser writes beside a pushed request is not read.
        location = await world.provider.authorize(given | {"acr_values": "nist-aal1", "max_age": "9"}, ALICE)
        assert location.startswith("/step-up/")
        stripped = await world.step_up(world.asking(login_hint="alice"))
        assert (await world.identity(stripped["code"]))["acr"] == "nist-aal2"

    life(house, do)


def test_attack_vouching_for_oneself(house: House) -> None:
    """Only who has a key vouches: a browser that says ``proved=pwd`` is refused."""

    async def do(world: World) -> None:
        for name in ("session", "proved"):
            got = told(await world.provider.authorize(world.asking(**{name: "pwd"}), MALLORY))
            assert got["error"] == "invalid_request"

    life(house, do)


ELSEWHERE = [
    "",
    CALLBACK + "/",
    CALLBACK + "?",
    CALLBACK + "#x",
    CALLBACK + "x",
    CALLBACK + "/../cb",
    CALLBACK + "%2f",
    CALLBACK.upper(),
    "HTTPS://shop.example.com/cb",
    "http://shop.example.com/cb",
    "https://shop.example.com:443/cb",
    "https://shop.example.com.evil.example/cb",
    "https://shop.example.com@evil.example/cb",
    "https://evil.example/?https://shop.example.com/cb",
    "https://evil.example\\@shop.example.com/cb",
    "//shop.example.com/cb",
    "javascript:alert(1)//shop.example.com/cb",
    " " + CALLBACK,
    CALLBACK + "\n",
    OTHER_CALLBACK,
]


def test_attack_open_redirect(house: House) -> None:
    """Anything but the very address is no address: nobody is sent anywhere, pushed or not."""

    async def do(world: World) -> None:
        for address in ELSEWHERE:
            given = world.asking(redirect_uri=address)
            with pytest.raises(UntrustedError):
                await world.provider.authorize(given, MALLORY)
            with pytest.raises(RefusedRequestError):
                world.provider.push(world.shop, given)

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


@pytest.mark.parametrize("data", [b"a=1&a=2", b"a=1&a=", b"a", b"a=%ff", b"\xff=1", b"a=" + b"1" * 8_192])
def test_attack_parameters_twice(data: bytes) -> None:
    """Two readers of a request must not see two requests; what cannot be read is nobody's."""
    with pytest.raises(UntrustedError):
        read_parameters(data)


def test_attack_somebody_elses_request(house: House) -> None:
    """A pushed request is its client's own, good once, for 90 seconds."""

    async def do(world: World) -> None:
        given = world.push(proved="pwd")
        with pytest.raises(UntrustedError):
            await world.provider.authorize(given | {"client_id": world.bank}, MALLORY)
        with pytest.raises(UntrustedError):  # the look alone has ended it
            await world.provider.authorize(given, ALICE)
        given = world.push(proved="pwd")
        assert "code" in told(await world.provider.authorize(given, ALICE))
        with pytest.raises(UntrustedError):
            await world.provider.authorize(given, ALICE)
        given = world.push(proved="pwd")
        house.forward(90)
        with pytest.raises(UntrustedError):
            await world.provider.authorize(given, ALICE)
        for name in ("https://evil.example/r", "urn:ietf:params:oauth:request_uri:guess"):
            with pytest.raises(UntrustedError):
                await world.provider.authorize({"client_id": world.shop, "request_uri": name}, MALLORY)
        with pytest.raises(RefusedRequestError):
            world.provider.push(world.bank, world.asking())  # with the shop's client_id

    life(house, do)


async def _code(world: World) -> str:
    return told(await world.provider.authorize(world.push(session="s1", proved="pwd"), ALICE))["code"]


def _exceptions(house: House) -> list[str]:
    entries = (decode_trusted(leaf) for leaf in house.leaves())
    return [one.detail for one in entries if isinstance(one, ExceptionRaised)]


def test_attack_code_used_twice(house: House) -> None:
    """Of 50 at once one gets tokens; that others tried is in the log."""

    async def do(world: World) -> None:
        code = await _code(world)
        got = await asyncio.gather(*(world.redeem(code) for _ in range(50)), return_exceptions=True)
        assert sum(isinstance(one, dict) for one in got) == 1
        assert all(one.code == "invalid_grant" for one in got if isinstance(one, RefusedRequestError))

    life(house, do)
    assert "a code was used again" in _exceptions(house)


STOLEN: tuple[tuple[str, dict[str, str], str], ...] = (
    ("bank", {}, "a code was brought by another client"),
    ("", {"redirect_uri": OTHER_CALLBACK}, "a code was brought with another address"),
    ("", {"code_verifier": "w" * 43}, "a code was brought without the right verifier"),
    ("", {"code_verifier": challenge_of(VERIFIER)}, "a code was brought without the right verifier"),
)


def test_attack_code_injection(house: House) -> None:
    """A code is good only together with its client, address and verifier, and one wrong try ends it."""

    async def do(world: World) -> None:
        for by, more, _ in STOLEN:
            code = await _code(world)
            with pytest.raises(RefusedRequestError) as refused:
                await world.redeem(code, by=world.bank if by else "", **more)
            assert refused.value.code == "invalid_grant"
            with pytest.raises(RefusedRequestError):
                await world.redeem(code)

    life(house, do)
    assert {detail for _, _, detail in STOLEN} < set(_exceptions(house))


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


def test_attack_a_link_to_somebody_else(house: House) -> None:
    """Mallory begins in alice's name and sends her the link: she is not shown it, and nothing goes on anywhere."""

    async def do(world: World) -> None:
        await world.enrol()
        location = await world.provider.authorize(world.asking(), MALLORY)
        with pytest.raises(ForbiddenError):
            await world.pass_at(location, ALICE)

    life(house, do)


def test_attack_go_on_in_another_browser(house: House) -> None:
    """What one browser passed goes on there only, and once; a wrong code on the way ends nothing."""

    async def do(world: World) -> None:
        await world.enrol()
        location = await world.provider.authorize(world.asking(), ALICE)
        challenge, code = await world.pass_at(location)
        for browser, brought in ((MALLORY, code), (MALLORY, ""), (ALICE, "guess")):
            with pytest.raises(UntrustedError):
                await world.provider.go_on(challenge, brought, browser)
        got = await asyncio.gather(
            *(world.provider.go_on(challenge, code, ALICE) for _ in range(20)), return_exceptions=True
        )
        assert sum(isinstance(one, str) and "code" in told(one) for one in got) == 1
        with pytest.raises(UntrustedError):
            await world.provider.go_on(challenge, code, ALICE)

    life(house, do)


def test_attack_collected_by_the_application_instead(house: House) -> None:
    """The code of a challenge of ours is good for nobody who collects it over the API."""

    async def do(world: World) -> None:
        await world.enrol()
        challenge, code = await world.pass_at(await world.provider.authorize(world.asking(), ALICE))
        with pytest.raises(Exception, match="closed"):
            await world.pages.collect(challenge, code, by=world.shop)

    life(house, do)


def test_attack_who_is_known_here(house: House) -> None:
    """Until a factor is shown nothing differs between alice with a passkey, bob without and a stranger."""

    async def do(world: World) -> None:
        await world.enrol()
        await world.node.service.enrol_totp("bob", attempt="", by="test")
        seen = []
        for actor in ("alice", "bob", "nobody"):
            given = world.asking(login_hint=actor, acr_values="nist-aal3")
            location = await world.provider.authorize(given, MALLORY)
            challenge = location.partition("?")[0].removeprefix("/step-up/")
            page = await world.pages.challenge(challenge, MALLORY)
            seen.append(
                (
                    location.partition("?")[2],
                    [one.factor for one in page.choices],
                    page.reasons,
                    page.ready,
                    page.passkeys.count('"public-key"'),
                )
            )
        assert seen[0] == seen[1] == seen[2]
        assert seen[0][4] == 1

    life(house, do)


def test_attack_locking_somebody_out_without_a_factor(house: House) -> None:
    """Whoever names alice and answers nonsense, again and again, neither locks her passkey nor has her refused."""

    async def do(world: World) -> None:
        await world.enrol()
        for _ in range(24):
            location = await world.provider.authorize(world.asking(), MALLORY)
            assert location.startswith("/step-up/"), location
            challenge = location.partition("?")[0].removeprefix("/step-up/")
            for _ in range(5):
                with pytest.raises(ChallengeError):
                    await world.pages.answer(
                        challenge, MALLORY, factor="webauthn", answer="{}", remember=False
                    )
        got = await world.step_up(world.asking(acr_values="nist-aal2"))
        assert "code" in got

    life(house, do)


def test_attack_who_is_known_here_by_asking_twice(house: House) -> None:
    """The passkey that nobody has is the same each time, as a real one would be."""

    async def do(world: World) -> None:
        asked = []
        for _ in range(2):
            location = await world.provider.authorize(world.asking(login_hint="nobody"), MALLORY)
            challenge = location.partition("?")[0].removeprefix("/step-up/")
            page = await world.pages.challenge(challenge, MALLORY)
            asked.append(page.passkeys.partition("allowCredentials")[2])
        assert asked[0] == asked[1]

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
        await world.node.service.use_policy(text.replace(line, line.replace("none", "deny")), by="test")
        got = told(await world.provider.authorize(world.push(proved="pwd"), ALICE))
        assert got["error"] == "access_denied"

    life(house, do)


def test_attack_tokens_taken_for_each_other(house: House) -> None:
    """An access token is no grant and no hint; an identity token is a hint for its own client only, even an old one."""

    async def do(world: World) -> None:
        tokens = await world.redeem(await _code(world))
        access, identity = tokens["access_token"], tokens["id_token"]
        assert not world.node.service.proving.grants.introspect(access).active
        attempt = Attempt(
            action="transfer",
            actor="alice",
            session="s1",
            peer=ALICE.peer,
            user_agent=ALICE.user_agent,
            proved=("pwd",),
            grant=access,
        )
        assert (await world.node.service.decide(attempt, by=world.shop)).decision == "step_up"
        house.forward(3_600)
        for hint in (access, identity[:-8] + "AAAAAAAA"):
            got = told(await world.provider.authorize(world.asking(login_hint="", id_token_hint=hint), ALICE))
            assert got["error"] == "invalid_request"
        with pytest.raises(RefusedRequestError):
            world.push(by=world.bank, redirect_uri=OTHER_CALLBACK, login_hint="", id_token_hint=identity)
        with pytest.raises(RefusedRequestError):
            world.push(login_hint="bob", id_token_hint=identity)
        good = world.push(login_hint="", id_token_hint=identity, proved="pwd")
        claims = await world.identity(told(await world.provider.authorize(good, ALICE))["code"])
        assert claims["sub"] == "alice"

    life(house, do)


def test_attack_a_revoked_client(house: House) -> None:
    """Its key is gone, and so is everything that it had begun."""

    async def do(world: World) -> None:
        await world.enrol()
        pushed = world.push(proved="pwd")
        challenge, code = await world.pass_at(await world.provider.authorize(world.asking(), ALICE))
        await world.node.service.revoke_key(world.shop, by="test")
        assert not world.provider.has(world.shop)
        for given in (world.asking(), pushed):
            with pytest.raises(UntrustedError):
                await world.provider.authorize(given, ALICE)
        with pytest.raises(UntrustedError):
            await world.provider.go_on(challenge, code, ALICE)

    life(house, do)


def test_attack_filling_the_log_without_a_key(house: House) -> None:
    """So many requests a minute that nobody pushed, and no entry more; pushed ones still come through."""

    async def do(world: World) -> None:
        wrong = world.asking(scope="profile")
        for _ in range(PLAIN_PER_MINUTE):
            await world.provider.authorize(wrong, MALLORY)
        size = world.node.state.size
        got = told(await world.provider.authorize(world.asking(), MALLORY))
        assert got["error"] == "temporarily_unavailable"
        assert world.node.state.size == size
        await _code(world)
        house.forward(60)
        assert (await world.provider.authorize(world.asking(), MALLORY)).startswith("/step-up/")

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
