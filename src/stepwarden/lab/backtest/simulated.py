"""A simulation as a history: its attempts have all signals, and of each it is known who made it.

What ``lab simulate --signals`` left in a directory, in the columns of ``history``. ``actor`` is ``person <n>`` for
people and ``campaign <n>`` for attackers, so that each attack is drawn again as a whole; probes are attempts on one
person's account, and are drawn with that account. ``campaign`` is the attack's technique and script. Every attempt of
an attack is labelled as one, which is certain.

As in any back-test what came after an attempt stays as it happened. To see what people and attackers do under another
policy, simulate them under it.
"""

from pathlib import Path
from typing import Final

import polars as pl

from stepwarden.errors import InputError
from stepwarden.lab.accuracy.results import read as read_results
from stepwarden.lab.backtest.history import History, narrowed
from stepwarden.lab.backtest.later import Later
from stepwarden.lab.backtest.sparse import CUSTOM
from stepwarden.lab.simulate import output, whole
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from stepwarden.signals.catalogue import CATALOGUE

CERTAIN: Final = 100
_ENDED: Final = {"fail": "failed", "ignore": "abandoned", "deny": "denied"}


def read(directory: Path) -> History:
    """Read what a simulation left.

    Raises:
        InputError: it cannot be read, or was made without all signals.
    """
    results = read_results(directory)
    try:
        text = (directory / output.POLICY).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InputError(f"{directory / output.POLICY} cannot be read: {exc}", field="simulated") from exc
    policy, frame = load(text), results.attempts
    lacking = [
        name for name in (*whole.NAMES, *(spec.name for spec in CATALOGUE)) if name not in frame.columns
    ]
    if lacking:
        raise InputError(
            f"{directory} was simulated without {lacking[0]!r}: simulate it offline, with --signals",
            field="simulated",
        )
    attacks = [f"{one.technique} {one.attacker}" for one in results.campaigns]
    made = frame.with_columns(
        pl.Series(
            "campaign_name",
            [attacks[number] if number >= 0 else "" for number in frame["campaign"]],
            pl.String,
        )
    )
    return History(
        frame=narrowed(_columns(made, policy)),
        policy=text,
        signals={one.identity: one.name for one in policy.signals},
    )


def _columns(frame: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    attack = pl.col("campaign") >= 0
    person = pl.format("person {}", pl.col("person"))
    attacker = pl.format("campaign {}", pl.col("campaign"))
    stepped = pl.col("decision").cast(pl.String) == "step_up"
    ended = pl.col("reply").cast(pl.String).replace_strict(_ENDED, default="")
    said = {
        "entry": pl.row_index().cast(pl.Int64),
        "id": pl.lit(""),
        "time": pl.col("time").cast(pl.Int64),
        "actor": pl.when(attack & ~pl.col("probe")).then(attacker).otherwise(person),
        "session": pl.lit(""),
        "address": pl.lit(""),
        "action": pl.col("action").cast(pl.Categorical),
        "address_kind": pl.col("address_kind").cast(pl.String).cast(pl.Categorical),
        **{name: pl.col(name) for name in whole.NAMES},
        "doubted": pl.lit(False),
        "emergency": pl.lit(False),
        "decision": pl.col("decision").cast(pl.String).cast(pl.Categorical),
        "policy": pl.lit(policy.hash).cast(pl.Categorical),
        "rules": pl.col("rules").cast(pl.Categorical),
        "technique": pl.lit("").cast(pl.Categorical),
        "score": pl.col("score").cast(pl.Int32),
        "risk": pl.col("risk").cast(pl.Int32),
        "outcome": pl.when(pl.col("open")).then(pl.lit("success")).when(~pl.col("right")).then(pl.lit("failure"))
        .otherwise(pl.lit("unknown")).cast(Later.TYPES["outcome"]),
        "ended": pl.when(pl.col("passed")).then(pl.lit("passed")).when(stepped & pl.col("right")).then(ended)
        .otherwise(pl.lit("")).cast(Later.TYPES["ended"]),
        "label": pl.when(attack).then(pl.lit("attack")).otherwise(pl.lit("")).cast(Later.TYPES["label"]),
        "label_source": pl.when(attack).then(pl.lit("simulation")).otherwise(pl.lit("")).cast(pl.Categorical),
        "label_reliability": pl.when(attack).then(CERTAIN).otherwise(0).cast(pl.Int8),
        "campaign": pl.col("campaign_name").cast(pl.Categorical),
    }  # fmt: skip
    signals = [pl.col(spec.name) for spec in CATALOGUE]
    for one in policy.signals:
        prefixed = f"signal.{one.name}"
        signals.append(pl.col(prefixed if prefixed in frame.columns else one.name).alias(CUSTOM + one.name))
    return frame.select(*(column.alias(name) for name, column in said.items()), *signals)
