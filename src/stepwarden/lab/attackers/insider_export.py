"""Insider export (T1530, T1213): a person with every right takes out copies in bulk, from their own place.

Waymo's engineer took 14,000 files six weeks before he left (Waymo v. Uber, 2017); most insiders who take things do so
within weeks of leaving (CERT, "Common sense guide to mitigating insider threats"). Here, on two days: a sign-in at a
usual hour, from the usual place with the usual device; half an hour of looking at far more than usual; then one export
after another, every 20 seconds to two minutes, for two to five hours. Every challenge is passed: it is them.

A refusal makes them wait half an hour and go on three times more slowly; the third one ends the day.

Knows: all that the person knows.
"""

from stepwarden.lab.attackers.moves import Hand, Moves
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, SECOND, Kit, Spot, Stage
from stepwarden.lab.attackers.watching import usual_hour
from stepwarden.lab.simulate.plan import Script

DAYS = 2
REFUSALS = 3


def insider_export(stage: Stage) -> Script:
    """Copies of everything."""
    hand, terrain, victim = Hand(stage, stage.began), stage.terrain, stage.victim
    for _ in range(DAYS):
        hand.now = usual_hour(stage, hand.now)
        spot, kit = terrain.home(victim.index, hand.now), terrain.usual(victim.index, hand.now)
        yield from _day(hand, spot, kit)
        hand.wait(DAY // 2, 3 * DAY)


def _day(hand: Hand, spot: Spot, kit: Kit) -> Moves[None]:
    dice, victim, session = hand.stage.dice, hand.victim, hand.fresh()
    answered = yield from hand.sign_in(victim, spot, kit, opens=session, reply="pass", delay=15 * SECOND)
    if not answered.open:
        return
    for _ in range(dice.randint(30, 60)):
        hand.wait(10 * SECOND, MINUTE)
        yield from hand.act(victim, spot, kit, "statement.read", session=session, resource=_folder(hand))
    ends, slow, refused = hand.now + dice.randint(2 * HOUR, 5 * HOUR), 1, 0
    while hand.now < ends:
        hand.wait(20 * SECOND * slow, 2 * MINUTE * slow)
        answered = yield from hand.act(
            victim,
            spot,
            kit,
            "export",
            session=session,
            resource=_folder(hand),
            reply="pass",
            delay=15 * SECOND,
        )
        if answered.decision == "deny":
            refused, slow = refused + 1, slow * 3
            if refused == REFUSALS:
                return
            hand.wait(30 * MINUTE, 40 * MINUTE)


def _folder(hand: Hand) -> str:
    return f"folder-{hand.stage.dice.randrange(100_000)}"
