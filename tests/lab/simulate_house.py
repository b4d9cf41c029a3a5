"""What the tests of the simulation's engine share: a few people and attackers by hand, and a site that knows little."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from random import Random

from stepwarden.events.attempt import Attempt, Device
from stepwarden.flow.facts import Describer
from stepwarden.flow.lookups import AddressInfo
from stepwarden.lab.replay import PlainTokens
from stepwarden.lab.simulate.engine import Engine, Row
from stepwarden.lab.simulate.offline import Here, OfflineSite
from stepwarden.lab.simulate.plan import Answered, Planned, Reply, Script
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import STANDARD
from stepwarden.signals.travel import Places
from tests.lab.lab_house import NoAgents, shipped

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_225_600 * SECOND
"""2026-01-01 00:00 UTC."""
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"


class SomeAddresses:
    """Every address is in a country of its own first octet, and of a provider of its first two."""

    def lookup(self, ip: IPv4Address | IPv6Address | str) -> AddressInfo:
        first, second = str(ip).split(".")[:2]
        number = int(first)
        return AddressInfo(
            country=chr(65 + number // 26 % 26) + chr(65 + number % 26),
            asn=f"AS{first}{second}",
            latitude=number % 90,
            longitude=number % 180,
            radius_km=20,
        )


def new_site(policy: Policy | None = None, people: int = 20) -> OfflineSite:
    """A site with so many enrolled people, ``person-0`` and on, since a month."""
    describer = Describer(
        PlainTokens(), SomeAddresses(), NoAgents(), trusted_proxies=(), places=Places(1_000), remembered=1_000
    )
    site = OfflineSite(describer, policy or shipped(), STANDARD, START - 30 * DAY)
    site.enrol([f"person-{number}" for number in range(people)], START - 30 * DAY)
    return site


def login(
    time: int,
    person: int,
    *,
    right: bool = True,
    reply: Reply = "pass",
    device: str = "",
    ip: str = "",
    opens: str = "",
    campaign: int = -1,
    probe: bool = False,
    delay: int = 20 * SECOND,
) -> Planned:
    """A sign-in so many microseconds after ``START``, from home unless it says otherwise."""
    attempt = Attempt(
        action="login",
        actor=f"person-{person}",
        ip=ip or f"81.2.{person}.7",
        user_agent=FIREFOX,
        device=Device(id=device or f"device-{person}"),
        proved=("pwd",) if right else (),
    )
    return Planned(
        time=START + time,
        attempt=attempt,
        outcome="success" if right else "failure",
        person=person,
        reply=reply,
        delay=delay,
        campaign=campaign,
        probe=probe,
        opens=opens,
    )


def act(
    time: int,
    person: int,
    session: str,
    action: str = "transfer",
    *,
    reply: Reply = "pass",
    campaign: int = -1,
    agent: str = FIREFOX,
) -> Planned:
    """Something that is done in a session."""
    attempt = Attempt(
        action=action,
        actor=f"person-{person}",
        session=session,
        resource="account-7",
        parameters={"amount": 5} if action == "transfer" else None,
        ip=f"81.2.{person}.7",
        user_agent=agent,
        device=Device(id=f"device-{person}"),
    )
    return Planned(
        time=START + time,
        attempt=attempt,
        outcome="success",
        person=person,
        reply=reply,
        campaign=campaign,
    )


def life(people: int, days: int, seed: int) -> Iterator[Planned]:
    """Sign-ins every day, now and then with a typing mistake, on a new device, and with something done in it."""
    dice = Random(seed)
    for day in range(days):
        for person in range(people):
            time = day * DAY + 8 * HOUR + person * MINUTE
            if dice.random() < 0.2:
                yield login(time, person, right=False)
            session = f"session-{day}-{person}"
            device = f"new-{day}-{person}" if dice.random() < 0.15 else ""
            reply: Reply = dice.choice(("pass", "pass", "pass", "ignore", "fail", "deny"))
            yield login(time + 10 * SECOND, person, device=device, reply=reply, opens=session)
            if dice.random() < 0.5:
                yield act(time + 20 * SECOND, person, session, dice.choice(("transfer", "messages.read")))


def takeover(person: int, time: int, campaign: int = 0) -> Script:
    """Three tries from another country; what is let in takes money."""
    for number in range(3):
        session = f"stolen-{campaign}-{number}"
        planned = login(
            time + number * MINUTE,
            person,
            ip="203.9.1.1",
            device="theirs",
            reply="fail",
            opens=session,
            campaign=campaign,
        )
        answered = yield planned
        if answered.open:
            yield act(time + number * MINUTE + SECOND, person, session, campaign=campaign, reply="ignore")


def guesses(people: int, time: int, campaign: int = 1) -> Script:
    """One wrong password for everybody, from one address, until it is refused."""
    for number in range(people):
        answered: Answered = yield login(
            time + number * SECOND,
            number,
            right=False,
            ip="198.51.100.7",
            device="sprayer",
            reply="ignore",
            campaign=campaign,
        )
        if answered.decision == "deny":
            return


def run(site: OfflineSite, people: Iterator[Planned], *scripts: Script) -> list[Row]:
    """All rows."""
    return list(Engine[Here](site).run(people, scripts))
