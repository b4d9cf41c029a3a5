"""The bank's own books: accounts, passwords and transfers, in memory.

Amounts are whole cents. An unknown user costs the same time as a wrong password, and gets the same answer.
"""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio
import anyio.to_thread
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

_AMOUNT = re.compile(r"([0-9]{1,6})(?:[.,]([0-9]{2}))?")
MOST_CENTS = 10_000_000
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class OrderError(Exception):
    """An order that cannot be carried out; the message is for the person who gave it."""


@dataclass(slots=True, kw_only=True)
class Account:
    """One account and its person."""

    user: str
    name: str
    role: str
    mail: str
    cents: int
    password_hash: str = field(repr=False)
    lines: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=12))


def euros(cents: int) -> str:
    """``123456`` as ``1,234.56 €``."""
    return f"{cents / 100:,.2f} €"


def parse_amount(text: str) -> int:
    """Cents of an amount as people write it: ``12``, ``12.50`` or ``12,50``.

    Raises:
        OrderError: for anything else, zero, and more than the bank moves at once.
    """
    match = _AMOUNT.fullmatch(text.strip())
    cents = int(match[1]) * 100 + int(match[2] or 0) if match else 0
    if not 0 < cents <= MOST_CENTS:
        raise OrderError("Please write an amount such as 12.50, at most 100,000.")
    return cents


class Books:
    """All accounts. Passwords are checked in at most two threads, so that guessing cannot starve the loop."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = {account.user: account for account in accounts}
        self._nobody = hash_password("nobody has this password")
        self._threads: anyio.CapacityLimiter | None = None

    def __getitem__(self, user: str) -> Account:
        return self._accounts[user]

    def all(self) -> list[Account]:
        return list(self._accounts.values())

    async def is_password(self, user: str, password: str) -> bool:
        account = self._accounts.get(user)
        expected = account.password_hash if account else self._nobody
        self._threads = self._threads or anyio.CapacityLimiter(2)
        right = await anyio.to_thread.run_sync(_verify, expected, password, limiter=self._threads)
        return right and account is not None

    def find_payee(self, text: str) -> str:
        """The user meant by a user name or full name; other names are accounts elsewhere and stay as written."""
        wanted = " ".join(text.split())
        if not 2 <= len(wanted) <= 60 or not wanted.isprintable():
            raise OrderError("Please name who should get the money.")
        for account in self._accounts.values():
            if wanted.casefold() in {account.user, account.name.casefold()}:
                return account.user
        return wanted

    def name_of(self, payee: str) -> str:
        account = self._accounts.get(payee)
        return account.name if account else payee

    def transfer(self, user: str, payee: str, cents: int) -> None:
        """Move money, or raise ``OrderError`` and move none."""
        sender = self._accounts[user]
        if payee == user:
            raise OrderError("That is your own account.")
        if cents > sender.cents:
            raise OrderError("There is not enough money in the account.")
        sender.cents -= cents
        sender.lines.appendleft((f"To {self.name_of(payee)}", -cents))
        if receiver := self._accounts.get(payee):
            receiver.cents += cents
            receiver.lines.appendleft((f"From {sender.name}", cents))


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def _verify(expected: str, password: str) -> bool:
    try:
        return _HASHER.verify(expected, password[:256])
    except VerificationError:
        return False
