"""Attacks on our OpenID provider, in process: by browsers, by clients, by those in between."""

import asyncio

import pytest

from stepwarden.errors import ChallengeError, ForbiddenError
from stepwarden.events.attempt import Attempt
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import ExceptionRaised
from stepwarden.flow.openid import PLAIN_PER_MINUTE
from stepwarden.flow.openid_request import (
    RefusedRequestError,
    UntrustedError,
    read_parameters,
)
from stepwarden.policy.default import default_text
from tests.flow.flow_house import House
from tests.flow.openid_client import (
    ALICE,
    CALLBACK,
    MALLORY,
    OTHER_CALLBACK,
    VERIFIER,
    World,
    challenge_of,
    life,
    told,
)


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


def test_attack_asked_for_ever(house: House) -> None:
    """Where the policy wants it fresher than the person goes on, two challenges are enough."""

    async def do(world: World) -> None:
        await world.enrol()
        line = "openid.step_up: {sensitivity: 1, demand: none"
        strict = default_text().replace(line, line.replace("none", "aal2, max_age: 1s"))
        await world.node.service.policies.use(strict, by="test")
        location = await world.provider.authorize(world.asking(), ALICE)
        for _ in range(2):
            assert location.startswith("/step-up/")
            challenge, code = await world.pass_at(location)
            house.forward(5)
            location = await world.provider.go_on(challenge, code, ALICE)
        assert told(location)["error"] == "unmet_authentication_requirements"

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
