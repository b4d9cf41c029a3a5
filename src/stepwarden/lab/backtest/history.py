"""An installation's history as columns: one row for each decided attempt, with all that a policy decides by.

    entry, id, time                index and id of the entry, microseconds
    actor, session, address        tokens, as the leaf holds them: nothing here names anybody
    action, country, asn, address_kind, browser, os, device_type      the facts that rules may see
    the built-in signals           each by its name; ``custom.<name>`` for those that a policy defines
    standing_*, granted, granted_* what the session held, and the grant that came along
    around, doubted, emergency, bombed    what was demanded beside the policy (JSON of ``judge.Around``, "" for
                                   nothing), whether every demand was raised, whether a step-up would have been refused
    decision, score, risk, policy, rules  what was decided, by which policy (its hash), by which evidence
    outcome, ended                 what was reported later, and how the challenge ended
    label, label_source, label_reliability    the label that counts: the most reliable one, and of two alike the attack
    technique                      of the evidence that weighed most, "" for none; of a simulated attack, its own
    campaign                       of a simulated attack its name, else ""

``ended`` is ``passed``, ``failed``, ``abandoned``, ``denied`` or "". Whole numbers are stored in the smallest type they
fit into. A Parquet file of it also holds the policy that was live at the end, under ``stepwarden`` in its metadata.

Reading needs all of the log up to an attempt, because what was held then is a fold of it. The policies of the log are
followed; what is not recorded in an attempt's entry is worked out by the same code as the service and the audit use.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import polars as pl

from stepwarden.errors import CorruptLogError, InputError, MalformedEntryError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import AttemptDecided, Entry, PolicyChanged, PolicyStepped
from stepwarden.flow.judge import around_of
from stepwarden.flow.state import LogState
from stepwarden.lab.backtest.deciding import GRANT, STANDING, spelled
from stepwarden.lab.backtest.later import Later
from stepwarden.lab.backtest.operators import RANGES, Bounds
from stepwarden.lab.backtest.sparse import Sparse
from stepwarden.policy.cel.emit import FACTS
from stepwarden.policy.policy import Policy
from stepwarden.signals.limits import STANDARD
from stepwarden.stepup.issue import prospect

CHUNK: Final = 16_384
METADATA: Final = "stepwarden"
FORMAT: Final = 1
TOKENS: Final = ("actor", "session", "address")
_ENUM: Final = pl.Categorical
_TYPES: Final[dict[str, Any]] = {
    "entry": pl.Int64,
    "id": pl.String,
    "time": pl.Int64,
    **dict.fromkeys(TOKENS, pl.String),
    **dict.fromkeys(FACTS, _ENUM),
    **dict.fromkeys((STANDING[0], GRANT[0]), pl.Int8),
    **dict.fromkeys((STANDING[1], GRANT[1]), pl.Int64),
    **dict.fromkeys((*STANDING[2:], *GRANT[2:]), pl.String),
    **dict.fromkeys(("granted", "doubted", "emergency", "bombed"), pl.Boolean),
    **dict.fromkeys(("around", "decision", "policy", "rules", "technique"), _ENUM),
    **dict.fromkeys(("score", "risk"), pl.Int32),
}
"""The columns of a row as it is read; those that come later, and the signals, are beside them."""
_EMPTY: Final = (0, 0, "", "")


class Watch(Protocol):
    """Follows the reading of a log."""

    def begin(self, state: LogState) -> None:
        """Before the first leaf."""
        ...

    def attempt(self, entry: AttemptDecided, state: LogState) -> None:
        """An attempt, and the state before it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """``frame`` as above, in the log's order. ``policy`` is the text of the policy that was live at the end.

    ``signals`` are those that every policy of the log defined and recorded, by what they are (``CustomSpec.identity``)
    under which name: only these are known of every attempt.
    """

    frame: pl.DataFrame
    policy: str
    signals: dict[str, str]

    def write(self, path: Path) -> None:
        """Write it to a Parquet file.

        Raises:
            InputError: it cannot be written.
        """
        about = msgspec.json.encode(_About(FORMAT, self.policy, self.signals)).decode()
        draft = path.with_name(f".{path.name}.part")
        try:
            self.frame.write_parquet(draft, metadata={METADATA: about})
            draft.replace(path)
        except OSError as exc:
            draft.unlink(missing_ok=True)
            raise InputError(f"the history {path} cannot be written: {exc.strerror}", field="out") from exc


