"""What people do on our pages in an honest life: passkeys, deferred successes, codes, devices, sessions, grants."""

import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from stepwarden.app.node import Node
from stepwarden.errors import CourierError
from stepwarden.events import entries as e
from stepwarden.events.attempt import Attempt
from stepwarden.flow.answers import Answer
from stepwarden.flow.couriers import Message
from stepwarden.flow.shown import Browser
from tests.stepup.software_authenticator import SoftwareAuthenticator

URL = "http://localhost:8700"


class Lived(Protocol):
    """What the steps need of the life that they are part of."""

    node: Node
    chance: random.Random
    answers: list[tuple[Attempt, Answer]]
    grants: list[tuple[Attempt, str]]

    def count(self, what: str) -> None: ...


class Proofs:
    """The steps, for one life. Passkeys and codes are kept as the people keep them."""

    def __init__(self, life: Lived) -> None:
        self._life = life
        self._keys: dict[str, SoftwareAuthenticator] = {}
        self._letters: list[Message] = []

    def steps(self) -> list[tuple[Callable[[], Awaitable[None]], int]]:
        """Each with its weight."""
        return [
            (self.enrol_passkey, 4),
            (self.by_page, 14),
            (self.by_letter, 4),
            (self.deny, 2),
            (self.revoke, 2),
            (self.forget, 1),
            (self.redeem, 2),
        ]

    async def send(self, message: Message) -> None:
        """A courier: most letters arrive."""
        if self._life.chance.random() < 0.1:
            raise CourierError("nobody is there")
        self._letters.append(message)

    def _challenge(self) -> str:
        asked = [one for _, one in self._life.answers[-8:] if one.challenge is not None]
        challenge = self._life.chance.choice(asked).challenge if asked else None
        return challenge.id if challenge is not None else "none"

    def _browser(self) -> Browser:
        return Browser(
            key=f"browser{self._life.chance.randrange(4) // 3}", user_agent="Mozilla/5.0 Firefox/130.0"
        )

    async def enrol_passkey(self) -> None:
        """By somebody who has no factor yet, or is refused."""
        person = f"person{self._life.chance.randrange(7)}"
        enrolments = self._life.node.service.proving.enrolments
        if self._life.chance.random() < 0.3:
            await enrolments.enrol_address(
                person, factor="email", address=f"{person}@example.com", attempt="", by="k"
            )
            return
        draft, options = enrolments.begin_passkey(person)
        key = SoftwareAuthenticator()
        made = key.register(options, URL, synced=self._life.chance.random() < 0.5)
        await enrolments.enrol_passkey(person, draft=draft, answer=made, name="a key", attempt="", by="k")
        self._keys[person] = key

    async def by_page(self) -> None:
        """Opened, answered by a passkey (now and then a wrong one), collected or left."""
        pages, chance = self._life.node.service.proving.pages, self._life.chance
        name, browser = self._challenge(), self._browser()
        page = await pages.challenge(name, browser)
        key = self._keys.get(page.actor)
        if not page.passkeys or key is None:
            return
        try:
            answer = key.answer(page.passkeys, URL, counter=1 if chance.random() < 0.1 else None)
        except LookupError:
            return  # of a former life
        passed = await pages.answer(
            name, browser, factor="webauthn", answer=answer, remember=chance.random() < 0.4
        )
        self._life.count("passed on the page")
        if chance.random() < 0.8:
            await pages.collect(name, passed.code, by="k")
            self._life.count("collected")

    async def by_letter(self) -> None:
        """A code is sent, and typed rightly or not."""
        stepups, name = self._life.node.service.proving.stepups, self._challenge()
        stepups._couriers = {"email": self}
        await stepups.send(name, factor="email", credential="", words="", language="en", by="k")
        code = self._letters[-1].code if self._life.chance.random() < 0.8 else "000000"
        await self._life.node.service.answer(name, factor="email", answer=code, by="k")

    async def deny(self) -> None:
        """It was not them."""
        await self._life.node.service.proving.pages.deny(self._challenge(), self._browser())

    async def revoke(self) -> None:
        """One session, or all but one."""
        token, recorder = self._somebody(), self._life.node.recorder
        sessions = recorder.state.stepup.standings.sessions(token)
        if not sessions:
            return
        one = self._life.chance.choice(sessions)
        every = self._life.chance.random() < 0.3
        entry = e.SessionRevoked(
            time=recorder.now(),
            id=recorder.new_id(),
            actor=token,
            session="" if every else one,
            kept=one if every else "",
        )
        await recorder.append(entry).durable
        self._life.count("revoked")

    async def forget(self) -> None:
        """All remembered devices of somebody."""
        token, recorder = self._somebody(), self._life.node.recorder
        if token:
            entry = e.DeviceForgotten(time=recorder.now(), id=recorder.new_id(), actor=token, device="")
            await recorder.append(entry).durable

    def _somebody(self) -> str:
        person = self._life.node.recorder.people.find(f"person{self._life.chance.randrange(7)}")
        return person.token if person is not None else ""

    async def redeem(self) -> None:
        """A grant is used up by whoever protects the action."""
        if self._life.grants:
            _, grant = self._life.chance.choice(self._life.grants[-3:])
            found = await self._life.node.service.proving.grants.redeem(grant, by="k")
            self._life.count(f"redeemed {found.active}")
