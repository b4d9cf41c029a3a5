"""A person's security page, and the changes that are made there. What is added there is in ``enrolling``.

Every change is asked for first (``Account.ask``). Where that takes a challenge, the change waits on the page's *desk*
under the challenge's name, the browser goes and confirms, and comes back to ``/account/continue``, which asks once
more, with the code that the confirmation gave, and then makes it. So a challenge that was passed makes exactly the
change that it was asked for, and nothing that a browser sends along the way can put another in its place.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stepwarden.console.catalogue import reasons_shown
from stepwarden.console.enrolling import Enrolling
from stepwarden.console.finishing import Finishing, notice
from stepwarden.console.kept import Desk, Pending, hidden
from stepwarden.console.service import Account
from stepwarden.console.visit import Outcome, Redirect, Screen, Visit
from stepwarden.console.way import origin_of
from stepwarden.errors import ForbiddenError, UnauthenticatedError
from stepwarden.flow.shown import Activity, Held

NOTES: Final = ("added", "removed", "ended", "forgotten", "labelled", "kept", "shown")
Fields = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """``action`` is asked for, on the resource that ``of`` makes of the form's fields; ``make`` then makes it."""

    action: str
    of: Callable[[Fields], str]
    make: Callable[[Visit, Desk, str, Fields], Awaitable[Outcome]]


