"""What tuning learns from: attempts with the terms of their rules, and what is believed of each.

Labels come from people, analysts and files (each an entry of its own with a reliability), and from what the log shows:
how a step-up ended and what the application reported. Where several speak, the most reliable one counts, and of two
alike the one that says attack: a mistake then costs a challenge and not an account.

>>> believed([Belief("outcome", False, 60), Belief("person", True, 80)])
Belief(source='person', attack=True, reliability=80)
>>> believed([]) is None
True

A wrong password is no label: it tells of the password, and people mistype. Not here: reading a log (``reading``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Belief(NamedTuple):
    """Somebody, or something, says whether it was an attack; ``reliability`` in percent."""

    source: str
    attack: bool
    reliability: int


SHOWN: Final = {
    "passed": Belief("challenge passed", attack=False, reliability=90),
    "denied": Belief("challenge denied", attack=True, reliability=80),
    "failed": Belief("challenge failed", attack=True, reliability=40),
    "abandoned": Belief("challenge abandoned", attack=True, reliability=30),
    "worked": Belief("outcome", attack=False, reliability=60),
}
"""What the log shows by itself. 97 % of honest people get past a challenge in the end, and about half fail first
(Doerfler et al., WWW 2019), so a failure says little and a pass much; a denial may be a slip of the finger."""

MOST_EACH: Final = 20.0
"""Attempts that one person, or one attacker, counts as at most."""


def believed(beliefs: Iterable[Belief]) -> Belief | None:
    """The belief that counts; None where nobody says anything."""
    return max(beliefs, key=lambda one: (one.reliability, one.attack), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """``n`` attempts in order of time, and ``k`` rules.

    ``time`` in microseconds; ``person`` a number for each actor; ``terms`` (n, k) what each rule contributed, in nats;
    ``attack`` and ``trust`` (0..1, 0 where nothing is believed) what is believed; ``challenged``: what had been
    answered. ``weights`` are the weights as they are, ``prior`` likewise, in nats. ``entry`` is its index in the
    log, or -1; ``sources`` how often each source was the one believed.
    """

    rules: tuple[str, ...]
    weights: Floats
    prior: float
    time: Ints
    person: Ints
    terms: NDArray[np.float32]
    attack: Bools
    trust: Floats
    challenged: Bools
    entry: Ints
    sources: dict[str, int]

    def __len__(self) -> int:
        return len(self.time)

    def part(self, chosen: Bools | slice) -> "Samples":
        """The chosen attempts alone."""
        return replace(
            self,
            time=self.time[chosen],
            person=self.person[chosen],
            terms=self.terms[chosen],
            attack=self.attack[chosen],
            trust=self.trust[chosen],
            challenged=self.challenged[chosen],
            entry=self.entry[chosen],
        )

    @property
    def scores(self) -> Floats:
        """The scores that the present weights give, in nats."""
        found: Floats = self.prior + self.terms.sum(axis=1, dtype=np.float64)
        return found

    def scored(self, weights: Floats) -> Floats:
        """The scores that other weights give, in nats, without a prior."""
        found: Floats = self.shapes @ weights
        return found

    def masses(self, unspoken: float) -> tuple[Floats, Floats]:
        """How much each attempt counts as an attack, and as honest; ``unspoken``: what nobody speaks of, as honest.

        Nobody counts more than ``MOST_EACH`` attempts in either: one attacker who tries ten thousand accounts is one,
        and so is one person who works all day.
        """
        trust = np.where(self.attack, self.trust, np.maximum(self.trust, unspoken))
        who = 2 * self.person + self.attack
        total = np.bincount(who, trust, int(who.max()) + 1 if len(who) else 1)
        fair = trust * np.minimum(1.0, MOST_EACH / np.maximum(total, 1e-12))[who]
        return np.where(self.attack, fair, 0.0), np.where(self.attack, 0.0, fair)

    @property
    def shapes(self) -> Floats:
        """Terms divided by their weight: 1 where a plain rule holds, a number where a graded one does."""
        safe = np.where(np.abs(self.weights) < 1e-9, 1.0, self.weights)
        found: Floats = self.terms / safe
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One attempt as it is read; ``terms`` by rule, in thousandths of a nat."""

    time: int
    actor: str
    terms: Sequence[tuple[str, int]]
    beliefs: Sequence[Belief]
    challenged: bool
    entry: int = -1


def gather(rows: Iterable[Row], *, rules: Sequence[str], weights: Sequence[int], prior: int) -> Samples:
    """Rows to arrays. ``weights`` and ``prior`` in thousandths of a nat, as a policy has them."""
    place = {rule: number for number, rule in enumerate(rules)}
    people: dict[str, int] = {}
    sources: dict[str, int] = {}
    plain: list[tuple[int, int, bool, float, bool, int]] = []
    at_row: list[int] = []
    at_rule: list[int] = []
    values: list[int] = []
    for row in rows:
        belief = believed(row.beliefs)
        if belief is not None:
            sources[belief.source] = sources.get(belief.source, 0) + 1
        person = people.setdefault(row.actor, len(people))
        attack = belief is not None and belief.attack
        trust = belief.reliability / 100 if belief is not None else 0.0
        for rule, term in row.terms:
            number = place.get(rule)
            if number is not None:
                at_row.append(len(plain))
                at_rule.append(number)
                values.append(term)
        plain.append((row.time, person, attack, trust, row.challenged, row.entry))
    terms = np.zeros((len(plain), len(rules)), dtype=np.float32)
    if values:
        terms[np.array(at_row), np.array(at_rule)] = np.array(values, dtype=np.float32) / 1000
    columns: list[Any] = list(zip(*plain, strict=True)) if plain else [[], [], [], [], [], []]
    order = np.argsort(np.array(columns[0], dtype=np.int64), kind="stable")
    return Samples(
        rules=tuple(rules),
        weights=np.array(weights, dtype=np.float64) / 1000,
        prior=prior / 1000,
        time=np.array(columns[0], dtype=np.int64)[order],
        person=np.array(columns[1], dtype=np.int64)[order],
        terms=terms[order],
        attack=np.array(columns[2], dtype=np.bool_)[order],
        trust=np.array(columns[3], dtype=np.float64)[order],
        challenged=np.array(columns[4], dtype=np.bool_)[order],
        entry=np.array(columns[5], dtype=np.int64)[order],
        sources=dict(sorted(sources.items(), key=lambda item: -item[1])),
    )
