"""What preceded confirmed attacks: pairs of steps, one before the other, within a day, of one person or one address.

A pattern is worth a look when it came before many attacks and before few honest attempts. Its lift is the first share
over the second, with half a case added to each, so that a single coincidence does not shine (Haldane 1956).

>>> finder = Patterns()
>>> for minute in range(3):
...     finder.add(Event(time=minute * 60_000_000, person="ann", address="a", what="sign-in failed", attack=None))
>>> finder.add(Event(time=240_000_000, person="ann", address="a", what="sign-in, new device", attack=True))
>>> [(found.steps, found.attacks) for found in finder.found(most=1)]
[(('sign-in failed', 'sign-in failed'), 1)]

Memory is bounded: the latest 12 different steps of at most 100,000 people and as many addresses.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

DAY: Final = 86_400_000_000
STEPS: Final = 12
MOST: Final = 100_000


class Event(NamedTuple):
    """One step: ``what`` in a few words of ours. ``attack``: what is believed of it, None where nothing is."""

    time: int
    person: str
    address: str
    what: str
    attack: bool | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """Steps in their order, before how many ``attacks`` and ``honest`` attempts they came, and the lift."""

    steps: tuple[str, ...]
    attacks: int
    honest: int
    lift: float


class Patterns:
    """Takes events in order of time."""

    def __init__(self) -> None:
        self._recent: OrderedDict[tuple[str, str], list[tuple[int, str]]] = OrderedDict()
        self._attacks: Counter[tuple[str, ...]] = Counter()
        self._honest: Counter[tuple[str, ...]] = Counter()
        self.attacks = 0
        self.honest = 0

    def add(self, event: Event) -> None:
        """Take in one event; what is believed of it counts the patterns that preceded it."""
        keys = [(kind, name) for kind, name in (("p", event.person), ("a", event.address)) if name]
        if event.attack is not None:
            seen = {pattern for key in keys for pattern in self._patterns(key, event.time)}
            (self._attacks if event.attack else self._honest).update(seen)
            self.attacks += event.attack
            self.honest += not event.attack
        for key in keys:
            self._put(key, event)

    def found(self, *, most: int = 12, least: int = 1) -> list[Pattern]:
        """The patterns with the highest lift that came before at least ``least`` attacks."""
        patterns = []
        for steps, count in self._attacks.items():
            if count < least:
                continue
            honest = self._honest[steps]
            lift = ((count + 0.5) / (self.attacks + 1)) / ((honest + 0.5) / (self.honest + 1))
            patterns.append(Pattern(steps, count, honest, lift))
        return sorted(
            patterns, key=lambda one: (-one.attacks * (one.lift > 2), -one.lift, -len(one.steps), one.steps)
        )[:most]

    def _patterns(self, key: tuple[str, str], now: int) -> Iterator[tuple[str, ...]]:
        steps = [what for time, what in self._recent.get(key, ()) if now - DAY <= time <= now]
        for later in range(1, len(steps)):
            for earlier in range(later):
                yield steps[earlier], steps[later]
        for step in steps:
            yield (step,)

    def _put(self, key: tuple[str, str], event: Event) -> None:
        recent = self._recent.setdefault(key, [])
        self._recent.move_to_end(key)
        # The same step again and again is one that is repeated: two of it say that.
        if len(recent) >= 2 and recent[-1][1] == recent[-2][1] == event.what:
            recent[-1] = (event.time, event.what)
        else:
            recent.append((event.time, event.what))
        if len(recent) > STEPS:
            del recent[0]
        if len(self._recent) > MOST:
            self._recent.popitem(last=False)
