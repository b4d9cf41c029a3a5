"""Poisoning (T1078): 30 days of small good attempts by an attacker, so that the victim's habits become theirs too.

No incident of this kind is published; the idea is that of the boiling frog (Rubinstein et al., "ANTIDOTE", IMC 2009;
Chan-Tin et al., "The frog-boiling attack", ACM TISSEC 2011): train a detector by steps that are each too small to be
noticed. The attacker has the password and wants to get in from their own place with their own browser (a household in
another country). Each try is a sign-in and a look around, nothing more.

``only-allowed``: once or twice a day, over five rungs: next door with the victim's agent, the victim's provider,
another provider of the town, the victim's country with the attacker's browser, the attacker's own place. Three tries
let through in a row take them a rung up; a challenge or a refusal takes them a rung down, and they lie low for two to
four days. ``alternating``: the same, but each within half an hour of one of the victim's own sign-ins, so that the
victim's good behaviour vouches for it. ``many-devices``: from the attacker's own place at once, six tries a day, each
with another browser on another device, as some systems take up whatever comes often. ``malware``: from the victim's
machine itself (their line, browser and device, through a proxy on it), mixed one to one with tries from the attacker's
place; on the machine a challenge is passed in 24 % of cases, as the malware asks for the code (targeted attacks, WWW
2019).

On day 30 they strike: the attacker's own place and browser, a sign-in and whatever is worth taking, up to three times,
a day apart. Only these tries, from ``Stage.strikes`` on, are what ought to be challenged; the rest is preparation.

Knows: password, network, agent, and what the variant says.
"""

from dataclasses import dataclass

from stepwarden.lab.attackers.moves import PHISHED_TARGETED, Hand, Moves, plunder
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, SECOND, Kit, Stage
from stepwarden.lab.attackers.takeover import Means
from stepwarden.lab.attackers.watching import next_sign_in
from stepwarden.lab.simulate.plan import Reply, Script

LASTS = 30 * DAY
ONLY_ALLOWED, MANY_DEVICES, ALTERNATING, MALWARE = "only-allowed", "many-devices", "alternating", "malware"
RUNGS = 5
HELD = 3
STRIKES = 3


@dataclass(slots=True)
class _Ladder:
    """How near the attacker's own place they have come."""

    rung: int = 0
    held: int = 0

    def climb(self, *, allowed: bool) -> bool:
        """After a try: whether to lie low for a while."""
        if not allowed:
            self.rung, self.held = max(0, self.rung - 1), 0
            return True
        self.held += 1
        if self.held == HELD and self.rung < RUNGS - 1:
            self.rung, self.held = self.rung + 1, 0
        return False


def poisoning(stage: Stage) -> Script:
    """Thirty days of patience."""
    hand, own = Hand(stage, stage.began), _own(stage)
    ladder = _Ladder()
    while _turn(hand) and hand.now < stage.strikes:
        means, reply = _means(hand, own, ladder)
        allowed = yield from _drip(hand, means, reply)
        if ladder.climb(allowed=allowed) and stage.option in (ONLY_ALLOWED, ALTERNATING):
            hand.wait(2 * DAY, 4 * DAY)
    hand.now = max(hand.now, stage.strikes)
    for number in range(STRIKES):
        if number:
            hand.wait(DAY, DAY + 2 * HOUR)
        session = hand.fresh()
        answered = yield from hand.sign_in(
            stage.victim, own.spot, own.kit, opens=session, reply="fail", delay=30 * SECOND
        )
        if answered.open:
            yield from plunder(hand, stage.victim, own.spot, own.kit, session)
            return


def _own(stage: Stage) -> Means:
    dice, terrain = stage.dice, stage.terrain
    home = terrain.home(stage.victim.index, stage.began)
    spots = [terrain.household(dice) for _ in range(8)]
    abroad = [spot for spot in spots if spot.country != home.country]
    return Means((abroad or spots)[0], terrain.kit(dice, stage.victim.index, stage.began))


def _turn(hand: Hand) -> bool:
    """Move the clock to the next try; False when there is none any more."""
    stage = hand.stage
    if stage.option == ALTERNATING:
        seen = next_sign_in(stage, hand.now)
        if seen is None:
            return False
        hand.now = seen.time
        hand.wait(5 * MINUTE, 30 * MINUTE)
    elif stage.option == MANY_DEVICES:
        hand.wait(3 * HOUR, 5 * HOUR)
    else:
        hand.wait(10 * HOUR, 24 * HOUR)
    return True


def _means(hand: Hand, own: Means, ladder: _Ladder) -> tuple[Means, Reply]:
    stage = hand.stage
    terrain, dice, person = stage.terrain, stage.dice, stage.victim.index
    if stage.option == MANY_DEVICES:
        return Means(own.spot, terrain.kit(dice, person, hand.now)), "ignore"
    if stage.option == MALWARE:
        if dice.random() < 0.5:
            reply: Reply = "pass" if dice.random() < PHISHED_TARGETED else "ignore"
            return Means(terrain.home(person, hand.now), terrain.usual(person, hand.now)), reply
        return own, "ignore"
    home, usual = terrain.home(person, hand.now), terrain.usual(person, hand.now)
    # The agent is copied, the device is the attacker's own: there is one machine behind all of this.
    copied = Kit(usual.user_agent, own.kit.device)
    if ladder.rung == 0:
        return Means(terrain.beside(dice, home), copied), "ignore"
    if ladder.rung == 1:
        return Means(terrain.kin(dice, home), copied), "ignore"
    if ladder.rung == 2:
        return Means(terrain.rival(dice, person, hand.now), copied), "ignore"
    if ladder.rung == 3:
        return Means(terrain.household(dice, country=home.country), own.kit), "ignore"
    return own, "ignore"


def _drip(hand: Hand, means: Means, reply: Reply) -> Moves[bool]:
    """One small good attempt: whether it went through."""
    session = hand.fresh()
    answered = yield from hand.sign_in(
        hand.victim, means.spot, means.kit, opens=session, reply=reply, delay=20 * SECOND
    )
    if answered.open:
        hand.wait(20 * SECOND, 2 * MINUTE)
        yield from hand.act(hand.victim, means.spot, means.kit, "balance.read", session=session)
    return answered.open
