"""What comes of one sign-in: wrong passwords first, the session it opens, and what is done in it.

A password is wrong more often the longer ago it was last used. Who was wrong tries again within seconds; some give up. Now
and then it is the name that is mistyped, which is an account that nobody has. In a session people act every few seconds
to minutes; on a carrier's network their address changes now and then.

Not here: when they sign in (``rhythm``), from where (``movements``).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from stepwarden.events.attempt import Attempt, Device
from stepwarden.lab.simulate import movements
from stepwarden.lab.simulate.cities import offset
from stepwarden.lab.simulate.draws import chosen, mix, running
from stepwarden.lab.simulate.plan import Planned, Reply
from stepwarden.lab.simulate.residents import Resident, mistyped
from stepwarden.lab.simulate.rhythm import Chance
from stepwarden.lab.simulate.world import Address, World

DAY: Final = 86_400_000_000
SECOND: Final = 1_000_000
FORGOTTEN: Final = ((7, 10), (30, 18), (60, 30))
"""Days since the last sign-in, up to which a password is wrong in so many tenths of the ordinary chance."""
LONG_AGO: Final = 40
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


class Site(NamedTuple):
    """What people do once they are in: actions with weights, and the chance, of a thousand, of one more each time."""

    actions: tuple[tuple[str, int], ...] = (("balance.read", 880), ("transfer", 110), ("export", 10))
    more: int = 550


Doing = tuple[int, int, int, int, Planned]
"""An attempt behind what sorts it: time, person, slot and number within the sign-in."""


class _Hand(NamedTuple):
    """Whoever does it, and with what."""

    resident: Resident
    day: int
    slot: int
    user_agent: str
    device: Device | None


class Doings:
    """What people of one world do at one site."""

    def __init__(self, world: World, site: Site) -> None:
        self._world = world
        self._more = site.more
        self._names = tuple(name for name, _ in site.actions)
        self._weights = running(tuple(weight for _, weight in site.actions))

    def of(self, resident: Resident, chance: Chance, day: int) -> Iterator[Doing]:
        """All attempts of one sign-in, in order."""
        world, key, second = self._world, chance.key, chance.moment // SECOND
        away = movements.trip(world, resident, day)
        city = away.city if away is not None else resident.city
        time = day * DAY + chance.moment - offset(city, day) * 60 * SECOND
        gadget = movements.held(resident, day, second, chance.device)
        address = movements.whence(world, resident, away, gadget, day, second, chance.whence)
        hand = _Hand(
            resident,
            day,
            chance.slot,
            movements.agent(gadget, day),
            movements.device(resident, gadget, day),
        )
        index, slot, step = resident.person.index, chance.slot, 0
        luck = mix(key, 10)
        if luck % 1_000 < WRONG_NAME:
            wrong = mistyped(resident.person.actor, luck)
            yield time, index, slot, 0, self._sign_in(hand, address, time, actor=wrong)
            step, time = 1, time + _pause(mix(key, 11), 5, 15)
        failures, well = _failures(resident, chance)
        for number in range(failures):
            yield time, index, slot, step, self._sign_in(hand, address, time)
            step, time = step + 1, time + _pause(mix(key, 12 + number), 4, 20)
        if not well:
            return
        yield time, index, slot, step, self._sign_in(hand, address, time, key=key)
        for number in range(LONGEST):
            draw = mix(key, 32 + number)
            if draw % 1_000 >= self._more:
                return
            step, time = step + 1, time + _pause(mix(draw, 1), 3, 90)
            if address.place is resident.carrier.place and (draw >> 20) % 1_000 < MOVES_ON:
                address = movements.on_carrier(resident, mix(draw, 2))
            yield time, index, slot, step, self._act(hand, address, time, draw)

    def _sign_in(
        self, hand: _Hand, address: Address, time: int, *, actor: str = "", key: int | None = None
    ) -> Planned:
        """With the right password where there is a ``key``, with a wrong one where there is none."""
        person = hand.resident.person
        well = key is not None
        attempt = Attempt(
            action="login",
            actor=actor or person.actor,
            ip=address.ip,
            user_agent=hand.user_agent,
            device=hand.device,
            place=address.place,
            proved=("pwd",) if well else (),
        )
        reply, delay = _reply(mix(key, 20)) if key is not None else ("ignore", 0)
        return Planned(
            time=time,
            attempt=attempt,
            outcome="success" if well else "failure",
            person=-1 if actor else person.index,
            reply=reply,
            delay=delay,
            opens=f"s-{person.index}-{hand.day}-{hand.slot}" if well else "",
        )

    def _act(self, hand: _Hand, address: Address, time: int, draw: int) -> Planned:
        person = hand.resident.person
        attempt = Attempt(
            action=self._names[chosen(mix(draw, 3), self._weights)],
            actor=person.actor,
            session=f"s-{person.index}-{hand.day}-{hand.slot}",
            ip=address.ip,
            user_agent=hand.user_agent,
            device=hand.device,
            place=address.place,
        )
        reply, delay = _reply(draw)
        return Planned(
            time=time, attempt=attempt, outcome="success", person=person.index, reply=reply, delay=delay
        )


def _failures(resident: Resident, chance: Chance) -> tuple[int, bool]:
    """How many wrong passwords come first, and whether the right one does in the end."""
    tenths = next((factor for days, factor in FORGOTTEN if chance.gap < days), LONG_AGO)
    if chance.key >> 7 & 0xFFFF >= resident.fails * tenths * 65_536 // 10_000:
        return 0, True
    for number in range(1, TRIES):
        draw = mix(chance.key, 5 + number)
        if draw % 1_000 < GIVES_UP:
            return number, False
        if (draw >> 32) % 1_000 >= AGAIN:
            return number, True
    return TRIES, False


def _pause(draw: int, least: int, most: int) -> int:
    """Microseconds between two tries or actions: mostly near ``least`` seconds, sometimes ``most`` and beyond."""
    share = draw >> 40
    squared = share * share >> 24
    long = 8 if draw & 7 == 0 else 1
    return least * SECOND + (squared * (most - least) * long * SECOND >> 24)


def _reply(draw: int) -> tuple[Reply, int]:
    at = (draw >> 10) % 1_000
    reply: Reply = "pass" if at < PASSES else "ignore" if at < PASSES + IGNORES else "fail"
    return reply, _pause(draw, 8, 60)