def read(
    leaves: Iterable[bytes],
    *,
    start: LogState | None = None,
    progress: Callable[[int], None] = lambda done: None,
    watch: Watch | None = None,
) -> History:
    """The history of a log, oldest leaf first.

    Args:
        start: of a pruned log the state before its first leaf.
        watch: sees each attempt before it is folded.

    Raises:
        InputError: the log holds no attempt.
        CorruptLogError, MalformedEntryError: it cannot be folded.
    """
    state = start or LogState(STANDARD)
    rows, recorded = _Rows(), Recorded()
    if state.policy is not None:
        recorded.decides(state.policy)
    if watch is not None:
        watch.begin(state)
    for index, leaf in enumerate(leaves, start=state.size):
        try:
            entry = decode_trusted(leaf)
        except MalformedEntryError as exc:
            raise MalformedEntryError(f"entry {index}: {exc}") from exc
        if isinstance(entry, AttemptDecided):
            if watch is not None:
                watch.attempt(entry, state)
            rows.add(index, entry, state)
        else:
            rows.later.fold(entry)
        state.fold(index, entry)
        recorded.fold(entry, state)
        if index % 1_024 == 0:
            progress(index)
    if not rows.later.rows:
        raise InputError("the log holds no attempt yet: there is nothing to test a policy on", field="data")
    if state.policy is None:
        raise CorruptLogError("the log holds attempts and no policy that was live")
    names = {one.name: one.default for one in state.policy.signals if one.identity in recorded.signals}
    return History(frame=rows.frame(names), policy=state.policy.text, signals=recorded.signals)


def load(path: Path) -> History:
    """Read a Parquet file that ``write`` made.

    Raises:
        InputError: it cannot be read, or is no history.
    """
    try:
        about = pl.read_parquet_metadata(path).get(METADATA)
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise InputError(f"the history {path} cannot be read: {exc}", field="history") from exc
    advice = "make one by `stepwarden lab history`"
    missing = [name for name in (*_TYPES, *Later.TYPES) if name not in frame.columns]
    if about is None or missing:
        lacking = f" (no column {missing[0]!r})" if missing else ""
        raise InputError(f"{path} is no history of ours{lacking}: {advice}", field="history")
    try:
        known = msgspec.json.decode(about, type=_About)
    except msgspec.MsgspecError as exc:
        raise InputError(f"{path} is no history of ours: {advice}", field="history") from exc
    if known.format != FORMAT:
        raise InputError(f"{path} was made by another version: {advice}", field="history")
    return History(frame=narrowed(frame), policy=known.policy, signals=known.signals)


class _About(msgspec.Struct):
    format: int
    policy: str
    signals: dict[str, str]


class Recorded:
    """The signals that all policies defined that have decided so far: identity to name."""

    def __init__(self) -> None:
        self._common: dict[str, str] | None = None

    @property
    def signals(self) -> dict[str, str]:
        return self._common or {}

    def decides(self, policy: Policy) -> None:
        """This one decides too, from here on."""
        own = {one.identity: one.name for one in policy.signals}
        if self._common is None:
            self._common = own
        self._common = {
            identity: name for identity, name in self._common.items() if own.get(identity) == name
        }

    def fold(self, entry: Entry, state: LogState) -> None:
        """Take in an entry that may bring a policy that decides: a live one, or a canary."""
        if isinstance(entry, PolicyChanged) and state.policy is not None:
            self.decides(state.policy)
        elif isinstance(entry, PolicyStepped) and entry.step == "canary" and state.candidate is not None:
            self.decides(state.candidate)


