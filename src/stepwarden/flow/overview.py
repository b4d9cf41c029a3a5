"""What a person sees of their own security: factors, sessions, devices, the last attempts in their name.

Read from the fold of the log (what holds) and from the log itself (what happened); that it was read is an entry, as
every read of the log is. Sessions are shown as of their last attempt among those read.
"""

from typing import Final

import msgspec

from stepwarden.events.encoding import decode_trusted
from stepwarden.events.entries import AttemptDecided, OutcomeReported
from stepwarden.events.facts import Facts
from stepwarden.flow.answers import EntryQuery
from stepwarden.flow.audited import Reads
from stepwarden.flow.reading import Reading
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.shown import AccountPage, Activity, DeviceShown, Held, SessionShown
from stepwarden.flow.vault import NAMES, Vault
from stepwarden.stepup.assurance import TABLE, FactorKind
from stepwarden.stepup.people import HOLD, Credential

ATTEMPTS: Final = 200
"""Attempts that are read; of these ``SHOWN`` are shown."""
SHOWN: Final = 30
ENROLLED_HERE: Final[tuple[FactorKind, ...]] = ("webauthn", "totp", "email", "sms", "recovery")
SECOND: Final = 1_000_000
PAGE_ACTIONS: Final = ("account.enter", "security.", "factor.")
"""What is done in a session of the page's own."""
PAGE_SECONDS: Final = 1_800
"""How long such a session lasts."""


class _Seen(msgspec.Struct, frozen=True):
    id: str
    entry: AttemptDecided
    personal: dict[str, str]


class Overviews:
    """All calls on the loop's thread."""

    def __init__(
        self, recorder: Recorder, reading: Reading, reads: Reads, vault: Vault, sends: frozenset[str]
    ) -> None:
        """``sends``: the kinds of factor that something can be sent by."""
        self._recorder = recorder
        self._reading = reading
        self._reads = reads
        self._vault = vault
        self.sends = sends

    async def of(self, actor: str, token: str, session: str) -> AccountPage:
        """What ``actor`` (whose token is ``token``) sees; ``session`` is the token of the page's own session."""
        state = self._recorder.state
        seen, outcomes, places = await self._attempts(actor)
        await self._reads.record("account.read", by="page", target=token, rows=len(seen))
        began = state.stepup.people.hold(token)
        over = began + HOLD
        return AccountPage(
            actor=actor,
            factors=self._factors(token),
            sessions=self._sessions(token, session, places),
            devices=tuple(
                DeviceShown(device=name, until=until * SECOND)
                for name, until in state.signals.devices(token)
                if until * SECOND > self._recorder.now()
            ),
            activity=tuple(_activity(one, outcomes) for one in seen[:SHOWN]),
            hold_until=over if began and over > self._recorder.now() else 0,
            kinds=tuple(kind for kind in ENROLLED_HERE if not TABLE[kind].sent or kind in self.sends),
        )

    async def _attempts(self, actor: str) -> tuple[list[_Seen], dict[int, str], dict[str, Facts]]:
        """The last attempts, newest first, how those ended whose outcome is known, and where each session was last."""
        query = EntryQuery(actor=actor, limit=ATTEMPTS * 2, newest_first=True)
        seen: list[_Seen] = []
        outcomes: dict[int, str] = {}
        places: dict[str, Facts] = {}
        for view in (await self._reading.entries(query)).entries:
            entry = decode_trusted(view.entry)
            if isinstance(entry, OutcomeReported):
                outcomes.setdefault(entry.previous, entry.facts.outcome)
                places.setdefault(entry.session, entry.facts)  # a sign-in, or a new id for the same session
            elif isinstance(entry, AttemptDecided) and len(seen) < ATTEMPTS:
                seen.append(_Seen(view.id, entry, view.personal or {}))
                places.setdefault(entry.facts.session, entry.facts)
        return seen, outcomes, places

    def _is_old_page(self, facts: Facts) -> bool:
        """Whether a session was one of this page's own, and its time is over."""
        ours = facts.action.startswith(PAGE_ACTIONS)
        return ours and self._recorder.now() - facts.time > PAGE_SECONDS * SECOND

    def _factors(self, token: str) -> tuple[Held, ...]:
        names = {name: text.decode() for name, text in self._vault.get(token, NAMES)}
        listing = self._recorder.state.stepup.people.listing(token)
        return tuple(_held(one, names.get(one.id, "")) for one in listing)

    def _sessions(self, token: str, own: str, places: dict[str, Facts]) -> tuple[SessionShown, ...]:
        shown = []
        for name in self._recorder.state.stepup.standings.sessions(token):
            found = places.get(name)
            if found is not None and name != own and self._is_old_page(found):
                continue  # nobody can go on with it
            shown.append(
                SessionShown(
                    token=name,
                    last=found.time if found is not None else 0,
                    where=found.country if found is not None else "",
                    agent=_agent(found) if found is not None else "",
                    current=name == own,
                )
            )
        return tuple(sorted(shown, key=lambda one: -one.last))


def _held(one: Credential, name: str) -> Held:
    return Held(
        factor=one.factor,
        credential=one.id,
        name=name,
        since=one.since,
        last_used=one.last_used,
        strong=TABLE[one.factor].second >= 2,
        hardware=one.passkey is not None and one.passkey.hardware,
        synced=one.passkey is not None and one.passkey.synced,
        left=one.left,
    )


def _activity(one: _Seen, outcomes: dict[int, str]) -> Activity:
    entry = one.entry
    index = int(one.id.partition("-")[0])
    return Activity(
        id=one.id,
        time=entry.time,
        action=entry.facts.action,
        decision=entry.decision,
        outcome=outcomes.get(index, "unknown"),
        where=entry.facts.country,
        agent=_agent(entry.facts),
        ip=one.personal.get("ip", ""),
        session=entry.facts.session,
    )


def _agent(facts: Facts) -> str:
    return ", ".join(part for part in (facts.browser, facts.os) if part)
