"""The way to a person's own security page: an address that an application asks for when it has signed them in.

The application vouches for who it is and what they proved; the address holds a ticket (``account``), good once and for
a minute, so it is for a redirect and for nothing that is kept. It leads back to no place but a registered application.
"""

from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from stepwarden.errors import InputError
from stepwarden.events.attempt import Method
from stepwarden.flow.account import TICKET_SECONDS, Account
from stepwarden.flow.recorder import Recorder


class Entrance(msgspec.Struct, frozen=True, kw_only=True):
    """``url`` is a secret while it is good, until ``expires`` (microseconds)."""

    url: str
    expires: int


class Entrances:
    """All calls on the loop's thread."""

    def __init__(
        self, recorder: Recorder, account: Account, *, address: str, is_app: Callable[[str], bool]
    ) -> None:
        """
        Args:
            address: of the security page.
            is_app: whether an address leads to a registered application.
        """
        self._recorder = recorder
        self._account = account
        self._address = address
        self._is_app = is_app

    def page(
        self, actor: str, *, proved: tuple[Method, ...], return_to: str, language: str, device: str
    ) -> Entrance:
        """An address for somebody who has just signed in.

        Args:
            return_to: where the page leads back to; "": nowhere.
            language: of the page; "": the browser's.
            device: the application's id of the person's device, as in their attempts; "": it has none.

        Raises:
            InputError: ``return_to`` leads to no registered application.
        """
        if return_to and not self._is_app(return_to):
            raise InputError(
                "an address of a registered application (pages.apps) is needed", field="$.return_to"
            )
        ticket = self._account.ticket(actor, proved=proved, return_to=return_to, device=device)
        fields = {"ticket": ticket} | ({"lang": language} if language else {})
        expires = self._recorder.now() + TICKET_SECONDS * 1_000_000
        return Entrance(url=f"{self._address}?{urlencode(fields)}", expires=expires)
