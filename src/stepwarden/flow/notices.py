"""Notices: a person hears by mail when something about how they prove who they are has changed.

Sent to the mail addresses that they have enrolled, by nobody waiting for it: what counts is in the log. A notice
tells what happened and where to look; it holds no link, so that nobody learns to follow links in mails like it.
"""

import asyncio
import logging
from typing import Final

from stepwarden.errors import CourierError
from stepwarden.flow.couriers import Courier, Message
from stepwarden.flow.vault import Vault

SECONDS: Final = 30.0
MOST: Final = 64
"""Notices under way at a time; beyond them none is sent."""
WORDS: Final = {
    "factor.enrolled": "A way to prove that it is you was added to your account.",
    "factor.removed": "A way to prove that it is you was removed from your account.",
    "recovery.used": "A recovery code was used for your account. If that was not you, sign in and end all sessions.",
    "not_me": "You said that an attempt was not you. The session was ended.",
}
_log = logging.getLogger("stepwarden")


class Notices:
    """Sends notices in the background. All calls on the loop's thread."""

    def __init__(self, vault: Vault, courier: Courier | None) -> None:
        """``courier`` None: nobody is told."""
        self._vault = vault
        self._courier = courier
        self._tasks: set[asyncio.Task[None]] = set()

    def addresses(self, actor: str) -> tuple[str, ...]:
        """Where a person (token) would be told now: to be asked before what is about to go is gone."""
        if self._courier is None:
            return ()
        return tuple(address.decode() for _, address in self._vault.get(actor, "email"))

    def tell(self, actor: str, what: str) -> None:
        """Tell a person (token) that this happened."""
        self.tell_at(self.addresses(actor), what)

    def tell_at(self, addresses: tuple[str, ...], what: str) -> None:
        """Tell whoever reads there that this happened."""
        if self._courier is None or len(self._tasks) >= MOST:
            return
        for address in addresses:
            message = Message(
                kind="notice",
                challenge="",
                to=address,
                code="",
                number="",
                words=WORDS[what],
                language="en",
                expires=0,
            )
            task = asyncio.get_running_loop().create_task(_quietly(self._courier, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _quietly(courier: Courier, message: Message) -> None:
    try:
        await asyncio.wait_for(courier.send(message), SECONDS)
    except (CourierError, TimeoutError) as exc:
        _log.warning("a notice could not be handed over: %s", type(exc).__name__)
