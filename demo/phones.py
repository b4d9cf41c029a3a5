"""The authenticators of the people that the demonstration plays: one code per half minute, never the same twice."""

import asyncio
import time

import pyotp

from demo.bank.democodes import Phone


class Authenticators:
    """Gives each person's current code, and makes a person wait who has used theirs already."""

    def __init__(self, phones: dict[str, Phone]) -> None:
        self._phones = phones
        self._used: dict[str, int] = {}

    async def next_code(self, user: str) -> str:
        """The code of the first half minute whose code this user has not used yet."""
        step = max(int(time.time()) // 30, self._used.get(user, 0) + 1)
        self._used[user] = step
        await asyncio.sleep(max(0.0, step * 30 + 0.05 - time.time()))
        return pyotp.TOTP(self._phones[user].secret).at(step * 30)
