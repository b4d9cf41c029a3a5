"""A trace in words: one line for each link, and the whole as plain values for JSON.

>>> number(1), number(1234)
('once', '1,234 times')
"""

from datetime import UTC, datetime
from typing import Any, Final

from stepwarden.lab.trace import Link, Trace

VERDICTS: Final = {"allow": "allowed", "step_up": "stepped up", "deny": "refused", "": ""}
OUTCOMES: Final = {"success": "ended well", "failure": "failed", "unknown": "", "": ""}
KINDS: Final = {
    "event.recorded": "recorded",
    "challenge.issued": "asked for a proof",
    "challenge.sent": "a code was sent",
    "challenge.answered": "a proof that was not right",
    "challenge.passed": "proved who they are",
    "challenge.collected": "the application took up the proof",
    "challenge.released": "the witnesses signed",
    "challenge.withheld": "a proof was void",
    "challenge.failed": "a challenge was failed",
    "challenge.expired": "a challenge was left unanswered",
    "factor.enrolled": "enrolled a way to prove who they are",
    "factor.removed": "a way to prove who they are was removed",
    "session.revoked": "a session was ended",
    "device.remembered": "a device was remembered",
    "device.forgotten": "a device was forgotten",
    "grant.redeemed": "a grant was used",
}


def number(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def what(link: Link) -> str:
    """What happened, in a few words."""
    if link.kind in KINDS and link.kind != "event.recorded":
        return KINDS[link.kind] + (f" for {link.action}" if link.action else "")
    parts = [link.action, VERDICTS.get(link.verdict, link.verdict), OUTCOMES.get(link.outcome, link.outcome)]
    return ", ".join(part for part in parts if part)


def who(trace: Trace, link: Link) -> str:
    """Who did it, by number; how many accounts where they were several."""
    if link.own:
        return "this person"
    if len(link.accounts) > 1:
        return f"{len(link.accounts):,} other accounts"
    return trace.names.get(("actor", link.subject.actor), "nobody named")


def shared(trace: Trace, link: Link) -> str:
    """What connects it with the attempt: the names of the tokens that they share."""
    found = []
    for relation in link.relations:
        if relation == "actor":
            continue
        token = getattr(link.subject, relation)
        found.append(trace.names.get((relation, token), "the same challenge"))
    return ", ".join(found)


def moment(time: int) -> str:
    """To the second, UTC."""
    return datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def before(trace: Trace, link: Link) -> str:
    """How long before the attempt its last time was: ``3 d 4 h``, ``12 min``, ``40 s``."""
    seconds = max(0, trace.target.last - link.last) // 1_000_000
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{left} s"


def why(link: Link, most: int = 3) -> str:
    """The rules that weighed most."""
    strongest = sorted(link.rules, key=lambda rule: (-link.rules[rule], rule))
    return ", ".join(strongest[:most])


def as_dict(trace: Trace) -> dict[str, Any]:
    """Plain values: ``attempt``, ``links`` oldest first, and how much was read."""
    return {
        "attempt": _plain(trace, trace.target),
        "links": [_plain(trace, link) for link in trace.links],
        "read": trace.read,
        "since": moment(trace.since),
        "left_out": trace.left_out,
        "floor": trace.floor,
        "tokens": {name: token for (_, token), name in trace.names.items()},
    }


def _plain(trace: Trace, link: Link) -> dict[str, Any]:
    return {
        "entry": link.index,
        "first": moment(link.first),
        "last": moment(link.last),
        "count": link.count,
        "kind": link.kind,
        "action": link.action,
        "decision": link.verdict,
        "outcome": link.outcome,
        "who": who(trace, link),
        "accounts": len(link.accounts),
        "own": link.own,
        "relations": list(link.relations),
        "hop": link.hop,
        "shares": shared(trace, link),
        "rules": dict(sorted(link.rules.items())),
        "label": link.label,
        "notable": link.notable,
    }
