"""Attempts: decide, record, report how they ended.

The steps of an attempt (DESIGN, "One attempt, end to end"): describe it, read the signals, score, demand, decide,
challenge if need be; then one entry with all of that into the log; the answer leaves when the entry is durable.
Between reading the state and folding the new entry there is no ``await``.

When the log cannot commit nothing is allowed: the awaited receipt raises, and so does every later call.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar

import msgspec

from stepwarden.errors import ConflictError, NotFoundError, PolicyError, PrunedError
from stepwarden.events.attempt import Attempt, Method, Outcome
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import AttemptDecided, ChallengeIssued, EventRecorded, OutcomeReported
from stepwarden.events.personal import verify
from stepwarden.events.redaction import redact, refuse_secrets
from stepwarden.flow.answers import Answer, ChallengeOffer, PastEvent, ReasonText, Recorded
from stepwarden.flow.asked import AskedFor, asked_of, fields_of
from stepwarden.flow.deciding import deciding
from stepwarden.flow.facts import Described, Describer, format_position, parse_position
from stepwarden.flow.people import Person, nobody, owner_tokens
from stepwarden.flow.recorder import Appended, Private, Recorder
from stepwarden.flow.state import KEY_HASH
from stepwarden.flow.views import challenge_offer, reason_texts, receipt_view
from stepwarden.ledger.sequencer import Receipt
from stepwarden.ledger.store import LogStore
from stepwarden.policy.policy import Policy
from stepwarden.signals.catalogue import sparse
from stepwarden.signals.travel import Position
from stepwarden.stepup.binding import binding, grant_hash
from stepwarden.stepup.issue import ENTROPY_BYTES, issue, offer

K = TypeVar("K")
V = TypeVar("V")
REMEMBERED_ANSWERS = 20_000
REMEMBERED_ATTEMPTS = 4_096
"""Attempts whose outcome is probably still to come, about 3 kB each; more than may wait for the disk."""
YIELD_EVERY = 64


class Decided(msgspec.Struct, frozen=True):
    """A decision on its way to disk; ``body`` is the hash of the request that it answers."""

    entry: AttemptDecided
    policy: Policy
    appended: Appended
    last: Appended
    offer: ChallengeOffer | None
    body: str


class Attempts:
    """Decides attempts and records how they ended. All calls on the loop's thread."""

    def __init__(
        self,
        recorder: Recorder,
        describer: Describer,
        store: LogStore,
        *,
        asked: AskedFor,
        binding_key: bytes,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._asked = asked
        self._recorder = recorder
        self._state = recorder.state
        self._describer = describer
        self._store = store
        self._binding_key = binding_key
        self._entropy = entropy
        self._by_key: OrderedDict[str, Decided] = OrderedDict()
        self._recent: OrderedDict[int, tuple[AttemptDecided, Position | None, Person | None]] = OrderedDict()

    async def decide(self, attempt: Attempt, *, by: str, idempotency_key: str) -> Answer:
        """Decide, record, and answer once it is durable.

        Raises:
            InputError: a parameter is a secret, by its name or its shape: it must not be recorded.
            ConflictError: the idempotency key was used with another body.
            BusyError: the queue is full; nothing was allowed and nothing recorded.
        """
        refuse_secrets(attempt.parameters)
        key, body = "", ""
        if idempotency_key:
            key, body = self._key(attempt, by, idempotency_key)
            before = self._by_key.get(key) or self._from_log(key)
            if before is not None:
                if before.body != body:
                    raise ConflictError("this idempotency key was used for another request")
                if self._recorder.refused is not None:
                    raise self._recorder.refused  # what a log in doubt once answered is no answer now
                return self._answer(before, await asyncio.shield(before.last.durable))
        decided = self._decide(attempt, by, key, body)
        if key:
            _remember(self._by_key, key, decided, REMEMBERED_ANSWERS)
        return self._answer(decided, await decided.last.durable)

    def _decide(self, attempt: Attempt, by: str, key: str, body: str) -> Decided:
        recorder, state = self._recorder, self._state
        if state.policy is None:
            raise PolicyError("no policy is live: nothing can be allowed")
        now = recorder.now()
        described, owner = self._describe(attempt, now)
        facts = described.facts
        bound = ""

        def bind() -> str:
            nonlocal bound
            bound = bound or self._bound(attempt, facts.actor, facts.session)
            return bound

        grant = grant_hash(attempt.grant) if attempt.grant else ""
        decision = deciding(state, facts, now=now, bind=bind, grant=grant)
        found, policy = decision.judgement, decision.policy
        assessment = found.assessment
        private = recorder.private(owner, described.personal)
        entry = AttemptDecided(
            time=now,
            id=recorder.new_id(),
            key=key + body,
            by=by,
            facts=facts,
            signals=sparse(found.values, policy.signals),
            evidence=assessment.evidence,
            score=assessment.score,
            risk=assessment.risk,
            demand=assessment.demand,
            standing=found.standing,
            decision=found.verdict,
            policy=policy.hash,
            binding=bound,
            grant=grant if found.granted is not None else "",
            beside=decision.beside,
        )
        appended = recorder.append(entry, private)
        recent = (entry, described.position, private.person)
        _remember(self._recent, appended.index, recent, REMEMBERED_ATTEMPTS)
        offered, last = None, appended
        if found.verdict == "step_up":
            offered, last = self._challenge(attempt, owner, entry, appended)
        return Decided(entry, policy, appended, last, offered, body)

    def _challenge(
        self, attempt: Attempt, owner: str, entry: AttemptDecided, decided: Appended
    ) -> tuple[ChallengeOffer | None, Appended]:
        """Issue a challenge for a step-up, or offer the one that is open for the same action."""
        entropy = self._entropy(ENTROPY_BYTES)
        stepup = self._state.stepup
        asked = asked_of(attempt)
        private: Private | None = None
        digests: dict[str, str] = {}
        if (
            attempt.actor
        ):  # whose challenge it is says under whose key it is sealed: nobody's has nothing to show
            private, digests = self._recorder.committed(owner, fields_of(asked))
        entry_to_log, offered = issue(
            stepup, entry, decided.index, now=entry.time, entropy=entropy, by=entry.by, personal=digests
        )
        if entry_to_log is None:
            return challenge_offer(offered), decided
        issued = self._recorder.append(entry_to_log, private)
        self._asked.remember(entry_to_log.challenge, asked)
        # Folding may have found that the person has been asked too often: ask the state, not the draft.
        opened = stepup.challenge(entry_to_log.challenge)
        return challenge_offer(offer(stepup, entry_to_log, ready=opened is not None and opened.ready)), issued

    def _answer(self, decided: Decided, receipt: Receipt) -> Answer:
        entry = decided.entry
        return Answer(
            id=decided.appended.name,
            decision=entry.decision,
            risk=entry.risk / 1_000_000,
            reasons=reason_texts(decided.policy, entry),
            demand=entry.demand,
            policy=entry.policy,
            receipt=receipt_view(decided.appended.index, receipt),
            challenge=decided.offer,
        )

    def _bound(self, attempt: Attempt, actor: str, session: str) -> str:
        """The keyed binding: a leaf must not let anybody guess amounts and payees by hashing them."""
        plain = binding(attempt.action, actor, session, attempt.resource, attempt.parameters)
        return blake2b(plain.encode(), key=self._binding_key, digest_size=32).hexdigest()

    def _key(self, attempt: Attempt, by: str, idempotency_key: str) -> tuple[str, str]:
        """What stands for a caller's key and for the request's body: keyed, for the leaf must not let anybody guess."""
        return (
            self._keyed(f"{by}\n{idempotency_key}".encode()),
            self._keyed(msgspec.json.encode(attempt, order="sorted")),
        )

    def _keyed(self, data: bytes) -> str:
        return blake2b(
            data, key=self._binding_key, person=b"idempotency", digest_size=KEY_HASH // 2
        ).hexdigest()

    def _from_log(self, key: str) -> Decided | None:
        """The decision that this key got before the last start."""
        index = self._state.answered.get(key)
        if index is None:
            return None
        if index < self._state.floor:
            # Never decided anew: whoever repeats a key must not get another answer than the first.
            raise PrunedError("the answer to this idempotency key was pruned: use a new one")
        entry = self._entry(index)
        if not isinstance(entry, AttemptDecided):
            return None
        done: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        head = self._recorder.sequencer.head
        done.set_result(Receipt(size=head.size, checkpoint=head.checkpoint))
        appended = Appended(index, f"{index}-{entry.id}", done)
        policy = self._state.policy_of(entry.policy)
        return Decided(entry, policy, appended, appended, self._still_open(index), entry.key[KEY_HASH:])

    def _still_open(self, decision: int) -> ChallengeOffer | None:
        """The challenge that was issued right after this decision, if it has not ended."""
        issued = self._entry(decision + 1)
        if not isinstance(issued, ChallengeIssued) or issued.previous != decision:
            return None
        stepup = self._state.stepup
        opened = stepup.challenge(issued.challenge)
        return challenge_offer(offer(stepup, issued, ready=opened.ready)) if opened else None

    def decided(self, index: int) -> AttemptDecided | None:
        """The attempt at ``index``, by whatever name; None where there is none, or it was pruned."""
        recent = self._recent.get(index)
        if recent is not None:
            return recent[0]
        known = self._state.floor <= index < self._recorder.sequencer.head.size
        entry = self._entry(index) if known else None
        return entry if isinstance(entry, AttemptDecided) else None

    def reasons(self, decided: AttemptDecided) -> tuple[ReasonText, ...]:
        """Why it was decided so, in words."""
        return reason_texts(self._state.policy_of(decided.policy), decided)

    def _entry(self, index: int) -> object:
        for leaf in self._store.leaves(index, index + 1):
            return decode_trusted(leaf)
        return None

    def find(self, attempt_id: str) -> tuple[int, AttemptDecided, Position | None, Person | None]:
        """The attempt of this public name, where it took place, and whose it is (None once they are erased).

        Raises:
            NotFoundError: there is none; the same whether the index, or only the random part, is wrong.
        """
        missing = NotFoundError("there is no such attempt")
        number, _, random = attempt_id.partition("-")
        if not (number.isascii() and number.isdigit() and len(number) <= 15 and str(int(number)) == number):
            raise missing
        index = int(number)
        if index >= self._state.size:
            raise missing
        if index < self._state.floor:
            raise PrunedError(f"attempt {index} was pruned: it is in the sealed archive")
        recent = self._recent.get(index)
        if recent is not None:
            entry: object = recent[0]
        else:
            entry = self._entry(index) if index < self._recorder.sequencer.head.size else None
        if not isinstance(entry, AttemptDecided) or entry.id != random:
            raise missing
        position, person = recent[1:] if recent is not None else self._opened(index, entry)
        return index, entry, position, person

    def _opened(self, index: int, entry: AttemptDecided) -> tuple[Position | None, Person | None]:
        """Place and owner of an attempt that is no longer in memory, from its opening; none once erased."""
        person = self._recorder.people.owner(entry)
        if person is None:
            return None, None
        for sealed in self._store.openings(index, index + 1):
            if sealed:
                values = verify(entry.personal, self._recorder.people.unseal(person, index, sealed))
                return parse_position(values.get("place", "")), person
        return None, None

    def forget(self, actor: str, address: str) -> None:
        """Where attempts of somebody who is erased took place, and their key (see ``people.owner_tokens``)."""
        for index, (entry, _, _) in list(self._recent.items()):
            if owner_tokens(entry) == (actor, address):
                self._recent[index] = (entry, None, None)
        if actor:
            self._describer.places.forget(actor)
            self._asked.clear()

    async def report(
        self, attempt_id: str, *, outcome: Outcome, proved: Sequence[Method], session: str, by: str
    ) -> Recorded:
        """Record how an attempt ended. ``unknown`` may be followed by one ``success`` or ``failure``.

        Raises:
            NotFoundError: there is no such attempt.
            ConflictError: its outcome has been reported already.
        """
        index, decided, position, person = self.find(attempt_id)
        if self._state.outcomes.get(index, "unknown") != "unknown":
            raise ConflictError("the outcome of this attempt has been reported already")
        facts = msgspec.structs.replace(
            decided.facts, outcome=outcome, proved=tuple(proved) or decided.facts.proved
        )
        learn = outcome == "success" and decided.decision == "allow"
        place = format_position(position) if learn and position is not None else ""
        recorder = self._recorder
        # Their rows went ahead with the attempt. Not by their id: whoever was erased meanwhile is somebody else now.
        private = Private(person, {"place": place}, (), "") if place and person is not None else None
        entry = OutcomeReported(
            time=recorder.now(),
            id=recorder.new_id(),
            previous=index,
            by=by,
            facts=facts,
            decision=decided.decision,
            session=self._describer.session(session),
            learn=learn,
        )
        appended = recorder.append(entry, private)
        if learn and position is not None:
            self._describer.places.arrived(facts.actor, position, facts.time)
        receipt = await appended.durable
        return Recorded(id=appended.name, receipt=receipt_view(appended.index, receipt))

    async def record(self, events: Sequence[PastEvent], *, by: str) -> Recorded:
        """Record what happened elsewhere, without deciding. Lets decisions through between its entries."""
        appended: Appended | None = None
        for number, event in enumerate(events, start=1):
            appended = self._record(event, by)
            if number % YIELD_EVERY == 0:
                # Waiting for the disk here keeps a batch from filling the queue that decisions need.
                await appended.durable
        if appended is None:
            head = self._recorder.sequencer.head
            return Recorded(
                id="", receipt=receipt_view(-1, Receipt(size=head.size, checkpoint=head.checkpoint)), count=0
            )
        receipt = await appended.durable
        return Recorded(id=appended.name, receipt=receipt_view(appended.index, receipt), count=len(events))

    def _describe(self, attempt: Attempt, time: int) -> tuple[Described, str]:
        """The facts of an attempt, and under whose key its personal fields are sealed."""
        if attempt.actor:
            person, _ = self._recorder.people.find_or_make(attempt.actor)
            return self._describer.describe(attempt, actor=person.token, time=time), attempt.actor
        described = self._describer.describe(attempt, actor="", time=time)
        return described, nobody(described.facts.address)

    def _record(self, event: PastEvent, by: str) -> Appended:
        recorder, attempt = self._recorder, event.attempt
        now = recorder.now()
        time = now if event.time is None else max(0, min(event.time, now))
        described, owner = self._describe(attempt, time)
        private = recorder.private(owner, described.personal)
        entry = EventRecorded(
            time=now,
            id=recorder.new_id(),
            by=by,
            facts=described.facts,
            source=redact(event.source),
        )
        appended = recorder.append(entry, private)
        self._arrived(described)
        return appended

    def _arrived(self, described: Described) -> None:
        facts = described.facts
        if facts.outcome == "success" and facts.actor and described.position is not None:
            self._describer.places.arrived(facts.actor, described.position, facts.time)


def _remember(known: OrderedDict[K, V], key: K, value: V, limit: int) -> None:
    known[key] = value
    if len(known) > limit:
        known.popitem(last=False)
