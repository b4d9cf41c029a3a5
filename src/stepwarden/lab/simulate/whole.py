"""What a policy decides by, beside the signals: the facts that rules see, what was held, what was demanded beside it.

With these columns another policy can be put in the place of the one that decided (``lab.backtest.simulated``). Their
names and meaning are those of a history of a real log (``lab.backtest.history``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import polars as pl

from stepwarden.events.entries import Standing
from stepwarden.lab.simulate.site import Decided

TEXTS: Final = ("country", "asn", "browser", "os", "device_type")
STANDING: Final = {"aal": pl.Int8, "since": pl.Int64, "amr": pl.String, "at": pl.String}
NAMES: Final = (
    *TEXTS,
    *(f"{held}_{field}" for held in ("standing", "granted") for field in STANDING),
    *("granted", "around", "bombed"),
)
_NOTHING: Final = Standing()


def columns(decided: Sequence[Decided]) -> list[pl.Series]:
    """A column for each of ``NAMES``; none at all where the site does not tell (a running server)."""
    here: list[Any] = [one for one in decided if hasattr(one, "facts")]
    if len(here) < len(decided):
        return []
    found = [pl.Series(name, [getattr(one.facts, name) for one in here], pl.Categorical) for name in TEXTS]
    for name in ("standing", "granted"):
        held = [getattr(one, name) or _NOTHING for one in here]
        values: dict[str, list[Any]] = {
            "aal": [one.aal for one in held],
            "since": [one.since for one in held],
            "amr": [" ".join(one.amr) for one in held],
            "at": [" ".join(map(str, one.at)) for one in held],
        }
        found += [pl.Series(f"{name}_{field}", values[field], kind) for field, kind in STANDING.items()]
    beside = [msgspec.json.encode(one.around).decode() if one.around is not None else "" for one in here]
    return [
        *found,
        pl.Series("granted", [one.granted is not None for one in here], pl.Boolean),
        pl.Series("around", beside, pl.Categorical),
        pl.Series("bombed", [one.bombed for one in here], pl.Boolean),
    ]
