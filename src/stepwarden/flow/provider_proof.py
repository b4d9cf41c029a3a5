"""What a step-up at somebody else's OpenID provider comes to: where the browser is sent, and what came back.

The provider's word is a *precondition* and nothing more. It says that a person proved a level there, and when by its
clock; from when on the proof counts here is the log's own time, as for every other factor. ``auth_time`` is
recorded, and never compared with a policy's ``max_age``.

Whoever takes a proof compares ``challenge`` with the challenge of the page that the browser is on, and ``subject``
with the challenge's actor: a proof of somebody else is no proof. Made by ``connect.openid``.

>>> proof = ProviderProof(
...     challenge="c1", issuer="https://id.example", subject="ann", aal=2, amr=("otp", "pwd"), auth_time=0
... )
>>> proof.aal
2
"""

from typing import Literal

import msgspec

from stepwarden.events.attempt import Method


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A step-up that was begun: ``url`` is where the browser is sent, ``state`` what it must bring back.

    Bind ``state`` to the browser (a cookie) before it is sent: it is all that tells the browser of the person who
    asked from another one that was lured to ``url``.
    """

    url: str
    state: str

    def __repr__(self) -> str:
        return "Begun()"


class ProviderProof(msgspec.Struct, frozen=True, kw_only=True):
    """One proof, checked and used up.

    Args:
        challenge: id of the challenge that it was begun for.
        issuer: the provider, by the one spelling of its name.
        subject: the value of the claim that stands for the actor's id.
        aal: the level that the operator gave to what the provider said.
        amr: methods of RFC 8176 that we know, each once, sorted; what the provider says, which may be stale.
        auth_time: microseconds since 1970 UTC, by the provider's clock.
    """

    challenge: str
    issuer: str
    subject: str
    aal: Literal[1, 2, 3]
    amr: tuple[Method, ...]
    auth_time: int
