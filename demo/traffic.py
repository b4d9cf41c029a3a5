"""People with habits, at the bank's door: the everyday that attacks have to stand out from.

Everyone signs in from home, work or on the way with their own devices, looks at the balance, now and then sends
money (and then types the code that their phone shows on Stepwarden's page), mistypes a password, travels, signs out.
All from one seed.
"""

import asyncio
import random
from collections.abc import Sequence

import httpx

from demo.bank.sessions import REMEMBERED_COOKIE
from demo.browser import Browser, Page
from demo.people import Person
from demo.phones import Authenticators

ABROAD = ("193.6.1.40", "189.203.14.8", "202.12.27.33", "103.6.84.20", "196.25.1.90", "187.45.3.9")
"""Addresses that people are seen at when they travel."""

TYPO = 0.06
TRAVEL = 0.02


class Customer:
    """One person's day, sped up. ``pace`` is the mean pause between two doings, in seconds."""

    def __init__(self, person: Person, bank: str, phones: Authenticators, seed: int, pace: float) -> None:
        self._person = person
        self._bank = bank
        self._phones = phones
        self._pace = pace
        self._random = random.Random(f"{seed} {person.user}")
        self._remembered: dict[str, str] = {}
        """What Stepwarden gave each of their devices to be remembered by."""

    async def live(self, payees: Sequence[str]) -> None:
        """For ever: visits, with pauses between them."""
        await asyncio.sleep(self._random.uniform(0, self._pace * 2))
        while True:
            try:
                await self._visit(payees)
            except httpx.HTTPError:
                await asyncio.sleep(1)  # the bank is starting, busy or stopping: people try again
            await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(min(self._random.expovariate(1 / self._pace), self._pace * 4))

    async def _visit(self, payees: Sequence[str]) -> None:
        address, agent, device = self._random.choice(self._person.places)
        if self._random.random() < TRAVEL:
            address = self._random.choice(ABROAD)
        async with Browser(self._bank, address=address, agent=agent, device=device) as browser:
            if token := self._remembered.get(device):
                browser.set_cookie(REMEMBERED_COOKIE, token)
            signed_in = await self._sign_in(browser)
            if token := browser.cookie(REMEMBERED_COOKIE):
                self._remembered[device] = token
            if not signed_in:
                return
            for _ in range(self._random.randint(1, 4)):
                await self._pause()
                await self._do_something(browser, payees)
            await browser.open("/account")
            await browser.sign_out()

    async def _sign_in(self, browser: Browser) -> bool:
        person = self._person
        if self._random.random() < TYPO:
            await browser.sign_in(person.user, person.password[:-1])
            await asyncio.sleep(1)
        page = await self._with_code(browser, await browser.sign_in(person.user, person.password))
        return page.name == "account"

    async def _with_code(self, browser: Browser, page: Page) -> Page:
        if page.name != "challenge":
            return page
        return await browser.enter_code(await self._phones.next_code(self._person.user), remember=True)

    async def _do_something(self, browser: Browser, payees: Sequence[str]) -> None:
        dice = self._random.random()
        if dice < 0.12:
            others = [payee for payee in payees if payee != self._person.user]
            amount = f"{self._random.randint(5, 80)}.{self._random.randint(0, 99):02}"
            await self._with_code(browser, await browser.transfer(self._random.choice(others), amount))
        elif dice < 0.3 and self._person.role == "employee":
            await self._with_code(browser, await browser.open("/customers"))
        else:
            await self._with_code(browser, await browser.open("/account"))


async def live(
    people: Sequence[Person], bank: str, phones: Authenticators, *, seed: int, pace: float
) -> None:
    """All of them at once, until cancelled."""
    payees = [person.user for person in people]
    async with asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(Customer(person, bank, phones, seed, pace).live(payees))
