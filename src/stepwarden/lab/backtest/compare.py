"""Two policies over one history, held against each other: what changes, for whom, what it costs, what it catches.

People are actors; attempts that name nobody are one cluster of their own when people are drawn again, and are left out
where a person is meant. Cohorts are derived from the history:

    signs in     daily (more than 4 good sign-ins a week), weekly, monthly or rarely, over the time that it covers
    address      the kind of address of the attempt
    knows        nobody yet (no good attempt before), hardly (up to 3), well

Labels count by their reliability. A label with less than ``SURE`` percent is no reason to leave an attempt out of what
people are bothered with.

Not here: words and tables (``words``), drawing (``page``).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.lab.accuracy.intervals import Estimate
from stepwarden.lab.backtest.assessing import coded
from stepwarden.lab.backtest.deciding import ALLOW, DENY, STEP_UP, VERDICTS, Decided
from stepwarden.lab.backtest.figures import (
    Caught,
    Comparison,
    Example,
    Friction,
    Group,
    Named,
    Pair,
    Turn,
)
from stepwarden.lab.backtest.resample import PERCENTILES, Draws
from stepwarden.policy.policy import Policy
from stepwarden.signals.actions import is_sign_in

EXAMPLES: Final = 10
ACTIONS: Final = 20
"""So many actions are told apart, those with the most attempts; the others are one."""
SURE: Final = 50
WEEK: Final = 7 * 86_400_000_000
NOBODY: Final = "(nobody named)"
OTHERS: Final = "(other actions)"
SAME: Final = "The same rules hold: what the action, or this risk, demands is another"
Bools = NDArray[np.bool_]

Evidence = Callable[[NDArray[np.int64]], Sequence[Sequence[str]]]
"""Gives the ids of the rules that are evidence in these rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: the policy, what it decides, and by which evidence."""

    policy: Policy
    decided: Decided
    evidence: Evidence


def compare(
    frame: pl.DataFrame,
    before: Side,
    after: Side,
    *,
    mode: str,
    seed: int,
    progress: Callable[[int], None] = lambda done: None,
) -> Comparison:
    """All figures. ``frame`` is a history (see ``history``)."""
    return _Comparing(frame, before, after, seed).compared(mode, progress)


class _Comparing:
    def __init__(self, frame: pl.DataFrame, before: Side, after: Side, seed: int) -> None:
        self.frame, self.before, self.after, self.seed = frame, before, after, seed
        self.was, self.now = before.decided.verdict, after.decided.verdict
        actors, self.owner = coded(frame["actor"])
        self.people = len(actors)
        self.draws = Draws(self.people, seed=seed)
        self.simulated = (frame["campaign"] != "").to_numpy()
        # Whoever is a person, and which.
        self.named = (frame["actor"] != "").to_numpy() & ~self.simulated
        self.labelled = (frame["label"] == "attack").to_numpy()
        self.attack = self.simulated | (self.labelled & (frame["label_reliability"] >= SURE).to_numpy())
        signs_in = [name for name in frame["action"].unique().cast(pl.String).to_list() if is_sign_in(name)]
        self.sign_in = frame["action"].cast(pl.String).is_in(signs_in).to_numpy()
        self.good = (frame["outcome"] == "success").to_numpy()

    def compared(self, mode: str, progress: Callable[[int], None]) -> Comparison:
        frame = self.frame
        friction, actions, cohorts = self._friction(), self._actions(), self._cohorts()
        attacks, labelled, benign = self._attacks(), self._labelled(), self._benign()
        known = self.draws.estimates(progress)
        missed = np.flatnonzero(self.attack & (self.was != ALLOW) & (self.now == ALLOW))
        times = frame["time"].to_numpy()
        return Comparison(
            candidate=Named(name=self.after.policy.name, hash=self.after.policy.hash),
            before=Named(name=self.before.policy.name, hash=self.before.policy.hash),
            mode=mode,
            seed=self.seed,
            attempts=len(frame),
            people=self._persons(self.named),
            first=int(times.min()) if len(times) else 0,
            last=int(times.max()) if len(times) else 0,
            recorded=self._recorded(),
            answers=self._answers(),
            turns=self._turns(),
            friction=friction(known),
            actions=tuple(one(known) for one in actions),
            cohorts=tuple(one(known) for one in cohorts),
            attacks=tuple(one(known) for one in attacks),
            labelled=labelled(known) if labelled is not None else None,
            missed=self._examples(missed, self.before),
            benign=benign(known) if benign is not None else None,
        )

    def _persons(self, rows: Bools) -> int:
        """How many people made these attempts."""
        return len(np.unique(self.owner[rows & self.named]))

    def _recorded(self) -> tuple[int, int]:
        own = (self.frame["policy"] == self.before.policy.hash).to_numpy()
        recorded = self.frame["decision"].cast(pl.String).to_numpy()
        same = own & (np.array(VERDICTS, object)[self.was] == recorded)
        return int(same.sum()), int(own.sum())

    def _answers(self) -> Any:
        counts = np.bincount(self.was.astype(np.int64) * 3 + self.now, minlength=9)
        return tuple(tuple(int(number) for number in counts[row : row + 3]) for row in (0, 3, 6))

    # --- what changes

    def _turns(self) -> tuple[Turn, ...]:
        was, now = self.was, self.now
        return (
            self._turn("challenges added", (was == ALLOW) & (now == STEP_UP), self.after),
            self._turn("challenges removed", (was == STEP_UP) & (now == ALLOW), self.before),
            self._turn("refusals added", (was != DENY) & (now == DENY), self.after),
            self._turn("refusals removed", (was == DENY) & (now != DENY), self.before),
        )

    def _turn(self, name: str, rows: Bools, why: Side) -> Turn:
        places = np.flatnonzero(rows)
        differing: Counter[str] = Counter()
        if len(places):
            for one, two in zip(self.before.evidence(places), self.after.evidence(places), strict=True):
                differing.update(set(one) ^ set(two))
        ranked = sorted(differing.items(), key=lambda item: (-item[1], item[0]))
        return Turn(
            name=name,
            attempts=len(places),
            people=self._persons(rows),
            rules=tuple(ranked[:EXAMPLES]),
            examples=self._examples(places, why),
        )

    def _examples(self, places: NDArray[np.int64], why: Side) -> tuple[Example, ...]:
        """The attempts at which the two differ most in risk, of different people first."""
        risk_was, risk_now = self.before.decided.risk, self.after.decided.risk
        apart = np.abs(risk_now[places].astype(np.int64) - risk_was[places])
        order = places[np.lexsort((places, -apart))][: 50 * EXAMPLES]
        _, firsts = np.unique(self.owner[order], return_index=True)
        first = np.zeros(len(order), np.bool_)
        first[firsts] = True
        chosen = np.concatenate([order[first], order[~first]])[:EXAMPLES].astype(np.int64)
        if not len(chosen):
            return ()
        fields = ("entry", "id", "time", "actor", "action", "address_kind", "outcome", "ended", "label")
        rows = self.frame[chosen].select(pl.col(name).cast(pl.String) if name not in ("entry", "time") else name
                                         for name in fields).iter_rows()  # fmt: skip
        texts = {rule.id: rule.text for rule in why.policy.rules}
        found = []
        held = [side.evidence(chosen) for side in (why, self.before, self.after)]
        for place, row, rules, was, now in zip(chosen.tolist(), rows, *held, strict=True):
            same = (SAME,) if set(was) == set(now) else ()
            entry, id_, time, actor, action, kind, outcome, ended, label = row
            found.append(
                Example(
                    entry=f"{entry}-{id_}" if id_ else str(entry),
                    time=time,
                    actor=actor or NOBODY,
                    action=action,
                    address_kind=kind,
                    before=VERDICTS[self.was[place]],
                    after=VERDICTS[self.now[place]],
                    risk_before=int(risk_was[place]),
                    risk_after=int(risk_now[place]),
                    outcome=outcome,
                    ended=ended,
                    label=label,
                    rules=tuple(rules),
                    reasons=(*same, *(texts[rule] for rule in rules if rule in texts)),
                )
            )
        return tuple(found)

    # --- figures with intervals: named now, worked out together later

    def _by_person(self, rows: Bools, weights: NDArray[Any] | None = None) -> NDArray[np.float64]:
        given = weights[rows] if weights is not None else None
        return np.bincount(self.owner[rows], given, minlength=self.people).astype(np.float64)

    def _pair(
        self,
        name: str,
        rows: Bools,
        weights: NDArray[Any] | None = None,
        wholes: Any = None,
        factor: float = 1,
    ) -> Callable[[Mapping[str, Estimate]], Pair]:
        """The share of ``rows`` that is stopped, or how many of them are for each of ``wholes``."""
        whole = self._by_person(rows, weights) if wholes is None else wholes
        for side, verdict in (("before", self.was), ("after", self.now)):
            stopped = self._by_person(rows & (verdict != ALLOW), weights)
            self.draws.ratio(f"{name} {side}", factor * stopped, whole)
        self.draws.difference(f"{name} change", f"{name} after", f"{name} before")
        return lambda known: _pair(known, name)

    def _group(self, kind: str, name: str, rows: Bools) -> Callable[[Mapping[str, Estimate]], Group]:
        stopped = self._pair(f"{kind}: {name}", rows)
        people = self._persons(rows)
        return lambda known: Group(
            kind=kind,
            name=name,
            attempts=int(rows.sum()),
            people=people,
            stopped=stopped(known),
            refused_before=int((rows & (self.was == DENY)).sum()),
            refused_after=int((rows & (self.now == DENY)).sum()),
        )

    def _actions(self) -> list[Callable[[Mapping[str, Estimate]], Group]]:
        ranked = self.frame["action"].cast(pl.String).value_counts(sort=True)
        names = sorted(ranked.iter_rows(), key=lambda row: (-row[1], row[0]))
        shown = [name for name, _ in names[:ACTIONS]]
        action = self.frame["action"].cast(pl.String)
        found = [self._group("action", name, (action == name).to_numpy()) for name in shown]
        if len(names) > ACTIONS:
            found.append(self._group("action", OTHERS, ~action.is_in(shown).to_numpy()))
        return found

    def _cohorts(self) -> list[Callable[[Mapping[str, Estimate]], Group]]:
        """Of what people did: attacks that are known as such are none of it."""
        theirs = ~self.attack
        kinds = {
            "signs in": self._frequency(),
            "address": self.frame["address_kind"].cast(pl.String).to_numpy(),
            "knows": np.select(
                [self.frame["first_seen"].to_numpy(), self.frame["actor_logins"].to_numpy() <= 3],
                ["nobody yet", "hardly"],
                "well",
            ),
        }
        order = {
            "signs in": ("daily", "weekly", "monthly", "rarely"),
            "knows": ("nobody yet", "hardly", "well"),
        }
        found = []
        for kind, values in kinds.items():
            for name in order.get(kind) or sorted(set(values.tolist())):
                rows = theirs & (values == name)
                if kind != "address":
                    rows = rows & self.named
                if rows.any():
                    found.append(self._group(kind, name, rows))
        return found

    def _frequency(self) -> NDArray[Any]:
        """How often whoever made the attempt signs in, over all of the history (a week at least)."""
        times = self.frame["time"].to_numpy()
        weeks = max(1.0, float(times.max() - times.min()) / WEEK) if len(times) else 1.0
        rate = self._by_person(self.sign_in & self.good) / weeks
        bands = np.select([rate > 4, rate >= 1, rate >= 7 / 30], ["daily", "weekly", "monthly"], "rarely")
        named: NDArray[Any] = bands[self.owner]
        return named

    def _friction(self) -> Callable[[Mapping[str, Estimate]], Friction]:
        bothered = self.named & ~self.attack & (self.frame["outcome"] != "failure").to_numpy()
        sessions = self._by_person(self.sign_in & self.good & ~self.attack)
        per_session = self._pair("per 100 sessions", bothered, wholes=sessions, factor=100)
        people = np.unique(self.owner[self.named])
        # Whoever is no person (nobody named, a simulated attacker) has no rank among people.
        ranks = Draws(len(people), seed=self.seed)
        for side, verdict in (("before", self.was), ("after", self.now)):
            ranks.percentiles(side, self._by_person(bothered & (verdict != ALLOW))[people])
        for level in PERCENTILES:
            ranks.difference(f"change p{level}", f"after p{level}", f"before p{level}")

        def made(known: Mapping[str, Estimate]) -> Friction:
            ranked = ranks.estimates()
            pairs = {
                level: Pair(
                    before=ranked.get(f"before p{level}"),
                    after=ranked.get(f"after p{level}"),
                    change=ranked.get(f"change p{level}"),
                )
                for level in PERCENTILES
            }
            return Friction(
                people=len(people),
                sessions=int(sessions.sum()),
                per_100_sessions=per_session(known),
                p50=pairs[50],
                p95=pairs[95],
                p99=pairs[99],
            )

        return made

    def _attacks(self) -> list[Callable[[Mapping[str, Estimate]], Caught]]:
        """By campaign where there are any (a simulation), else by the technique of what weighed most."""
        found = []
        for column, rows in (("campaign", self.simulated), ("technique", self.labelled & ~self.simulated)):
            values = self.frame[column].cast(pl.String).to_numpy()
            found += [
                self._caught(name or "(no evidence)", rows & (values == name))
                for name in sorted(set(values[rows].tolist()))
            ]
        return found

    def _labelled(self) -> Callable[[Mapping[str, Estimate]], Caught] | None:
        return self._caught("all of them", self.labelled) if self.labelled.any() else None

    def _benign(self) -> Callable[[Mapping[str, Estimate]], Group] | None:
        rows = (self.frame["label"] == "benign").to_numpy()
        return self._group("label", "labelled as benign", rows) if rows.any() else None

    def _caught(self, name: str, rows: Bools) -> Callable[[Mapping[str, Estimate]], Caught]:
        weights = self.frame["label_reliability"].to_numpy() / 100
        stopped = self._pair(f"attack: {name}", rows, weights)
        was, now = rows & (self.was != ALLOW), rows & (self.now != ALLOW)
        return lambda known: Caught(
            name=name,
            attempts=int(rows.sum()),
            weight=round(float(weights[rows].sum()), 2),
            stopped=stopped(known),
            won=int((now & ~was).sum()),
            lost=int((was & ~now).sum()),
        )


def _pair(known: Mapping[str, Estimate], name: str) -> Pair:
    return Pair(
        before=known.get(f"{name} before"),
        after=known.get(f"{name} after"),
        change=known.get(f"{name} change"),
    )
