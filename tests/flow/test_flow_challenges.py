"""Challenges, sessions and factors as the API hands them on: what counts when, and what never does."""

import asyncio
import json

import pytest

from stepwarden.app.node import Node
from stepwarden.errors import (
    ChallengeClosedError,
    ChallengeError,
    ChallengeNotReadyError,
    FactorLockedError,
    InputError,
    NotFoundError,
    UnauthenticatedError,
)
from stepwarden.flow.pages import COLLECT_SECONDS
from stepwarden.flow.shown import Browser
from tests.flow.flow_house import House
from tests.flow.proving_house import (
    BROWSER,
    OTHER,
    URL,
    asked,
    at_home,
    attempt,
    enrol_passkey,
    sign_in,
    signed,
)


async def passed(node: Node, *, own: bool = False) -> tuple[str, str]:
    """A transfer that was approved on our page: the challenge and its code."""
    await sign_in(node)
    key = await enrol_passkey(node)
    answer = await asked(node)
    assert answer.challenge is not None
    name, pages = answer.challenge.id, node.service.proving.pages
    if own:
        pages.is_ours(name, "/account/continue")
    text = await signed(node, key, name)
    found = await pages.answer(name, BROWSER, factor="webauthn", answer=text, remember=False)
    return name, found.code


def test_attack_a_code_of_our_own_page_collected_by_an_application(house: House) -> None:
    """What our own pages asked for is no application's."""

    async def do(node: Node) -> None:
        name, code = await passed(node, own=True)
        with pytest.raises(ChallengeClosedError):
            await node.service.proving.challenges.collect(name, code, by="k")

    at_home(house).live(do)


def test_attack_a_code_collected_after_its_time(house: House) -> None:
    """Two minutes, and not one second more."""

    async def do(node: Node) -> None:
        name, code = await passed(node)
        house.forward(COLLECT_SECONDS)
        with pytest.raises(ChallengeClosedError):
            await node.service.proving.challenges.collect(name, code, by="k")

    at_home(house).live(do)


def test_attack_a_code_collected_by_many_at_once(house: House) -> None:
    """Of ten, one gets the grant; and none when the session was ended between."""

    async def do(node: Node) -> None:
        name, code = await passed(node)
        collect = node.service.proving.challenges.collect
        found = await asyncio.gather(
            *(collect(name, code, by="k") for _ in range(10)), return_exceptions=True
        )
        assert sum(not isinstance(one, BaseException) for one in found) == 1

    async def ended(node: Node) -> None:
        answer = await asked(node)
        assert answer.challenge is not None
        proving = node.service.proving
        await proving.factors.reset("alice", reason="request 0", by="k")
        key = await enrol_passkey(node)
        text = await signed(node, key, answer.challenge.id)
        code = (
            await proving.pages.answer(
                answer.challenge.id, BROWSER, factor="webauthn", answer=text, remember=False
            )
        ).code
        await proving.sessions.revoke("alice", session="s1", reason="request 1", by="k")
        with pytest.raises(ChallengeClosedError):
            await proving.challenges.collect(answer.challenge.id, code, by="k")
        assert (await node.service.decide(attempt("balance.read"), by="k")).decision != "allow"

    at_home(house).live(do)
    house.live(ended)


def test_attack_a_report_of_a_push_sent_again(house: House) -> None:
    """The same message is taken once, whatever it says; for a challenge that is none nothing is written."""

    async def do(node: Node) -> None:
        pushed = node.service.proving.challenges.pushed
        size = node.state.size
        with pytest.raises(ChallengeClosedError):
            await pushed("c-unknown", report="msg_1", yes=True, number="42")
        for _ in range(3):
            with pytest.raises(UnauthenticatedError):
                await pushed("c-unknown", report="msg_1", yes=True, number="42")
        assert node.state.size == size

    at_home(house).live(do)


