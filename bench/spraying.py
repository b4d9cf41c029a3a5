"""How long slow spraying goes unseen, and how often the alarm is false: the figures of docs/signals.md.

Days of sign-ins of a made-up site, without networks or passwords: who comes, from somewhere new or not, and whether it
fails. Four in five people come on a weekday, one in five at a weekend, about one o'clock; how clumsy each is differs by
a gamma distribution of shape one half. On some days a whole site fails three times as often. *Noise* is what others try
all day long, at names of any kind, by half more or less from day to day.

``python -m bench.spraying`` takes two minutes.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from stepwarden.signals.spraying import Spraying

DAY = 86_400
MONDAY = 4 * DAY
LIMIT = 200_000
Try = tuple[int, str, bool, bool]
"""Second, person, strange, failed."""


@dataclass(frozen=True)
class Site:
    """``strange``: share of sign-ins from somewhere new. ``fails``: mean share that fails there. ``bad``: share of
    days on which everybody fails three times as often. ``noise``: strangers' failures a day."""

    name: str
    people: int
    strange: float = 0.08
    fails: float = 0.08
    bad: float = 0.05
    noise: int = 0

    def day(self, dice: random.Random, number: int, clumsy: list[float]) -> Iterator[Try]:
        coming = self.people * (0.8 if number % 7 < 5 else 0.2)
        trouble = 3.0 if dice.random() < self.bad else 1.0
        for _ in range(max(0, round(dice.gauss(coming, coming**0.5)))):
            person, strange = dice.randrange(self.people), dice.random() < self.strange
            second = MONDAY + number * DAY + min(DAY - 61, max(0, int(dice.gauss(13, 4) * 3600)))
            often = min(0.9, clumsy[person] * trouble * (1.0 if strange else 0.7))
            if dice.random() < often:
                yield second, f"p{person}", strange, True
            if dice.random() > often / 5:
                yield second + 30, f"p{person}", strange, False
        for _ in range(max(0, round(dice.gauss(self.noise, self.noise / 2)))):
            yield MONDAY + number * DAY + dice.randrange(DAY), f"x{dice.randrange(10**6)}", True, True

    def sprayed(self, dice: random.Random, number: int, tries: int) -> list[Try]:
        start, step = MONDAY + number * DAY, DAY / tries
        return [(start + int((i + dice.random()) * step), f"p{i}", True, True) for i in range(tries)]


def live(site: Site, days: int, seed: int, *, attack: bool) -> tuple[int, float]:
    """False alarms in ``days``, and hours from the first try of an attack of two days to the alarm; -1: never."""
    dice, spraying, alarms, was = random.Random(seed), Spraying(LIMIT), 0, False
    clumsy = [min(0.8, dice.gammavariate(0.5, site.fails / 0.5)) for _ in range(site.people)]
    for number in range(days + 2 * attack):
        tries = list(site.day(dice, number, clumsy))
        if number >= days:
            tries += site.sprayed(dice, number, min(site.people, 1_000))
        for second, person, strange, failed in sorted(tries):
            # Noise is at names that nobody has.
            spraying.tried(person, second, known=person[0] == "p", strange=strange, failed=failed)
            stands = spraying.values(second)[0]
            if stands and number >= days:
                return alarms, (second - MONDAY - days * DAY) / 3600
            alarms += stands and not was
            was = stands
    return alarms, -1.0


def main() -> None:
    print(f"{'people':>7} {'site':28} {'false alarms a month':>20}   hours to the alarm")
    for people, months in ((300, 24), (1_000, 24), (5_000, 6), (20_000, 2)):
        for site in (
            Site("ordinary", people),
            Site("a quarter from new places", people, strange=0.25),
            Site("one in five fails", people, fails=0.2),
            Site("trouble every fifth day", people, bad=0.2),
            Site("noise", people, noise=people // 30 + 3),
        ):
            alarms, _ = live(site, 30 * months, 1, attack=False)
            waits = sorted(
                live(site, 60 if people < 5_000 else 30, seed, attack=True)[1] for seed in range(5)
            )
            words = ", ".join("never" if wait < 0 else f"{wait:.1f}" for wait in waits)
            print(f"{people:7} {site.name:28} {alarms / months:20.2f}   {words}", flush=True)


if __name__ == "__main__":
    main()
