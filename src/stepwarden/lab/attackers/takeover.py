"""What the four takeovers (T1078) share: somebody has the right password and signs in with it.

They differ in where from and with what (``Means``), which each one's own module says; their classes are those of
Wiefling et al. (TOPS 2022), so that results can be compared. The first try comes when hijackers come: a fifth within
30 minutes of having the password, half within seven hours (Bursztein et al., "Handcrafted fraud and extortion", IMC
2014), the rest within two days. Stopped by a challenge or a refusal, they change what they can change and come back
after a pause; a few tries, then they leave the account.

``phished``: the share of victims who have been talked out of their codes; a challenge is otherwise answered wrongly.
See ``moves`` for the sources.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from stepwarden.lab.attackers.moves import Hand, plunder
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, SECOND, Kit, Spot, Stage, Terrain
from stepwarden.lab.simulate.plan import Person, Reply, Script


@dataclass(frozen=True, slots=True)
class Means:
    """Where from and with what somebody signs in."""

    spot: Spot
    kit: Kit


Chooser = Callable[[Terrain, Person, int, str, Random], Means]
"""Means against this person at a time (microseconds), by the variant's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often somebody tries, and how long they wait in between, microseconds."""

    tries: int
    least: int
    most: int


def take_over(
    stage: Stage,
    choose: Chooser,
    patience: Patience,
    *,
    phished: float,
    when: Callable[[Stage, int], int] | None = None,
) -> Script:
    """Sign in as the victim, and use the account.

    Args:
        choose: asked anew for each try.
        when: puts a try at a moment of its own, not before the one that it is given.
    """
    hand, dice, victim = Hand(stage, stage.began), stage.dice, stage.victim
    hand.now += after_theft(dice)
    has_code = dice.random() < phished
    for number in range(patience.tries):
        if number:
            hand.wait(patience.least, patience.most)
        if when is not None:
            hand.now = max(hand.now, when(stage, hand.now))
        means = choose(stage.terrain, victim, hand.now, stage.option, dice)
        session = hand.fresh()
        reply: Reply = "pass" if has_code else "fail"
        answered = yield from hand.sign_in(
            victim, means.spot, means.kit, opens=session, reply=reply, delay=dice.randint(15 * SECOND, MINUTE)
        )
        if answered.open:
            yield from plunder(hand, victim, means.spot, means.kit, session, reply=reply)
            return


def after_theft(dice: Random) -> int:
    """How long after somebody got hold of a password they use it, microseconds."""
    drawn = dice.random()
    if drawn < 0.2:
        return dice.randint(MINUTE, 30 * MINUTE)
    if drawn < 0.5:
        return dice.randint(30 * MINUTE, 7 * HOUR)
    return dice.randint(7 * HOUR, 2 * DAY)
