"""The chain of steps before an attempt: what the same person, session, device, address and network did, and what
changed about the person's credentials; and from there one step further.

The log is read backwards from the attempt. A step belongs to the chain when it shares a token with the attempt, or
with an earlier link of the chain that was out of the ordinary (it was not simply allowed, it failed, something
was new, or it touched a credential): the address from which a password was guessed yesterday leads on to whatever else
came from there. Steps of the same kind within an hour are one link with a count.

>>> trace = collect(lambda start, stop: iter(()), 0)
Traceback (most recent call last):
  ...
stepwarden.errors.NotFoundError: the log has no entry 0

What was said later (how an attempt ended, what somebody found out about it) is looked up after it.

Nothing is opened: the chain speaks of tokens, which are numbered in the order in which they are met ("address 1" is
the attempt's own). Not here: words and tables (``trace_words``), the drawing (``trace_graph``).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stepwarden.errors import InputError, NotFoundError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeAnswered,
    ChallengeExpired,
    ChallengeFailed,
    ChallengePassed,
    Entry,
    EventRecorded,
    LabelApplied,
    OutcomeReported,
)
from stepwarden.events.facts import Facts
from stepwarden.lab.trace_links import CREDENTIAL_KINDS, Subject, subject_of

Relation = Literal["session", "credential", "device", "address", "actor", "network"]
RELATIONS: Final[tuple[Relation, ...]] = ("session", "credential", "device", "address", "actor", "network")
"""Strongest first: what makes it most likely that two steps are one doing."""
Leaves = Callable[[int, int], Iterable[bytes]]

CHUNK: Final = 4_096
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
MOST_TOKENS: Final = 256
"""Tokens that are followed: a shared proxy must not pull the whole log in."""
_SAID_LATER: Final = (
    b'"outcome.reported"',
    b'"label.applied"',
    b'"challenge.passed"',
    b'"challenge.failed"',
    b'"challenge.expired"',
)
FURTHEST: Final = 2
"""Links between the attempt and the farthest step."""


@dataclass(slots=True, kw_only=True)
class Link:
    """One kind of step, ``count`` times within an hour; ``first`` to ``last`` in microseconds.

    ``own``: by the person whose attempt is traced. ``relations``: what it shares with the attempt or with a link of the
    chain; ``hop`` how far from the attempt that is, 1 or 2. ``index`` is its first entry, ``rules`` the weights of the
    rules that held. ``notable``: out of the ordinary.
    """

    index: int
    first: int
    last: int
    kind: str
    action: str
    verdict: str
    outcome: str
    own: bool
    hop: int
    subject: Subject
    relations: tuple[Relation, ...]
    count: int = 1
    accounts: set[str] = field(default_factory=set)
    rules: dict[str, int] = field(default_factory=dict)
    label: str = ""
    notable: bool = False


@dataclass(slots=True, kw_only=True)
class Trace:
    """``target`` is the attempt, ``links`` what led to it, oldest first. ``read`` entries were looked at, back to
    ``since`` (microseconds); ``left_out`` links were dropped, the ordinary ones first. ``floor``: where reading ended
    because everything before it was pruned; 0 where it did not."""

    target: Link
    links: list[Link]
    read: int
    since: int
    left_out: int
    floor: int
    names: dict[tuple[str, str], str]


def collect(
    leaves: Leaves,
    index: int,
    *,
    first: int = 0,
    size: int = 0,
    days: int = 30,
    most: int = 60,
    reach: int = 2_000_000,
    progress: Callable[[int], None] = lambda done: None,
) -> Trace:
    """The chain before the attempt at ``index``.

    Args:
        leaves: the log's leaves from one index to before another, in order.
        first: the index of the oldest entry that the log still holds.
        size: of the log; what stands after the attempt is asked how it ended and what it was labelled.
        days: how far back, 1 to 3,650.
        most: links that are kept, 1 to 1,000.
        reach: entries that are read, at most, in either direction.
        progress: told how many entries were read.

    Raises:
        NotFoundError: there is no such entry, or it is no attempt.
        InputError: a number is out of range.
    """
    if not 1 <= days <= 3_650 or not 1 <= most <= 1_000:
        raise InputError("a trace goes back 1 to 3,650 days and has 1 to 1,000 links", field="days")
    found = [decode_trusted(leaf) for leaf in leaves(index, index + 1)]
    if not found:
        raise NotFoundError(f"the log has no entry {index}")
    entry = found[0]
    if not isinstance(entry, AttemptDecided | EventRecorded):
        raise NotFoundError(
            f"entry {index} is no attempt but {type(entry).__name__}: trace the attempt that it is about"
        )
    chain = _Chain(entry, index, since=entry.facts.time - days * DAY)
    for later in _afterwards(leaves, index + 1, min(size, index + reach)):
        chain.hear(later)
    chain.settle()
    read, floor = 0, first
    for at, before in _backwards(leaves, index, max(first, index - reach)):
        read += 1
        if read % CHUNK == 0:
            progress(read)
        if before.time < chain.since:
            floor = 0
            break
        chain.take(at, before)
    return chain.trace(read, most, floor if index - read == first else 0)


def _backwards(leaves: Leaves, stop: int, first: int) -> Iterator[tuple[int, Entry]]:
    while stop > first:
        start = max(first, stop - CHUNK)
        block = list(leaves(start, stop))
        for offset in range(len(block) - 1, -1, -1):
            yield start + offset, decode_trusted(block[offset])
        stop = start


def _afterwards(leaves: Leaves, start: int, stop: int) -> Iterator[Entry]:
    for begin in range(start, stop, CHUNK):
        for leaf in leaves(begin, min(stop, begin + CHUNK)):
            # Decoding costs more than all else here, and few entries are about others.
            if any(kind in leaf for kind in _SAID_LATER):
                yield decode_trusted(leaf)


class _Chain:
    """Takes entries in, newest first."""

    def __init__(self, entry: AttemptDecided | EventRecorded, index: int, *, since: int) -> None:
        self.since = since
        self._actor = entry.facts.actor
        self._hops: dict[tuple[Relation, str], int] = {}
        self._outcomes: dict[int, str] = {}
        self._labels: dict[int, str] = {}
        self._challenges: dict[str, str] = {}
        self._links: dict[tuple[object, ...], Link] = {}
        self._target = self._link(entry, index, ())
        self._follow(self._target.subject, 1)

    def take(self, index: int, entry: Entry) -> None:
        """One entry earlier than all before it."""
        said = self._said(entry)
        if said is not None:
            # It is met before what it is about, and after whatever was said of that later.
            known_words, key_of, word = said
            known_words.setdefault(key_of, word)
        subject = subject_of(entry)
        if subject is None:
            return
        relations = self._shared(subject, entry)
        if not relations:
            return
        link = self._link(entry, index, relations)
        link.hop = min(self._hops[name, _token(subject, name)] for name in relations)
        if link.notable and link.hop < FURTHEST:
            self._follow(subject, link.hop + 1)
        key = (
            link.last // HOUR, link.kind, link.action, link.verdict, link.outcome, link.own, link.notable, link.label,
            relations, subject.address if not link.own else "",
        )  # fmt: skip
        known = self._links.get(key)
        if known is None:
            self._links[key] = link
            return
        known.first, known.index = min(known.first, link.first), link.index
        known.count += 1
        known.accounts |= link.accounts
        for rule, weight in link.rules.items():
            known.rules[rule] = max(weight, known.rules.get(rule, weight))

    def trace(self, read: int, most: int, floor: int) -> Trace:
        ranked = sorted(self._links.values(), key=_importance)
        kept = sorted(ranked[:most], key=lambda link: (link.last, link.index))
        return Trace(
            target=self._target,
            links=kept,
            read=read,
            since=self.since,
            left_out=len(ranked) - len(kept),
            floor=floor,
            names=_names([*kept, self._target]),
        )

    def settle(self) -> None:
        """All that was said after the attempt has been remembered: the attempt itself gets its share of it."""
        index = self._target.index
        self._target.outcome = self._outcomes.get(index, self._target.outcome)
        self._target.label = self._labels.get(index, "")

    def hear(self, entry: Entry) -> None:
        """One entry later than all before it: of what is said of an earlier one the last word counts."""
        said = self._said(entry)
        if said is not None:
            known, key, word = said
            known[key] = word

    def _said(self, entry: Entry) -> tuple[dict[Any, str], int | str, str] | None:
        """What the entry says of an earlier one: where that is kept, of which, and what."""
        match entry:
            case OutcomeReported(previous=previous, facts=facts):
                return self._outcomes, previous, facts.outcome
            case LabelApplied(previous=previous, label=label):
                return self._labels, previous, label
            case ChallengePassed(challenge=challenge):
                return self._challenges, challenge, "passed"
            case ChallengeFailed(challenge=challenge, reason=reason):
                return self._challenges, challenge, reason
            case ChallengeExpired(challenge=challenge):
                return self._challenges, challenge, "abandoned"
            case _:
                return None

    def _shared(self, subject: Subject, entry: Entry) -> tuple[Relation, ...]:
        shared = tuple(name for name in RELATIONS if (name, _token(subject, name)) in self._hops)
        # A network is shared by many: alone it says something only of what went wrong there.
        if shared == ("network",) and not _went_wrong(entry):
            return ()
        return shared

    def _follow(self, subject: Subject, hop: int) -> None:
        for name in RELATIONS:
            token = _token(subject, name)
            known = self._hops.get((name, token))
            # Other people's own names are not followed: the chain would become the whole site's.
            if not token or known is not None or (name == "actor" and token != self._actor):
                continue
            if len(self._hops) < MOST_TOKENS:
                self._hops[name, token] = hop

    def _link(self, entry: Entry, index: int, relations: tuple[Relation, ...]) -> Link:
        subject = subject_of(entry)
        assert subject is not None  # noqa: S101 - asked before
        verdict = entry.decision if isinstance(entry, AttemptDecided) else ""
        rules = (
            {one.rule: one.weight for one in entry.evidence if one.weight > 0}
            if isinstance(entry, AttemptDecided)
            else {}
        )
        outcome = self._outcome(entry, index)
        time = _time(entry)
        return Link(
            index=index,
            first=time,
            last=time,
            kind=str(entry.__struct_config__.tag),
            action=subject.action,
            verdict=verdict,
            outcome=outcome,
            own=bool(self._actor) and subject.actor == self._actor,
            hop=0,
            subject=subject,
            relations=relations,
            accounts={subject.actor} if subject.actor else set(),
            rules=rules,
            label=self._labels.get(index, ""),
            notable=_went_wrong(entry) or outcome in ("failure", "abandoned", "denied") or bool(rules),
        )

    def _outcome(self, entry: Entry, index: int) -> str:
        if isinstance(entry, AttemptDecided | EventRecorded):
            return self._outcomes.get(index, entry.facts.outcome)
        challenge = getattr(entry, "challenge", "")
        if isinstance(entry, ChallengeAnswered):
            return entry.result
        return self._challenges.get(challenge, "") if challenge else ""


def _time(entry: Entry) -> int:
    """When it happened: events that are recorded later keep their own time."""
    facts: Facts | None = getattr(entry, "facts", None)
    return min(facts.time, entry.time) if facts is not None else entry.time


def _token(subject: Subject, name: Relation) -> str:
    return subject.credential if name == "credential" else str(getattr(subject, name))


def _went_wrong(entry: Entry) -> bool:
    tag = entry.__struct_config__.tag
    if tag in CREDENTIAL_KINDS:
        return True
    if isinstance(entry, AttemptDecided):
        return entry.decision != "allow"
    return isinstance(entry, EventRecorded) and entry.facts.outcome == "failure"


def _importance(link: Link) -> tuple[int, int, int, int]:
    """What is kept first: labelled, then notable, then near, then what shares the strongest thing, then late."""
    strongest = min(RELATIONS.index(name) for name in link.relations)
    return (0 if link.label else 1 if link.notable else 2, link.hop, strongest, -link.last)


def _names(links: Sequence[Link]) -> dict[tuple[str, str], str]:
    """Tokens numbered in the order of being met, the attempt's own first."""
    names: dict[tuple[str, str], str] = {}
    counts: dict[str, int] = {}
    for link in reversed(links):
        for kind in ("actor", "session", "device", "address", "network"):
            token = str(getattr(link.subject, kind))
            if token and (kind, token) not in names:
                counts[kind] = counts.get(kind, 0) + 1
                names[kind, token] = f"{'person' if kind == 'actor' else kind} {counts[kind]}"
    return names
