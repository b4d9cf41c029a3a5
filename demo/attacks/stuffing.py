"""Credential stuffing: a list of leaked passwords, tried over many addresses, each account once or twice.

Most pairs on such lists are stale; three of the bank's people use a leaked password here too.
"""

import asyncio
from collections.abc import Iterator

from demo.attacks.attacker import Attack, Attacker, Over

LEAKED = [("grace", "sunshine2019"), ("henry", "liverpool1"), ("ivan", "dragon123")]
STALE = ("123456", "qwerty123", "iloveyou2", "monkey77", "football1", "letmein!", "Passw0rd", "summer2020")
WORKERS = 3
NAMES = (
    "carla", "david", "fatima", "julia", "kenji", "lena", "marek", "nadia", "oscar", "paul", "quentin", "rosa",
    "sven", "tara", "ursula", "viktor", "wanda", "xavier", "yara", "zoe", "anton", "bela", "chris", "dora", "emil",
)  # fmt: skip


async def run(me: Attacker) -> None:
    pairs = [(name, me.random.choice(STALE)) for name in NAMES for _ in range(4)]
    # The good ones come late: by then the bank has seen what is going on.
    me.random.shuffle(pairs)
    at = (len(pairs) // 8, len(pairs) // 2, len(pairs) - 10)
    for place, pair in zip(reversed(at), LEAKED, strict=True):
        pairs.insert(place, pair)
    proxies = [me.any_address() for _ in range(12)]
    todo = iter(pairs)
    await asyncio.gather(*(_work(me, proxies, todo) for _ in range(WORKERS)))


async def _work(me: Attacker, proxies: list[str], todo: Iterator[tuple[str, str]]) -> None:
    for user, password in todo:
        async with me.browser(me.random.choice(proxies)) as browser:
            try:
                page = await me.sign_in(browser, user, password)
            except Over:
                return
            if page.name == "account":
                await me.steal_money(browser, user, 900)
            else:
                await me.guess_code(browser, page, user, 1)


ATTACK = Attack(
    name="stuffing",
    technique="T1110.004",
    story="A list of leaked passwords is tried from a dozen rented addresses; three of the pairs are right.",
    run=run,
)
