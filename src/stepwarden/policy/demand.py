"""What must hold for an action, and whether it does.

Demands join to the strongest: each part of the result is at least as strong as in every part that went in, so
the order does not matter, and adding a demand never lowers the whole.

>>> from stepwarden.events.entries import Demand
>>> found = strongest(Demand(aal=1), Demand(aal=2, max_age=600, recovery=True), Demand(aal=1, max_age=60))
>>> found == Demand(aal=2, max_age=60)
True

``decide`` compares a demand with what the session, or the proof for this very action, holds. Time is the
log's own clock; what claims to have been proved in the future is not proved.
"""

from stepwarden.events.entries import Demand, Standing, Verdict

NOTHING = Demand()
FAILED_RULE = Demand(aal=2)
"""What a rule that could not be evaluated demands."""
HIGHEST = Demand(aal=2, max_age=60, bound=True)
"""The most that can be demanded and still be met: two factors, for this very action, proved within the last minute.

AAL3 takes a key in hardware that somebody vouches for: demanding it would refuse nearly everybody.
"""

RECOVERY = "recovery"
MICROSECONDS = 1_000_000


def strongest(*demands: Demand) -> Demand:
    """The join. ``recovery`` only if all that demand a level allow it; no demands at all: nothing.

    Of two lists of methods what both have is left; where that is none, nothing helps.
    """
    levels = [demand for demand in demands if demand.aal > 0]
    ages = [demand.max_age for demand in demands if demand.max_age >= 0]
    wanted = [set(demand.methods) for demand in demands if demand.methods]
    methods = set.intersection(*wanted) if wanted else set()
    return Demand(
        aal=max((demand.aal for demand in levels), default=0),
        max_age=min(ages, default=-1),
        bound=any(demand.bound for demand in demands),
        recovery=bool(levels) and all(demand.recovery for demand in levels),
        deny=any(demand.deny for demand in demands) or (bool(wanted) and not methods),
        methods=tuple(sorted(methods)),
    )


def raised(demand: Demand) -> Demand:
    """What is demanded while the log is in doubt: the highest; more where more was asked; a refusal stays one.

    >>> raised(Demand(aal=1, recovery=True)) == HIGHEST
    True
    >>> raised(Demand(aal=3, max_age=10, deny=True)) == Demand(aal=3, max_age=10, bound=True, deny=True)
    True
    """
    return strongest(demand, HIGHEST)


def decide(demand: Demand, standing: Standing, now: int, grant: Standing | None) -> Verdict:
    """Allow, step up or deny. ``now`` in microseconds; ``grant`` is a proof for this very action, not yet
    used.

    A recovery code never proves more than level 1; where the demand allows recovery, a grant by one is
    enough.
    """
    if demand.deny:
        return "deny"
    if demand.aal == 0 and not demand.bound and demand.max_age < 0 and not demand.methods:
        return "allow"
    if grant is not None and _enough(demand, grant, now, is_grant=True):
        return "allow"
    if not demand.bound and _enough(demand, standing, now, is_grant=False):
        return "allow"
    return "step_up"


def _enough(demand: Demand, held: Standing, now: int, *, is_grant: bool) -> bool:
    if held.since > now:
        return False
    if demand.max_age >= 0 and now - held.since > demand.max_age * MICROSECONDS:
        return False
    if is_grant and RECOVERY in held.amr:
        return demand.recovery
    return held.aal >= demand.aal and _by_method(demand, held, now)


def _by_method(demand: Demand, held: Standing, now: int) -> bool:
    """Whether one of the methods asked for was proved, and as recently as is asked: not just the level it raised."""
    if not demand.methods:
        return True
    at = held.at or (held.since,) * len(held.amr)
    proved = max(
        (when for method, when in zip(held.amr, at, strict=True) if method in demand.methods), default=-1
    )
    return 0 <= proved <= now and (demand.max_age < 0 or now - proved <= demand.max_age * MICROSECONDS)
