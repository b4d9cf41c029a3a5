"""Bulk export: an employee's password and device are in wrong hands, and every customer's data is to leave."""

import asyncio

from demo.attacks.attacker import Attack, Attacker, Over
from demo.people import BY_USER

INSIDER = BY_USER["oscar"]
PAUSE = 0.2


async def run(me: Attacker) -> None:
    address, agent, device = INSIDER.places[1]
    async with me.browser(address, agent, device) as browser:
        try:
            page = await me.sign_in(browser, INSIDER.user, INSIDER.password)
            if page.name != "account":
                return
            for _ in range(25):
                me.count()
                await browser.open("/customers")
                me.count()
                page = await browser.open("/customers/export.csv")
                if page.status == 200 and not page.name:
                    me.loot.customers = max(me.loot.customers, page.text.count("\n") - 1)
                    return
                await me.guess_code(browser, page, INSIDER.user, 1)
                await asyncio.sleep(PAUSE)
        except Over:
            return


ATTACK = Attack(
    name="bulk-export",
    technique="T1213",
    story="With an employee's password, on the employee's own machine, every customer's data is to be exported.",
    run=run,
)
