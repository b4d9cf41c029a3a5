"""Grants: what a passed challenge gives, as a signed token (``typ`` at+jwt, RFC 9068) that others can read.

    {"iss": "https://warden.example.com", "sub": "alice", "aud": "9c0e...", "client_id": "9c0e...", "jti": "...",
     "iat": ..., "exp": ..., "acr": "nist-aal2", "amr": ["otp", "pwd"], "auth_time": ...,
     "action": "transfer", "action_hash": "..."}

``aud`` and ``client_id`` are the id of the API key that asked. ``action_hash`` says which very action, by
``stepup.binding``. Reading one says what was proved; that it was not used before only the log knows: so it is used
up by the attempt it is sent with, or by ``redeem``. The log holds a hash of the token, never the token.
"""

from typing import Any

import msgspec

from stepwarden.errors import UnauthenticatedError
from stepwarden.events.entries import GrantRedeemed
from stepwarden.events.levels import acr_of
from stepwarden.flow.asked import AskedFor
from stepwarden.flow.jose import GRANT, Jose
from stepwarden.flow.recorder import Recorder
from stepwarden.stepup.assurance import spoken
from stepwarden.stepup.binding import grant_hash
from stepwarden.stepup.means import Minting

SECOND = 1_000_000


class Introspected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What RFC 7662 says of a token. Of one that is not active, nothing else."""

    active: bool
    iss: str = ""
    sub: str = ""
    aud: str = ""
    client_id: str = ""
    token_type: str = ""
    jti: str = ""
    iat: int = 0
    exp: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    auth_time: int = 0
    action: str = ""
    action_hash: str = ""


class Grants:
    """Makes, reads and uses up grants. All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, asked: AskedFor, jose: Jose) -> None:
        self._recorder = recorder
        self._asked = asked
        self.jose = jose

    def mint(self, minting: Minting) -> str:
        """The token for a challenge that is being passed."""
        found = self._recorder.state.stepup.challenge(minting.challenge)
        if found is None:
            raise ValueError("a grant is given while its challenge is open")
        asked = self._asked.find(found.index, found.issued)
        claims: dict[str, Any] = {
            "sub": asked.actor if asked is not None else "",
            "aud": found.issued.by,
            "client_id": found.issued.by,
            "iat": minting.proved // SECOND,
            "exp": minting.expires // SECOND,
            "jti": minting.id,
            "acr": acr_of(minting.aal),
            "amr": list(spoken(minting.amr)),
            "auth_time": minting.proved // SECOND,
            "action": found.issued.action,
        }
        if asked is not None:
            claims["action_hash"] = asked.hash()
        return self.jose.sign_grant(claims)

    def introspect(self, token: str) -> Introspected:
        """What a token says, if it is one of ours, not over, and not used yet."""
        try:
            claims = self.jose.read(token, GRANT, audience=None, now=self._recorder.now() // SECOND)
        except UnauthenticatedError:
            return Introspected(active=False)
        now = self._recorder.now()
        if self._recorder.state.stepup.unused(grant_hash(token), now) is None:
            return Introspected(active=False)
        return msgspec.convert({**claims, "active": True, "token_type": "Bearer"}, Introspected)

    async def redeem(self, token: str, *, by: str) -> Introspected:
        """Use a grant up, and say what it was for. Of any number at once, one is told that it is active."""
        found = self.introspect(token)
        name = grant_hash(token)
        known = self._recorder.state.stepup.unused(name, self._recorder.now())
        if not found.active or known is None:
            return Introspected(active=False)
        entry = GrantRedeemed(
            time=self._recorder.now(),
            id=self._recorder.new_id(),
            by=by,
            actor=known.actor,
            grant=name,
            binding=known.binding,
        )
        await self._recorder.append(entry).durable
        return found
