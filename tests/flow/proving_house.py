"""What the tests about proving who one is have in common: a house at an address of its own, a browser, a passkey."""

import json
from typing import Any

from stepwarden.app.node import Node
from stepwarden.errors import CourierError
from stepwarden.events.attempt import Attempt
from stepwarden.flow.answers import Answer
from stepwarden.flow.couriers import Message
from stepwarden.flow.shown import Browser
from tests.flow.flow_house import House
from tests.stepup.software_authenticator import SoftwareAuthenticator

URL = "https://warden.example.com"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
BROWSER = Browser(key="the browser's own secret", peer="198.51.100.7", user_agent=AGENT)
OTHER = Browser(key="another browser's", peer="203.0.113.9", user_agent=AGENT)
TRANSFER: dict[str, Any] = {"amount": 120_000, "currency": "EUR", "to": "DE89370400440532013000"}


class Postman:
    """A courier that keeps what it is given. ``broken``: it takes nothing."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.broken = False

    async def send(self, message: Message) -> None:
        if self.broken:
            raise CourierError("nobody is there")
        self.messages.append(message)


def at_home(house: House) -> House:
    """The house under its public address."""
    house.given["server.public_url"] = URL
    return house


def attempt(action: str = "transfer", session: str = "s1", **more: Any) -> Attempt:
    return Attempt(
        action=action,
        actor=more.pop("actor", "alice"),
        session=session,
        ip="198.51.100.7",
        user_agent=AGENT,
        parameters=more.pop("parameters", TRANSFER if action == "transfer" else None),
        **more,
    )


async def sign_in(node: Node, actor: str = "alice", session: str = "s1") -> None:
    """By password alone."""
    answer = await node.service.decide(attempt("login", "", actor=actor), by="k")
    assert answer.decision == "allow", answer
    await node.service.report(answer.id, outcome="success", proved=["pwd"], session=session, by="k")


async def enrol_passkey(node: Node, actor: str = "alice", by_attempt: str = "") -> SoftwareAuthenticator:
    """As an application with pages of its own does it."""
    enrolments = node.service.proving.enrolments
    draft, options = enrolments.begin_passkey(actor)
    key = SoftwareAuthenticator()
    answer = key.register(options, URL)
    await enrolments.enrol_passkey(
        actor, draft=draft, answer=answer, name="my key", attempt=by_attempt, by="k"
    )
    return key


async def asked(node: Node, **more: Any) -> Answer:
    """A transfer that asks for a step-up."""
    answer = await node.service.decide(attempt(**more), by="k")
    assert answer.decision == "step_up", answer
    assert answer.challenge is not None
    return answer


async def signed(node: Node, key: SoftwareAuthenticator, challenge: str, browser: Browser = BROWSER) -> str:
    """What a browser on our page gives for this challenge."""
    page = await node.service.proving.pages.challenge(challenge, browser)
    assert json.loads(page.passkeys)["userVerification"] == "required"
    return key.answer(page.passkeys, URL)
