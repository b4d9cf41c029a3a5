"""Verification of everything: a data directory, or a published log, in one pass. Reads only; beside a running service.

Steps 1 to 6 are the ledger's, 7 to 12 the audit's (``flow.audit_log``). What is needed and not at hand (a policy, the
master key, an authority, openings of a published log) leaves a step "not checked", which it says, and never "ok".
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, cast

from stepwarden.app.anchoring import authority_of
from stepwarden.app.doubt import PUBLISHED
from stepwarden.app.paths import Paths
from stepwarden.app.publishing import WITNESSED
from stepwarden.app.settings import Settings
from stepwarden.app.stores import open_reader
from stepwarden.connect.timestamps import check_anchor
from stepwarden.errors import CorruptLogError, KeyFileError, StepwardenError
from stepwarden.events.entries import KeyRetired, KeyRotated, LogAnchored
from stepwarden.flow.audit_keys import KeyAudit, trusted
from stepwarden.flow.audit_log import Audit, Sealed, Stamp
from stepwarden.flow.audit_openings import Openings
from stepwarden.flow.key_rows import RowReader, read_history, read_rows
from stepwarden.flow.people import KEY_BYTES, People
from stepwarden.flow.snapshots import read_floor
from stepwarden.flow.state import LogState
from stepwarden.ledger.keys import read_secret
from stepwarden.ledger.note import Ed25519Verifier, Verifier
from stepwarden.ledger.published import PublishedLog
from stepwarden.ledger.rotation import KeyHistory
from stepwarden.ledger.sources import Source
from stepwarden.ledger.store import LogStore
from stepwarden.ledger.tiles import Tail
from stepwarden.ledger.verify import LogReader, Progress, Report, Step, check_witnesses, verify_log
from stepwarden.ledger.verify_published import verify_published
from stepwarden.ledger.witness_policy import WitnessPolicy

REMEMBERED = 20_000


class Reader(LogReader, RowReader, Sealed, Protocol):
    """What is read of a store: entries, tiles, head, openings, side rows."""


def verify_data(
    data: Path,
    settings: Settings,
    *,
    verifiers: Sequence[Verifier],
    earlier: Sequence[str],
    policy: WitnessPolicy | None,
    progress: Progress,
) -> Report:
    """Check the log of a data directory, all of it.

    Raises:
        StorageError: there is no log that can be opened.
        StepwardenError: what was given beside the log cannot be used.
    """
    paths = Paths(data)
    # Before the head is read: a service that runs writes it after the head.
    published = [*_published(data / (settings.doubt.published or PUBLISHED)), *_published(data / WITNESSED)]
    reader = open_reader(paths.log, settings.log)
    try:
        origin = verifiers[0].name
        floor = reader.floor()
        return verify_reader(
            reader,
            verifiers=verifiers,
            earlier=[*published, *earlier],
            policy=policy,
            progress=progress,
            people=_people(paths, reader, origin),
            floor=_floor(paths, floor),
            stamp=_stamp(data, settings, reader, origin),
        )
    finally:
        reader.close()


def verify_reader(
    reader: Reader,
    *,
    verifiers: Sequence[Verifier],
    earlier: Sequence[str],
    policy: WitnessPolicy | None,
    progress: Progress,
    people: People | None,
    floor: tuple[int, LogState | None, str],
    stamp: Stamp | None,
) -> Report:
    """Check the log that a reader of a store gives, all of it.

    Args:
        people: opens openings; None without the master key.
        floor: index of the first entry, the state kept there and its SHA-256.
        stamp: checks a time stamp; None where no authority is known.

    Raises nothing for a bad log.
    """
    origin = verifiers[0].name
    rows, history, broken = _keys(reader, verifiers)
    known = trusted(verifiers, history)
    head = reader.load()
    audit = Audit(
        reader,
        keys=KeyAudit(verifiers, rows, floor[0]),
        floor=floor,
        openings=(Openings(people), reader),
        stamp=stamp,
    )
    report = verify_log(
        reader, origin=origin, verifiers=known, earlier=earlier, progress=progress, entries=audit.take
    )
    later = reader.load()
    if head is not None and later is not None and later.size > report.size >= reader.floor():
        audit.take_later(reader.leaves(report.size, later.size))
    notes = [*([head.checkpoint] if head is not None else []), *earlier]
    witnesses = check_witnesses(notes, policy=policy, verifiers=known, size=report.size)
    steps = [*report.steps, witnesses, *audit.steps(notes)]
    return replace(report, steps=tuple(_broken(step, broken) for step in steps))


def verify_source(
    source: Source,
    *,
    origin: str,
    verifiers: Sequence[Verifier],
    earlier: Sequence[str],
    policy: WitnessPolicy | None,
    events: bool,
    progress: Progress,
    floor: int | None = None,
) -> Report:
    """Check a published log; with ``events`` what its entries mean as well, which takes a log of ours.

    ``floor``: see ``verify_published``.

    Raises nothing for a bad log.
    """
    audit: Audit | None = None
    broken: StepwardenError | None = None
    log = PublishedLog(source)
    if events:
        try:
            start = log.floor()
        except StepwardenError as exc:
            start, broken = 0, exc
        audit = Audit(
            log, keys=KeyAudit(verifiers, None, start), floor=(start, None, ""), openings=None, stamp=None
        )
    report = verify_published(
        source,
        origin=origin,
        verifiers=verifiers,
        earlier=earlier,
        policy=policy,
        progress=progress,
        entries=audit.take if audit is not None else None,
        floor=floor,
    )
    steps = list(report.steps)
    if audit is not None:
        heads = [log.head.checkpoint] if log.head is not None else []
        steps += audit.steps([*heads, *earlier])
        steps = [_broken(step, broken) for step in steps]
    return replace(report, steps=tuple(steps))


def _keys(
    reader: RowReader, verifiers: Collection[Verifier]
) -> tuple[list[tuple[int, KeyRotated | KeyRetired]], KeyHistory | None, StepwardenError | None]:
    """The rows about keys and what they amount to; the error where they are none."""
    first = next((key.format() for key in verifiers if isinstance(key, Ed25519Verifier)), "")
    try:
        return read_rows(reader), read_history(reader, first) if first else None, None
    except StepwardenError as exc:
        return [], None, exc


def _broken(step: Step, error: StepwardenError | None) -> Step:
    """The step about keys, failed by what was wrong before the pass began."""
    if step.number != 11 or error is None:
        return step
    return replace(step, ok=False, checked=True, detail=str(error), error=error)


def _floor(paths: Paths, floor: int) -> tuple[int, LogState | None, str]:
    if floor == 0:
        return 0, None, ""
    try:
        state, digest = read_floor(paths.snapshots, floor)
    except StepwardenError:
        return floor, None, ""
    return floor, state, digest


def _people(paths: Paths, reader: Reader, origin: str) -> People | None:
    """Who opens openings; None without the master key, which an auditor need not have."""
    try:
        master = read_secret(paths.keys.master, KEY_BYTES)
    except KeyFileError:
        return None
    # Of a store, people need side rows only; this one cannot write.
    store = cast(LogStore, reader)
    return People(store, master=master, origin=origin, entropy=_no_entropy, remembered=REMEMBERED)


def _no_entropy(count: int) -> bytes:
    raise ValueError(f"a verification makes no secrets ({count} bytes)")


def _stamp(data: Path, settings: Settings, reader: Reader, origin: str) -> Stamp | None:
    authority = authority_of(data, settings.anchors)
    if authority is None:
        return None

    def check(entry: LogAnchored) -> None:
        check_anchor(entry, origin, authority)
        if entry.size >= reader.floor() and Tail.load(reader, entry.size).root().hex() != entry.root:
            raise CorruptLogError(f"this log had another root at {entry.size} entries")

    return check


def _published(path: Path) -> list[str]:
    try:
        return [path.read_text(encoding="utf-8")]
    except (OSError, UnicodeDecodeError):
        return []
