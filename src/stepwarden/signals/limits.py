"""Limits: how much is remembered, at most. Recorded when the service starts, so that a replay forgets
alike."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many records are held, at most: habits of ``actors``, and a day of each ``active`` actor,
    ``addresses``, ``networks`` and ``devices``; ``sessions``; actors with ``trouble``; addresses with
    ``labels``; of each kind of thing, the values in the whole ``population``; keys of the ``custom`` signals of a
    policy."""

    actors: int
    active: int
    addresses: int
    networks: int
    devices: int
    sessions: int
    trouble: int
    labels: int
    population: int
    custom: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)

    def changed_by(self, given: Mapping[str, int]) -> "Limits":
        """These limits with the ones ``given``, at least 1 each; a name that is not ours is left alone."""
        known = {field.name for field in fields(self)}
        return Limits(
            **(asdict(self) | {name: max(1, limit) for name, limit in given.items() if name in known})
        )


STANDARD: Final = Limits(
    actors=1_000_000,
    active=200_000,
    addresses=200_000,
    networks=200_000,
    devices=200_000,
    sessions=200_000,
    trouble=100_000,
    labels=100_000,
    population=200_000,
    custom=200_000,
)
