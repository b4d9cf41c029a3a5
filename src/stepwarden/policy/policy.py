"""A policy: from what is known of an attempt to evidence, risk and demand. A pure function of its arguments.

Score = the prior + the terms of the rules that hold: their weights, or of graded rules (``of``) as much of it as there
is to weigh. Risk = the logistic of the score. Demand = the strongest of what the action needs by itself, what every
risk band reached needs, and what rules that hold demand.

A rule that cannot be evaluated counts as if it held wherever that asks for more: its weight (of a graded rule the
most that it can add) counts if positive, what it demands is demanded, and level 2 on top. So an error never lowers the
demand. Which rules raised is in the evidence (``failed``).

A ``Policy`` is made by ``loader.load``; this module reads no file and knows no YAML.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from stepwarden.events.entries import Demand, Evidence, Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.approval import Approval
from stepwarden.policy.cel.emit import Outcome, Program, graded
from stepwarden.policy.demand import FAILED_RULE, decide, strongest
from stepwarden.policy.risk import risk_of
from stepwarden.signals.catalogue import Values
from stepwarden.signals.custom import CustomSpec

__all__ = ["Action", "Assessment", "Band", "Policy", "Reason", "Rule", "decide", "strongest"]

MAX_JOINED = 1_024
MAX_FOUND = 1_024
MAX_SCORES = 4_096
NOT_EVALUATED = "This could not be checked, which counts as if it held: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One term of a score, in words for the person concerned. ``weight`` in thousandths of a nat."""

    rule: str
    text: str
    weight: int
    technique: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of the file. ``when`` is the expression's text; ``technique`` an ATT&CK id.

    ``of`` is the text of what a graded rule weighs, "" of a plain one; ``least`` and ``most`` bound its term. All
    three weights are in thousandths of a nat.
    """

    id: str
    when: str
    weight: int
    text: str
    technique: str
    demand: Demand | None
    of: str = ""
    least: int = 0
    most: int = 0

    @property
    def worst(self) -> int:
        """The most that it can add to a score, and what it adds where it cannot be evaluated; never below 0."""
        return max(self.most if self.of else self.weight, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """How much is at stake (0 to 3), and what the action needs whatever the risk.

    ``recovery``: whether a recovery code may ever stand in for a factor here. ``approve``: the words in which
    a person is asked to approve it.
    """

    sensitivity: int
    demand: Demand
    recovery: bool
    approve: Approval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """From this risk on (parts per million), this much is needed."""

    risk: int
    demand: Demand


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy makes of one attempt: what is logged, and what a replay must find again."""

    evidence: tuple[Evidence, ...]
    score: int
    risk: int
    demand: Demand


class _Level(msgspec.Struct, frozen=True, kw_only=True):
    """An action, with its demand joined to those of 0, 1, 2... bands.

    ``by_score`` remembers risk and demand of at most 4,096 scores: two look-ups and a search fewer.
    """

    sensitivity: int
    recovery: bool
    approve: Approval | None
    demands: tuple[Demand, ...]
    by_score: dict[int, tuple[int, Demand]]


