"""What the tests of the attackers share: made-up ground, sites that always say the same, and a run of a script."""

from collections.abc import Callable, Iterator
from random import Random

from stepwarden.events.attempt import Attempt, Device
from stepwarden.events.entries import Verdict
from stepwarden.lab.attackers.registry import ATTACKERS
from stepwarden.lab.attackers.stage import DAY, HOUR, Kit, Spot, Stage
from stepwarden.lab.simulate.plan import Answered, Person, Planned, Script

START = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC."""
BEGAN = START + 20 * DAY
AGENTS = tuple(f"Mozilla/5.0 (Browser {number})" for number in range(40))


def person(index: int) -> Person:
    """Somebody who signs in daily, with a device that the site knows."""
    return Person(index=index, actor=f"person-{index}", cohort="home", band="daily", has_device_id=True)


class Ground:
    """A small made-up world: 256 countries, each with 16 towns, three providers each.

    ``10.country.town*4+provider.host`` is a household, ``172.16.country.host`` a server, ``192.168...`` a VPN exit.
    Everybody lives in town 1 of country 7, provider 2; they sign in at nine and at half past six in the evening.
    """

    def household(self, dice: Random, *, country: str = "", city: str = "", asn: str = "") -> Spot:
        where = int(country or dice.randrange(256))
        town = int(city or dice.randrange(16))
        provider = int(asn.rpartition("-")[2]) if asn else dice.randrange(3)
        return self._spot(where, town, provider, dice.randrange(256))

    def hosted(self, dice: Random) -> Spot:
        where = dice.randrange(256)
        return Spot(f"172.16.{where}.{dice.randrange(256)}", str(where), "", "hosted")

    def vpn(self, dice: Random, *, country: str = "") -> Spot:
        where = int(country or dice.randrange(256))
        return Spot(f"192.168.{where}.{dice.randrange(256)}", str(where), "", "vpn")

    def rival(self, dice: Random, person: int, time: int) -> Spot:
        return self._spot(7, 1, 0, dice.randrange(256))

    def kin(self, dice: Random, spot: Spot) -> Spot:
        return self._spot(int(spot.country), int(spot.city), 2, dice.randrange(256))

    def beside(self, dice: Random, spot: Spot) -> Spot:
        ip = f"{spot.ip.rpartition('.')[0]}.{dice.choice([host for host in range(256) if host != 9])}"
        return Spot(ip, spot.country, spot.city, spot.asn)

    def kit(self, dice: Random, person: int, time: int) -> Kit:
        return self.anew(dice, Kit(dice.choice(AGENTS)), person)

    def like(self, dice: Random, person: int, time: int) -> Kit:
        return self.anew(dice, Kit(f"{self.usual(person, time).user_agent} again"), person)

    def anew(self, dice: Random, kit: Kit, person: int) -> Kit:
        return Kit(kit.user_agent, Device(id=f"new-{dice.getrandbits(40):x}"))

    def home(self, person: int, time: int) -> Spot:
        return self._spot(7, 1, 2, 9)

    def usual(self, person: int, time: int) -> Kit:
        return Kit("Mozilla/5.0 (Own)", Device(id=f"own-{person}"))

    def life(self, person: int, begin: int, end: int) -> Iterator[Planned]:
        spot, kit = self.home(person, begin), self.usual(person, begin)
        for day in range((begin - START) // DAY, (end - START) // DAY + 1):
            for number, hour in enumerate((9 * HOUR, 18 * HOUR + HOUR // 2)):
                time = START + day * DAY + hour
                if begin <= time < end:
                    attempt = Attempt(
                        action="login",
                        actor=f"person-{person}",
                        ip=spot.ip,
                        user_agent=kit.user_agent,
                        device=kit.device,
                        proved=("pwd",),
                    )
                    yield Planned(
                        time=time,
                        attempt=attempt,
                        outcome="success",
                        person=person,
                        opens=f"session-{person}-{day}-{number}",
                    )

    @staticmethod
    def _spot(country: int, town: int, provider: int, host: int) -> Spot:
        return Spot(
            f"10.{country}.{town * 4 + provider}.{host}", str(country), str(town), f"{country}-{provider}"
        )


Site = Callable[[Planned], Verdict]
"""How a site that is made up answers."""


def allows(planned: Planned) -> Verdict:
    return "allow"


def steps_up(planned: Planned) -> Verdict:
    return "step_up"


def denies(planned: Planned) -> Verdict:
    return "deny"


def stage(name: str, *, option: str = "", seed: int = 1, people: int = 300, days: int = 90) -> Stage:
    """A campaign of this attacker against person 0."""
    everybody = [person(index) for index in range(people)]
    return Stage(
        terrain=Ground(),
        people=everybody,
        victim=everybody[0],
        began=BEGAN,
        strikes=BEGAN + ATTACKERS[name].prepares,
        until=START + days * DAY,
        index=5,
        dice=Random(seed),
        option=option or ATTACKERS[name].options[0],
    )


def played(on: Stage, name: str, site: Site) -> list[tuple[Planned, Answered]]:
    """All that the attacker does against this site, with the answers; as the engine would, in order of time."""
    return driven(ATTACKERS[name].attack(on), site)


def driven(script: Script, site: Site) -> list[tuple[Planned, Answered]]:
    """The same of a script that has not begun."""
    done: list[tuple[Planned, Answered]] = []
    planned = next(script, None)
    while planned is not None:
        assert len(done) < 50_000, "it never ends"
        decision = site(planned)
        passed = decision == "step_up" and planned.reply == "pass"
        through = (decision == "allow" or passed) and planned.outcome == "success"
        replied = decision == "step_up" and planned.reply != "ignore"
        answered = Answered(
            time=planned.time + (planned.delay if replied else 0),
            decision=decision,
            passed=passed,
            open=through,
        )
        done.append((planned, answered))
        try:
            planned = script.send(answered)
        except StopIteration:
            break
    return done


def plans(on: Stage, name: str, site: Site) -> list[Planned]:
    """What it does, without the answers."""
    return [planned for planned, _ in played(on, name, site)]
