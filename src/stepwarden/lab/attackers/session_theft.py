"""Session theft (T1539, T1550.004): the victim signs in and proves what is asked; the thief goes on in their session.

``copied-agent``: cookies and fingerprint as Genesis Market sold them until April 2023 (Operation Cookie Monster), with
a plug-in that made the buyer's browser look like the victim's: the same agent and the same device identifier, through
a household line in the victim's country, one to twelve hours after the sign-in. ``other-agent``: a phishing proxy takes
the cookie, and a script uses it from a rented server two to ten minutes later (adversary in the middle; Microsoft,
"Token tactics", 16 November 2022).

Looks around for some minutes, then takes what there is. Once stopped it leaves that session; the malware, or the next
lure, brings another one: up to three of the victim's sessions, a day or more apart.

Knows: the session, and in the first variant the whole browser. It has neither password nor factor, so that a challenge
is left alone.
"""

from stepwarden.lab.attackers.moves import Hand, plunder
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, Kit, Spot, Stage
from stepwarden.lab.attackers.watching import next_sign_in
from stepwarden.lab.simulate.plan import Planned, Script

COPIED = "copied-agent"
SESSIONS = 3


def session_theft(stage: Stage) -> Script:
    """On in somebody else's session."""
    hand = Hand(stage, stage.began)
    for _ in range(SESSIONS):
        stolen = next_sign_in(stage, hand.now)
        if stolen is None:
            return
        hand.now = stolen.time
        hand.wait(*((HOUR, 12 * HOUR) if stage.option == COPIED else (2 * MINUTE, 10 * MINUTE)))
        spot, kit = _means(stage, stolen, hand.now)
        answered = yield from plunder(hand, stage.victim, spot, kit, stolen.opens)
        if answered.open:
            return
        hand.wait(DAY, 3 * DAY)


def _means(stage: Stage, stolen: Planned, time: int) -> tuple[Spot, Kit]:
    terrain, dice = stage.terrain, stage.dice
    if stage.option == COPIED:
        country = terrain.home(stage.victim.index, time).country
        return terrain.household(dice, country=country), Kit(stolen.attempt.user_agent, stolen.attempt.device)
    return terrain.hosted(dice), terrain.kit(dice, stage.victim.index, time)
