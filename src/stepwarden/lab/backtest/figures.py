"""The figures of a back-test: what a candidate would have answered, held against another policy, usually the live one.

``before`` is always the policy that it is held against, ``after`` the candidate. A **challenge** is a step-up; a
**refusal** a denial; **stopped** is either.
"""

import msgspec

from stepwarden.lab.accuracy.intervals import Estimate


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """A policy."""

    name: str
    hash: str


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of both policies, and the difference. None where there is nothing to divide by; see ``resample``."""

    before: Estimate | None
    after: Estimate | None
    change: Estimate | None


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that is answered otherwise. ``entry`` is its public id; risks in parts per million.

    ``reasons``: of a challenge or refusal that is added, why; of one that goes away, why there had been one.
    """

    entry: str
    time: int
    actor: str
    action: str
    address_kind: str
    before: str
    after: str
    risk_before: int
    risk_after: int
    outcome: str
    ended: str
    label: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which answers changed: how often, for how many people, by which rules, and examples.

    ``rules``: how often each rule is evidence of one of the two policies and not of the other, most frequent first.
    """

    name: str
    attempts: int
    people: int
    rules: tuple[tuple[str, int], ...]
    examples: tuple[Example, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The attempts of one action, or of one kind of people or addresses: the share of them that is stopped."""

    kind: str
    name: str
    attempts: int
    people: int
    stopped: Pair
    refused_before: int
    refused_after: int


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """Attacks of one technique or simulated campaign: how many are stopped, weighted by how reliable their labels are.

    ``weight`` is the sum of the reliabilities; ``won`` and ``lost`` how many are stopped now, or not any more.
    """

    name: str
    attempts: int
    weight: float
    stopped: Pair
    won: int
    lost: int


class Friction(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs people: stops of attempts that neither failed nor are known as attacks.

    ``per_100_sessions``: a session is a sign-in that ended well. ``p50``..``p99``: stops per person in all of
    the history.
    """

    people: int
    sessions: int
    per_100_sessions: Pair
    p50: Pair
    p95: Pair
    p99: Pair


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All of a back-test. ``first`` and ``last`` in microseconds; ``mode`` is ``fold``, ``columns`` or ``both``.

    ``recorded`` is how many of the attempts that ``before`` had decided itself it decides as it then did, of how many.
    ``answers`` is 3 x 3: ``before``'s verdict (allow, step up, deny) by the candidate's.
    """

    candidate: Named
    before: Named
    mode: str
    seed: int
    attempts: int
    people: int
    first: int
    last: int
    recorded: tuple[int, int]
    answers: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
    turns: tuple[Turn, ...]
    friction: Friction
    actions: tuple[Group, ...]
    cohorts: tuple[Group, ...]
    attacks: tuple[Caught, ...]
    labelled: Caught | None
    missed: tuple[Example, ...]
    benign: Group | None

    def summary(self) -> str:
        """In one line."""
        words = [f"{turn.attempts:,} {turn.name}" for turn in self.turns]
        caught = (
            f"; labelled attacks: {self.labelled.won:,} won, {self.labelled.lost:,} lost"
            if self.labelled
            else ""
        )
        return f"{self.attempts:,} attempts against {self.before.hash[:12]}: {', '.join(words)}{caught}"
