"""Bindings: the hash that ties a challenge, and the grant it gives, to one very action.

A binding is SHA-256 over RFC 8785 JSON of everything that makes the action this action. JSON quotes and
delimits, so no two different actions share a text; one changed byte anywhere is another binding.

>>> one = binding("transfer", "a", "s", "account/7", {"amount": 100, "to": "DE02"})
>>> two = binding("transfer", "a", "s", "account/7", {"to": "DE02", "amount": 100})
>>> other = binding("transfer", "a", "s", "account/7", {"amount": 1000, "to": "DE02"})
>>> one == two, one == other
(True, False)

``commitment`` ties a challenge to a binding, to the policy that asked for it, and to what is approved. It stands in the
log when the challenge is issued, so an auditor sees that none was exchanged afterwards; and its 32 bytes *are* the
challenge that a passkey signs. What is approved (``approval``: action, resource and parameters in one text) is
committed to in the leaf and opened beside it: whoever is shown it can check, without any key of this log, that this
person's passkey signed this very action.

``action_hash`` is the same action in the application's own words, for those who hold a grant.

Not here: who may ask, and what a challenge is good for (``issue``, ``gate``).
"""

from collections.abc import Mapping
from hashlib import sha256

import msgspec

_encode = msgspec.json.Encoder(order="sorted").encode
Parameters = Mapping[str, str | int | bool]


def binding(action: str, actor: str, session: str, resource: str, parameters: Parameters | None) -> str:
    """The SHA-256, in hexadecimal, of one action.

    Args:
        actor, session: their tokens; ``session`` is empty at a sign-in.
        resource: as the application names it, or its token: the same one each time.
        parameters: the details that an approval is for; none and an empty map are the same.
    """
    text = _encode(["stepwarden binding v1", action, actor, session, resource, _pairs(parameters)])
    return sha256(text).hexdigest()


def approval(action: str, resource: str, parameters: Parameters | None) -> str:
    """What is approved, in one text: a JSON array of action, resource and sorted parameters."""
    return _encode([action, resource, _pairs(parameters)]).decode()


def read_approval(text: str) -> tuple[str, str, dict[str, str | int | bool]]:
    """Action, resource and parameters of a text that ``approval`` made.

    Raises:
        ValueError: it is none.
    """
    try:
        action, resource, pairs = msgspec.json.decode(
            text, type=tuple[str, str, list[tuple[str, str | int | bool]]]
        )
    except msgspec.MsgspecError as exc:
        raise ValueError("not what is approved") from exc
    return action, resource, dict(pairs)


def action_hash(action: str, actor: str, resource: str, parameters: Parameters | None) -> str:
    """The SHA-256 (hex) of an action in the application's own ids: the claim ``action_hash`` of a grant."""
    text = _encode(["stepwarden action v1", action, actor, resource, _pairs(parameters)])
    return sha256(text).hexdigest()


def _pairs(parameters: Parameters | None) -> list[tuple[str, str | int | bool]]:
    # A list of pairs sorted by code point: object keys beyond the BMP sort differently in RFC 8785.
    return sorted((parameters or {}).items())


def commitment(challenge: str, bound: str, policy: str, approved: str) -> str:
    """What ``ChallengeIssued.nonce`` holds: challenge, binding, policy and what is approved in one SHA-256 (hex).

    Args:
        approved: the digest that the leaf has for its personal field ``approval``; "" where there is none.
    """
    return sha256(_encode(["stepwarden challenge v2", challenge, bound, policy, approved])).hexdigest()


def grant_hash(grant: str) -> str:
    """The name under which a grant is known: the log never holds the grant itself."""
    return sha256(b"stepwarden grant v1\n" + grant.encode("utf-8", "surrogatepass")).hexdigest()


def keyed_text(challenge: str, factor: str, code: str) -> bytes:
    """What is hashed under the log's key for a code that was sent: it is good for this challenge only."""
    return b"stepwarden code v1\n" + _encode([challenge, factor, code])
