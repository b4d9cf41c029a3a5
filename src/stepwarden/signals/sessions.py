"""How a session began, and what is different now: one string a session, a third of the memory of a record."""

from typing import Final

from stepwarden.events.facts import Facts

PROVED: Final = "\n"
"""In front of a session that had a challenge passed, or was begun by nobody, and may begin anew."""
_NONE: Final = (False,) * 5
_SAME: Final = (True, *(False,) * 4)


def began_by(facts: Facts) -> str:
    """What is remembered of a session that begins with this attempt."""
    return f"{facts.actor}\n{facts.address}\n{facts.network}\n{facts.agent}\n{facts.country}"


def changes(began: str | None, facts: Facts) -> tuple[bool, ...]:
    """Whether the session is known; whether address, network, agent and country are others than at its beginning."""
    if began is None:
        return _NONE
    if began == began_by(facts):
        return _SAME
    # From the end: a session that nobody began starts like a proved one.
    actor, *things = began.rsplit("\n", 4)
    if actor.removeprefix(PROVED) != facts.actor:
        return _NONE
    seen = (facts.address, facts.network, facts.agent, facts.country)
    # Known at the beginning and missing now is a change; missing at the beginning tells nothing.
    return (True, *(bool(then) and then != thing for then, thing in zip(things, seen, strict=True)))
