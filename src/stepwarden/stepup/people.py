"""What is known of each person's factors: credentials, what is used up of them, and wrong answers in a row.

Wrong answers are counted per account and factor, over all challenges and sessions, and only a right answer
by that factor, or removing it altogether, sets the count back. Each 10th wrong answer locks the factor, for
1 minute, then 2, 4, 8 ... 256; the 100th locks it for good (NIST SP 800-63B section 3.2.2).

>>> [lock_after(wrong) for wrong in (9, 10, 20, 90)]
[0, 60, 120, 15360]

Records live as long as the person has a factor: a counter that could be pushed out of memory would be no
counter. What has no credential cannot be passed and needs none.

Not here: secrets. They are handed to the gate by whoever keeps them (``FactorSecrets``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stepwarden.stepup.assurance import FACTORS, FactorKind

WRONG_IN_ALL = 100
WRONG_BEFORE_LOCK = 10
_FIRST_LOCK_SECONDS = 60
FOR_GOOD = 2**62
"""A time in microseconds that no clock reaches."""


class FactorSecrets(Protocol):
    """Where the secrets of factors are kept.

    ``get`` answers from memory or a local read, without waiting for anybody, and the same until it is told
    otherwise. It gives each credential's id and its secret: the TOTP key, or for recovery one item for each
    code, its id being ``<credential id>.<number>`` and its secret what ``factors.recovery.stored`` made.
    Credentials that the log does not know as enrolled are disregarded.
    """

    def get(self, actor: str, factor: str) -> Sequence[tuple[str, bytes]]: ...


def lock_after(wrong: int) -> int:
    """How many seconds the factor is locked after this many wrong answers in a row; 0: not at all."""
    if wrong == 0 or wrong % WRONG_BEFORE_LOCK:
        return 0
    return _FIRST_LOCK_SECONDS << (wrong // WRONG_BEFORE_LOCK - 1)


@dataclass(slots=True)
class _Credential:
    factor: FactorKind
    count: int
    last_step: int = -1
    used: tuple[str, ...] = ()


@dataclass(slots=True)
class _Counter:
    wrong: int = 0
    locked_until: int = 0


@dataclass(slots=True)
class _Person:
    credentials: dict[str, _Credential] = field(default_factory=dict)
    counters: tuple[tuple[str, _Counter], ...] = ()
    """Only of factors that were answered wrongly: most people have none."""


def _base(credential: str) -> str:
    return credential.partition(".")[0]


class People:
    """The factors of all people. Part of the fold of the log: changed by entries only."""

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}

    def enrolled(self, actor: str) -> tuple[FactorKind, ...]:
        """The kinds by which this person can prove themselves; used up recovery codes do not count."""
        person = self._people.get(actor)
        if person is None:
            return ()
        usable = {c.factor for c in person.credentials.values() if not c.count or len(c.used) < c.count}
        return tuple(kind for kind in FACTORS if kind in usable)

    def credentials(self, actor: str, factor: str) -> tuple[str, ...]:
        """The ids of this person's credentials of one kind."""
        person = self._people.get(actor)
        if person is None:
            return ()
        return tuple(name for name, known in person.credentials.items() if known.factor == factor)

    def codes_left(self, actor: str) -> int:
        """How many recovery codes are unused."""
        person = self._people.get(actor)
        known = person.credentials.values() if person is not None else ()
        return sum(max(0, c.count - len(c.used)) for c in known if c.factor == "recovery")

    def fresh(self, actor: str, factor: str, credential: str, step: int) -> bool | None:
        """Whether this use of a credential would be its first; None if there is no such credential.

        Time steps only ever go forward: a code from before the last accepted one is as used as that one.
        """
        person = self._people.get(actor)
        known = person.credentials.get(_base(credential)) if person is not None else None
        if known is None or known.factor != factor:
            return None
        return step > known.last_step if factor == "totp" else credential not in known.used

    def wrong(self, actor: str, factor: str) -> int:
        """Wrong answers in a row."""
        counter = self._counter(actor, factor)
        return counter.wrong if counter is not None else 0

    def locked_until(self, actor: str, factor: str) -> int:
        """Until when (microseconds) no answer is looked at; 0 if never locked."""
        counter = self._counter(actor, factor)
        return counter.locked_until if counter is not None else 0

    def _counter(self, actor: str, factor: str) -> _Counter | None:
        person = self._people.get(actor)
        if person is None:
            return None
        return next((counter for kind, counter in person.counters if kind == factor), None)

    def enrol(self, actor: str, factor: str, credential: str, count: int) -> None:
        """A credential was added. Wrong answers stay counted: a second device is no second account."""
        kind = next((known for known in FACTORS if known == factor), None)
        if kind is not None:
            person = self._people.setdefault(actor, _Person())
            person.credentials[credential] = _Credential(kind, count)

    def remove(self, actor: str, factor: str, credential: str) -> None:
        """A credential is gone; with the last of its kind the count goes, with the last of all the person."""
        person = self._people.get(actor)
        if person is None:
            return
        person.credentials.pop(credential, None)
        if not any(known.factor == factor for known in person.credentials.values()):
            person.counters = tuple(known for known in person.counters if known[0] != factor)
        if not person.credentials:
            del self._people[actor]

    def forget(self, actor: str) -> None:
        """Somebody was erased: their factors and counts go."""
        self._people.pop(actor, None)

    def missed(self, actor: str, factor: str, time: int) -> None:
        """A wrong answer was given at ``time``."""
        person = self._people.get(actor)
        if person is None or not self.credentials(actor, factor):
            return
        counter = self._counter(actor, factor)
        if counter is None:
            counter = _Counter()
            person.counters = (*person.counters, (factor, counter))
        counter.wrong += 1
        seconds = lock_after(counter.wrong)
        if counter.wrong >= WRONG_IN_ALL:
            counter.locked_until = FOR_GOOD
        elif seconds:
            counter.locked_until = time + seconds * 1_000_000

    def passed(self, actor: str, factor: str, credential: str, step: int) -> None:
        """A right answer was given; it uses up the code."""
        person = self._people.get(actor)
        known = person.credentials.get(_base(credential)) if person is not None else None
        if known is not None and factor == "totp":
            known.last_step = max(known.last_step, step)
        elif known is not None and credential not in known.used:
            known.used = (*known.used, credential)
        counter = self._counter(actor, factor)
        if counter is not None:
            counter.wrong, counter.locked_until = 0, 0

    def __len__(self) -> int:
        return len(self._people)
