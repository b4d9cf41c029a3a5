"""Adding something on the security page: begin, show, confirm. Only what was confirmed is enrolled.

Secrets on their way (a TOTP secret, recovery codes) stay on the desk of their page, and are shown to nobody else.
Recovery codes are shown once: whoever asks for that page again is told to make new ones.
"""

from collections.abc import Mapping

from markupsafe import Markup

from stepwarden.console.finishing import Finishing
from stepwarden.console.kept import Desk, hidden
from stepwarden.console.service import Account
from stepwarden.console.visit import Outcome, Redirect, Screen, Visit
from stepwarden.errors import CourierError, InputError, UnauthenticatedError

Fields = Mapping[str, str]


class Enrolling:
    """Handlers for GET and for what confirms; ``begin_...`` and ``make_codes`` run once the change is allowed."""

    def __init__(self, account: Account, finishing: Finishing) -> None:
        self._account = account
        self._finishing = finishing
        self._home = f"{finishing.base}/account"

    async def begin_totp(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        """A new secret, to be shown."""
        desk.attempt, desk.draft = attempt, await self._account.begin_totp(visit.session)
        return self._to("totp")

    async def show_totp(self, visit: Visit) -> Outcome:
        """GET /account/totp"""
        desk = self._desk(visit)
        if desk.draft is None:
            return self._to("")
        values = {
            "secret": _grouped(desk.draft.secret),
            "svg": Markup(desk.draft.svg),  # noqa: S704  # drawn by us, of our own address
            "note": "totp",
            "fault": visit.query.get("note") == "failed",
        }
        return Screen(template="enrol_totp.html", values=values)

    async def confirm_totp(self, visit: Visit) -> Outcome:
        """POST /account/totp/confirm"""
        desk = self._desk(visit)
        if desk.draft is None or desk.attempt is None:
            return self._to("")
        code = "".join(visit.form.get("code", "").split())
        name = visit.form.get("name", "")
        try:
            await self._account.confirm_totp(visit.session, desk.attempt, code=code, name=name)
        except InputError:
            return self._to("totp", "failed")
        desk.attempt, desk.draft = None, None
        return self._to("", "added")

    async def begin_passkey(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        """What the browser is to make."""
        desk.attempt, desk.passkey = attempt, await self._account.begin_passkey(visit.session)
        return self._to("passkey")

    async def show_passkey(self, visit: Visit) -> Outcome:
        """GET /account/passkey"""
        desk = self._desk(visit)
        if not desk.passkey:
            return self._to("")
        values = {
            "options": desk.passkey,
            "note": "passkey",
            "fault": visit.query.get("note") == "failed",
        }
        return Screen(template="enrol_passkey.html", values=values)

    async def confirm_passkey(self, visit: Visit) -> Outcome:
        """POST /account/passkey/confirm: one try for each challenge; another begins at once."""
        desk = self._desk(visit)
        if not desk.passkey or desk.attempt is None:
            return self._to("")
        answer, name = visit.form.get("answer", ""), visit.form.get("name", "")
        try:
            await self._account.confirm_passkey(visit.session, desk.attempt, answer=answer, name=name)
        except InputError:
            desk.passkey = await self._account.begin_passkey(visit.session)
            return self._to("passkey", "failed")
        desk.attempt, desk.passkey = None, ""
        return self._to("", "added")

    async def begin_address(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        """Send a code to the address."""
        factor, address = fields["factor"], fields["address"]
        try:
            await self._account.begin_address(
                visit.session, factor=factor, address=address, language=visit.language
            )
        except (InputError, CourierError):
            return Redirect(location=f"{self._home}/address?factor={factor}&note=failed")
        desk.attempt, desk.address = attempt, (factor, address)
        return self._to("address")

    async def show_address(self, visit: Visit) -> Outcome:
        """GET /account/address: with ``factor``, the form for an address; without, the one for its code."""
        desk = self._desk(visit)
        asked = visit.query.get("factor", "")
        failed = visit.query.get("note") == "failed"
        if asked in ("email", "sms"):
            values = {"factor": asked, "address": "", "note": "address", "fault": failed}
        elif desk.address is not None:
            factor, address = desk.address
            values = {"factor": factor, "address": address, "note": "address_code", "fault": failed}
        else:
            return self._to("")
        return Screen(template="enrol_address.html", values=values)

    async def confirm_address(self, visit: Visit) -> Outcome:
        """POST /account/address/confirm"""
        desk = self._desk(visit)
        if desk.address is None or desk.attempt is None:
            return self._to("")
        code = "".join(visit.form.get("code", "").split())
        try:
            await self._account.confirm_address(visit.session, desk.attempt, code=code)
        except InputError:
            return self._to("address", "failed")
        desk.attempt, desk.address = None, None
        return self._to("", "added")

    async def make_codes(self, visit: Visit, desk: Desk, attempt: str, fields: Fields) -> Outcome:
        """New recovery codes; they wait to be shown."""
        desk.codes = tuple(await self._account.recovery_codes(visit.session, attempt))
        return self._to("recovery")

    async def show_codes(self, visit: Visit) -> Outcome:
        """GET /account/recovery: once."""
        desk = self._desk(visit)
        codes, desk.codes = desk.codes, ()
        if not codes:
            return self._to("", "shown")
        return Screen(template="recovery.html", values={"codes": codes})

    async def codes_kept(self, visit: Visit) -> Outcome:
        """POST /account/recovery/kept"""
        return self._to("", "kept")

    # -- inside

    def _desk(self, visit: Visit) -> Desk:
        if not visit.session:
            raise UnauthenticatedError("open your security page again from the application")
        return self._finishing.desks.get(hidden(visit.session)) or Desk()

    def _to(self, page: str, note: str = "") -> Redirect:
        return Redirect(
            location=self._home + (f"/{page}" if page else "") + (f"?note={note}" if note else "")
        )


def _grouped(secret: str) -> str:
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
