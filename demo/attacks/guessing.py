"""Password guessing: one account, one address, a dictionary with the right password far down in it."""

from demo.attacks.attacker import Attack, Attacker, Over

VICTIM = "henry"
WORDS = ("arsenal", "chelsea", "everton", "fulham", "leeds", "liverpool", "spurs", "villa", "wolves")


async def run(me: Attacker) -> None:
    guesses = [f"{word}{number}" for number in ("", "123", "12", "2020", "7", "99", "1") for word in WORDS]
    async with me.browser("95.24.77.3") as browser:
        for guess in guesses:
            try:
                page = await me.sign_in(browser, VICTIM, guess)
            except Over:
                return
            if page.name == "account":
                await me.steal_money(browser, VICTIM, 1500)
                return
            if page.name == "challenge":
                await me.guess_code(browser, page, VICTIM, 6)
                return


ATTACK = Attack(
    name="guessing",
    technique="T1110.001",
    story="One address tries word after word on Henry's account; the right one is the sixtieth or so.",
    run=run,
)
