"""Stepwarden, as one request sees it: who asks, where from, and the calls with both filled in."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from stepwarden.sdk import wire
from stepwarden.sdk.answers import Decision, OnOutage, Outcome, Passed, Recorded
from stepwarden.sdk.client import AsyncClient

Scope: TypeAlias = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the application believes this is. ``session`` should be an id, not the secret in the cookie.

    ``device_token`` is the cookie of a remembered device, as ``Passed.device`` gave it.
    """

    actor: str = ""
    session: str = ""
    device: str = ""
    device_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a request came from, as far as this process can see."""

    peer: str
    forwarded_for: str | None
    user_agent: str

    @classmethod
    def of(cls, scope: Scope) -> "Origin":
        client = scope.get("client")
        forwarded = headers_of(scope, b"x-forwarded-for")
        return cls(
            peer=str(client[0]) if client else "",
            forwarded_for=", ".join(forwarded) if forwarded else None,
            user_agent=" ".join(headers_of(scope, b"user-agent")),
        )


def headers_of(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


class Handle:
    """Stepwarden, as one request sees it: its origin and identity are filled in.

    ``decision`` is what the middleware was told for a ``Protected`` route; ``asked`` whether anything was
    asked.
    """

    def __init__(self, client: AsyncClient, origin: Origin, identity: Identity) -> None:
        self._client = client
        self.origin = origin
        self.identity = identity
        self.decision: Decision | None = None
        self.asked = False

    async def attempt(
        self,
        action: str,
        *,
        actor: str | None = None,
        resource: str = "",
        parameters: Mapping[str, str | int | bool] | None = None,
        proved: Iterable[str] = (),
        grant: str = "",
        acr_values: str = "",
        max_age: int | None = None,
        on_outage: OnOutage = "deny",
    ) -> Decision:
        """May this happen? ``actor`` only where it is not yet the session's, as at sign-in.

        ``acr_values`` (``nist-aal2``) and ``max_age`` (seconds) ask for more than the policy does, never for less.
        """
        identity = self.identity
        attempt = wire.Attempt(
            action=action,
            actor=identity.actor if actor is None else actor,
            resource=resource,
            session=identity.session,
            peer=self.origin.peer,
            forwarded_for=self.origin.forwarded_for,
            user_agent=self.origin.user_agent,
            device=wire.device(identity.device, identity.device_token),
            parameters=wire.parameters(parameters),
            proved=tuple(proved),
            grant=grant,
            acr_values=acr_values,
            max_age=max_age,
        )
        self.asked = True
        return await self._client.attempt(attempt, on_outage=on_outage)

    async def report(
        self, attempt_id: str, outcome: Outcome, *, proved: Iterable[str] = (), session: str = ""
    ) -> Recorded:
        """How it ended; ``session`` is the id of the session that a sign-in opened."""
        return await self._client.report(attempt_id, outcome, proved=proved, session=session)

    async def answer(self, challenge_id: str, *, factor: str, answer: str) -> Passed:
        """Answer a challenge; see ``Client.answer`` for what it raises."""
        self.asked = True
        return await self._client.answer(challenge_id, factor=factor, answer=answer)

    async def collect(self, challenge_id: str, code: str) -> Passed:
        """Fetch what was passed on Stepwarden's page; see ``Client.collect``."""
        return await self._client.collect(challenge_id, code)
