"""Thirty days that lie behind: what the bank's people did before the demonstration starts.

Without it everybody would be a stranger at first. It is imported as events that are only recorded, and made from one
seed. People come at the hours around the present one, so that the demonstration finds nobody up unusually late.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from demo.people import Person
from stepwarden.sdk import Event

DAYS = 30


def make(people: Sequence[Person], now: datetime, seed: int) -> list[Event]:
    """All events in the order of their times, the last one an hour before ``now`` (which has a zone)."""
    found = [
        event
        for person in people
        for event in _one(person, now, random.Random(f"{seed} {person.user} history"))
    ]
    return sorted(found, key=lambda event: event.time)


def _one(person: Person, now: datetime, dice: random.Random) -> Iterator[Event]:
    for day in range(1, DAYS + 1):
        for visit in range(dice.choice((0, 1, 1, 2))):
            time = (
                now
                - timedelta(days=day)
                + timedelta(minutes=dice.randint(-150, 150), seconds=dice.randint(0, 59))
            )
            if time > now - timedelta(hours=1):
                continue
            place = dice.choice(person.places)
            session = f"past-{person.user}-{day}-{visit}"
            if dice.random() < 0.06:
                yield _event(person, time, "login", "failure", place, f"{session}-typo")
                time += timedelta(seconds=dice.randint(4, 20))
            yield _event(person, time, "login", "success", place, session)
            for _ in range(dice.randint(1, 3)):
                time += timedelta(seconds=dice.randint(10, 200))
                yield _event(person, time, "balance.read", "success", place, session)


def _event(
    person: Person, time: datetime, action: str, outcome: str, place: tuple[str, str, str], session: str
) -> Event:
    address, agent, device = place
    return Event(
        time=time.isoformat(timespec="milliseconds"),
        source="acme-bank-history",
        action=action,
        actor=person.user,
        session=session,
        ip=address,
        user_agent=agent,
        device={"id": device},
        outcome="success" if outcome == "success" else "failure",
        proved=("pwd",) if action == "login" and outcome == "success" else (),
    )
