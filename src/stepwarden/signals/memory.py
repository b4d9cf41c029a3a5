"""What the state of signals holds, how it is bounded, and how it is written down and read back.

Not here: what an attempt and an entry do to it, and what it says of an attempt (``state``).
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

from stepwarden.errors import InputError
from stepwarden.signals.custom import CustomSignals, CustomSpec
from stepwarden.signals.habits import Habit
from stepwarden.signals.limits import Limits
from stepwarden.signals.records import NO_ACTION, Acting, Activity, Labels, Table, Trouble
from stepwarden.signals.snapshot import (
    VERSION,
    Dump,
    pack,
    pack_custom,
    pack_population,
    pack_site,
    pack_spraying,
    read_dump,
    unpack,
    unpack_custom,
    unpack_population,
    unpack_site,
    unpack_spraying,
    write_dump,
)
from stepwarden.signals.spraying import Spraying
from stepwarden.signals.surprise import Population
from stepwarden.signals.windows import KEPT, SiteRate

MOST_ACTIONS: Final = 255
SWEEP: Final = 4_096


class Memory:
    """All that signals know, without what it means. One thread uses it."""

    __slots__ = (
        "_actions",
        "_active",
        "_addresses",
        "_clock",
        "_custom",
        "_devices",
        "_folds",
        "_habits",
        "_labels",
        "_networks",
        "_population",
        "_sessions",
        "_site",
        "_spraying",
        "_trouble",
        "limits",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._clock = 0
        self._folds = 0
        self._actions: dict[str, int] = {}
        self._habits: Table[Habit] = Table(limits.actors, Habit)
        self._active: Table[Acting] = Table(limits.active, Acting)
        self._addresses: Table[Activity] = Table(limits.addresses, Activity)
        self._networks: Table[Activity] = Table(limits.networks, Activity)
        self._devices: Table[Activity] = Table(limits.devices, Activity)
        self._sessions: Table[str] = Table(limits.sessions, str)
        self._trouble: Table[Trouble] = Table(limits.trouble, Trouble)
        self._labels: Table[Labels] = Table(limits.labels, Labels)
        self._population = Population(limits.population)
        self._site = SiteRate()
        self._custom = CustomSignals(limits.custom)
        self._spraying = Spraying(limits.active)

    def define(self, groups: Iterable[Sequence[CustomSpec]]) -> None:
        """From now on these are the policies in force, by what each defines: see ``custom``."""
        self._custom.define(groups)

    def watch(self, groups: Iterable[Sequence[CustomSpec]]) -> None:
        """Keep these too, whatever is in force: see ``custom``."""
        self._custom.watch(groups)

    def dump(self) -> bytes:
        """All of the state as bytes: the same state gives the same bytes, and ``load`` gives it back."""
        return write_dump(
            Dump(
                version=VERSION,
                limits=self.limits.as_dict(),
                clock=self._clock,
                folds=self._folds,
                actions=list(self._actions),
                site=pack_site(self._site),
                tables={name: pack(table.items) for name, table in self._tables().items()},
                population=pack_population(self._population),
                spraying=pack_spraying(self._spraying),
                custom=pack_custom(self._custom),
            )
        )

    @classmethod
    def load(cls, data: bytes, custom: Iterable[Sequence[CustomSpec]] = ()) -> Self:
        """The state that ``dump`` was called on, under the limits that it had: they are part of the fold.

        Args:
            custom: what was given to ``define`` last.

        Raises:
            InputError: not a snapshot, a damaged one, or one of another version: fold the log instead.
        """
        dump = read_dump(data)
        try:
            state = cls(Limits(**dump.limits))
            state._clock = dump.clock
            state._folds = dump.folds
            state._actions = {name: number for number, name in enumerate(dump.actions)}
            state._site = unpack_site(dump.site)
            state._population = unpack_population(dump.population, state.limits.population)
            state._spraying = unpack_spraying(dump.spraying, state.limits.active)
            state._custom = unpack_custom(dump.custom, state.limits.custom, custom)
            for name, table in state._tables().items():
                table.items = unpack(table.make, *dump.tables[name])
        except (TypeError, ValueError, KeyError, OverflowError) as exc:
            raise InputError(f"not a snapshot of signals: {exc!r}") from exc
        return state

    def _known_action(self, name: str) -> int:
        number = self._actions.get(name)
        if number is not None:
            return number
        # With the names used up, all further ones count as one: too many rather than too few.
        return MOST_ACTIONS if len(self._actions) >= MOST_ACTIONS else NO_ACTION

    def _action(self, name: str) -> int:
        number = self._known_action(name)
        if number == NO_ACTION:
            number = self._actions[name] = len(self._actions)
        return number

    def _tables(self) -> dict[str, Table[Any]]:
        """By the name of the limit that each has."""
        return {
            "actors": self._habits,
            "active": self._active,
            "addresses": self._addresses,
            "networks": self._networks,
            "devices": self._devices,
            "sessions": self._sessions,
            "trouble": self._trouble,
            "labels": self._labels,
        }

    def _limit(self, limits: Limits) -> None:
        self.limits = limits
        bounds = limits.as_dict()
        for name, table in self._tables().items():
            table.bound(bounds[name])
        self._population.bound(limits.population)
        self._spraying.limit = limits.active
        self._custom.limit(limits.custom)

    def _sweep(self) -> None:
        """Drop days that no window reaches any more: this frees memory and changes no value."""
        self._folds = 0
        start = self._clock - KEPT
        for table in (self._active, self._addresses, self._networks, self._devices):
            table.drop_unused(lambda record: record.last < start)
        self._custom.sweep(self._clock)