class _Rows:
    """Rows as they come: in chunks, and signals only where they differ from their default."""

    def __init__(self) -> None:
        self.later = Later()
        self._signals = Sparse()
        self._chunks: list[pl.DataFrame] = []
        self._rows: list[tuple[Any, ...]] = []
        self._weighed: dict[tuple[Any, ...], tuple[str, str]] = {}

    def add(self, index: int, entry: AttemptDecided, state: LogState) -> None:
        """One attempt, and the state before it."""
        facts = entry.facts
        around = around_of(state.stepup, facts, entry.time)
        granted = state.stepup.grant(entry.grant, entry.binding, entry.time) if entry.grant else None
        asked = prospect(
            state.stepup, actor=facts.actor, session=facts.session, binding=entry.binding, now=entry.time
        )
        rules, technique = self._evidence(entry, state)
        self._rows.append((
            index,
            entry.id,
            entry.time,
            facts.actor,
            facts.session,
            facts.address,
            *(getattr(facts, name) for name in FACTS),
            *_by_column(spelled(entry.standing), spelled(granted) if granted is not None else _EMPTY),
            granted is not None,
            state.doubted,
            state.cycle.emergency is not None,
            asked == "bombed",
            msgspec.json.encode(around).decode() if around is not None else "",
            entry.decision,
            entry.policy,
            rules,
            technique,
            entry.score,
            entry.risk,
        ))  # fmt: skip
        self._signals.add(self.later.rows, entry.signals)
        self.later.attempt(index, facts.outcome)
        if len(self._rows) >= CHUNK:
            self._flush()

    def frame(self, custom: Mapping[str, int | bool | str]) -> pl.DataFrame:
        """All of them. ``custom`` are signals that there is a column of even if none was ever recorded."""
        self._flush()
        whole = pl.concat(self._chunks)
        columns = [*self.later.columns(), *self._signals.columns(self.later.rows, custom)]
        return narrowed(whole.with_columns(columns))

    def _flush(self) -> None:
        if self._rows:
            self._chunks.append(pl.DataFrame(self._rows, schema=_TYPES, orient="row"))
            self._rows = []

    def _evidence(self, entry: AttemptDecided, state: LogState) -> tuple[str, str]:
        """The evidence with blanks between, and the technique of what weighed most."""
        key = (entry.policy, entry.evidence)
        found = self._weighed.get(key)
        if found is None:
            if len(self._weighed) >= CHUNK:
                self._weighed.clear()
            policy = state.policies.get(entry.policy)
            techniques = {rule.id: rule.technique for rule in policy.rules} if policy is not None else {}
            heaviest = max(entry.evidence, key=lambda one: one.weight, default=None)
            technique = (
                techniques.get(heaviest.rule, "") if heaviest is not None and heaviest.weight > 0 else ""
            )
            found = self._weighed[key] = (" ".join(one.rule for one in entry.evidence), technique)
        return found


def _by_column(standing: tuple[Any, ...], grant: tuple[Any, ...]) -> tuple[Any, ...]:
    """Both in the order of ``_TYPES``: levels, times, texts."""
    return standing[0], grant[0], standing[1], grant[1], *standing[2:], *grant[2:]


def narrowed(frame: pl.DataFrame) -> pl.DataFrame:
    """Signals of whole numbers in the smallest type that they fit into: less to read, and quicker to compare."""
    kept = set(_TYPES) | set(Later.TYPES)
    names = [name for name, kind in frame.schema.items() if kind.is_integer() and name not in kept]
    columns = []
    for name in names:
        held = Bounds.of(frame[name])
        kind = next(kind for kind, (least, most) in RANGES.items() if least <= held.low and held.high <= most)
        columns.append(frame[name].cast(kind))
    return frame.with_columns(columns)
