"""Password spraying: one very common password on every account, then the next, so that no account fails often."""

from demo.attacks.attacker import Attack, Attacker, Over
from demo.attacks.stuffing import NAMES

COMMON = ("Winter2026!", "Welcome1", "Acme1234", "dragon123", "Password1")


async def run(me: Attacker) -> None:
    names = [*NAMES, "grace", "henry", "ivan"]
    addresses = ["45.224.9.17", "45.224.9.18", "45.224.9.31"]
    for password in COMMON:
        me.random.shuffle(names)
        for number, user in enumerate(names):
            async with me.browser(addresses[number % len(addresses)]) as browser:
                try:
                    page = await me.sign_in(browser, user, password)
                except Over:
                    return
                if page.name == "account":
                    await me.steal_money(browser, user, 700)


ATTACK = Attack(
    name="spraying",
    technique="T1110.003",
    story="Three addresses of one network try five common passwords on every account; one person uses one of them.",
    run=run,
)
