"""Lists of names, as attackers have them: most exist, some are out of date."""

from dataclasses import dataclass

from stepwarden.lab.attackers.stage import Stage
from stepwarden.lab.simulate.plan import Person


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


def _nobody(stage: Stage) -> str:
    return f"former-{stage.dice.getrandbits(40):010x}"
