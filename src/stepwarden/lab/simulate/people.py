"""People: everybody who lives in the world, and what can be known of one of them.

>>> people = People(World(1), 1_000, seed=1)
>>> people[7] == People(World(1), 8, seed=1)[7]
True

``home`` and ``usual`` are for an attacker that aims at somebody: what can be found out by looking at them
for a while. What they do is told by ``life.life(..., only=[index])``.

Not here: who somebody is (``residents``), where they are on a day (``movements``), what they do (``life``).
"""

from collections.abc import Iterator, Sequence
from typing import Final, overload

from stepwarden.events.attempt import Device
from stepwarden.lab.simulate import movements
from stepwarden.lab.simulate.residents import Resident, resident
from stepwarden.lab.simulate.world import Address, World

DAY: Final = 86_400_000_000


class People(Sequence[Resident]):
    """So many people of one world. Immutable."""

    def __init__(self, world: World, count: int, seed: int) -> None:
        self.world = world
        self.seed = seed
        self._residents = [resident(world, index, seed) for index in range(count)]
        self.persons = [one.person for one in self._residents]

    def __len__(self) -> int:
        return len(self._residents)

    @overload
    def __getitem__(self, index: int) -> Resident: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Resident]: ...
    def __getitem__(self, index: int | slice) -> Resident | Sequence[Resident]:
        return self._residents[index]

    def __iter__(self) -> Iterator[Resident]:
        return iter(self._residents)

    def home(self, index: int, time: int) -> Address:
        """Where this person most often signs in from, at about this time (microseconds): not where they are."""
        return movements.usual_address(self[index], time // DAY)

    def usual(self, index: int, time: int) -> tuple[str, Device | None]:
        """User agent and device that this person most often signs in with, at about this time."""
        found = self[index]
        gadget = movements.favourite(found)
        day = time // DAY
        return movements.kit(gadget, day).user_agent, movements.device(found, gadget, day)
