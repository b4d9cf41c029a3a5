"""The state that signals are read from: a fold of the log's entries, bounded, the same wherever it is
computed.

``read`` gives the values for an attempt that is being decided and changes nothing; the attempt does not
count itself, and its outcome is never looked at. ``fold`` takes in an entry once it is in the log. The same
entries in the same order give the same values, however they are batched, and whether or not the state was
dumped in between.

>>> from stepwarden.signals.limits import STANDARD
>>> state = SignalState(STANDARD)
>>> wrong = Facts(time=60_000_000, action="login", actor="ann", address="a1", outcome="failure")
>>> state.attempted(wrong)
>>> state.ended(wrong, learn=False)
>>> again = Facts(time=61_000_000, action="login", actor="ann", address="a1")
>>> from stepwarden.signals.catalogue import sparse
>>> sparse(state.read(again))["actor_failures_1m"]
1

What is bounded: the number of records of each kind (``Limits``; the longest unused go first), and in each
record the events counted (256), the peers (64), the things known (``habits.KINDS``) and the hours
remembered (96). The limits in force are recorded when the service starts, and a fold of that entry takes
them over, so that a replay forgets what the service forgot.

Time: an event up to an hour older than the newest is counted where it belongs (``windows``).

A session is compared with how it began: what was seen at its first good attempt, or at the sign-in that
opened it. It may begin anew, elsewhere, only with the first good attempt after a passed challenge in it.

Not here: rules and weights (policy), challenges and standings (stepup), where somebody was (``travel``).
"""

from collections.abc import Sequence
from typing import Final, assert_never

from stepwarden.events.entries import (
    Administration,
    AttemptDecided,
    ChallengeAnswered,
    ChallengeCollected,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    ChallengePassed,
    ChallengeReleased,
    ChallengeSent,
    ChallengeWithheld,
    DeviceForgotten,
    DeviceRemembered,
    Entry,
    EventRecorded,
    ExceptionRaised,
    FactorEnrolled,
    FactorRemoved,
    GrantRedeemed,
    KeyRetired,
    KeyRotated,
    LabelApplied,
    LogAnchored,
    LogDoubted,
    LogPruned,
    LogTrusted,
    OutcomeReported,
    PolicyChanged,
    PolicyEmergency,
    PolicyRefused,
    PolicyStepped,
    ServiceStarted,
    ServiceStopped,
    SessionRevoked,
    SubjectErased,
)
from stepwarden.events.facts import Facts
from stepwarden.signals.actions import is_sign_in
from stepwarden.signals.catalogue import Value
from stepwarden.signals.custom import CustomSpec
from stepwarden.signals.habits import NOTHING_NEW, marks
from stepwarden.signals.memory import SWEEP, Memory
from stepwarden.signals.records import (
    LABELS_KEPT,
    NO_ENDS,
    Labels,
    Trouble,
    end,
    withdraw,
)
from stepwarden.signals.sessions import PROVED, began_by, changes
from stepwarden.signals.surprise import COLD, NO_SURPRISE
from stepwarden.signals.windows import (
    DAY,
    HOUR,
    NONE,
    add,
    count,
    distinct,
    lift,
    second_of,
)

Values = tuple[Value, ...]

RELIABLE: Final = 50
"""Percent: a label less reliable than this is recorded, and not counted."""
FASTEST: Final = 1_000_000
CREDENTIAL_ACTIONS: Final = ("credential.", "password.", "mail.", "email.", "factor.", "mfa.", "recovery.")

_NOBODY: Final = (0, 0)
_NO_ATTEMPTS: Final[tuple[int, ...]] = (*NONE, 0, 0)
_NO_LOGIN: Final = (0, *NOTHING_NEW)
_NO_HOURS: Final = (0, False)
_NO_TROUBLE: Final = (0, 0, 0, 0, 0, 0, -1)


