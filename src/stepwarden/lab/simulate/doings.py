"""What comes of one sign-in: wrong passwords first, the session it opens, and what is done in it.

A password is wrong more often the longer ago it was last used. Who was wrong tries again within seconds; some give up.
Now and then it is the name that is mistyped, which is an account that nobody has. In a session people act every few
seconds to minutes; on a carrier's network their address changes now and then.

Not here: when they sign in (``rhythm``), from where (``movements``).
"""

from typing import Final, NamedTuple

from stepwarden.events.attempt import Attempt, Device, Method
from stepwarden.lab.simulate import movements
from stepwarden.lab.simulate.cities import offset
from stepwarden.lab.simulate.draws import mix, spread
from stepwarden.lab.simulate.movements import Trip
from stepwarden.lab.simulate.people import DAY
from stepwarden.lab.simulate.plan import Planned, Reply
from stepwarden.lab.simulate.residents import FORTNIGHT, Gadget, Resident, mistyped
from stepwarden.lab.simulate.rhythm import ACTS, DRAWS, REMEMBERED, Chance
from stepwarden.lab.simulate.world import Address, World

SECOND: Final = 1_000_000
FORGOTTEN: Final = (*[10] * 7, *[16] * 23, *[25] * (REMEMBERED - 30), 35)
"""By days since the last sign-in: in how many tenths of the ordinary chance the first password is wrong."""
AGAIN: Final = 300
"""Of a thousand further tries after a wrong password, those that are wrong too."""
GIVES_UP: Final = 80
"""Of a thousand who were wrong once more, those who leave it; after four wrong ones everybody does."""
TRIES: Final = 4
WRONG_NAME: Final = 3
"""Of a thousand sign-ins, those before which the name was mistyped."""
PASSES: Final = 970
IGNORES: Final = 20
"""Of a thousand step-ups, those passed and those left alone; the rest is answered wrongly."""
MOVES_ON: Final = 200
"""Of a thousand actions on a carrier's network, those from another address than the one before."""
LONGEST: Final = 40
"""Actions in one session, at most."""
_CACHED: Final = 100_000


class Site(NamedTuple):
    """What people do once they are in: actions with weights, and the chance, of a thousand, of one more each time."""

    actions: tuple[tuple[str, int], ...] = (("balance.read", 880), ("transfer", 110), ("export", 10))
    more: int = 550


Sent = tuple[str, Device | None, int]
"""User agent, device, and the first day on which one of them may be another."""
_PASSWORD: Final[tuple[Method, ...]] = ("pwd",)


