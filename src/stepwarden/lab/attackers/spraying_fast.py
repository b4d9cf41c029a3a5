"""Spraying, fast (T1110.003): one common password against all accounts, then the next, from a few addresses.

Five rented servers take turns, one try every second or two, half an hour between two passwords, so that nobody is
locked out: the default advice of spraying tools (Spray, MSOLSpray, o365spray: one password, then wait for the
lock-out window to pass). Peach Sandstorm sprayed thousands of organisations so from February to July 2023, with a
single agent, ``go-http-client`` (Microsoft, 14 September 2023); so does this, for one campaign in two.

Three passwords against at most 1,000 names, of which a tenth does not exist here (lists made from social networks are
out of date; an assumption). One account in a hundred has one of them (Microsoft, 26 October 2020: a success rate of
about 1 %, once banned passwords are gone).

An address refused ten times in a row is given up for a new one, four times; the sixth is the last.

Knows: names. A challenge stops it at that account; where it gets in, it looks around and comes back to nobody.
"""

from dataclasses import dataclass

from stepwarden.lab.attackers.moves import NOBODY, Hand, Moves
from stepwarden.lab.attackers.names import Listed, listed, weak
from stepwarden.lab.attackers.stage import MINUTE, SECOND, Kit, Spot, Stage
from stepwarden.lab.simulate.plan import Script

SERVERS = 5
REPLACED = 4
PATIENCE = 10
PASSWORDS = 3
NAMES = 1_000
STALE = 0.1
SCRIPTED = "Go-http-client/1.1"


@dataclass(slots=True)
class _Server:
    spot: Spot
    refused: int = 0


def spraying_fast(stage: Stage) -> Script:
    """A few passwords against everybody."""
    hand, dice = Hand(stage, stage.began), stage.dice
    names = listed(stage, NAMES, STALE)
    opened = weak(dice, names, PASSWORDS)
    kit = stage.terrain.kit(dice, stage.victim.index, hand.now)
    if dice.random() < 0.5:
        kit = Kit(SCRIPTED)
    servers = [_Server(stage.terrain.hosted(dice)) for _ in range(SERVERS)]
    spare = REPLACED
    for word in range(PASSWORDS):
        for number, one in enumerate(names):
            hand.wait(SECOND, 2 * SECOND)
            if not servers:
                return
            server = servers[number % len(servers)]
            # Such tools keep no cookies: each try is another device to the site.
            anew = stage.terrain.anew(dice, kit, one.person.index if one.person else NOBODY)
            refused = yield from _try(hand, server.spot, anew, one, right=opened.get(one.name) == word)
            server.refused = server.refused + 1 if refused else 0
            if server.refused == PATIENCE:
                servers.remove(server)
                if spare:
                    spare -= 1
                    servers.append(_Server(stage.terrain.hosted(dice)))
        hand.wait(30 * MINUTE, 40 * MINUTE)


def _try(hand: Hand, spot: Spot, kit: Kit, one: Listed, *, right: bool) -> Moves[bool]:
    """Try one account: whether it was refused."""
    if not right or one.person is None:
        answered = yield from hand.guess(one.person, one.name, spot, kit)
        return answered.decision == "deny"
    session = hand.fresh()
    answered = yield from hand.sign_in(one.person, spot, kit, opens=session)
    if answered.open:
        # The tool only notes what works; a look tells whether the mailbox is worth an operator's time.
        answered = yield from hand.act(one.person, spot, kit, "balance.read", session=session)
    return answered.decision == "deny"
