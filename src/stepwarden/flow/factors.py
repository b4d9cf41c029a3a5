"""Factors as an application manages them for its people: listing, enrolling, removing, resetting.

What may be done is decided in ``enrolments``, the same for everybody, and the person is told there. A listing is an
entry, like every other reading.
"""

import msgspec

from stepwarden.flow.audited import Reads
from stepwarden.flow.enrolments import Enrolments
from stepwarden.flow.recorder import Recorder
from stepwarden.stepup.assurance import TABLE, FactorKind


class FactorView(msgspec.Struct, frozen=True, kw_only=True):
    """One factor of a person's, without its name or address. Times in microseconds, ``last_used`` 0: never.

    ``strong``: it gives AAL2 by itself or on top of a password; ``left``: unused recovery codes.
    """

    factor: FactorKind
    credential: str
    since: int
    last_used: int
    strong: bool
    hardware: bool
    synced: bool
    left: int


class Factors:
    """All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, enrolments: Enrolments, reads: Reads) -> None:
        self._recorder = recorder
        self._enrolments = enrolments
        self._reads = reads

    async def listing(self, actor: str, *, by: str) -> tuple[FactorView, ...]:
        """What a person can prove themselves with; none for whom nobody knows. That it was read is an entry."""
        person = self._recorder.people.find(actor)
        token = person.token if person is not None else ""
        found = self._recorder.state.stepup.people.listing(token) if token else ()
        await self._reads.record("factors.read", by=by, target=token, rows=len(found))
        return tuple(
            FactorView(
                factor=one.factor,
                credential=one.id,
                since=one.since,
                last_used=one.last_used,
                strong=TABLE[one.factor].second >= 2,
                hardware=one.passkey is not None and one.passkey.hardware,
                synced=one.passkey is not None and one.passkey.synced,
                left=one.left,
            )
            for one in found
        )

    def begin_passkey(self, actor: str) -> tuple[str, str]:
        """See ``Enrolments.begin_passkey``."""
        return self._enrolments.begin_passkey(actor)

    async def enrol_passkey(
        self, actor: str, *, draft: str, answer: str, name: str, attempt: str, by: str
    ) -> None:
        """See ``Enrolments.enrol_passkey``."""
        await self._enrolments.enrol_passkey(
            actor, draft=draft, answer=answer, name=name, attempt=attempt, by=by
        )

    async def enrol_address(self, actor: str, *, factor: str, address: str, attempt: str, by: str) -> None:
        """See ``Enrolments.enrol_address``."""
        await self._enrolments.enrol_address(actor, factor=factor, address=address, attempt=attempt, by=by)

    async def remove(self, actor: str, *, factor: str, credential: str, attempt: str, by: str) -> None:
        """See ``Enrolments.remove``."""
        await self._enrolments.remove(actor, factor=factor, credential=credential, attempt=attempt, by=by)

    async def reset(self, actor: str, *, reason: str, by: str) -> int:
        """See ``Enrolments.reset``."""
        return await self._enrolments.reset(actor, reason=reason, by=by)
