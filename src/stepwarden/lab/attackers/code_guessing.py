"""Guessing one-time codes (T1110.001, T1111): the right password, then code after code, in sessions side by side.

AuthQuake (Oasis Security, 11 December 2024): ten codes in a session, new sessions as fast as they could be opened, no
count over all of them, and no word to the owner; half of the accounts in 70 minutes. Here every try opens a session of
its own, one to three a second, 400 in all, from one exit of a VPN. Each has 3 chances in a million (a code of six
digits, three of which a tolerant verifier takes at a time).

Refused ten times in a row it waits for half an hour, which is as long as Microsoft's remedy shuts the door, and goes on
through another exit; the third time it gives up.

Knows: name and password. Let in without being asked for a code, it takes what there is.
"""

from stepwarden.lab.attackers.moves import Hand, plunder
from stepwarden.lab.attackers.stage import MINUTE, SECOND, Stage
from stepwarden.lab.simulate.plan import Script

CODES = 400
CHANCE = 3 / 1_000_000
PATIENCE = 10
EXITS = 3


def code_guessing(stage: Stage) -> Script:
    """Code after code."""
    hand, dice, terrain, victim = Hand(stage, stage.began), stage.dice, stage.terrain, stage.victim
    kit, exits, refused = terrain.kit(dice, victim.index, hand.now), EXITS - 1, 0
    spot = terrain.vpn(dice)
    for _ in range(CODES):
        hand.wait(SECOND // 3, SECOND)
        session = hand.fresh()
        lucky = dice.random() < CHANCE
        anew, page = terrain.anew(dice, kit, victim.index), hand.fresh()
        # The codes of sessions side by side come in together, so an answer takes no time of its own.
        answered = yield from hand.sign_in(
            victim, spot, anew, opens=session, session=page, reply="pass" if lucky else "fail", delay=1
        )
        if answered.open:
            yield from plunder(hand, victim, spot, anew, session)
            return
        refused = refused + 1 if answered.decision == "deny" else 0
        if refused == PATIENCE:
            if not exits:
                return
            exits, refused = exits - 1, 0
            hand.wait(30 * MINUTE, 35 * MINUTE)
            spot = terrain.vpn(dice)
