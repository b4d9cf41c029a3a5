"""What is shown of the life of policies: all of them, one of them with its steps, and a candidate's results so far.

Structs only, as the API and the command line give them out. Times are ISO 8601 in UTC, shares in percent with two
decimals, hashes whole. Pure: from the fold (``lifecycle``) and the compiled policies to these.
"""

from collections.abc import Mapping
from itertools import product

import msgspec

from stepwarden.events.disclosure import rfc3339 as iso
from stepwarden.flow.compared import VERDICTS, Compared
from stepwarden.flow.lifecycle import LifeCycle, Record, Stage, Stepped
from stepwarden.policy.policy import Policy


class StepView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that was taken; `entry` is the index of the entry that says so, `percent` a canary's share."""

    entry: int
    time: str
    step: str
    by: str
    reason: str = ""
    percent: float = 0.0
    alone: bool = False
    digest: str = ""
    summary: str = ""


class PairView(msgspec.Struct, frozen=True, kw_only=True):
    """So many attempts that the live policy and the candidate answer so."""

    live: str
    candidate: str
    count: int


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts at an action; for how many of them the candidate asks for more, for how many for less."""

    action: str
    attempts: int
    more: int
    less: int


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """How often a rule holds for the candidate alone (`added`), and for the live policy alone (`removed`)."""

    rule: str
    technique: str
    added: int
    removed: int


class LabelView(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts with a label, and how many of them each policy lets through (`allow`)."""

    label: str
    attempts: int
    live_lets_through: int
    candidate_lets_through: int


class ChallengesView(msgspec.Struct, frozen=True, kw_only=True):
    """How the challenges ended that the canary asked for."""

    asked: int
    passed: int
    failed: int
    abandoned: int


class ResultsView(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate against the policy that was live then. `decided`: how many attempts the canary has decided.

    `failed` counts attempts at which the candidate could not be evaluated. `techniques` are the rules' sums.
    """

    live: str
    since: str
    attempts: int
    decided: int
    failed: int
    more: int
    less: int
    verdicts: list[PairView]
    actions: list[ActionView]
    rules: list[RuleView]
    techniques: list[RuleView]
    labels: list[LabelView]
    challenges: ChallengesView


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One policy: where in its life it is, and what it was tested by since it was last drafted."""

    policy: str
    name: str
    stage: Stage
    tested: bool = False
    back_tested: bool = False
    tried: bool = False
    percent: float = 0.0
    alone: bool = False
    last: StepView | None = None


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """One policy with its text, its steps and, if it has ever been a candidate, its results."""

    row: PolicyRow
    text: str
    steps: list[StepView]
    results: ResultsView | None = None


class EmergencyView(msgspec.Struct, frozen=True, kw_only=True):
    """Every demand is the highest, since then."""

    entry: int
    time: str
    by: str
    reason: str


class PoliciesView(msgspec.Struct, frozen=True, kw_only=True):
    """All policies that are known; `live`, `candidate` and `before` (what a rollback leads to) are hashes or "".

    `file` is what the configured file last made live: while it differs from `live`, the file is passed over until it
    changes.
    """

    live: str
    candidate: str
    before: str
    file: str
    emergency: EmergencyView | None
    policies: list[PolicyRow]


def policies_view(cycle: LifeCycle) -> PoliciesView:
    """All of them, the live one and the candidate first, then the newest."""
    found = cycle.emergency
    first = {cycle.live: 0, cycle.candidate: 1}
    rows = sorted(
        cycle.records.values(),
        key=lambda one: (first.get(one.policy, 2), -one.steps[-1].index if one.steps else 0),
    )
    return PoliciesView(
        live=cycle.live,
        candidate=cycle.candidate,
        before=cycle.former[-1] if cycle.former else "",
        file=cycle.filed,
        emergency=None
        if found is None
        else EmergencyView(entry=found.index, time=iso(found.time), by=found.by, reason=found.reason),
        policies=[_row(one) for one in rows],
    )


def policy_view(record: Record, policies: Mapping[str, Policy]) -> PolicyView:
    """One of them, whole. ``policies`` are those that decide or assess: they know their rules' techniques."""
    return PolicyView(
        row=_row(record),
        text=record.text,
        steps=[_step(one) for one in record.steps],
        results=None if record.results is None else _results(record.results, policies),
    )


def _row(record: Record) -> PolicyRow:
    return PolicyRow(
        policy=record.policy,
        name=record.name,
        stage=record.stage,
        tested=record.tested,
        back_tested=record.back_tested,
        tried=record.tried,
        percent=record.share / 100,
        alone=record.alone,
        last=_step(record.steps[-1]) if record.steps else None,
    )


def _step(one: Stepped) -> StepView:
    return StepView(
        entry=one.index,
        time=iso(one.time),
        step=one.step,
        by=one.by,
        reason=one.reason,
        percent=one.share / 100,
        alone=one.alone,
        digest=one.digest,
        summary=one.summary,
    )


def _results(found: Compared, policies: Mapping[str, Policy]) -> ResultsView:
    pairs = list(zip(product(VERDICTS, VERDICTS), found.pairs, strict=True))
    ends = found.challenges
    techniques = _techniques(found, policies)
    sums: dict[str, tuple[int, int]] = {}
    for rule, turn in found.rules.items():
        added, removed = sums.get(techniques.get(rule, ""), (0, 0))
        sums[techniques.get(rule, "")] = (added + turn.added, removed + turn.removed)
    return ResultsView(
        live=found.live,
        since=iso(found.since),
        attempts=found.attempts,
        decided=found.decided,
        failed=found.failed,
        more=sum(one.more for one in found.actions.values()),
        less=sum(one.less for one in found.actions.values()),
        verdicts=[PairView(live=a, candidate=b, count=count) for (a, b), count in pairs if count],
        actions=[
            ActionView(action=name, attempts=one.attempts, more=one.more, less=one.less)
            for name, one in sorted(found.actions.items(), key=lambda item: -item[1].attempts)
        ],
        rules=[
            RuleView(rule=name, technique=techniques.get(name, ""), added=one.added, removed=one.removed)
            for name, one in sorted(found.rules.items(), key=lambda item: -item[1].added - item[1].removed)
        ],
        techniques=[
            RuleView(rule="", technique=name, added=added, removed=removed)
            for name, (added, removed) in sorted(sums.items())
            if name
        ],
        labels=[_label(found, name) for name in ("attack", "benign")],
        challenges=ChallengesView(
            asked=ends.asked, passed=ends.passed, failed=ends.failed, abandoned=ends.abandoned
        ),
    )


def _label(found: Compared, name: str) -> LabelView:
    attempts, live = found.labelled(name, live=True)
    _, candidate = found.labelled(name, live=False)
    return LabelView(label=name, attempts=attempts, live_lets_through=live, candidate_lets_through=candidate)


def _techniques(found: Compared, policies: Mapping[str, Policy]) -> dict[str, str]:
    """By rule; where both have a rule of this id, the candidate's."""
    known = [policies[one] for one in (found.live, found.policy) if one in policies]
    return {rule.id: rule.technique for policy in known for rule in policy.rules}