class SignalState(Memory):
    """All that signals know. One thread uses it."""

    __slots__ = ()

    # --- read

    def read(self, facts: Facts, custom: Sequence[CustomSpec] = ()) -> Values:
        """The values of all signals, in the catalogue's order, for an attempt at ``facts.time``. Pure.

        Those that a policy defines (``custom``) come last. Raises: ValueError: one of them is not defined.
        """
        values = self._built_in(facts)
        return values + self._custom.values(facts, custom) if custom else values

    def _built_in(self, facts: Facts) -> Values:
        now = second_of(facts.time)
        actor = facts.actor
        address = self._addresses.items.get(facts.address)
        network = self._networks.items.get(facts.network)
        device = self._devices.items.get(facts.device)
        acting = self._active.items.get(actor)
        habit = self._habits.items.get(actor)
        trouble: tuple[int, ...] = _NO_TROUBLE
        attacks, remembered = 0, False
        if self._trouble.items and (found := self._trouble.items.get(actor)) is not None:
            trouble, attacks = found.values(now)
            remembered = bool(facts.remembered) and found.knows(facts.remembered, now)
        labels = self._labels.items.get(facts.address) if self._labels.items else None
        attempts = _NO_ATTEMPTS if acting is None else acting.tries(self._known_action(facts.action), now)
        km = facts.travel_km
        login: tuple[int, ...] = _NO_LOGIN
        surprise = NO_SURPRISE
        if habit is not None:
            news, days = habit.look(marks(facts))
            login = (habit.logins, *news)
            surprise = self._population.surprise(habit, facts, days)
        return (
            *(NO_ENDS if acting is None else acting.ends(now)),
            *(NO_ENDS if address is None else address.ends(now)),
            *(NO_ENDS if network is None else network.ends(now)),
            *(NO_ENDS if device is None else device.ends(now)),
            *attempts,
            *(_NOBODY if address is None else distinct(address.peers, now, address.last)),
            *(_NOBODY if network is None else distinct(network.peers, now, network.last)),
            *(_NOBODY if device is None else distinct(device.peers, now, device.last)),
            *(_NOBODY if acting is None else distinct(acting.peers, now, acting.last)),
            0 if habit is None else lift(habit.busy, habit.closed, attempts[2]),
            *self._site.values(now),
            habit is None,
            *login,
            km,
            # Rounded up: whoever is faster than a whole number of km/h is over it.
            0 if km <= 0 else min(FASTEST, -(-km * HOUR // max(1, facts.travel_s))),
            *(_NO_HOURS if habit is None else habit.near_hour(now)),
            0 if habit is None or now < habit.last else (now - habit.last) // DAY,
            *changes(self._sessions.items.get(facts.session), facts),
            *trouble,
            0 if labels is None else count(labels.attacks, now, LABELS_KEPT),
            attacks,
            remembered,
            facts.identified,
            *surprise,
            habit is None or habit.logins <= COLD,
            *self._spraying.values(now),
        )

    def devices(self, actor: str) -> list[tuple[str, int]]:
        """The remembered devices of an actor, and until which second since 1970."""
        found = self._trouble.items.get(actor)
        return found.devices() if found is not None else []

    def read_custom(self, facts: Facts, custom: Sequence[CustomSpec]) -> Values:
        """The values of these signals alone.

        Raises:
            ValueError: one of them is not defined.
        """
        return self._custom.values(facts, custom)

    # --- fold

    def fold(self, entry: Entry) -> None:
        """Take in one entry of the log. Entries come in the log's order, each once."""
        match entry:
            case AttemptDecided(facts=facts):
                self.attempted(facts)
            case OutcomeReported(facts=facts, session=session, learn=learn, decision=decision, time=time):
                self.ended(facts, learn=learn)
                if facts.outcome == "unknown" and facts.proved and decision == "step_up":
                    self._prompted(facts.actor, second_of(time))
                if session and facts.outcome == "success":
                    self._sessions.put(session, began_by(facts))
            case EventRecorded(facts=facts):
                self.attempted(facts)
                self.ended(facts, learn=facts.outcome == "success")
            case ChallengeIssued(actor=actor, time=time, ready=ready):
                if ready:
                    self._prompted(actor, second_of(time))
            case ChallengeAnswered(actor=actor, time=time, result="wrong" | "replayed" | "locked"):
                self._missed(actor, second_of(time))
            case ChallengeAnswered(actor=actor, time=time, result="cloned"):
                trouble = self._trouble.use(actor)
                trouble.clones = add(trouble.clones, second_of(time), LABELS_KEPT)
                self._missed(actor, second_of(time))
            case ChallengeAnswered():
                pass
            case ChallengeFailed(actor=actor, time=time, reason="denied"):
                trouble = self._trouble.use(actor)
                trouble.denied = add(trouble.denied, second_of(time))
            case ChallengeFailed(actor=actor, time=time):
                self._missed(actor, second_of(time))
            case ChallengeExpired(actor=actor, time=time):
                trouble = self._trouble.use(actor)
                trouble.abandoned = add(trouble.abandoned, second_of(time))
            case ChallengePassed():
                self._passed(entry)
            case ChallengeCollected(session=session):
                self._may_begin_anew(session)
            case DeviceRemembered(actor=actor, device=device, expires=expires):
                self._trouble.use(actor).remember(device, second_of(expires))
            case DeviceForgotten(actor=actor, device=device):
                self._trouble.use(actor).forget_device(device)
            case FactorEnrolled(actor=actor, time=time) | FactorRemoved(actor=actor, time=time):
                self._changed(actor, second_of(time))
            case LabelApplied():
                self._label(entry)
            case ServiceStarted(signal_limits=given):
                self._limit(self.limits.changed_by(given))
            case PolicyChanged() | PolicyRefused() | ExceptionRaised() | Administration() | ServiceStopped():
                pass
            case ChallengeReleased() | ChallengeWithheld() | KeyRotated() | KeyRetired():
                pass
            case ChallengeSent() | SessionRevoked() | GrantRedeemed():
                pass
            case SubjectErased(actor=actor):
                if actor in self._trouble.items:
                    self._trouble.items[actor].forget_device("")
            case (
                LogAnchored()
                | LogDoubted()
                | LogTrusted()
                | LogPruned()
                | PolicyStepped()
                | PolicyEmergency()
            ):
                pass
            case _:
                assert_never(entry)

    def _passed(self, entry: ChallengePassed) -> None:
        # The person was there and meant it: that was no bombing.
        trouble = self._trouble.use(entry.actor)
        trouble.prompts = withdraw(trouble.prompts)
        if entry.backup_changed:
            trouble.backups = add(trouble.backups, second_of(entry.time), LABELS_KEPT)
        if not entry.deferred:
            self._may_begin_anew(entry.session)

    def _may_begin_anew(self, session: str) -> None:
        """A challenge was passed in this session: where it is now is where it is known from."""
        began = self._sessions.items.get(session)
        if began is not None and not began.startswith(PROVED):
            self._sessions.put(session, PROVED + began)

    def attempted(self, facts: Facts) -> None:
        """There was this attempt, whatever came of it: what ``fold`` does for a decision."""
        second = second_of(facts.time)
        actor = facts.actor
        if second > self._clock:
            self._clock = second
        if actor:
            acting = self._active.use(actor)
            acting.tried(facts.address, second)
            acting.acted(self._action(facts.action), second)
        if facts.address:
            self._addresses.use(facts.address).tried(actor, second)
        if facts.network:
            self._networks.use(facts.network).tried(actor, second)
        if facts.device:
            self._devices.use(facts.device).tried(actor, second)
        self._custom.attempted(facts, second)
        self._folds += 1
        if self._folds >= SWEEP:
            self._sweep()

    def ended(self, facts: Facts, *, learn: bool) -> None:
        """The outcome of an attempt is known; habits are learned from a success, where ``learn`` says so."""
        outcome = facts.outcome
        if outcome == "unknown":
            return
        second = second_of(facts.time)
        failed = outcome == "failure"
        self._custom.ended(facts, second, learn=learn)
        if is_sign_in(facts.action):
            newest = max(second, self._clock)
            self._site.add(newest, failed)
            if facts.actor:
                habit = self._habits.items.get(facts.actor)
                strange = habit is None or not habit.knows_place(facts.address, facts.network)
                self._spraying.tried(
                    facts.actor, newest, known=habit is not None, strange=strange, failed=failed
                )
                end(self._active, facts.actor, facts.address, second, failed)
            if facts.address:
                end(self._addresses, facts.address, facts.actor, second, failed)
            if facts.network:
                end(self._networks, facts.network, facts.actor, second, failed)
            if facts.device:
                end(self._devices, facts.device, facts.actor, second, failed)
        if failed or not facts.actor:
            return
        if facts.action.startswith(CREDENTIAL_ACTIONS):
            self._changed(facts.actor, second)
        if learn:
            self._population.learn(self._habits.use(facts.actor), marks(facts), second)
            if facts.session:
                began = self._sessions.items.get(facts.session)
                if began is None or began.startswith(PROVED):
                    self._sessions.put(facts.session, began_by(facts))

    def _prompted(self, actor: str, second: int) -> None:
        """A challenge reached the person: it was issued ready, or its first factor has been proved now."""
        if actor:
            trouble = self._trouble.use(actor)
            trouble.prompts = add(trouble.prompts, second)

    def _missed(self, actor: str, second: int) -> None:
        trouble = self._trouble.use(actor)
        trouble.failures = add(trouble.failures, second)

    def _changed(self, actor: str, second: int) -> None:
        trouble = self._trouble.use(actor)
        trouble.changed = max(trouble.changed, second)

    def _label(self, entry: LabelApplied) -> None:
        records: list[Labels | Trouble] = []
        if entry.actor:
            records.append(self._trouble.use(entry.actor))
        if entry.address:
            records.append(self._labels.use(entry.address))
        for record in records:
            if entry.label == "benign":
                record.attacks = withdraw(record.attacks)
            elif entry.reliability >= RELIABLE:
                record.attacks = add(record.attacks, second_of(entry.time), LABELS_KEPT)
