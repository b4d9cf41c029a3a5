"""Token replay (T1550.001): something that was good once is shown again.

``signed-out``: a session that the victim has left, one to 30 days afterwards (in a short simulation: before its end),
from a rented server. Sessions outlived their patch in Citrix Bleed (CVE-2023-4966); tokens taken from Okta's support
system in October 2023 were used in November at a customer who had thought them unused (Cloudflare, 1 February 2024).
``used-grant``: the grant of a finished step-up, for a transfer, in a session of the victim's, minutes to an hour after
it began. The grant is made up here, as the script cannot see a real one; a server must treat a used one no better.

Tries three actions, a few minutes apart; leaves at the first refusal.

Knows: the token. It cannot answer a challenge.
"""

from stepwarden.lab.attackers.moves import Hand
from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, Stage
from stepwarden.lab.attackers.watching import next_sign_in
from stepwarden.lab.simulate.plan import Script

SIGNED_OUT = "signed-out"
TRIED = {SIGNED_OUT: ("balance.read", "statement.read", "export"), "used-grant": ("transfer",) * 3}


def token_replay(stage: Stage) -> Script:
    """An old session, or a used grant."""
    hand, terrain, dice, victim = Hand(stage, stage.began), stage.terrain, stage.dice, stage.victim
    stolen = next_sign_in(stage, hand.now)
    if stolen is None:
        return
    hand.now = stolen.time
    if stage.option == SIGNED_OUT:
        hand.wait(DAY, max(DAY, min(30 * DAY, stage.until - hand.now - DAY)))
        spot, kit = terrain.hosted(dice), terrain.kit(dice, victim.index, hand.now)
    else:
        hand.wait(5 * MINUTE, HOUR)
        home = terrain.home(victim.index, hand.now)
        spot, kit = terrain.household(dice, country=home.country), terrain.kit(dice, victim.index, hand.now)
    for action in TRIED[stage.option]:
        hand.wait(MINUTE, 5 * MINUTE)
        grant = f"{dice.getrandbits(256):064x}" if stage.option != SIGNED_OUT else ""
        answered = yield from hand.act(victim, spot, kit, action, session=stolen.opens, grant=grant)
        if answered.decision == "deny":
            return
