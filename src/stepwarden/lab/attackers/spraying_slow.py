"""Spraying, slow (T1110.003): one try per account per day, over 1,000 residential addresses.

CovertNetwork-1658 makes one try per account per day in about 80 % of its attacks, from some 8,000 hacked home routers
of which a fifth sprays at a time, with the agent of a current browser (Microsoft, 31 October 2024). Here 1,000 lines
take turns, so that an address touches three accounts a day at most; 20 of them are replaced each day, as in
STRONTIUM's pool of 1,100 (Microsoft, 10 September 2020). The tries are spread evenly over the day, each account's at
about the same hour. Seven days, at most 3,000 names, a tenth of which does not exist here (an assumption); one account
in a hundred has a password of the list (Microsoft, 26 October 2020).

A refused address is replaced at once. A day on which more than half was refused ends it for two days; then it
comes back with 1,000 new addresses, once. A found account is handed to somebody else (Storm-0940 used them on the same
day): an hour to eight later, from a rented server. It is not tried again.

Knows: names. A challenge stops it at that account.
"""

from dataclasses import dataclass, field

from stepwarden.lab.attackers.handing_over import Found
from stepwarden.lab.attackers.moves import NOBODY, Hand, Moves, plunder
from stepwarden.lab.attackers.names import Listed, listed, weak
from stepwarden.lab.attackers.stage import DAY, HOUR, Spot, Stage
from stepwarden.lab.simulate.plan import Person, Script

LINES = 1_000
TOUCHES = 3
RENEWED = 20
LASTS = 7
STALE = 0.1
RETURNS = 1


def spraying_slow(stage: Stage) -> Script:
    """One password a day for everybody."""
    dice = stage.dice
    names = listed(stage, LINES * TOUCHES, STALE)
    opened = weak(dice, names, LASTS)
    hand = Hand(stage, stage.began)
    spray = _Spray(hand, _lines(stage, LINES), Found(hand, _use))
    begins, returns = stage.began, RETURNS
    for day in range(LASTS):
        refused = yield from spray.day(begins, names, {name for name, on in opened.items() if on == day})
        names = [one for one in names if one.name not in spray.open]
        begins += DAY
        if 2 * refused > len(names):
            if not returns:
                break
            returns, begins = returns - 1, begins + 2 * DAY
            spray.lines = _lines(stage, LINES)
        for number in dice.sample(range(LINES), k=RENEWED):
            spray.lines[number] = stage.terrain.household(dice)
    yield from spray.found.used(stage.until)


@dataclass(slots=True)
class _Spray:
    hand: Hand
    lines: list[Spot]
    found: Found
    open: set[str] = field(default_factory=set)

    def day(self, begins: int, names: list[Listed], right: set[str]) -> Moves[int]:
        """Try each name once within a day: how many tries were refused."""
        hand, dice = self.hand, self.hand.stage.dice
        slot = DAY // max(1, len(names))
        turns = dice.sample(range(len(self.lines)), k=len(self.lines))
        refused = 0
        for number, one in enumerate(names):
            at = begins + number * slot + dice.randrange(slot)
            yield from self.found.used(at)
            hand.now = max(hand.now, at)
            line = turns[number % len(turns)]
            if (yield from self._try(one, self.lines[line], right=one.name in right)):
                refused += 1
                self.lines[line] = hand.stage.terrain.household(dice)
        return refused

    def _try(self, one: Listed, spot: Spot, *, right: bool) -> Moves[bool]:
        hand, dice, person = self.hand, self.hand.stage.dice, one.person
        kit = hand.stage.terrain.kit(dice, person.index if person else NOBODY, hand.now)
        if not right or person is None:
            answered = yield from hand.guess(person, one.name, spot, kit)
            return answered.decision == "deny"
        answered = yield from hand.sign_in(person, spot, kit, opens=hand.fresh())
        if answered.open:
            self.open.add(one.name)
            self.found.add(person, HOUR, 8 * HOUR)
        return answered.decision == "deny"


def _use(hand: Hand, person: Person) -> Moves[None]:
    dice, terrain, session = hand.stage.dice, hand.stage.terrain, hand.fresh()
    spot, kit = terrain.hosted(dice), terrain.kit(dice, person.index, hand.now)
    answered = yield from hand.sign_in(person, spot, kit, opens=session)
    if answered.open:
        yield from plunder(hand, person, spot, kit, session)


def _lines(stage: Stage, number: int) -> list[Spot]:
    return [stage.terrain.household(stage.dice) for _ in range(number)]
