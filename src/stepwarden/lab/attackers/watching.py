"""What those can see who watch a victim for a while: when they sign in, with what, and which session it opens.

It is read from the victim's own life. Whether the site let the victim in is not seen; most of the time it did.
"""

from stepwarden.lab.attackers.stage import DAY, HOUR, MINUTE, Stage
from stepwarden.lab.simulate.plan import Planned

WATCHED = 14 * DAY


def sign_ins(stage: Stage, begin: int, end: int) -> list[Planned]:
    """The victim's sign-ins that end well from ``begin`` to ``end``, microseconds."""
    return [one for one in stage.terrain.life(stage.victim.index, begin, end) if one.opens]


def usual_hour(stage: Stage, time: int) -> int:
    """A moment not before ``time`` at about the time of day of one of the victim's last sign-ins.

    ``time`` itself where there were none.
    """
    seen = sign_ins(stage, max(0, time - WATCHED), time)
    if not seen:
        return time
    like = stage.dice.choice(seen).time + stage.dice.randint(-20 * MINUTE, 20 * MINUTE)
    # Whole days later, so that the time of day stays.
    return like + max(0, -(-(time - like) // DAY)) * DAY


def next_sign_in(stage: Stage, time: int) -> Planned | None:
    """The victim's first sign-in that ends well from ``time`` on, before the campaign's time is up."""
    for one in stage.terrain.life(stage.victim.index, time, stage.until):
        if one.opens:
            return one
    return None


def asleep(stage: Stage, time: int) -> int:
    """The next moment, not before ``time``, at the hour that is farthest from all hours the victim signed in at.

    For somebody who works at night it is in the day. Where nothing was seen: ``time`` itself.
    """
    seen = [one.time % DAY for one in sign_ins(stage, max(0, time - WATCHED), time)]
    if not seen:
        return time
    hour = max(range(0, DAY, HOUR), key=lambda at: min(_apart(at, other) for other in seen))
    return time + (hour - time) % DAY


def _apart(one: int, other: int) -> int:
    """How far apart two times of day are, the short way round."""
    gap = abs(one - other)
    return min(gap, DAY - gap)
