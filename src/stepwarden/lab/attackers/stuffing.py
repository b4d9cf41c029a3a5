"""Stuffing (T1110.004): pairs of name and password leaked elsewhere, through residential proxies, random agents.

Proxies give another residential address for every try, and each try claims another browser; Okta saw both in April 2024
(advisory of 27 April 2024: anonymisers and residential proxies). Half the names on the list do not exist here (an
assumption: lists are of other sites). Of those that do, between 0.1 and 2 % still have that password (Shape Security,
"Credential spill report", 2017); a list's own rate is drawn anew for each campaign.

Speed: one try every half second to two, at most 4,000 tries: a small list by any standard (Shape saw 15,000 a minute at
a hotel chain in 2018). Whenever more than 60 % of the last 50 tries were refused, it pauses for one to three hours and
goes on four times more slowly; the third time it gives up.

Knows: the list. A challenge stops it at that account; where it gets in, it looks at the balance and sells the account:
somebody else comes within a day, from a household of the victim's own country, which sellers offer.
"""

from collections import deque
from dataclasses import dataclass, field

from stepwarden.lab.attackers.handing_over import Found
from stepwarden.lab.attackers.moves import NOBODY, Hand, Moves, plunder
from stepwarden.lab.attackers.names import Listed, listed
from stepwarden.lab.attackers.stage import HOUR, SECOND, Stage
from stepwarden.lab.simulate.plan import Person, Script

TRIES = 4_000
STALE = 0.5
HITS = (0.001, 0.02)
LOOKS_BACK = 50
TOO_MANY = 30
GIVES_UP = 3


@dataclass(slots=True)
class _Stuffing:
    hand: Hand
    sold: Found
    rate: float
    slow: int = 1
    last: deque[bool] = field(default_factory=lambda: deque(maxlen=LOOKS_BACK))


def stuffing(stage: Stage) -> Script:
    """A leaked list, once through."""
    hand, pauses = Hand(stage, stage.began), 0
    run = _Stuffing(hand, Found(hand, _buy), rate=stage.dice.uniform(*HITS))
    for one in listed(stage, TRIES, STALE):
        hand.wait(SECOND * run.slow // 2, 2 * SECOND * run.slow)
        yield from run.sold.used(hand.now)
        run.last.append((yield from _try(run, one)))
        if sum(run.last) > TOO_MANY:
            pauses += 1
            if pauses == GIVES_UP:
                break
            run.last.clear()
            run.slow *= 4
            hand.wait(HOUR, 3 * HOUR)
    yield from run.sold.used(stage.until)


def _try(run: _Stuffing, one: Listed) -> Moves[bool]:
    hand, dice, terrain, person = run.hand, run.hand.stage.dice, run.hand.stage.terrain, one.person
    spot, kit = terrain.household(dice), terrain.kit(dice, person.index if person else NOBODY, hand.now)
    if person is None or dice.random() >= run.rate:
        answered = yield from hand.guess(person, one.name, spot, kit)
        return answered.decision == "deny"
    session = hand.fresh()
    answered = yield from hand.sign_in(person, spot, kit, opens=session)
    if answered.open:
        yield from hand.act(person, spot, kit, "balance.read", session=session)
        run.sold.add(person, HOUR, 24 * HOUR)
    return answered.decision == "deny"


def _buy(hand: Hand, person: Person) -> Moves[None]:
    """Whoever bought the account uses it."""
    dice, terrain = hand.stage.dice, hand.stage.terrain
    spot = terrain.household(dice, country=terrain.home(person.index, hand.now).country)
    kit, session = terrain.kit(dice, person.index, hand.now), hand.fresh()
    answered = yield from hand.sign_in(person, spot, kit, opens=session)
    if answered.open:
        yield from plunder(hand, person, spot, kit, session)
