"""People whose devices the application names, apart from those whose devices have no name.

Much of what is detected cheaply rests on an id that the application gives a device. What is left where there is none
is said here: it is the part of the figures that another site may not reach.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import polars as pl

from stepwarden.lab.accuracy.friction import COLD
from stepwarden.lab.accuracy.results import CLASSES, NAMED, Results

SETTLED: Final = 12


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """``challenged``: which share (0..1) of the sign-ins after the cold start the policy challenged or refused;
    ``detected``: which share of the probes of each class, from ``SETTLED`` sign-ins on."""

    named: bool
    people: int
    sign_ins: int
    challenged: float
    detected: Mapping[str, float]


def devices(results: Results) -> list[Devices]:
    """Both kinds of people, those with names first; nothing where the results do not tell them apart."""
    if NAMED not in results.people.columns:
        return []
    known = results.people.select(pl.col("index").cast(pl.Int32).alias("person"), pl.col(NAMED))
    stopped = (pl.col("decision") != "allow").alias("stopped")
    sign_ins = (
        results.sign_ins.filter(pl.col("login") >= COLD).join(known, on="person").select(NAMED, stopped)
    )
    probes = results.probes.filter(pl.col("login") >= SETTLED).join(known, on="person")
    found = []
    for named in (True, False):
        mine = sign_ins.filter(pl.col(NAMED) == named)
        theirs = probes.filter(pl.col(NAMED) == named).select("takeover", stopped)
        shares = dict(theirs.group_by("takeover").agg(pl.col("stopped").mean()).iter_rows())
        found.append(
            Devices(
                named=named,
                people=int((results.people[NAMED] == named).sum()),
                sign_ins=len(mine),
                challenged=int(mine["stopped"].sum()) / max(1, len(mine)),
                detected={name: float(shares[name]) for name in CLASSES if name in shares},
            )
        )
    return found
