"""What a simulation leaves behind, as files that others read: one directory for one run.

    run.json           seed, people, days, attacks, policy (its hash, and its text beside it), counts, seconds
    policy.yaml        the policy that decided
    people.parquet     one row per person (``plan.Person``), in order of ``index``
    campaigns.json     the attacks (``plan.Campaign``), in order of ``index``
    attempts.parquet   one row per attempt and per probe, in order of time

Columns of ``attempts.parquet``: ``time`` in microseconds; ``person`` (-1: an account that nobody has), ``login`` (their
sign-ins that had ended well before), ``campaign`` (-1: people); ``probe``: weighed, and left no trace; ``action``;
``right``: it would have succeeded where let through; ``reply``: what came of a step-up as planned; ``decision``,
``score`` (thousandths of a nat), ``risk`` (parts per million), ``asked_aal`` (the level demanded), ``passed``,
``open``; ``rules``: the evidence, ``<rule>:<weight>`` with blanks between, an exclamation mark behind what failed; and
the signals of ``KEPT``. With ``signals`` all signals stand there, those of the policy too, one column each by its name
(``signal.<name>`` where a column has that name already), and everything else that a policy decides by (``whole``).

Rows are written in chunks, so memory does not grow with the run: chunks become parts of their own, and in the end one
file. The same run gives the same columns to the byte.

Not here: reading it (``lab.accuracy.results``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, get_args

import msgspec
import polars as pl

from stepwarden.events.attempt import Outcome
from stepwarden.events.entries import Evidence, Verdict
from stepwarden.events.facts import AddressKind
from stepwarden.lab.simulate import whole
from stepwarden.lab.simulate.engine import Row
from stepwarden.lab.simulate.plan import Campaign, Person, Reply
from stepwarden.signals.catalogue import CATALOGUE, SignalSpec

RUN, POLICY, PEOPLE = "run.json", "policy.yaml", "people.parquet"
CAMPAIGNS, ATTEMPTS, PARTS = "campaigns.json", "attempts.parquet", "attempts.parts"
CHUNK: Final = 16_384
"""Rows held in memory before they are written."""
KEPT: Final = (
    "login_surprise",
    "place_surprise",
    "agent_surprise",
    "new_device",
    "first_seen",
    "actor_failures_1h",
    "actor_failures_24h",
    "site_spraying",
)
"""Signals that stand in every ``attempts.parquet``."""
SPELLINGS: Final = 65_536
OWN: Final = frozenset(
    (
        *(
            "time",
            "person",
            "login",
            "campaign",
            "probe",
            "action",
            "right",
            "reply",
            "decision",
            "score",
            "risk",
        ),
        *("asked_aal", "passed", "open", "address_kind", "rules"),
        *whole.NAMES,
    )
)
"""Columns that are no signals."""
SUCCESS: Final[Outcome] = "success"
_TYPES: Final[Mapping[str, Any]] = {"int": pl.Int64, "bool": pl.Boolean, "str": pl.String}
_REPLY: Final = pl.Enum(get_args(Reply))
_VERDICT: Final = pl.Enum(get_args(Verdict))
_KIND: Final = pl.Enum(get_args(AddressKind))


class Writer:
    """Writes ``attempts.parquet`` row by row; a context manager, and only its good end makes the file.

    Args:
        specs: what each value of a decision is, in order: the catalogue, and the custom signals of the policy.
        signals: whether all of them are to be written.
    """

    def __init__(self, directory: Path, specs: Sequence[SignalSpec], *, signals: bool) -> None:
        self._directory = directory
        self._rows: list[Row] = []
        self._parts = 0
        self._signals = signals
        wanted = specs if signals else [spec for spec in specs if spec.name in KEPT]
        places = {spec.name: place for place, spec in enumerate(specs)}
        self._columns = [(_column(spec.name), places[spec.name], _TYPES[spec.type]) for spec in wanted]
        self._defaults = tuple(spec.default for spec in specs)
        self._spelled: dict[tuple[Evidence, ...], str] = {}

    def __enter__(self) -> Self:
        self._clear()
        (self._directory / PARTS).mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._flush()
                parts = pl.scan_parquet(sorted((self._directory / PARTS).glob("*.parquet")))
                together = self._directory / PARTS / "whole.new"
                parts.sink_parquet(together, maintain_order=True)
                together.replace(self._directory / ATTEMPTS)
        finally:
            self._clear()

    def add(self, row: Row) -> None:
        """One attempt of which all is known."""
        rows = self._rows
        rows.append(row)
        if len(rows) >= CHUNK:
            self._flush()

    def _flush(self) -> None:
        frame = self._frame(self._rows)
        frame.write_parquet(self._directory / PARTS / f"{self._parts:06d}.parquet")
        self._parts += 1
        self._rows.clear()

    def _frame(self, rows: list[Row]) -> pl.DataFrame:
        """The rows as columns."""
        decided = [row.decided for row in rows]
        planned = [row.planned for row in rows]
        columns = [
            pl.Series("time", [row.time for row in rows], pl.Int64),
            pl.Series("person", [one.person for one in planned], pl.Int32),
            pl.Series("login", [row.login for row in rows], pl.Int32),
            pl.Series("campaign", [one.campaign for one in planned], pl.Int32),
            pl.Series("probe", [one.probe for one in planned], pl.Boolean),
            pl.Series("action", [one.attempt.action for one in planned], pl.Categorical),
            pl.Series("right", [one.outcome == SUCCESS for one in planned], pl.Boolean),
            pl.Series("reply", [one.reply for one in planned], _REPLY),
            pl.Series("decision", [one.decision for one in decided], _VERDICT),
            pl.Series("score", [one.score for one in decided], pl.Int32),
            pl.Series("risk", [one.risk for one in decided], pl.Int32),
            pl.Series("asked_aal", [one.aal for one in decided], pl.UInt8),
            pl.Series("passed", [row.passed for row in rows], pl.Boolean),
            pl.Series("open", [row.open for row in rows], pl.Boolean),
            pl.Series("address_kind", [one.address_kind for one in decided], _KIND),
            pl.Series("rules", [self._spell(one.evidence) for one in decided], pl.Categorical),
        ]
        if self._signals:
            columns += whole.columns(decided)
        values = [one.values or self._defaults for one in decided]
        columns += [
            pl.Series(name, [known[place] for known in values], kind) for name, place, kind in self._columns
        ]
        return pl.DataFrame(columns)

    def _spell(self, evidence: tuple[Evidence, ...]) -> str:
        spelled = self._spelled.get(evidence)
        if spelled is None:
            if len(self._spelled) >= SPELLINGS:
                self._spelled.clear()
            parts = (f"{one.rule}:{one.weight}{'!' if one.failed else ''}" for one in evidence)
            spelled = self._spelled[evidence] = " ".join(parts)
        return spelled

    def _clear(self) -> None:
        """Remove what a run that did not end well left of its parts, and nothing that is not ours."""
        folder = self._directory / PARTS
        for pattern in ("*.parquet", "whole.new"):
            for part in folder.glob(pattern):
                part.unlink()
        if folder.is_dir():
            folder.rmdir()


def _column(name: str) -> str:
    """A policy may call a signal of its own what a column is called here."""
    return f"signal.{name}" if name in OWN else name


def write_run(
    directory: Path,
    run: Mapping[str, Any],
    *,
    policy: str,
    people: Sequence[Person],
    campaigns: Sequence[Campaign],
) -> None:
    """Everything but the attempts. ``policy`` is the text of its file."""
    directory.mkdir(parents=True, exist_ok=True)
    fields = Person.__struct_fields__
    kinds: dict[str, Any] = {"index": pl.Int32, "has_device_id": pl.Boolean}
    columns = [
        pl.Series(name, [getattr(one, name) for one in people], kinds.get(name, pl.String)) for name in fields
    ]
    pl.DataFrame(columns).write_parquet(directory / PEOPLE)
    (directory / CAMPAIGNS).write_bytes(msgspec.json.format(msgspec.json.encode(list(campaigns))))
    (directory / POLICY).write_text(policy, encoding="utf-8")
    (directory / RUN).write_bytes(msgspec.json.format(msgspec.json.encode(dict(run))))


def specs_of(policy_specs: Sequence[SignalSpec] = ()) -> tuple[SignalSpec, ...]:
    """What each value of a decision is: the catalogue, then what the policy defines."""
    return (*CATALOGUE, *policy_specs)
