"""Guessing one account's password (T1110.001), fast or slow.

``fast``: Hydra as it comes, 16 tries at once (``-t 16``), each taking a second or two, through a dictionary of 500,
from one rented server. Refused 20 times in a row, it takes another server after a pause of 5 to 15 minutes; after four
servers it gives up.

``slow``: about four tries an hour for three days, nearly each from another address of a pool, as STRONTIUM did
(Microsoft, 10 September 2020: about four an hour for each account in its slow mode, more than 300 in its fast one, over
some 1,100 addresses). Refused ten times in a row, it rests for half a day; after the second rest it gives up.

One dictionary in twenty holds the password. That is an assumption: online dictionaries of that size open a few per
cent of accounts (Bonneau, "The science of guessing", IEEE S&P 2012).

Knows: the account's name. A challenge stops it: it has only passwords.
"""

from collections.abc import Iterator

from stepwarden.lab.attackers.moves import Hand, Moves, Step, plunder
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, SECOND, Kit, Spot, Stage
from stepwarden.lab.simulate.plan import Script

AT_ONCE = 16
DICTIONARY = 500
HOLDS_IT = 0.05
SERVERS = 4
PATIENCE_FAST = 20

AN_HOUR = 4
LASTS = 3 * DAY
RESTS = 2
PATIENCE_SLOW = 10


def guessing(stage: Stage) -> Script:
    """One account, one dictionary."""
    yield from _slow(stage) if stage.option == "slow" else _fast(stage)


def _fast(stage: Stage) -> Script:
    hand, dice = Hand(stage, stage.began), stage.dice
    kit = stage.terrain.kit(dice, stage.victim.index, hand.now)
    right = _right(stage, DICTIONARY)
    words = iter(range(DICTIONARY))
    for _ in range(SERVERS):
        spot = stage.terrain.hosted(dice)
        ended = yield from _burst(hand, spot, kit, words, right)
        if ended:
            return
        hand.wait(5 * MINUTE, 15 * MINUTE)


def _burst(hand: Hand, spot: Spot, kit: Kit, words: Iterator[int], right: int) -> Moves[bool]:
    """Go through the dictionary from one server: True when there is nothing more to do."""
    refused = 0
    for word in words:
        # Sixteen connections of one to two seconds each: on average one try every 90 ms.
        hand.wait(SECOND // AT_ONCE, 2 * SECOND // AT_ONCE)
        if word == right:
            yield from _enter(hand, spot, kit)
            return True
        anew = hand.stage.terrain.anew(hand.stage.dice, kit, hand.victim.index)
        answered = yield from hand.guess(hand.victim, hand.victim.actor, spot, anew)
        refused = refused + 1 if answered.decision == "deny" else 0
        if refused == PATIENCE_FAST:
            return False
    return True


def _slow(stage: Stage) -> Script:
    hand, dice = Hand(stage, stage.began), stage.dice
    kit = stage.terrain.kit(dice, stage.victim.index, hand.now)
    number = AN_HOUR * LASTS // HOUR
    right = _right(stage, number)
    refused = rests = 0
    for word in range(number):
        hand.wait(HOUR // AN_HOUR // 2, HOUR // AN_HOUR * 3 // 2)
        spot = stage.terrain.household(dice)
        if word == right:
            yield from _enter(hand, spot, kit)
            return
        anew = stage.terrain.anew(dice, kit, stage.victim.index)
        answered = yield from hand.guess(stage.victim, stage.victim.actor, spot, anew)
        refused = refused + 1 if answered.decision == "deny" else 0
        if refused == PATIENCE_SLOW:
            if rests == RESTS:
                return
            rests, refused = rests + 1, 0
            hand.wait(12 * HOUR, 14 * HOUR)


def _right(stage: Stage, number: int) -> int:
    """Which word of the dictionary is the password; -1: none."""
    return stage.dice.randrange(number) if stage.dice.random() < HOLDS_IT else -1


def _enter(hand: Hand, spot: Spot, kit: Kit) -> Step:
    session, victim = hand.fresh(), hand.victim
    answered = yield from hand.sign_in(victim, spot, kit, opens=session)
    if answered.open:
        yield from plunder(hand, victim, spot, kit, session)
    return answered