def test_attack_filling_the_log_from_a_page_that_cannot_be_answered(house: House) -> None:
    """While a factor is locked, or not its turn, no number of answers leaves an entry."""

    async def wrong(node: Node, challenge: str, browser: Browser, error: type[ChallengeError]) -> None:
        with pytest.raises(error):
            await node.service.proving.pages.answer(
                challenge, browser, factor="totp", answer="000000", remember=False
            )

    async def do(node: Node) -> None:
        await sign_in(node)
        await node.service.enrol_totp("alice", attempt="", by="k")
        early = await node.service.decide(attempt("login", "", acr_values="nist-aal2"), by="k")
        assert early.challenge is not None
        size = node.state.size
        for _ in range(10):
            await wrong(node, early.challenge.id, OTHER, ChallengeNotReadyError)
        assert node.state.size == size
        people, person = node.state.stepup.people, node.recorder.people.find("alice")
        assert person is not None
        while not people.locked_until(person.token, "totp") > house.time:
            answer = await asked(node)
            assert answer.challenge is not None
            await wrong(node, answer.challenge.id, BROWSER, ChallengeError)
        answer = await asked(node)
        assert answer.challenge is not None
        size = node.state.size
        for _ in range(10):
            await wrong(node, answer.challenge.id, BROWSER, FactorLockedError)
        assert node.state.size == size

    at_home(house).live(do)


def test_what_a_passkey_signs_is_given_to_an_application(house: House) -> None:
    """The same commitment as on our page; and nothing where no passkey can answer."""

    async def do(node: Node) -> None:
        await sign_in(node)
        key = await enrol_passkey(node)
        answer = await asked(node)
        assert answer.challenge is not None
        challenges = node.service.proving.challenges
        options = challenges.passkeys(answer.challenge.id)
        assert json.loads(options)["rpId"] == "warden.example.com"
        grant = await node.service.answer(
            answer.challenge.id, factor="webauthn", answer=key.answer(options, URL), by="k"
        )
        assert grant.aal == 2
        with pytest.raises(ChallengeClosedError):
            challenges.passkeys(answer.challenge.id)
        with pytest.raises(ChallengeClosedError):
            challenges.passkeys("c-unknown")

    async def without(node: Node) -> None:
        await sign_in(node, "bob", "s2")
        await node.service.enrol_totp("bob", attempt="", by="k")
        answer = await node.service.decide(attempt(session="s2", actor="bob"), by="k")
        assert answer.challenge is not None
        with pytest.raises(ChallengeError):
            node.service.proving.challenges.passkeys(answer.challenge.id)
        with pytest.raises(ChallengeError):  # no courier, and no address
            await node.service.proving.challenges.send(
                answer.challenge.id, factor="sms", credential="", language="en", by="k"
            )

    at_home(house).live(do)
    house.live(without)


def test_reasons_name_nobody_and_strangers_are_not_made(house: House) -> None:
    """What an operator says stays in the log for ever; asking about somebody does not make them known."""

    async def do(node: Node) -> None:
        await sign_in(node)
        proving = node.service.proving
        for reason in ("", "alice asked", "  "):
            with pytest.raises(InputError):
                await proving.sessions.revoke("alice", session="", reason=reason, by="k")
        with pytest.raises(NotFoundError):
            await proving.sessions.revoke("stranger", session="", reason="request 1", by="k")
        with pytest.raises(NotFoundError):
            await proving.sessions.forget_device("stranger", device="", by="k")
        with pytest.raises(InputError):
            await proving.sessions.forget_device("alice", device="../x", by="k")
        assert await proving.factors.listing("stranger", by="k") == ()
        assert node.recorder.people.find("stranger") is None

    at_home(house).live(do)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "//shop.example/",
        "https://shop.example\\@evil.example/",
        "javascript:alert(1)",
    ],
)
def test_attack_a_way_back_to_somewhere_else(house: House, address: str) -> None:
    """The security page leads to a registered application, or nowhere."""
    house.given["pages.apps"] = ("https://shop.example",)

    async def do(node: Node) -> None:
        page = node.service.proving.entrances.page
        with pytest.raises(InputError):
            page("alice", proved=("pwd",), return_to=address, language="", device="")
        found = page("alice", proved=("pwd",), return_to="https://shop.example/x", language="de", device="")
        assert found.url.startswith(f"{URL}/account?ticket=")
        assert found.url.endswith("&lang=de")

    at_home(house).live(do)
