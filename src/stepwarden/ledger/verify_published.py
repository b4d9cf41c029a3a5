"""The verifier of a published log: the steps of ``verify``, and what only a copy in files has.

    1, 2, ...  as in ``verify``: the head, the entries, the tree, the full tiles, the past
    4 too      the partial tiles: each is there and holds the hashes of this tree
    6          the witnesses: those who must have signed the checkpoint did (where a policy is given)

Where a log was pruned, nobody but the reader can say that this was right: ``floor`` is what they know of it. A log that
begins later than that fails step 2, since whoever hides entries would call them pruned.

Nothing of ours is needed: any log in the files of c2sp.org/tlog-tiles is checked in this way.

Files for more entries than the checkpoint counts are no failure, since whoever publishes writes the checkpoint last.
They are mentioned, since a log whose end was cut off can look the same: only an earlier checkpoint from elsewhere, or
witnesses, tell these two apart.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from stepwarden.errors import CorruptLogError, PrunedError, StepwardenError
from stepwarden.ledger.note import Verifier
from stepwarden.ledger.published import PublishedLog
from stepwarden.ledger.sources import Source
from stepwarden.ledger.tiles import Tail
from stepwarden.ledger.verify import Entries, Progress, Report, Step, check_witnesses, verify_log
from stepwarden.ledger.witness_policy import WitnessPolicy


def verify_published(
    source: Source,
    *,
    origin: str,
    verifiers: Collection[Verifier],
    earlier: Sequence[str],
    policy: WitnessPolicy | None,
    progress: Progress | None = None,
    entries: Entries | None = None,
    floor: int | None = None,
) -> Report:
    """Check a published log against its checkpoint, earlier ones (signed notes), and a policy of witnesses.

    Args:
        entries: is given every entry on the way (see ``verify_log``).
        floor: the entries before this one may have been pruned; None where the caller judges the report's ``floor``.

    Raises nothing for a bad log; files that cannot be read fail the step that needed them.
    """
    log = PublishedLog(source)
    report = verify_log(
        log, origin=origin, verifiers=verifiers, earlier=earlier, progress=progress, entries=entries
    )
    if floor is not None and report.floor > floor:
        report = replace(report, steps=tuple(_missing(step, report.floor, floor) for step in report.steps))
    # Numbered as one with the full tiles (4): what the numbers mean is the same for every log.
    steps = [*report.steps, _step(4, "the partial tiles", lambda: _partial_tiles(log))]
    if policy is None:
        steps.append(check_witnesses((), policy=None, verifiers=verifiers, size=report.size))
    else:
        chosen = policy
        steps.append(_step(6, "the witnesses", lambda: _witnesses(log, verifiers, chosen)))
    steps.sort(key=lambda step: step.number)
    return replace(report, steps=tuple(steps))


def _missing(step: Step, found: int, floor: int) -> Step:
    """Step 2 of a log that begins too late; the others as they are."""
    if step.number != 2 or not step.ok:
        return step
    error = PrunedError(f"the entries {floor} to {found - 1} are not here: pruned, or hidden from us")
    return replace(step, ok=False, detail=str(error), error=error)


def _step(number: int, title: str, check: Callable[[], tuple[str, int]]) -> Step:
    """Run a check that returns what it found and how many, or raises."""
    try:
        detail, count = check()
    except StepwardenError as exc:
        return Step(number=number, title=title, ok=False, detail=str(exc), count=0, error=exc)
    return Step(number=number, title=title, ok=True, detail=detail, count=count)


def _partial_tiles(log: PublishedLog) -> tuple[str, int]:
    if log.head is None:
        raise CorruptLogError("there is no checkpoint, so nobody knows which they are")
    count = 0
    tail = Tail.load(log, log.head.size)
    # The tiles are fetched again for this: what comes now need not be what was checked before.
    if tail.root() != log.head.root:
        raise CorruptLogError("the tiles that were read now do not lead to the checkpoint's root")
    for path, hashes in tail.partial():
        if log.partial_tile(path) != hashes:
            raise CorruptLogError(f"{path.format()} is missing, or not over these entries")
        count += 1
    if log.goes_on():
        return (
            "all right; there are files beyond the checkpoint: it is being written, or its end was cut off",
            count,
        )
    return "all there, all right", count


def _witnesses(log: PublishedLog, verifiers: Collection[Verifier], policy: WitnessPolicy) -> tuple[str, int]:
    if log.head is None:
        raise CorruptLogError("there is no checkpoint that they could have signed")
    _, names = policy.open(log.head.checkpoint, verifiers)
    return f"signed by {', '.join(sorted(names)) or 'none'}, which is the quorum", len(names)