class Doings:
    """What people of one world do at one site. What was worked out lately of devices and trips is kept, for speed."""

    def __init__(self, world: World, site: Site) -> None:
        self._world = world
        self._more = site.more
        self._actions = spread(site.actions)
        self._sends: dict[int, Sent] = {}
        self._trips: dict[int, tuple[int, Trip | None]] = {}

    def of(self, resident: Resident, chance: Chance, day: int) -> list[Planned]:
        """All attempts of one sign-in, in order."""
        away = self._away(resident, day) if chance.away else None
        city = resident.city if away is None else away.clock(day, resident.city)
        time = day * DAY + chance.moment - offset(city, day) * 60_000_000
        second = chance.moment // SECOND
        gadget = movements.taken(resident, day, second, chance.device)
        address = movements.whence(
            self._world, resident, away, gadget, day, second, chance.whence, chance.lease
        )
        sent = self._sent(resident, gadget, day)
        made: list[Planned] = []
        wrong, well = _wrong(resident, chance)
        for name in wrong:
            made.append(_failed(resident, name, address, sent, time))
            time += _RETRIES[mix(chance.key, 10 + len(made)) & 1023]
        if well:
            self._enter(
                resident, chance, f"s-{resident.person.index}-{day}-{chance.slot}", address, sent, time, made
            )
        return made

    def _enter(
        self,
        resident: Resident,
        chance: Chance,
        session: str,
        address: Address,
        sent: Sent,
        time: int,
        made: list[Planned],
    ) -> None:
        """Sign in well, and act in the session."""
        index, actor, place = resident.person.index, resident.person.actor, address.place
        user_agent, device, _ = sent
        action, opens, proved, draw = "login", session, _PASSWORD, chance.reply
        number = 0
        while True:
            attempt = Attempt(
                action=action,
                actor=actor,
                session="" if opens else session,
                ip=address.ip,
                user_agent=user_agent,
                device=device,
                place=place,
                proved=proved,
            )
            planned = Planned(
                time=time,
                attempt=attempt,
                outcome="success",
                person=index,
                reply=_REPLIES[draw & 1023],
                delay=_DELAYS[draw >> 20 & 1023],
                opens=opens,
            )
            made.append(planned)
            draw = chance[DRAWS + number] if number < ACTS else mix(chance.key, DRAWS + number)
            if (draw >> 32) % 1_000 >= self._more or number == LONGEST:
                return
            number += 1
            time += _PAUSES[draw >> 44 & 1023] + (draw >> 10 & 0xFFFFF)
            action, opens, proved = self._actions[draw >> 10 & 1023], "", ()
            if place is resident.carrier.place and (draw >> 20) % 1_000 < MOVES_ON:
                address = movements.on_carrier(resident, mix(draw, 1))

    def _sent(self, resident: Resident, gadget: Gadget, day: int) -> Sent:
        """User agent and device that the site sees."""
        found = self._sends.get(gadget.key)
        if found is None or found[2] <= day:
            if len(self._sends) >= _CACHED:
                self._sends.clear()
            found = self._sends[gadget.key] = movements.kept(resident, gadget, day)
        return found

    def _away(self, resident: Resident, day: int) -> Trip | None:
        turn = (day + resident.phase) // FORTNIGHT
        found = self._trips.get(resident.key)
        if found is None or found[0] != turn:
            if len(self._trips) >= _CACHED:
                self._trips.clear()
            found = self._trips[resident.key] = turn, movements.journey(self._world, resident, turn)
        trip = found[1]
        return trip if trip is not None and trip.first <= day <= trip.last else None


def _failed(resident: Resident, name: str, address: Address, sent: Sent, time: int) -> Planned:
    """A sign-in with a wrong password, or with a wrong name."""
    attempt = Attempt(
        action="login",
        actor=name,
        ip=address.ip,
        user_agent=sent[0],
        device=sent[1],
        place=address.place,
    )
    person = resident.person
    return Planned(
        time=time,
        attempt=attempt,
        outcome="failure",
        person=person.index if name == person.actor else -1,
        reply="ignore",
    )


def _wrong(resident: Resident, chance: Chance) -> tuple[tuple[str, ...], bool]:
    """The names that wrong passwords are tried for first, and whether the right one comes in the end."""
    actor, luck = resident.person.actor, chance.reply >> 40
    names = (mistyped(actor, chance.key),) if luck % 1_000 < WRONG_NAME else ()
    if chance.key & 0xFFFF >= resident.fails * FORGOTTEN[chance.gap] * 65_536 // 10_000:
        return names, True
    for number in range(1, TRIES):
        draw = mix(chance.key, 5 + number)
        if draw % 1_000 < GIVES_UP:
            return (*names, *[actor] * number), False
        if (draw >> 32) % 1_000 >= AGAIN:
            return (*names, *[actor] * number), True
    return (*names, *[actor] * TRIES), False


_REPLIES: Final[tuple[Reply, ...]] = spread(
    (("pass", PASSES), ("ignore", IGNORES), ("fail", 1_000 - PASSES - IGNORES))
)


def _times(least: int, most: int) -> tuple[int, ...]:
    """1,024 times in microseconds: half of them near ``least`` seconds, a few long after ``most``."""
    return tuple(
        least * SECOND + (most - least) * SECOND * step * step // 1_048_576 * (8 if step >= 960 else 1)
        for step in range(1_024)
    )


_RETRIES: Final = _times(4, 20)
_DELAYS: Final = _times(8, 60)
_PAUSES: Final = _times(3, 120)
