"""A back-test from its beginning to its figures, over a log or over a history that was made of one.

Two ways lead to the same answers. ``fold`` decides each attempt anew from a fold of the entries before it, with signals
of its own that the candidate defines. ``columns`` decides all attempts at once over the recorded signals, which takes a
hundredth of the time, and cannot know a signal that nobody recorded. ``both`` does both and refuses to give figures
unless they agree in every score, risk, demand and decision.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stepwarden.errors import CorruptLogError, InputError
from stepwarden.flow.state import LogState
from stepwarden.lab.backtest.assessing import ColumnPolicy
from stepwarden.lab.backtest.compare import Evidence, Side, compare
from stepwarden.lab.backtest.deciding import decided
from stepwarden.lab.backtest.figures import Comparison
from stepwarden.lab.backtest.folding import Folded, Folding, differs
from stepwarden.lab.backtest.history import History, Watch, read
from stepwarden.lab.backtest.resample import REPLICATES
from stepwarden.lab.backtest.sparse import CUSTOM
from stepwarden.lab.entries import live_policy
from stepwarden.policy.cel.emit import FACTS
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy
from stepwarden.signals.catalogue import POSITION

Mode = Literal["fold", "columns", "both"]
Progress = Callable[[str, int, int], None]
"""Told what is being done, how far it is, and the end."""
ASKED: Final = 65_536
"""Rows whose evidence is worked out at once."""


def over_log(
    leaves: Callable[[], Iterable[bytes]],
    size: int,
    candidate: Policy,
    against: Policy | None,
    *,
    start: Callable[[], LogState | None],
    mode: Mode,
    seed: int,
    progress: Progress,
) -> Comparison:
    """Back-test over a log.

    Args:
        leaves: gives the leaves of the log from its floor on, each time anew.
        against: the policy to compare with; None for the one that is live at the end of the log.
        start: gives the state at the floor of a pruned log, each time anew.

    Raises:
        InputError: there is nothing to compare.
        CorruptLogError: the two ways do not agree: the log does not hold what it should.
    """

    def reading(watch: Watch | None) -> History:
        return read(
            leaves(), start=start(), progress=lambda done: progress("reading", done, size), watch=watch
        )

    if mode == "columns":
        return over_history(reading(None), candidate, against, seed=seed, progress=progress)
    folding = Folding(
        [against if against is not None else live_policy(leaves(), start(), option="--against"), candidate]
    )
    history = reading(folding)
    was, now = folding.folded
    if mode == "both":
        for one in (was, now):
            found = differs(_by_columns(history, one.policy).decided, one.decided())
            if found:
                raise CorruptLogError(
                    f"folding the log and its recorded signals lead to different answers ({found}): "
                    "run `stepwarden ledger replay`"
                )
    return _compared(history.frame, _by_fold(was), _by_fold(now), mode, seed, progress)


def over_history(
    history: History, candidate: Policy, against: Policy | None, *, seed: int, progress: Progress
) -> Comparison:
    """Back-test over recorded signals.

    Raises:
        InputError: the history lacks what a policy's rules use.
    """
    before = against if against is not None else load(history.policy)
    was, now = (_by_columns(history, policy, progress) for policy in (before, candidate))
    return _compared(history.frame, was, now, "columns", seed, progress)


def _compared(
    frame: pl.DataFrame, before: Side, after: Side, mode: str, seed: int, progress: Progress
) -> Comparison:
    def drawn(done: int) -> None:
        progress("drawing people again", done, REPLICATES)

    return compare(frame, before, after, mode=mode, seed=seed, progress=drawn)


def _by_fold(folded: Folded) -> Side:
    def evidence(places: NDArray[np.int64]) -> list[list[str]]:
        return [[one.rule for one in folded.evidence[place]] for place in places]

    return Side(policy=folded.policy, decided=folded.decided(), evidence=evidence)


def _by_columns(history: History, policy: Policy, progress: Progress = lambda what, done, end: None) -> Side:
    frame, columns = seen_by(policy, history), ColumnPolicy(policy)
    assessed = columns.assess(frame, lambda done: progress(f"deciding by {policy.name}", done, len(frame)))
    decision = decided(history.frame, assessed)
    return Side(policy=policy, decided=decision, evidence=_evidence(frame, columns))


def seen_by(policy: Policy, history: History) -> pl.DataFrame:
    """The columns that the policy's rules may use, under the names that they have there.

    Raises:
        InputError: the policy defines signals that were not recorded all along.
    """
    lacking = [one.name for one in policy.signals if history.signals.get(one.identity) != one.name]
    if lacking:
        raise InputError(
            f"{policy.name} defines signals that were not recorded of every attempt ({', '.join(lacking)}): "
            "use --mode fold over the log, which works them out",
            field="mode",
        )
    frame = history.frame
    shared = [name for name in (*POSITION, *FACTS, "standing_aal") if name in frame.columns]
    return frame.select(*shared, *(pl.col(CUSTOM + one.name).alias(one.name) for one in policy.signals))


def _evidence(frame: pl.DataFrame, columns: ColumnPolicy) -> Evidence:
    rules = [rule.id for rule in columns.policy.rules]

    def evidence(places: NDArray[np.int64]) -> Sequence[Sequence[str]]:
        found: list[list[str]] = []
        for first in range(0, len(places), ASKED):
            held = columns.evidence(frame[places[first : first + ASKED]]).select(pl.col(rules).is_not_null())
            found += [
                [rule for rule, there in zip(rules, row, strict=True) if there] for row in held.iter_rows()
            ]
        return found

    return evidence
