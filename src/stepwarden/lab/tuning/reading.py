"""Histories to learn from: the installation's own log, or a simulation whose truth is known.

Of the own log every attempt is weighed anew by the policy in question, on the signals that its entry recorded, so
that all terms are of one policy whatever was in force then. What is believed of an attempt is what was said and seen of
it by the end of the log.

Not here: what is learned (``fit``), and what is believed most (``samples``).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stepwarden.errors import InputError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import (
    AttemptDecided,
    ChallengeExpired,
    ChallengeFailed,
    ChallengeIssued,
    Entry,
    EventRecorded,
    FactorEnrolled,
    FactorRemoved,
    LabelApplied,
    OutcomeReported,
    SessionRevoked,
)
from stepwarden.lab.entries import ending
from stepwarden.lab.tuning.patterns import Event, Pattern, Patterns
from stepwarden.lab.tuning.samples import SHOWN, Belief, Row, Samples, believed, gather
from stepwarden.policy.policy import Policy
from stepwarden.signals.actions import is_sign_in
from stepwarden.signals.catalogue import CATALOGUE, dense

if TYPE_CHECKING:
    import polars

CERTAIN: Final = 100
CONFIRMED: Final = 50
"""Percent: an attack that is believed less is not called confirmed."""
_NEW: Final = ("new_country", "new_device", "new_asn")
_VERDICTS: Final = {"step_up": ", stepped up", "deny": ", refused", "allow": ""}


@dataclass(slots=True)
class _Attempt:
    index: int
    entry: AttemptDecided
    beliefs: list[Belief] = field(default_factory=list)
    outcome: str = "unknown"


@dataclass(slots=True)
class History:
    """What was read: the samples, and the steps that preceded confirmed attacks."""

    samples: Samples
    patterns: list[Pattern]


def own_log(
    leaves: Iterable[bytes], policy: Policy, progress: Callable[[int], None], *, first: int = 0
) -> History:
    """The history of a log, oldest leaf first; of a pruned one ``first`` is the index of that leaf.

    Raises:
        InputError: the log holds no attempt.
    """
    attempts: dict[int, _Attempt] = {}
    challenges: dict[str, int] = {}
    beside: list[tuple[int, str, str]] = []
    for index, leaf in enumerate(leaves, start=first):
        entry = decode_trusted(leaf)
        if isinstance(entry, AttemptDecided):
            attempts[index] = _Attempt(index, entry, outcome=entry.facts.outcome)
        else:
            _join(entry, attempts, challenges)
            what = _beside(entry)
            if what:
                beside.append((entry.time, getattr(entry, "actor", ""), what))
        if index % 4_096 == 0:
            progress(index)
    if not attempts:
        raise InputError("the log holds no attempt to learn from")
    kinds = {spec.name: type(spec.default) for spec in (*CATALOGUE, *policy.signals)}
    return History(
        samples=gather(
            (_row(one, policy, kinds) for one in attempts.values()),
            rules=[rule.id for rule in policy.rules],
            weights=[rule.weight for rule in policy.rules],
            prior=policy.prior,
        ),
        patterns=_patterns(attempts.values(), beside),
    )


def simulated(directory: Path, policy: Policy) -> History:
    """A simulation's attempts, whose truth is known; probes are left out, since they happened to nobody.

    Raises:
        InputError: the directory holds no simulation, or one by another policy.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(
            directory / "attempts.parquet",
            columns=["time", "person", "campaign", "probe", "action", "decision", "rules", "right"],
        ).filter(~pl.col("probe"))
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise InputError(f"{directory} holds no simulation that can be read: {exc}") from exc
    spelled: dict[str, list[tuple[str, int]]] = {}

    def rows() -> Iterator[Row]:
        columns = frame.select("time", "person", "campaign", "decision", pl.col("rules").cast(pl.String))
        for number, (time, person, campaign, decision, rules) in enumerate(columns.iter_rows()):
            terms = spelled.get(rules)
            if terms is None:
                terms = spelled[rules] = _terms(rules)
            yield Row(
                time=time,
                # Attackers resample apart from the people whose accounts they try.
                actor=f"{person}" if campaign < 0 else f"campaign {campaign}",
                terms=terms,
                beliefs=[Belief("simulation", campaign >= 0, CERTAIN)],
                challenged=decision != "allow",
                entry=number,
            )

    samples = gather(
        rows(),
        rules=[rule.id for rule in policy.rules],
        weights=[rule.weight for rule in policy.rules],
        prior=policy.prior,
    )
    return History(samples=samples, patterns=_simulated_patterns(frame))


