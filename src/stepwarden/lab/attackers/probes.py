"""Probes: one attempt of each class of takeover against a person at a moment, weighed and without a trace.

So detection is measured on every account alike, at the same points of its history, and without the measuring changing
what follows. A probe is the first try of the takeover of that name: the right password from where and with what that
attacker would come, at this moment. Poisoning has none: its whole point is what went before.

``Prober`` says when: once a person has that many good sign-ins, counted by whoever runs the simulation.
"""

from dataclasses import dataclass
from random import Random

from stepwarden.lab.attackers import takeover_naive, takeover_targeted, takeover_very_targeted, takeover_vpn
from stepwarden.lab.attackers.moves import right_password
from stepwarden.lab.attackers.registry import ATTACKERS
from stepwarden.lab.attackers.stage import Terrain
from stepwarden.lab.attackers.takeover import Chooser
from stepwarden.lab.simulate.plan import Campaign, Person, Planned

CLASSES: dict[str, Chooser] = {
    "naive": takeover_naive.choose,
    "vpn": takeover_vpn.choose,
    "targeted": takeover_targeted.choose,
    "very-targeted": takeover_very_targeted.choose,
}
"""Each class with the choice of its means; the variants are those of the takeover of that name."""
MILESTONES = frozenset({1, 3, 6, 12, 20, 39, 80, 150})
"""Numbers of good sign-ins: 12 and 39 are what the literature reports."""


def probe_campaigns(first: int, began: int) -> list[Campaign]:
    """The campaigns that probes belong to, one for each class, numbered from ``first``."""
    return [
        Campaign(
            index=first + number,
            attacker=f"probe-{name}",
            technique="T1078",
            began=began,
            about=f"weighed and without a trace: the first try of takeover-{name}",
            takeover=name,
        )
        for number, name in enumerate(CLASSES)
    ]


def takeover_probes(terrain: Terrain, person: Person, time: int, seed: int, first: int = 0) -> list[Planned]:
    """One attempt of each class against this person at ``time`` (microseconds), in the order of ``CLASSES``.

    ``first`` is the index of the first of ``probe_campaigns``.
    """
    found = []
    for number, (name, choose) in enumerate(CLASSES.items()):
        dice = Random(f"{seed} {person.index} {time} {name}")  # noqa: S311 - a simulation, and repeatable
        option = dice.choice(ATTACKERS[f"takeover-{name}"].options)
        means = choose(terrain, person, time, option, dice)
        found.append(
            Planned(
                time=time,
                attempt=right_password(person, means.spot, means.kit),
                outcome="success",
                person=person.index,
                reply="fail",
                delay=0,
                campaign=first + number,
                probe=True,
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prober:
    """Says which probes are due when. ``first`` is the index of the first of ``probe_campaigns``."""

    terrain: Terrain
    seed: int
    first: int

    def after(self, person: Person, logins: int, time: int) -> list[Planned]:
        """The probes that are due now that this person has had so many good sign-ins; mostly none.

        A good one is one by themselves that was let in. ``time`` (microseconds) is when that was known.
        """
        if logins not in MILESTONES:
            return []
        return takeover_probes(self.terrain, person, time, self.seed, self.first)
