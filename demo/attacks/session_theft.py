"""Session theft: Julia signs in at home; malware copies her cookies, and they are used from another network."""

import asyncio

from demo.attacks.attacker import Attack, Attacker, Over
from demo.browser import Browser
from demo.people import BY_USER

VICTIM = BY_USER["julia"]
PAUSE = 0.5


async def run(me: Attacker) -> None:
    address, agent, device = VICTIM.places[0]
    # Her own visit is no part of the attack, so it carries no label.
    async with Browser(me.bank, address=address, agent=agent, device=device) as own:
        page = await own.sign_in(VICTIM.user, VICTIM.password)
        if page.name != "account":
            return
        await asyncio.sleep(PAUSE)
        async with me.browser("178.176.40.7") as thief:
            for name in ("acme_session", "acme_device", "acme_remembered"):
                thief.set_cookie(name, own.cookie(name))
            await _use(me, thief)


async def _use(me: Attacker, thief: Browser) -> None:
    try:
        for amount in (50, 400, 1800):
            me.count()
            page = await thief.open("/account")
            me.note(page, VICTIM.user)
            page = await me.guess_code(thief, page, VICTIM.user, 2)
            await me.steal_money(thief, VICTIM.user, amount)
            await asyncio.sleep(PAUSE)
    except Over:
        return


ATTACK = Attack(
    name="session-theft",
    technique="T1539",
    story="Julia's session cookie is copied and used from another country with another browser.",
    run=run,
)
