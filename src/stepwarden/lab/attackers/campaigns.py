"""Which attacks happen when: several campaigns of each kind, spread over the simulated time.

The first third of the time is quiet, so that people have habits. The rest is divided into turns; in each, the attacks
on the whole site come one after the other, and in 60 days or more have it to themselves. Attacks on one account begin
at any time, each against another victim as long as there are any; nobody attacks those who hardly ever sign in. Those
that prepare for weeks begin at the end of the quiet time.

What depends on the size of the site: one account in fifty is attacked by each kind of single attack, at least three
and at most 40. These are far more attacks than any site sees. How often attacks are noticed does not depend on it, but
how often people are challenged may, so friction is measured better in a run without attacks.
"""

from collections.abc import Iterator, Sequence
from random import Random

from stepwarden.lab.attackers.registry import ATTACKERS, Attacker
from stepwarden.lab.attackers.stage import DAY, Stage, Terrain
from stepwarden.lab.simulate.plan import Campaign, Person, Script

QUIET = 3
"""One part in so many of the time is quiet."""
SITE_WIDE = 3
ONE_IN = 50
FEWEST, MOST = 3, 40
LASTS = 6 * DAY
"""Room that an attack on one account has before the end, where there is as much."""
LAST_DAYS = 3 * DAY
"""In a simulation that is too short for its preparation, an attack strikes so long before the end."""


def campaigns(
    terrain: Terrain,
    people: Sequence[Person],
    start: int,
    days: int,
    names: Sequence[str],
    seed: int,
    first: int = 0,
) -> list[tuple[Campaign, Script]]:
    """The attacks of these names over ``days`` from ``start`` (microseconds), numbered from ``first``.

    The same arguments give the same attacks; a name's campaigns do not depend on which others there are.

    Raises:
        ValueError: a name that there is not, or nobody to attack.
    """
    unknown = sorted(set(names) - set(ATTACKERS))
    if unknown:
        raise ValueError(
            f"there is no attacker called {', '.join(unknown)}; there are {', '.join(ATTACKERS)}"
        )
    if not people:
        raise ValueError("there is nobody to attack")
    begins, until = start + days * DAY // QUIET, start + days * DAY
    planned: list[tuple[Campaign, Script]] = []
    for name in dict.fromkeys(names):
        attacker = ATTACKERS[name]
        for number, (began, victim) in enumerate(_when(attacker, people, begins, until, seed)):
            index = first + len(planned)
            stage = Stage(
                terrain=terrain,
                people=people,
                victim=victim,
                began=began,
                strikes=min(began + attacker.prepares, until - LAST_DAYS),
                until=until,
                index=index,
                dice=Random(f"{seed} {name} {number}"),  # noqa: S311 - a simulation, and repeatable
                option=attacker.options[number % len(attacker.options)],
            )
            planned.append((_campaign(attacker, stage), attacker.attack(stage)))
    return planned


def _campaign(attacker: Attacker, stage: Stage) -> Campaign:
    about = f"{attacker.about} ({stage.option})" if stage.option else attacker.about
    return Campaign(
        index=stage.index,
        attacker=attacker.name,
        technique=attacker.technique,
        began=stage.began,
        about=about,
        takeover=attacker.takeover,
    )


def _when(
    attacker: Attacker, people: Sequence[Person], begin: int, end: int, seed: int
) -> Iterator[tuple[int, Person]]:
    """When each campaign of this attacker begins, and against whom."""
    dice = Random(f"{seed} {attacker.name}")  # noqa: S311 - a simulation, and repeatable
    bands = ("daily", "weekly") if attacker.frequent else ("daily", "weekly", "monthly")
    victims = [person for person in people if person.band in bands] or list(people)
    number = SITE_WIDE if attacker.everybody else min(MOST, max(FEWEST, len(people) // ONE_IN))
    number = max(number, len(attacker.options))
    chosen = dice.sample(victims, k=min(number, len(victims)))
    chosen += dice.choices(victims, k=number - len(chosen))
    width = (end - begin) // number
    for turn, victim in enumerate(chosen):
        if attacker.prepares:
            yield begin + dice.randrange(DAY), victim
        elif attacker.everybody:
            yield begin + turn * width + width * attacker.phase // 100 + dice.randrange(width // 20), victim
        else:
            yield begin + dice.randrange(max(1, end - begin - LASTS)), victim
