"""Attempts a second that the shipped policy decides over columns, beside the same policy one attempt at a time.

The history is random, so that every rule has to be looked at: of each signal a third of the values differs from its
default, of most texts there are several, and some sessions hold something. Both sides give score, risk, demand and
decision of every attempt.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from bench.table import Row
from stepwarden.events.entries import Standing
from stepwarden.events.facts import Facts
from stepwarden.lab.backtest.assessing import ColumnPolicy
from stepwarden.lab.backtest.deciding import decided
from stepwarden.policy.default import default_text
from stepwarden.policy.demand import decide
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from stepwarden.signals.catalogue import CATALOGUE, SignalSpec

ROWS = 2_000_000
ONE_BY_ONE = 20_000
FLOOR = 2_000_000
NOW = 1_800_000_000_000_000
TEXTS: dict[str, tuple[list[str], list[float]]] = {
    "action": (["login", "transfer", "a.read", "export", "x"], [0.5, 0.1, 0.2, 0.1, 0.1]),
    "address_kind": (
        ["missing", "private", "residential", "datacenter", "vpn", "tor", "malformed"],
        [0.02, 0.1, 0.7, 0.08, 0.07, 0.02, 0.01],
    ),
    "country": (["", "DE", "FR", "US"], [0.1, 0.6, 0.2, 0.1]),
    "asn": (["", "3320", "680"], [0.2, 0.5, 0.3]),
    "browser": (["", "Firefox", "Chrome"], [0.1, 0.4, 0.5]),
    "os": (["", "Linux", "Windows"], [0.1, 0.4, 0.5]),
    "device_type": (["", "pc", "phone"], [0.1, 0.5, 0.4]),
}


def _signal(spec: SignalSpec, rows: int, chance: np.random.Generator) -> Any:
    if spec.type == "bool":
        return chance.random(rows) < 0.33
    if spec.type == "str":
        return np.full(rows, spec.default)
    other = chance.random(rows) < 0.33
    wide = "surprise" in spec.name or spec.unit in ("km", "km/h", "percent", "permille")
    drawn = chance.integers(0, 5_000, rows) if wide else np.minimum(chance.geometric(0.15, rows), 256)
    return np.where(other, drawn, spec.default).astype(np.int16)


def history(rows: int, seed: int = 1) -> pl.DataFrame:
    """A random history, in the types that one is read in."""
    chance = np.random.default_rng(seed)
    columns = [pl.Series(spec.name, _signal(spec, rows, chance)) for spec in CATALOGUE]
    for name, (values, shares) in TEXTS.items():
        drawn = np.array(values, object)[chance.choice(len(values), rows, p=shares)]
        columns.append(pl.Series(name, drawn, pl.Categorical))
    aal = chance.integers(0, 3, rows).astype(np.int8)
    since = np.where(aal > 0, NOW - chance.integers(0, 7_200_000_000, rows), 0)
    columns += [
        pl.Series("time", np.full(rows, NOW)),
        pl.Series("standing_aal", aal),
        pl.Series("standing_since", since),
    ]
    nothing = {"granted": False, "doubted": False, "emergency": False, "bombed": False}
    frame = pl.DataFrame(columns).with_columns(**{name: pl.lit(value) for name, value in nothing.items()})
    return frame.with_columns(pl.lit("").cast(pl.Categorical).alias("around"))


def _best(work: Callable[[], object], count: int) -> float:
    """Attempts a second, of so many, the best of three: the machine is shared."""
    best = 0.0
    for _ in range(3):
        began = time.perf_counter()
        work()
        best = max(best, count / (time.perf_counter() - began))
    return best


def _by_columns(frame: pl.DataFrame, policy: Policy) -> float:
    columns = ColumnPolicy(policy)
    return _best(lambda: decided(frame, columns.assess(frame)), len(frame))


def _one_by_one(frame: pl.DataFrame, policy: Policy) -> float:
    rows = frame.head(ONE_BY_ONE).to_dicts()
    given = []
    for row in rows:
        facts = Facts(time=NOW, **{name: row[name] for name in TEXTS})
        values = tuple(row[spec.name] for spec in CATALOGUE)
        given.append((facts, values, Standing(aal=row["standing_aal"], since=row["standing_since"])))

    def work() -> None:
        for facts, values, standing in given:
            decide(policy.assess(facts, values, standing).demand, standing, NOW, None)

    return _best(work, len(given))


def rows() -> list[Row]:
    """One figure, beside the same work done attempt by attempt."""
    policy, frame = load(default_text()), history(ROWS)
    return [
        Row(
            f"back-test by columns, {len(policy.rules)} rules",
            _by_columns(frame, policy),
            "attempts/s",
            "one attempt at a time",
            _one_by_one(frame, policy),
            floor=FLOOR,
        )
    ]


if __name__ == "__main__":
    for one in rows():
        print(f"{one.name:40} {one.value:14,.0f} {one.unit} | {one.beside:24} {one.beside_value:10,.0f}")
