"""Lists of names, as attackers have them: most exist, some are out of date."""

from dataclasses import dataclass
from random import Random

from stepwarden.lab.attackers.stage import Stage
from stepwarden.lab.simulate.plan import Person

WEAK = 0.01
"""The share of accounts that have a common password; the source is said in ``spraying_fast``."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A name on a list. ``person`` is None where nobody here has it."""

    name: str
    person: Person | None


def listed(stage: Stage, most: int, stale: float) -> list[Listed]:
    """At most so many names in the list's own order, a share ``stale`` (0..1) of which nobody has."""
    dice = stage.dice
    known = dice.sample(stage.people, k=min(len(stage.people), round(most * (1 - stale))))
    names = [Listed(person.actor, person) for person in known]
    names += [Listed(_nobody(stage), None) for _ in range(round(len(known) * stale / (1 - stale)))]
    dice.shuffle(names)
    return names


def weak(dice: Random, names: list[Listed], tries: int) -> dict[str, int]:
    """Those whose password is among so many common ones, and which of these it is."""
    return {one.name: dice.randrange(tries) for one in names if one.person and dice.random() < WEAK}


def _nobody(stage: Stage) -> str:
    return f"former-{stage.dice.getrandbits(40):010x}"