def _terms(spelled: str) -> list[tuple[str, int]]:
    found = []
    for part in spelled.split():
        rule, _, weight = part.rpartition(":")
        found.append((rule, int(weight.rstrip("!"))))
    return found


def _join(entry: Entry, attempts: dict[int, _Attempt], challenges: dict[str, int]) -> None:
    match entry:
        case OutcomeReported(previous=previous, facts=facts):
            if previous in attempts and facts.outcome != "unknown":
                attempts[previous].outcome = facts.outcome
                if facts.outcome == "success":
                    attempts[previous].beliefs.append(SHOWN["worked"])
        case ChallengeIssued(challenge=challenge, previous=previous):
            challenges[challenge] = previous
        case LabelApplied(previous=previous, label=label, source=source, reliability=reliability):
            if previous in attempts:
                attempts[previous].beliefs.append(Belief(source, label == "attack", reliability))
        case _:
            ended = ending(entry)
            attempt = attempts.get(challenges.pop(ended[0], -1)) if ended is not None else None
            if ended is not None and attempt is not None:
                attempt.beliefs.append(SHOWN[ended[1]])


def _row(attempt: _Attempt, policy: Policy, kinds: dict[str, type]) -> Row:
    entry = attempt.entry
    # By name: what another policy called the same, it measured in its own way; what only it has is left out.
    signals = {name: value for name, value in entry.signals.items() if kinds.get(name) is type(value)}
    found = policy.assess(entry.facts, dense(signals, policy.signals), entry.standing)
    return Row(
        time=entry.facts.time,
        actor=entry.facts.actor or f"nobody at {entry.facts.address}",
        terms=[(one.rule, one.weight) for one in found.evidence],
        beliefs=attempt.beliefs,
        challenged=entry.decision != "allow",
        entry=attempt.index,
    )


def _beside(entry: Entry) -> str:
    """What an entry that is no attempt tells of a person, in words; "" for what tells nothing."""
    match entry:
        case ChallengeFailed(reason="denied"):
            return "a challenge was denied"
        case ChallengeFailed():
            return "a challenge was failed"
        case ChallengeExpired():
            return "a challenge was left unanswered"
        case FactorEnrolled():
            return "a factor was enrolled"
        case FactorRemoved():
            return "a factor was removed"
        case SessionRevoked():
            return "a session was ended"
        case EventRecorded(facts=facts):
            return f"{facts.action} {facts.outcome}"
        case _:
            return ""


def _patterns(attempts: Iterable[_Attempt], beside: Sequence[tuple[int, str, str]]) -> list[Pattern]:
    events = [Event(time, actor, "", what, None) for time, actor, what in beside]
    for one in attempts:
        facts = one.entry.facts
        belief = believed(one.beliefs)
        sure = belief is not None and belief.reliability >= CONFIRMED
        events.append(
            Event(
                facts.time, facts.actor, facts.address, _said(one), belief.attack if belief and sure else None
            )
        )
    finder = Patterns()
    for event in sorted(events, key=lambda event: event.time):
        finder.add(event)
    return finder.found(least=2)


def _said(attempt: _Attempt) -> str:
    entry = attempt.entry
    new = next((name.replace("_", " ") for name in _NEW if entry.signals.get(name)), "")
    name = "sign-in" if is_sign_in(entry.facts.action) else entry.facts.action
    ended = " failed" if attempt.outcome == "failure" else ""
    return f"{name}{ended}{_VERDICTS[entry.decision]}{', ' + new if new else ''}"


def _simulated_patterns(frame: "polars.DataFrame") -> list[Pattern]:
    finder = Patterns()
    columns = frame.select("time", "person", "campaign", "action", "decision", "right")
    for time, person, campaign, action, decision, right in columns.iter_rows():
        name = "sign-in" if is_sign_in(action) else action
        what = f"{name}{'' if right else ' failed'}{_VERDICTS[decision]}"
        finder.add(Event(time, str(person), "", what, campaign >= 0 and right))
    return finder.found(least=2)
