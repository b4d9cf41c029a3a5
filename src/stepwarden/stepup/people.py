"""What is known of each person's factors: credentials, what is used up of them, and wrong answers in a row.

Wrong answers are counted per account and factor, over all challenges and sessions, and only a right answer
by that factor, or removing it altogether, sets the count back. Each 10th wrong answer locks the factor, for
1 minute, then 2, 4, 8 ... 256; the 100th locks it for good (NIST SP 800-63B section 3.2.2).

>>> [lock_after(wrong) for wrong in (9, 10, 20, 90)]
[0, 60, 120, 15360]

A recovery code begins a hold: for ``HOLD`` (24 hours) factors cannot be changed by it, so that whoever stole the
codes is seen by the person first; then, for ``HOLD_ENDS`` (7 days from the first code), another code will do. A pass
by any real factor shows that nothing was lost, and ends it.

Records live as long as the person has a factor: a counter that could be pushed out of memory would be no
counter. What has no credential cannot be passed and needs none.

Not here: secrets. They are handed to the gate by whoever keeps them (``FactorSecrets``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from stepwarden.events.entries import ChallengePassed, FactorEnrolled
from stepwarden.stepup.assurance import FACTORS, TABLE, FactorKind, kind_of

HOUR = 3_600_000_000
HOLD = 24 * HOUR
HOLD_ENDS = 7 * 24 * HOUR
MAX_CREDENTIALS = 20
"""Of one person and kind."""
WRONG_IN_ALL = 100
WRONG_BEFORE_LOCK = 10
_FIRST_LOCK_SECONDS = 60
FOR_GOOD = 2**62
"""A time in microseconds that no clock reaches."""


class FactorSecrets(Protocol):
    """Where the secrets of factors are kept.

    ``get`` answers from memory or a local read, without waiting for anybody, and the same until it is told
    otherwise. It gives each credential's id and its secret: the TOTP key, or for recovery one item for each
    code, its id being ``<credential id>.<number>`` and its secret what ``factors.recovery.stored`` made; for a
    passkey the id that its authenticator has for it.
    Credentials that the log does not know as enrolled are disregarded.
    """

    def get(self, actor: str, factor: str) -> Sequence[tuple[str, bytes]]: ...


def lock_after(wrong: int) -> int:
    """How many seconds the factor is locked after this many wrong answers in a row; 0: not at all."""
    if wrong == 0 or wrong % WRONG_BEFORE_LOCK:
        return 0
    return _FIRST_LOCK_SECONDS << (wrong // WRONG_BEFORE_LOCK - 1)


class Passkey(msgspec.Struct, frozen=True):
    """What the log knows of a passkey: public key (COSE, base64url), for which site, its counter and backup flags."""

    public_key: str
    rp_id: str
    hardware: bool
    synced: bool
    backed_up: bool
    sign_count: int


@dataclass(slots=True)
class _Credential:
    factor: FactorKind
    count: int
    last_step: int = -1
    used: tuple[str, ...] = ()
    since: int = 0
    last_used: int = 0
    passkey: Passkey | None = None


@dataclass(slots=True)
class _Counter:
    wrong: int = 0
    locked_until: int = 0


@dataclass(slots=True)
class _Person:
    credentials: dict[str, _Credential] = field(default_factory=dict)
    counters: tuple[tuple[str, _Counter], ...] = ()
    """Only of factors that were answered wrongly: most people have none."""
    recovering: int = 0
    """When the hold began (microseconds), 0 for none."""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One credential as the log knows it; times in microseconds, 0 for never."""

    id: str
    factor: FactorKind
    since: int
    last_used: int
    left: int
    passkey: Passkey | None


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

    def strongest(self, actor: str) -> FactorKind | None:
        """The strongest kind that this person has; recovery codes are none."""
        return next((kind for kind in self.enrolled(actor) if kind != "recovery"), None)

    def hardware(self, actor: str) -> bool:
        """Whether one of this person's passkeys gives AAL3."""
        person = self._people.get(actor)
        known = person.credentials.values() if person is not None else ()
        return any(c.passkey is not None and c.passkey.hardware for c in known)

    def listing(self, actor: str) -> tuple[Credential, ...]:
        """All of this person's credentials, in the order of enrolment. ``left``: unused codes."""
        person = self._people.get(actor)
        if person is None:
            return ()
        return tuple(
            Credential(
                id=name,
                factor=known.factor,
                since=known.since,
                last_used=known.last_used,
                left=max(0, known.count - len(known.used)),
                passkey=known.passkey,
            )
            for name, known in person.credentials.items()
        )

    def passkey(self, actor: str, credential: str) -> Passkey | None:
        """A passkey of this person."""
        person = self._people.get(actor)
        known = person.credentials.get(credential) if person is not None else None
        return known.passkey if known is not None else None

    def hold(self, actor: str) -> int:
        """When recovery began (microseconds); 0: it did not."""
        person = self._people.get(actor)
        return person.recovering if person is not None else 0

    def recovery_open(self, actor: str, now: int) -> bool:
        """Whether a recovery code may change factors now: after the hold, and before it is forgotten."""
        began = self.hold(actor)
        return bool(began) and HOLD <= now - began < HOLD_ENDS

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
        if factor == "totp":
            return step > known.last_step
        return credential not in known.used if factor == "recovery" else True

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

    def enrol(self, entry: FactorEnrolled) -> None:
        """A credential was added. Wrong answers stay counted: a second device is no second account."""
        kind = kind_of(entry.factor)
        if kind is None:
            return
        passkey = None
        if kind == "webauthn":
            passkey = Passkey(
                entry.public_key,
                entry.rp_id,
                entry.hardware,
                entry.synced,
                entry.backed_up,
                entry.sign_count,
            )
        person = self._people.setdefault(entry.actor, _Person())
        person.credentials[entry.credential] = _Credential(
            kind, entry.count, since=entry.time, passkey=passkey
        )

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

    def passed(self, entry: ChallengePassed, clock: int) -> None:
        """A right answer was given; it uses up the code."""
        person = self._people.get(entry.actor)
        known = person.credentials.get(_base(entry.credential)) if person is not None else None
        if known is not None:
            known.last_used = entry.time
            if known.factor == "totp":
                known.last_step = max(known.last_step, entry.step)
            elif known.factor == "recovery" and entry.credential not in known.used:
                known.used = (*known.used, entry.credential)
            elif known.passkey is not None:
                known.passkey = msgspec.structs.replace(
                    known.passkey,
                    sign_count=entry.sign_count,
                    # Once it could be copied, whoever has a copy has it for good.
                    hardware=known.passkey.hardware and not entry.synced,
                    synced=entry.synced,
                    backed_up=entry.backed_up,
                )
        if person is not None:
            _hold(person, entry.factor, clock)
        counter = self._counter(entry.actor, entry.factor)
        if counter is not None:
            counter.wrong, counter.locked_until = 0, 0

    def __len__(self) -> int:
        return len(self._people)


def _hold(person: _Person, factor: str, clock: int) -> None:
    if factor == "recovery":
        if not person.recovering or clock - person.recovering >= HOLD_ENDS:
            person.recovering = clock
    elif (kind := kind_of(factor)) is not None and TABLE[kind].second > 1:
        person.recovering = 0
