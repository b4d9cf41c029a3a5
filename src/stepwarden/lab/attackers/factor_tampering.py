"""Factor tampering after a takeover (T1556.006, T1098.005): in once, the attacker makes the account their own.

Scattered Spider enrols its own factor within minutes of getting in, removes the owner's, and sends mail and recovery
elsewhere (CISA AA23-320A, November 2023; Microsoft on Octo Tempest, 25 October 2023), through residential proxies near
the victim. ``relayed``: a phishing page relayed password and code, so the sign-in passes its challenge, once.
``session``: the session was stolen (see ``session_theft``), and is used an hour after the victim's sign-in.

Then one change after another, half a minute to three minutes apart: enrol a factor, change the mail address, remove a
factor, change the password. A challenge there is answered wrongly, but that in 24 % of cases the victim is talked into
one more code (targeted attacks, WWW 2019). Where nothing went through, it begins a recovery of the account, and comes
back 25 to 30 hours later to enrol a factor, as a waiting time of a day is common.

Knows: name, password, one code or one session, country.
"""

from stepwarden.lab.attackers.moves import PHISHED_TARGETED, Hand, Moves
from stepwarden.lab.attackers.stage import HOUR, MINUTE, SECOND, Kit, Spot, Stage
from stepwarden.lab.attackers.watching import next_sign_in
from stepwarden.lab.simulate.plan import Reply, Script

RELAYED = "relayed"
CHANGES = ("factor.enroll", "mail.change", "factor.remove", "password.change")


def factor_tampering(stage: Stage) -> Script:
    """Make a stolen account one's own."""
    hand, terrain, dice = Hand(stage, stage.began), stage.terrain, stage.dice
    country = terrain.home(stage.victim.index, hand.now).country
    spot, kit = terrain.household(dice, country=country), terrain.kit(dice, stage.victim.index, hand.now)
    session = yield from _enter(hand, spot, kit)
    if not session:
        return
    done = 0
    for action in CHANGES:
        hand.wait(30 * SECOND, 3 * MINUTE)
        done += yield from _change(hand, spot, kit, session, action)
    if done:
        return
    hand.wait(MINUTE, 5 * MINUTE)
    if (yield from _change(hand, spot, kit, session, "account.recover")):
        hand.wait(25 * HOUR, 30 * HOUR)
        yield from _change(hand, spot, kit, session, "factor.enroll")


def _enter(hand: Hand, spot: Spot, kit: Kit) -> Moves[str]:
    """The session that the attacker is in; "" where it did not get in."""
    if hand.stage.option == RELAYED:
        session = hand.fresh()
        hand.wait(SECOND, 10 * MINUTE)
        answered = yield from hand.sign_in(
            hand.victim, spot, kit, opens=session, reply="pass", delay=30 * SECOND
        )
        return session if answered.open else ""
    stolen = next_sign_in(hand.stage, hand.now)
    if stolen is None:
        return ""
    hand.now = stolen.time + HOUR
    return stolen.opens


def _change(hand: Hand, spot: Spot, kit: Kit, session: str, action: str) -> Moves[bool]:
    reply: Reply = "pass" if hand.stage.dice.random() < PHISHED_TARGETED else "fail"
    answered = yield from hand.act(
        hand.victim, spot, kit, action, session=session, reply=reply, delay=45 * SECOND
    )
    return answered.open
