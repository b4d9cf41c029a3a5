"""Account takeover: a phished password, right at the first try, from a new device in another country."""

import asyncio

from demo.attacks.attacker import Attack, Attacker, Over

VICTIMS = (("lena", "winter-fox-210"), ("nadia", "violin-rain-73"), ("marek", "amber-coast-8"))
PAUSE = 0.5


async def run(me: Attacker) -> None:
    for user, password in VICTIMS:
        for _ in range(3):
            async with me.browser() as browser:
                try:
                    page = await me.sign_in(browser, user, password)
                    page = await me.guess_code(browser, page, user, 3)
                    if page.name != "account":
                        await asyncio.sleep(PAUSE)
                        continue
                    await me.steal_money(browser, user, 2000)
                    await browser.open("/mail")
                    me.count()
                    await browser.submit("/mail", mail="mule@attacker.example")
                except Over:
                    return


ATTACK = Attack(
    name="takeover",
    technique="T1078",
    story="Three phished passwords, right at once, on new devices from other countries; then money is to move.",
    run=run,
)