class AccountPages:
    """Handlers, by the name of their route. Each takes a ``Visit`` and may raise what ``Account`` raises."""

    def __init__(
        self, account: Account, enrolling: Enrolling, finishing: Finishing, *, apps: frozenset[str]
    ) -> None:
        self._account = account
        self._finishing = finishing
        self._apps = apps
        self._home = f"{finishing.base}/account"
        self._changes: dict[str, Change] = {
            "open": Change("security.open", lambda _: "", self._opened),
            "remove": Change("factor.remove", lambda it: f"{it['factor']} {it['credential']}", self._remove),
            "sessions": Change("security.sessions", lambda it: it["token"], self._end_session),
            "devices": Change("security.devices", lambda it: it["device"], self._forget),
            "totp": Change("factor.enroll", lambda _: "totp", enrolling.begin_totp),
            "passkey": Change("factor.enroll", lambda _: "webauthn", enrolling.begin_passkey),
            "address": Change("factor.enroll", lambda it: it["factor"], enrolling.begin_address),
            "recovery": Change("factor.enroll", lambda _: "recovery", enrolling.make_codes),
        }

    async def show(self, visit: Visit) -> Outcome:
        """GET /account, with a ticket or without"""
        if ticket := visit.query.get("ticket", ""):
            return await self._enter(visit, ticket)
        self._signed_in(visit)
        try:
            page = await self._account.overview(visit.session)
        except ForbiddenError:
            return await self._change(visit, Pending(operation="open", fields={}))
        note = visit.query.get("note", "")
        values = {
            "page": page,
            "note": note if note in NOTES else "",
            "worth": _worth,
            "result": _result,
        }
        return Screen(template="account.html", values=values)

    async def _enter(self, visit: Visit, ticket: str) -> Redirect:
        """The session of the page is new, whatever cookie was there; a former one ends."""
        secret = await self._account.enter(ticket, visit.browser)
        if visit.session:
            self._finishing.desks.take(hidden(visit.session))
            await self._account.leave(visit.session)
        return Redirect(location=self._home, session=secret)

    async def go_on(self, visit: Visit) -> Outcome:
        """GET /account/continue"""
        self._signed_in(visit)
        desk, challenge = self.desk(visit), visit.query.get("challenge", "")
        code = desk.codes_of.pop(challenge, "")
        pending = desk.pending.pop(challenge, None) if code else None
        if pending is None:
            return Redirect(location=self._home)
        return await self._change(visit, pending, code=code, challenge=challenge)

    async def leave(self, visit: Visit) -> Outcome:
        """POST /account/leave"""
        back = self._account.return_to(visit.session) if visit.session else ""
        if visit.session:
            self._finishing.desks.take(hidden(visit.session))
            await self._account.leave(visit.session)
        known = origin_of(back) in self._apps
        return Redirect(location=back if known else self._home, session="")

    async def remove(self, visit: Visit) -> Outcome:
        """POST /account/remove"""
        return await self._asked(visit, "remove", "factor", "credential")

    async def sessions(self, visit: Visit) -> Outcome:
        """POST /account/sessions"""
        return await self._asked(visit, "sessions", "token")

    async def devices(self, visit: Visit) -> Outcome:
        """POST /account/devices"""
        return await self._asked(visit, "devices", "device")

    async def totp(self, visit: Visit) -> Outcome:
        """POST /account/totp"""
        return await self._asked(visit, "totp")

    async def passkey(self, visit: Visit) -> Outcome:
        """POST /account/passkey"""
        return await self._asked(visit, "passkey")

    async def recovery(self, visit: Visit) -> Outcome:
        """POST /account/recovery"""
        return await self._asked(visit, "recovery")

    async def address(self, visit: Visit) -> Outcome:
        """POST /account/address"""
        self._signed_in(visit)
        fields = {"factor": visit.token("factor"), "address": visit.form.get("address", "").strip()[:254]}
        return await self._change(visit, Pending(operation="address", fields=fields))

    async def activity(self, visit: Visit) -> Outcome:
        """POST /account/activity: it was not me. Takes no challenge: it only ever takes rights away."""
        self._signed_in(visit)
        await self._account.not_me(visit.session, visit.token("activity"))
        return self._noted("labelled")

    # -- inside

    def desk(self, visit: Visit) -> Desk:
        """What this page has open."""
        name = hidden(visit.session)
        found = self._finishing.desks.get(name)
        if found is None:
            found = Desk()
            self._finishing.desks.put(name, found)
        return found

    def _signed_in(self, visit: Visit) -> None:
        if not visit.session:
            raise UnauthenticatedError("open your security page again from the application")

    def _noted(self, note: str) -> Redirect:
        return Redirect(location=f"{self._home}?note={note}")

    async def _asked(self, visit: Visit, operation: str, *names: str) -> Outcome:
        self._signed_in(visit)
        fields = {name: visit.token(name) for name in names}
        return await self._change(visit, Pending(operation=operation, fields=fields))

    async def _change(
        self, visit: Visit, pending: Pending, *, code: str = "", challenge: str = ""
    ) -> Outcome:
        """Make a change if it is allowed; put it off if that takes a challenge; say that it is refused."""
        change, desk = self._changes[pending.operation], self.desk(visit)
        answer = await self._account.ask(
            visit.session,
            visit.browser,
            change.action,
            resource=change.of(pending.fields),
            code=code,
            challenge=challenge,
        )
        if answer.allowed:
            return await change.make(visit, desk, answer.attempt, pending.fields)
        if answer.challenge:
            desk.wait(answer.challenge, pending)
            return Redirect(location=f"{self._finishing.base}/step-up/{answer.challenge}")
        opened = pending.operation != "open"
        values = notice(
            "refused",
            link=self._home if opened else "",
            link_text="back_to_account",
            reasons=reasons_shown(answer.refused, visit.language),
        )
        return Screen(template="notice.html", values=values, status=403)

    async def _opened(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        return Redirect(location=self._home)

    async def _remove(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        await self._account.remove(
            visit.session, attempt, factor=fields["factor"], credential=fields["credential"]
        )
        return self._noted("removed")

    async def _end_session(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        await self._account.end_session(visit.session, attempt, token=fields["token"])
        return self._noted("ended")

    async def _forget(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        await self._account.forget_device(visit.session, attempt, device=fields["device"])
        return self._noted("forgotten")


def _worth(held: Held) -> str:
    """The key of what a factor is worth, in words."""
    return "worth_hardware" if held.factor == "webauthn" and held.hardware else f"worth_{held.factor}"


def _result(one: Activity) -> str:
    """How an attempt ended, in one word."""
    if one.decision == "deny":
        return "denied"
    if one.outcome == "failure":
        return "failed"
    if one.outcome == "success":
        return "ok"
    return "asked" if one.decision == "step_up" else "allowed"
