"""Attackers for the demonstration, each bounded in attempts and time, each against the loopback bank only.

They know what such attackers know (leaked passwords, a stolen cookie, names of users) and see what a browser sees.
They share no code and no constant with the rules that look for them. ``ATTACKS`` names them all.
"""

from demo.attacks import bulk_export, guessing, session_theft, spraying, stuffing, takeover
from demo.attacks.attacker import Attack

ATTACKS: dict[str, Attack] = {
    attack.name: attack
    for attack in (
        stuffing.ATTACK,
        guessing.ATTACK,
        spraying.ATTACK,
        takeover.ATTACK,
        session_theft.ATTACK,
        bulk_export.ATTACK,
    )
}
