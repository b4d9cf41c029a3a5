"""What both clients can do beyond deciding and answering: challenges, grants, factors, sessions.

Each method is one request. All raise ``UnavailableError`` where Stepwarden is not heard, and ``RequestRefusedError``,
or the class that its code stands for, where it refuses.
"""

from collections.abc import Iterable
from typing import Any

from stepwarden.sdk import proving, wire
from stepwarden.sdk.answers import Entrance, Factor, Grant, Passed, PasskeyDraft
from stepwarden.sdk.wire import Request, Response


class Calls:
    """The blocking half."""

    def _send(self, request: Request) -> Response:
        raise ValueError("a client sends")

    def passkey_options(self, challenge_id: str) -> dict[str, Any]:
        """What ``navigator.credentials.get`` takes, for a page of yours; give what it returns to ``answer``."""
        return proving.read_options(self._send(proving.options_request(challenge_id)))

    def send_code(
        self, challenge_id: str, *, factor: str, credential: str = "", language: str = "en"
    ) -> None:
        """Send a code by ``email`` or ``sms``; ``credential`` says where to, where there are several."""
        body = {"factor": factor, "credential": credential, "language": language}
        proving.read_done(self._send(proving.challenge_request(challenge_id, "send", body)))

    def collect(self, challenge_id: str, code: str) -> Passed:
        """Fetch what was passed on our page, with the code that the browser brought back.

        Only in the session that asked for the challenge. Raises ``ClosedError`` for every code that is not the one.
        """
        return wire.read_passed(
            self._send(proving.challenge_request(challenge_id, "collect", {"code": code}))
        )

    def deny(self, challenge_id: str) -> None:
        """The person says that it was not them."""
        proving.read_done(self._send(proving.challenge_request(challenge_id, "deny", {})))

    def page(
        self,
        actor: str,
        *,
        proved: Iterable[str],
        return_to: str = "",
        language: str = "",
        device: str = "",
    ) -> Entrance:
        """Where to redirect somebody who is signed in and wants to see their own security page.

        ``device`` is the id of their device that their attempts have, "" where they have none.
        """
        body = proving.page_body(proved, return_to, language, device)
        return proving.read_entrance(self._send(proving.person_request(actor, "pages", body)))

    def introspect(self, grant: str) -> Grant | None:
        """What a grant says, None for whatever is not an unused grant; uses nothing up."""
        return proving.read_grant(self._send(proving.grant_request("introspect", "token", grant)))

    def redeem(self, grant: str) -> Grant | None:
        """Use a grant up without an attempt; of any number of calls at once one gets it, the others None."""
        return proving.read_grant(self._send(proving.grant_request("redeem", "grant", grant)))

    def key_set(self) -> dict[str, Any]:
        """The public keys, for ``verify_grant``; keep them for five minutes."""
        return proving.read_keys(self._send(proving.keys_request()))

    def factors(self, actor: str) -> tuple[Factor, ...]:
        """What a person can prove themselves with."""
        return proving.read_factors(self._send(proving.factors_request(actor)))

    def begin_passkey(self, actor: str) -> PasskeyDraft:
        """What ``navigator.credentials.create`` takes, and the draft's name."""
        return proving.read_draft(self._send(proving.person_request(actor, "factors/webauthn/options", {})))

    def enrol_passkey(
        self, actor: str, *, draft: str, answer: str, name: str = "", attempt: str = ""
    ) -> None:
        """Enrol what the browser made (its JSON text). ``attempt`` as for ``enrol_totp``."""
        body = {"draft": draft, "answer": answer, "name": name, "attempt": attempt}
        proving.read_done(self._send(proving.person_request(actor, "factors/webauthn", body)))

    def enrol_address(self, actor: str, *, factor: str, address: str, attempt: str = "") -> None:
        """Enrol an address that you know to be theirs: ``email``, ``sms`` or ``push``."""
        body = {"factor": factor, "address": address, "attempt": attempt}
        proving.read_done(self._send(proving.person_request(actor, "factors/address", body)))

    def remove_factor(self, actor: str, *, factor: str, credential: str, attempt: str) -> None:
        """Remove one factor; ``attempt`` names an allowed ``factor.remove``."""
        what = f"factors/{proving.part(factor)}/{proving.part(credential)}/remove"
        proving.read_removed(self._send(proving.person_request(actor, what, {"attempt": attempt})))

    def reset_factors(self, actor: str, *, reason: str) -> int:
        """Take all factors away, on an operator's word; how many. ``reason`` goes into the log and names nobody."""
        return proving.read_removed(
            self._send(proving.person_request(actor, "factors/reset", {"reason": reason}))
        )

    def revoke_sessions(self, actor: str, *, reason: str, session: str = "") -> None:
        """End one session, or all."""
        body = {"session": session, "reason": reason}
        proving.read_done(self._send(proving.person_request(actor, "sessions/revoke", body)))

    def forget_devices(self, actor: str, *, device: str = "") -> None:
        """Forget one remembered device, or all."""
        proving.read_done(self._send(proving.person_request(actor, "devices/forget", {"device": device})))


