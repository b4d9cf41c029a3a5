"""Push bombing (T1621): the right password again and again at night, until the victim accepts a prompt to have peace.

"Call the employee 100 times at 1 am while he is trying to sleep, and he will more than likely accept it" (a member of
Lapsus$, quoted by many after March 2022); Uber's contractor was prompted for over an hour in September 2022. Here: a
sign-in every 30 to 90 seconds, 50 in a night, when the victim is least awake by what was seen of them.

Each prompt is accepted with the 1 % that accept one at the first try (Microsoft, 2022; that the tenth is accepted as
rarely as the first is an assumption, and kind to the victim). Of the others the victim denies one in five ("this was
not me") and sleeps through the rest (an assumption).

Refused three times in a row, it waits a quarter to half an hour; after the third such pause it leaves it for the night,
and comes back the next night, twice.

Knows: name, password, the victim's waking hours.
"""

from stepwarden.lab.attackers.moves import GIVES_IN, Hand, Moves, plunder
from stepwarden.lab.attackers.stage import DAY, MINUTE, SECOND, Kit, Spot, Stage
from stepwarden.lab.attackers.watching import asleep
from stepwarden.lab.simulate.plan import Reply, Script

NIGHTS = 3
PROMPTS = 50
DENIES = 0.2
PATIENCE = 3
PAUSES = 3


def push_bombing(stage: Stage) -> Script:
    """Prompt after prompt."""
    hand, dice, terrain = Hand(stage, stage.began), stage.dice, stage.terrain
    kit = terrain.kit(dice, stage.victim.index, hand.now)
    for _ in range(NIGHTS):
        hand.now = asleep(stage, hand.now)
        spot = terrain.vpn(dice, country=terrain.home(stage.victim.index, hand.now).country)
        if (yield from _night(hand, spot, kit)):
            return
        hand.wait(DAY // 2, DAY * 3 // 4)


def _night(hand: Hand, spot: Spot, kit: Kit) -> Moves[bool]:
    """One night: whether it was the last."""
    refused, pauses = 0, 0
    for _ in range(PROMPTS):
        hand.wait(30 * SECOND, 90 * SECOND)
        session, reply = hand.fresh(), _reply(hand)
        answered = yield from hand.sign_in(
            hand.victim, spot, kit, opens=session, reply=reply, delay=10 * SECOND
        )
        if answered.open:
            yield from plunder(hand, hand.victim, spot, kit, session)
            return True
        refused = refused + 1 if answered.decision == "deny" else 0
        if refused == PATIENCE:
            if pauses == PAUSES:
                return False
            refused, pauses = 0, pauses + 1
            hand.wait(15 * MINUTE, 30 * MINUTE)
    return False


def _reply(hand: Hand) -> Reply:
    drawn = hand.stage.dice.random()
    if drawn < GIVES_IN:
        return "pass"
    return "deny" if drawn < GIVES_IN + (1 - GIVES_IN) * DENIES else "ignore"
