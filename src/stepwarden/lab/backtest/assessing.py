"""A whole policy over columns: evidence, score, risk and demand of every attempt, as ``Policy.assess`` gives them.

    rules      each rule is a column of truths, null where it cannot be evaluated (``expressions``)
    score      the prior and the terms of the rules that hold, added up; a rule that failed adds the most that it can
    risk       looked up by score: there are few different scores, and each is computed once
    demand     of each combination of action, risk band and demanding rules that occurs, asked of the policy once

Works through a frame slice by slice, so that what is in between stays small. The frame has a column for each name that
the rules use (signals, facts, ``standing_aal``) and ``action``; whole numbers in one of ``operators.RANGES``.

Not here: whether what is demanded is held (``deciding``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.errors import InputError
from stepwarden.events.entries import Demand
from stepwarden.lab.backtest.expressions import compile_column
from stepwarden.lab.backtest.operators import RANGES, Bounds, Column, constant, logic
from stepwarden.policy.cel.parser import parse
from stepwarden.policy.cel.syntax import Expr
from stepwarden.policy.demand import FAILED_RULE
from stepwarden.policy.policy import Policy, Rule
from stepwarden.policy.risk import risk_of

SLICE: Final = 65_536
"""Rows that are worked on at once."""
TOGETHER: Final = 8
"""Terms that are added up in one expression; several expressions run beside each other."""
BITS: Final = 24
"""Demands that are told apart in one column."""
SCALE: Final = 1_000
Ints = NDArray[np.int64]
_FIELD: Final = "sensitivity"
_ZERO: Final = "(zero)"
"""A column that is really there, so that whatever is added to it has its length (see ``operators``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """One row each: ``score`` in thousandths of a nat, ``risk`` in parts per million, ``demand`` into ``demands``."""

    score: NDArray[np.int32]
    risk: NDArray[np.int32]
    demand: NDArray[np.int32]
    demands: tuple[Demand, ...]

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """One rule as columns: whether it holds (or is held against the attempt), what it adds, whether it failed."""

    rule: Rule
    holds: Column
    adds: pl.Expr
    failed: Column


class _Known(Mapping[str, "Bounds | str"]):
    """What is known of the columns of a frame, found out when it is asked for."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame
        self._found: dict[str, Bounds | str] = {}

    def __getitem__(self, name: str) -> Bounds | str:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._look(name)
        return found

    def _look(self, name: str) -> Bounds | str:
        if name not in self._frame.columns:
            raise InputError(
                f"the history has no column {name!r}, which the policy's rules use: make it anew, or fold the log",
                field="history",
            )
        column = self._frame[name]
        if column.null_count():
            raise InputError(f"the column {name!r} of the history has gaps", field="history")
        if column.dtype in RANGES:
            return Bounds.of(column)
        if column.dtype == pl.Boolean:
            return "bool"
        if column.dtype in (pl.String, pl.Categorical):
            return "string"
        raise InputError(
            f"the column {name!r} of the history is {column.dtype}, not a signal's", field="history"
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._frame.columns)

    def __len__(self) -> int:
        return len(self._frame.columns)


class ColumnPolicy:
    """A policy for columns: its expressions are read once, and compiled for each frame by what lies in it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._rules = [(rule, parse(rule.when), parse(rule.of) if rule.of else None) for rule in policy.rules]
        demanding = dict.fromkeys(rule.demand for rule in policy.rules if rule.demand is not None)
        self._demands: tuple[Demand, ...] = (FAILED_RULE, *demanding)

    def assess(self, frame: pl.DataFrame, progress: Callable[[int], None] = lambda done: None) -> Assessed:
        """Score, risk and demand of every row.

        Raises:
            InputError: a column that the rules use is missing, or of a type that no signal has.
        """
        actions, codes = coded(frame["action"])
        frame = self._with_sensitivity(frame, actions, codes)
        wanted, sums = self._wanted(self._terms(frame))
        score = np.empty(len(frame), np.int32)
        key: Ints = np.empty(len(frame), np.int64)
        combined: dict[tuple[int, ...], int] = {}
        for first in range(0, len(frame), SLICE):
            part = slice(first, min(first + SLICE, len(frame)))
            lazy = frame.slice(first, SLICE).lazy()
            found = lazy.with_columns(**wanted).select(list(wanted)).collect().get_columns()
            score[part] = sum(column.to_numpy() for column in found[:sums])
            key[part] = _combine(combined, [column.to_numpy() for column in found[sums:]])
            progress(part.stop)
        risks, bands = self._risks(score)
        return self._demanded(actions, codes, score, risks, bands, key, tuple(combined))

    def evidence(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A column for each rule by its id: its term in thousandths of a nat where it is evidence, else null.

        Columns ``<id>!`` beside them say where it failed, for those that can.
        """
        rows = self._with_sensitivity(frame, *coded(frame["action"]))
        found = []
        for term in self._terms(rows):
            shown = term.holds.expr.fill_null(True)
            if term.rule.of and term.rule.demand is None:
                # What weighs nothing and demands nothing is no evidence; what failed is.
                shown = shown & ((term.adds != 0) | term.failed.expr)
            found.append(pl.when(shown).then(term.adds + pl.col(_ZERO)).alias(term.rule.id))
            if term.failed.always is not False:
                failed = term.failed.expr & (pl.col(_ZERO) == 0)
                found.append(failed.alias(f"{term.rule.id}!"))
        return rows.lazy().with_columns(found).select([one.meta.output_name() for one in found]).collect()

    def _with_sensitivity(self, frame: pl.DataFrame, actions: Sequence[str], codes: Ints) -> pl.DataFrame:
        levels = np.array([self.policy.sensitivity(name) for name in actions], np.int8)
        level = levels[codes] if len(frame) else np.empty(0, np.int8)
        return frame.with_columns(pl.Series(_FIELD, level), pl.Series(_ZERO, np.zeros(len(frame), np.int32)))

    def _wanted(self, terms: Sequence[_Term]) -> tuple[dict[str, pl.Expr], int]:
        """Columns whose sum is the score, how many these are, and then which of ``_demands`` are demanded, as masks."""
        wanted: dict[str, pl.Expr] = {"prior": pl.lit(self.policy.prior, dtype=pl.Int32)}
        adding = [term.adds for term in terms if term.holds.always is not False]
        for number in range(0, len(adding), TOGETHER):
            wanted[f"sum{number}"] = _added(adding[number : number + TOGETHER])
        sums = len(wanted)
        held = {
            demand: [term.holds.expr.fill_null(True) for term in terms
                     if term.rule.demand == demand and term.holds.always is not False]
            for demand in self._demands[1:]
        }  # fmt: skip
        held[FAILED_RULE] = [
            *held.get(FAILED_RULE, []),
            *(term.failed.expr for term in terms if term.failed.always is not False),
        ]
        for start in range(0, len(self._demands), BITS):
            bits = [
                _any(held[demand]).cast(pl.Int32) * (1 << place)
                for place, demand in enumerate(self._demands[start : start + BITS])
                if held[demand]
            ]
            wanted[f"mask{start}"] = _added(bits)
        return wanted, sums

    def _terms(self, rows: pl.DataFrame) -> list[_Term]:
        known = _Known(rows)
        return [_term(rule, when, of, known) for rule, when, of in self._rules]

    def _risks(self, score: NDArray[np.int32]) -> tuple[NDArray[np.int32], Ints]:
        """Of every row: the risk, and how many bands it reaches."""
        if not len(score):
            return np.empty(0, np.int32), np.empty(0, np.int64)
        low = int(score.min())
        counts = np.bincount(score - low)
        table = np.zeros(len(counts), np.int32)
        for place in np.flatnonzero(counts):
            table[place] = risk_of(int(place) + low)
        reached = np.searchsorted([band.risk for band in self.policy.bands], table, side="right")
        offsets = score - low
        return table[offsets], reached[offsets].astype(np.int64)

    def _demanded(
        self,
        actions: Sequence[str],
        codes: Ints,
        score: NDArray[np.int32],
        risks: NDArray[np.int32],
        bands: Ints,
        key: Ints,
        combined: Sequence[tuple[int, ...]],
    ) -> Assessed:
        """Ask the policy what it demands, once for each combination that occurs."""
        width = len(self.policy.bands) + 1
        whole = (key * len(actions) + codes) * width + bands
        different, rows = occurring(whole)
        numbers: dict[Demand, int] = {}
        chosen = np.empty(len(different), np.int32)
        for place, number in enumerate(different.tolist()):
            rest, band = divmod(number, width)
            held, action = divmod(rest, len(actions))
            risk = self.policy.bands[band - 1].risk if band else -1
            demand = self.policy.demanded(actions[action], risk, self._unmasked(combined[held]))
            chosen[place] = numbers.setdefault(demand, len(numbers))
        return Assessed(score=score, risk=risks, demand=chosen[rows], demands=tuple(numbers))

    def _unmasked(self, masks: Sequence[int]) -> tuple[Demand, ...]:
        return tuple(
            demand for place, demand in enumerate(self._demands) if masks[place // BITS] >> (place % BITS) & 1
        )


def _term(rule: Rule, when: Expr, of: Expr | None, known: Mapping[str, Bounds | str]) -> _Term:
    holds = compile_column(when, known)
    truth, failed = holds.expr, _null(holds)
    if of is None:
        weight: Column | int = rule.weight
    else:
        amount = compile_column(of, known)
        weight = _graded(rule, amount)
        if amount.fallible:
            held = holds if holds.always is not None else Column(expr=truth.fill_null(False), kind="bool")
            failed = logic(False, [failed, logic(True, [held, _null(amount)])])
    worst = pl.lit(rule.worst, dtype=pl.Int32)
    if failed.always is True:
        return _Term(rule=rule, holds=constant(True), adds=worst, failed=failed)
    adds = weight.expr if isinstance(weight, Column) else pl.lit(weight, dtype=pl.Int32)
    if holds.always is not None:
        chosen = adds if holds.always else pl.lit(0, dtype=pl.Int32)
    elif failed.always is False and isinstance(weight, int):
        # Quicker than choosing.
        chosen = truth.cast(pl.Int32) * adds
    else:
        chosen = pl.when(truth).then(adds).otherwise(pl.lit(0, dtype=pl.Int32))
    if failed.always is None:
        chosen = pl.when(failed.expr).then(worst).otherwise(chosen)
    return _Term(rule=rule, holds=holds, adds=chosen, failed=failed)


def _null(one: Column) -> Column:
    """Whether it is an error."""
    if one.broken or not one.fallible:
        return constant(one.broken)
    return Column(expr=one.expr.is_null(), kind="bool")


def _graded(rule: Rule, amount: Column) -> Column:
    """What ``emit.graded`` makes of an amount: bounded before it is weighed, so that nothing overflows."""
    if not rule.weight:
        return Column(expr=pl.lit(min(rule.most, max(rule.least, 0)), dtype=pl.Int32), kind="int")
    # Beyond this the term is one of its bounds, whatever the amount.
    beyond = (max(abs(rule.least), abs(rule.most)) + 1) * SCALE // abs(rule.weight) + SCALE
    bounded = amount.expr.cast(pl.Int64).clip(-beyond, beyond)
    term = (bounded * rule.weight // SCALE).clip(rule.least, rule.most)
    return Column(expr=term.cast(pl.Int32), kind="int")


def _added(parts: Sequence[pl.Expr]) -> pl.Expr:
    total = pl.col(_ZERO)
    for part in parts:
        total = total + part
    return total


def _any(parts: Sequence[pl.Expr]) -> pl.Expr:
    found = parts[0]
    for part in parts[1:]:
        found = found | part
    return found


def coded(column: pl.Series) -> tuple[list[str], Ints]:
    """The different texts of a column, and for each row which of them it is."""
    coded = column.cast(pl.Categorical)
    physical = coded.to_physical().to_numpy().astype(np.int64)
    different = coded.unique()
    places = different.to_physical().to_numpy()
    table = np.zeros(int(places.max()) + 1 if len(places) else 1, np.int64)
    table[places] = np.arange(len(places))
    return different.cast(pl.String).to_list(), table[physical]


def _combine(combined: dict[tuple[int, ...], int], masks: list[NDArray[np.int32]]) -> Ints:
    """Which combination of masks each row has; new ones are added to ``combined``."""
    if len(masks) == 1:
        different, rows = occurring(masks[0])
        known = [combined.setdefault((number,), len(combined)) for number in different.tolist()]
    else:
        pairs, rows = np.unique(np.stack(masks), axis=1, return_inverse=True)
        rows = rows.reshape(-1)
        known = [combined.setdefault(tuple(pair), len(combined)) for pair in pairs.T.tolist()]
    return np.array(known, np.int64)[rows]


def occurring(values: NDArray[Any]) -> tuple[NDArray[Any], Ints]:
    """The different values, none below 0, and for each which of them it is; without sorting where they are small."""
    most = int(values.max(initial=0)) + 1
    if most > max(1 << 16, 4 * len(values)):
        found, rows = np.unique(values, return_inverse=True)
        return found, rows.reshape(-1)
    there = np.zeros(most, np.bool_)
    there[values] = True
    found = np.flatnonzero(there)
    places = np.zeros(most, np.int64)
    places[found] = np.arange(len(found))
    return found, places[values]
