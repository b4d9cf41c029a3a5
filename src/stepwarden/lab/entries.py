"""What several parts of the lab read in the entries of a log: which policy is live, and how a challenge ended."""

from collections.abc import Iterable
from typing import Literal

from stepwarden.errors import InputError
from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import ChallengeExpired, ChallengeFailed, ChallengePassed, Entry, PolicyChanged
from stepwarden.flow.state import LogState
from stepwarden.policy.loader import load
from stepwarden.policy.policy import Policy

End = Literal["passed", "failed", "denied", "abandoned"]


def live_policy(leaves: Iterable[bytes], start: LogState | None, *, option: str) -> Policy:
    """The policy that is live at the end of a log.

    Args:
        start: of a pruned log the state before its first leaf.
        option: of the command, which names a policy instead.

    Raises:
        InputError: none is.
    """
    text = start.policy.text if start is not None and start.policy is not None else ""
    for leaf in leaves:
        if b'"policy.changed"' in leaf:
            entry = decode_trusted(leaf)
            if isinstance(entry, PolicyChanged):
                text = entry.text
    if not text:
        raise InputError(
            f"the log holds no live policy: name one by {option}", field=option.removeprefix("--")
        )
    return load(text)


def ending(entry: Entry) -> tuple[str, End] | None:
    """The challenge that ends with this entry, and how; None for an entry that ends none."""
    match entry:
        case ChallengePassed(challenge=challenge):
            return challenge, "passed"
        case ChallengeFailed(challenge=challenge, reason="denied"):
            return challenge, "denied"
        case ChallengeFailed(challenge=challenge):
            return challenge, "failed"
        case ChallengeExpired(challenge=challenge):
            return challenge, "abandoned"
        case _:
            return None