class AsyncCalls:
    """The same for asyncio."""

    async def _send(self, request: Request) -> Response:
        raise ValueError("a client sends")

    async def passkey_options(self, challenge_id: str) -> dict[str, Any]:
        """As ``Calls.passkey_options``."""
        return proving.read_options(await self._send(proving.options_request(challenge_id)))

    async def send_code(
        self, challenge_id: str, *, factor: str, credential: str = "", language: str = "en"
    ) -> None:
        """As ``Calls.send_code``."""
        body = {"factor": factor, "credential": credential, "language": language}
        proving.read_done(await self._send(proving.challenge_request(challenge_id, "send", body)))

    async def collect(self, challenge_id: str, code: str) -> Passed:
        """As ``Calls.collect``."""
        return wire.read_passed(
            await self._send(proving.challenge_request(challenge_id, "collect", {"code": code}))
        )

    async def deny(self, challenge_id: str) -> None:
        """As ``Calls.deny``."""
        proving.read_done(await self._send(proving.challenge_request(challenge_id, "deny", {})))

    async def page(
        self,
        actor: str,
        *,
        proved: Iterable[str],
        return_to: str = "",
        language: str = "",
        device: str = "",
    ) -> Entrance:
        """As ``Calls.page``."""
        body = proving.page_body(proved, return_to, language, device)
        return proving.read_entrance(await self._send(proving.person_request(actor, "pages", body)))

    async def introspect(self, grant: str) -> Grant | None:
        """As ``Calls.introspect``."""
        return proving.read_grant(await self._send(proving.grant_request("introspect", "token", grant)))

    async def redeem(self, grant: str) -> Grant | None:
        """As ``Calls.redeem``."""
        return proving.read_grant(await self._send(proving.grant_request("redeem", "grant", grant)))

    async def key_set(self) -> dict[str, Any]:
        """As ``Calls.key_set``."""
        return proving.read_keys(await self._send(proving.keys_request()))

    async def factors(self, actor: str) -> tuple[Factor, ...]:
        """As ``Calls.factors``."""
        return proving.read_factors(await self._send(proving.factors_request(actor)))

    async def begin_passkey(self, actor: str) -> PasskeyDraft:
        """As ``Calls.begin_passkey``."""
        return proving.read_draft(
            await self._send(proving.person_request(actor, "factors/webauthn/options", {}))
        )

    async def enrol_passkey(
        self, actor: str, *, draft: str, answer: str, name: str = "", attempt: str = ""
    ) -> None:
        """As ``Calls.enrol_passkey``."""
        body = {"draft": draft, "answer": answer, "name": name, "attempt": attempt}
        proving.read_done(await self._send(proving.person_request(actor, "factors/webauthn", body)))

    async def enrol_address(self, actor: str, *, factor: str, address: str, attempt: str = "") -> None:
        """As ``Calls.enrol_address``."""
        body = {"factor": factor, "address": address, "attempt": attempt}
        proving.read_done(await self._send(proving.person_request(actor, "factors/address", body)))

    async def remove_factor(self, actor: str, *, factor: str, credential: str, attempt: str) -> None:
        """As ``Calls.remove_factor``."""
        what = f"factors/{proving.part(factor)}/{proving.part(credential)}/remove"
        proving.read_removed(await self._send(proving.person_request(actor, what, {"attempt": attempt})))

    async def reset_factors(self, actor: str, *, reason: str) -> int:
        """As ``Calls.reset_factors``."""
        return proving.read_removed(
            await self._send(proving.person_request(actor, "factors/reset", {"reason": reason}))
        )

    async def revoke_sessions(self, actor: str, *, reason: str, session: str = "") -> None:
        """As ``Calls.revoke_sessions``."""
        body = {"session": session, "reason": reason}
        proving.read_done(await self._send(proving.person_request(actor, "sessions/revoke", body)))

    async def forget_devices(self, actor: str, *, device: str = "") -> None:
        """As ``Calls.forget_devices``."""
        proving.read_done(
            await self._send(proving.person_request(actor, "devices/forget", {"device": device}))
        )
