"""Random histories: attempts with signals, facts and standings of every kind, as rows and as a frame."""

import random
from typing import Any, NamedTuple

import polars as pl

from stepwarden.events.entries import Standing
from stepwarden.events.facts import Facts
from stepwarden.policy.cel.emit import FACTS
from stepwarden.signals.catalogue import CATALOGUE

KINDS = ("missing", "malformed", "private", "residential", "datacenter", "vpn", "tor", "relay", "anycast")
ACTIONS = (
    "login",
    "transfer",
    "transfer.eur",
    "a.read",
    "logout",
    "export",
    "factor.enroll",
    "x",
    "aws.iam.put",
)
NOW = 1_800_000_000_000_000
_SMALL = (0, 0, 0, 1, 2, 3, 4, 5, 6, 8, 12, 20, 40, 64, 200, 256)


class Tried(NamedTuple):
    """One attempt as a policy sees it."""

    facts: Facts
    values: tuple[Any, ...]
    standing: Standing


def attempts(seed: int, count: int) -> list[Tried]:
    """So many attempts; each signal differs from its default in about one of four."""
    chance = random.Random(seed)
    return [_attempt(chance) for _ in range(count)]


def _attempt(chance: random.Random) -> Tried:
    values = []
    for spec in CATALOGUE:
        if chance.random() < 0.75:
            values.append(spec.default)
        elif spec.type == "bool":
            values.append(chance.random() < 0.5)
        elif spec.type == "str":
            values.append(chance.choice(["", "a", "b"]))
        elif spec.name.endswith("surprise") or "evidence" in spec.name:
            values.append(chance.randrange(-6_000, 12_000))
        elif spec.unit in ("km", "km/h", "permille", "percent"):
            values.append(chance.choice([0, 1, 100, 199, 200, 400, 500, 501, 900, 901, 5_000]))
        else:
            values.append(chance.choice(_SMALL))
    facts: Any = Facts(
        time=NOW + chance.randrange(10**9),
        action=chance.choice(ACTIONS),
        actor=chance.choice(["", "ann", "bob"]),
        address_kind=chance.choice(KINDS),  # type: ignore[arg-type]
        country=chance.choice(["", "DE", "FR"]),
        asn=chance.choice(["", "3320"]),
        browser=chance.choice(["", "Firefox", "curl"]),
        os=chance.choice(["", "Linux"]),
        device_type=chance.choice(["", "phone"]),
    )
    level: Any = chance.randrange(4)
    return Tried(
        facts, tuple(values), Standing(aal=level, since=NOW - chance.randrange(10**10), amr=("pwd",))
    )


def frame_of(rows: list[Tried]) -> pl.DataFrame:
    """The same as the columns that rules may use."""
    types: dict[str, Any] = {"int": pl.Int32, "bool": pl.Boolean, "str": pl.String}
    columns = [
        pl.Series(spec.name, [row.values[place] for row in rows], types[spec.type])
        for place, spec in enumerate(CATALOGUE)
    ]
    columns += [pl.Series(name, [getattr(row.facts, name) for row in rows], pl.String) for name in FACTS]
    columns.append(pl.Series("standing_aal", [row.standing.aal for row in rows], pl.Int8))
    return pl.DataFrame(columns)
