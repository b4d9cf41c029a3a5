"""What the tests of accuracy share: results of a simulation, written by hand."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from stepwarden.lab.accuracy.results import Results, checked
from stepwarden.lab.simulate.plan import Campaign

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_767_571_200_000_000
"""2026-01-05, in microseconds."""
SCHEMA = {
    "time": pl.Int64, "person": pl.Int32, "login": pl.Int32, "campaign": pl.Int32, "probe": pl.Boolean,
    "action": pl.String, "right": pl.Boolean, "decision": pl.String, "score": pl.Int32, "risk": pl.Int32,
    "open": pl.Boolean, "login_surprise": pl.Int64, "new_device": pl.Boolean, "first_seen": pl.Boolean,
    "actor_failures_1h": pl.Int64, "site_spraying": pl.Boolean, "rules": pl.String,
}  # fmt: skip


def row(person: int = 0, hour: float = 0.0, **given: Any) -> dict[str, Any]:
    """An allowed sign-in of a person, so many hours after the start, but for what is given."""
    plain: dict[str, Any] = {
        "time": START + int(hour * HOUR), "person": person, "login": 5, "campaign": -1, "probe": False,
        "action": "login", "right": True, "decision": "allow", "score": -4000, "risk": 18_000,
        "login_surprise": 0, "new_device": False, "first_seen": False, "actor_failures_1h": 0,
        "site_spraying": False, "rules": "",
    }  # fmt: skip
    made = plain | given
    return {"open": made["right"] and made["decision"] == "allow"} | made


def campaign(index: int, attacker: str, *, technique: str = "T1078", takeover: str = "") -> Campaign:
    """An attack that began with the simulation."""
    return Campaign(
        index=index, attacker=attacker, technique=technique, began=START, about="an attack", takeover=takeover
    )


def results(
    rows: Iterable[dict[str, Any]],
    *,
    cohorts: Sequence[str] = ("home",),
    bands: Sequence[str] = (),
    named: Sequence[bool] = (),
    campaigns: Sequence[Campaign] = (),
    run: dict[str, Any] | None = None,
) -> Results:
    """Results of so many people as there are cohorts, checked as those of a file are."""
    people = pl.DataFrame(
        {
            "index": list(range(len(cohorts))),
            "actor": [f"person{number}" for number in range(len(cohorts))],
            "cohort": list(cohorts),
            "band": list(bands or ["daily"] * len(cohorts)),
            "has_device_id": list(named or [True] * len(cohorts)),
        }
    )
    return checked(run or {"seed": 1}, people, campaigns, pl.DataFrame(list(rows), schema=SCHEMA))


def write(directory: Path, found: Results) -> Path:
    """The files of a simulation."""
    directory.mkdir(parents=True, exist_ok=True)
    found.people.write_parquet(directory / "people.parquet")
    found.attempts.write_parquet(directory / "attempts.parquet")
    (directory / "campaigns.json").write_bytes(msgspec.json.encode(found.campaigns))
    (directory / "run.json").write_bytes(msgspec.json.encode(found.run))
    return directory