class Policy:
    """See the module. ``hash`` is the SHA-256 of the text's bytes, in hex.

    ``signals``: those that it defines itself. Their values are expected after the catalogue's, in this order.
    """

    def __init__(
        self,
        *,
        digest: str,
        name: str,
        text: str,
        prior: int,
        actions: Mapping[str, Action],
        bands: Sequence[Band],
        rules: Sequence[Rule],
        program: Program,
        signals: Sequence[CustomSpec] = (),
    ) -> None:
        self.hash = digest
        self.name = name
        self.text = text
        self.prior = prior
        self.actions = dict(actions)
        self.bands = tuple(bands)
        self.rules = tuple(rules)
        self.signals = tuple(signals)
        self._program = program
        self._all_rules = program.rules
        self._by_id = {rule.id: rule for rule in rules}
        self._thresholds = [band.risk for band in bands]
        self._exact = {name: self._level(action) for name, action in actions.items() if "*" not in name}
        patterns = sorted((name for name in actions if "*" in name), key=lambda name: (-len(name), name))
        self._patterns = [(*_ends(name), self._level(actions[name])) for name in patterns]
        self._joined: dict[tuple[Demand, ...], Demand] = {}
        self._found: dict[str, _Level] = {}

    def assess(self, facts: Facts, values: Values, standing: Standing) -> Assessment:
        """Evidence, score (thousandths of a nat), risk (parts per million) and demand of one attempt."""
        level = self._exact.get(facts.action) or self._by_pattern(facts.action)
        try:
            score, hits, demands = self._all_rules(values, facts, level.sensitivity, standing.aal)
        except Exception:  # noqa: BLE001 - whatever a rule raises makes the rules be asked one by one
            score, hits, demands = self._one_by_one(values, facts, level.sensitivity, standing.aal)
        score += self.prior
        known = level.by_score.get(score)
        risk, demand = known if known is not None else self._by_score(level, score)
        if demands:
            demand = self._join((demand, *demands), recovery=level.recovery)
        return Assessment(evidence=tuple(hits), score=score, risk=risk, demand=demand)

    def reasons(self, evidence: Sequence[Evidence]) -> list[Reason]:
        """The evidence in words, strongest first: what refuses, then by weight; what calms comes last."""
        return sorted((self._reason(one) for one in evidence), key=self._rank)

    def sensitivity(self, action: str) -> int:
        """0 (public) to 3 (hurts when abused)."""
        return (self._exact.get(action) or self._by_pattern(action)).sensitivity

    def demanded(self, action: str, risk: int, demands: Sequence[Demand]) -> Demand:
        """What an action needs at this risk (parts per million), joined with what rules demand."""
        level = self._exact.get(action) or self._by_pattern(action)
        demand = level.demands[bisect_right(self._thresholds, risk)]
        return self._join((demand, *demands), recovery=level.recovery) if demands else demand

    def approval(self, action: str) -> Approval | None:
        """The words in which this action is put to a person for approval, where the policy has any."""
        return (self._exact.get(action) or self._by_pattern(action)).approve

    @property
    def source(self) -> str:
        """The generated Python, for the curious and for tests."""
        return self._program.source

    def _by_score(self, level: _Level, score: int) -> tuple[int, Demand]:
        if len(level.by_score) >= MAX_SCORES:
            level.by_score.clear()
        risk = risk_of(score)
        found = level.by_score[score] = (risk, level.demands[bisect_right(self._thresholds, risk)])
        return found

    def _join(self, demands: tuple[Demand, ...], *, recovery: bool) -> Demand:
        """Joining costs microseconds and comes out the same: remembered, for at most 1,024 combinations."""
        joined = self._joined.get(demands)
        if joined is None:
            if len(self._joined) >= MAX_JOINED:
                self._joined.clear()
            joined = self._joined[demands] = strongest(*demands)
        return _permitting(recovery, joined)

    def _by_pattern(self, action: str) -> _Level:
        """Found by its pattern, which takes a walk over all of them; remembered for at most 1,024 names."""
        known = self._found.get(action)
        if known is None:
            if len(self._found) >= MAX_FOUND:
                self._found.clear()
            known = self._found[action] = self._search(action)
        return known

    def _search(self, action: str) -> _Level:
        for start, end, level in self._patterns:
            if action.startswith(start) and action.endswith(end):
                return level
        raise ValueError("the loader makes sure that there is an action '*'")

    def _level(self, action: Action) -> _Level:
        demands = [action.demand]
        for band in self.bands:
            demands.append(strongest(demands[-1], band.demand))
        permitted = tuple(_permitting(action.recovery, demand) for demand in demands)
        return _Level(
            sensitivity=action.sensitivity,
            recovery=action.recovery,
            approve=action.approve,
            demands=permitted,
            by_score={},
        )

    def _one_by_one(self, values: Values, facts: Facts, sensitivity: int, aal: int) -> Outcome:
        score = 0
        hits: list[Evidence] = []
        demands: list[Demand] = []
        program = self._program
        for rule, condition, amount in zip(self.rules, program.exact, program.amounts, strict=True):
            try:
                holds = condition(values, facts, sensitivity, aal)
                if not isinstance(holds, bool):
                    raise TypeError("a signal is not of its type")
                weight, failed = rule.weight, False
                if amount is not None and holds:
                    weight = _term(rule, amount(values, facts, sensitivity, aal))
            except Exception:  # noqa: BLE001 - a rule that fails demands more, whatever it raised
                holds, weight, failed = True, rule.worst, True
                demands.append(FAILED_RULE)
            if not holds:
                continue
            score += weight
            if weight or failed or amount is None or rule.demand is not None:
                hits.append(Evidence(rule.id, weight, failed))
            if rule.demand is not None:
                demands.append(rule.demand)
        return score, hits, tuple(demands)

    def _reason(self, one: Evidence) -> Reason:
        rule = self._by_id.get(one.rule)
        if rule is None:
            return Reason(rule=one.rule, text=one.rule, weight=one.weight, technique="")
        text = NOT_EVALUATED + rule.text if one.failed else rule.text
        return Reason(rule=rule.id, text=text, weight=one.weight, technique=rule.technique)

    def _rank(self, reason: Reason) -> tuple[bool, int, str]:
        rule = self._by_id.get(reason.rule)
        refuses = rule is not None and rule.demand is not None and rule.demand.deny
        return (not refuses, -reason.weight, reason.rule)


def _term(rule: Rule, amount: object) -> int:
    if type(amount) is not int:
        raise TypeError("a signal is not of its type")
    return graded(rule.weight, amount, rule.least, rule.most)


def _ends(pattern: str) -> tuple[str, str]:
    start, _, end = pattern.partition("*")
    return start, end


def _permitting(recovery: bool, demand: Demand) -> Demand:
    """The demand, with a recovery code as a way out only where the action permits it."""
    return msgspec.structs.replace(demand, recovery=False) if demand.recovery and not recovery else demand
