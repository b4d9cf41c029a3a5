"""What all attackers have: a place to come from, a bound, and a note of what they achieved.

``Loot`` counts what the bank would have lost, as seen by the attacker: accounts entered, balances seen, money moved,
customers exported. An attacker who meets Stepwarden's page has no code; some guess one.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from demo.browser import Browser, Page

MOST_ATTEMPTS = 400
"""No attack makes more, however it is configured."""

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/109.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.1; rv:102.0) Gecko/20100101 Firefox/102.0",
    "Mozilla/5.0 (Linux; Android 9; SM-J730G) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/96.0.4664.45 Mobile Safari/537.36",
    "python-requests/2.31.0",
)

_RANGES = (
    "177.66", "189.84", "200.152", "14.161", "27.72", "113.160", "36.74", "103.10", "49.36", "117.200",
    "95.24", "178.176", "41.203", "105.112", "45.224", "181.49",
)  # fmt: skip
"""First halves of addresses in many countries: what rented residential proxies look like."""


class Over(Exception):  # noqa: N818 - an end, not an error
    """The attack has made all its attempts, or its time is up."""


@dataclass(slots=True)
class Loot:
    """What the attacker got."""

    accounts: set[str] = field(default_factory=set)
    balances: set[str] = field(default_factory=set)
    cents: int = 0
    customers: int = 0

    def words(self) -> list[str]:
        """One line per kind of loot; a single line if there is none."""
        found = []
        if self.accounts:
            found.append(f"entered {len(self.accounts)} account(s): {', '.join(sorted(self.accounts))}")
        if self.balances:
            found.append(f"saw {len(self.balances)} balance(s)")
        if self.cents:
            found.append(f"moved {self.cents / 100:,.2f} €")
        if self.customers:
            found.append(f"exported the data of {self.customers} customers")
        return found or ["nothing"]


class Attacker:
    """One attack under way: hands out browsers, counts requests, keeps the loot."""

    def __init__(self, bank: str, *, name: str, seconds: float, seed: int) -> None:
        self.bank = bank
        self.name = name
        self.loot = Loot()
        self.random = random.Random(f"{seed} {name}")
        self.attempts = 0
        self._ends = asyncio.get_running_loop().time() + seconds

    def any_address(self) -> str:
        return f"{self.random.choice(_RANGES)}.{self.random.randint(1, 254)}.{self.random.randint(1, 254)}"

    def browser(self, address: str = "", agent: str = "", device: str = "") -> Browser:
        return Browser(
            self.bank,
            address=address or self.any_address(),
            agent=agent or self.random.choice(AGENTS),
            device=device,
            label=self.name,
        )

    def count(self) -> None:
        """Call before each attempt.

        Raises:
            Over: enough.
        """
        self.attempts += 1
        if self.attempts > MOST_ATTEMPTS or asyncio.get_running_loop().time() > self._ends:
            raise Over

    async def sign_in(self, browser: Browser, user: str, password: str) -> Page:
        """Try; on success note the account and look at the balance."""
        self.count()
        page = await browser.sign_in(user, password)
        self.note(page, user)
        return page

    def note(self, page: Page, user: str) -> None:
        if page.name == "account":
            self.loot.accounts.add(user)
            self.loot.balances.add(user)

    async def guess_code(self, browser: Browser, page: Page, user: str, tries: int) -> Page:
        """On Stepwarden's page: a few random codes, until it ends."""
        for _ in range(tries):
            if page.name != "challenge":
                break
            page = await browser.enter_code(f"{self.random.randint(0, 999_999):06}")
            self.note(page, user)
        return page

    async def steal_money(self, browser: Browser, user: str, amount: int) -> None:
        """Send money to an account elsewhere."""
        self.count()
        page = await browser.transfer("Mule Account 4711", str(amount))
        page = await self.guess_code(browser, page, user, 2)
        if page.name == "account" and "Done:" in page.text:
            self.loot.cents += amount * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """``technique`` is the ATT&CK id, ``story`` what happens in one sentence."""

    name: str
    technique: str
    story: str
    run: Callable[[Attacker], Awaitable[None]]
