"""Bindings: the hash that ties a challenge, and the grant it gives, to one very action.

A binding is SHA-256 over RFC 8785 JSON of everything that makes the action this action. JSON quotes and
delimits, so no two different actions share a text; one changed byte anywhere is another binding.

>>> one = binding("transfer", "a", "s", "account/7", {"amount": 100, "to": "DE02"})
>>> two = binding("transfer", "a", "s", "account/7", {"to": "DE02", "amount": 100})
>>> other = binding("transfer", "a", "s", "account/7", {"amount": 1000, "to": "DE02"})
>>> one == two, one == other
(True, False)

``commitment`` ties a challenge to a binding and to the policy that asked for it. It stands in the log when
the challenge is issued, so an auditor sees that neither was exchanged afterwards.

Not here: who may ask, and what a challenge is good for (``issue``, ``gate``).
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode


def binding(
    action: str,
    actor: str,
    session: str,
    resource: str,
    parameters: Mapping[str, str | int | bool] | None,
) -> str:
    """The SHA-256, in hexadecimal, of one action.

    Args:
        actor, session: their tokens; ``session`` is empty at a sign-in.
        resource: as the application names it, or its token: the same one each time.
        parameters: the details that an approval is for; none and an empty map are the same.
    """
    # A list of pairs sorted by code point: object keys beyond the BMP sort differently in RFC 8785.
    pairs = sorted((parameters or {}).items())
    text = _encode(["stepwarden binding v1", action, actor, session, resource, pairs])
    return sha256(text).hexdigest()


def commitment(challenge: str, bound: str, policy: str) -> str:
    """What ``ChallengeIssued.nonce`` holds: challenge, binding and policy hash in one SHA-256."""
    return sha256(_encode(["stepwarden challenge v1", challenge, bound, policy])).hexdigest()


def grant_hash(grant: str) -> str:
    """The name under which a grant is known: the log never holds the grant itself."""
    return sha256(b"stepwarden grant v1\n" + grant.encode("utf-8", "surrogatepass")).hexdigest()
