"""A security device that Chromium believes to be real: the virtual authenticator of the DevTools protocol.

It belongs to one tab. It is honest at first: there is a person, and they are verified. ``verified``, ``present`` and
``counter`` make it something else. Credentials can be taken to another tab's device, as a clone.
"""

from typing import Any

from playwright.sync_api import Page


class PasskeyMachine:
    """The device of one tab."""

    def __init__(self, page: Page) -> None:
        self._cdp = page.context.new_cdp_session(page)
        # Without its dialogs: nobody is there to click on them.
        self._cdp.send("WebAuthn.enable", {"enableUI": False})
        made = self._cdp.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id = made["authenticatorId"]

    def verified(self, yes: bool) -> None:
        """Whether finger, face or PIN are right from now on."""
        self._send("WebAuthn.setUserVerified", isUserVerified=yes)

    def present(self, yes: bool) -> None:
        """Whether anybody touches it from now on."""
        self._send("WebAuthn.setAutomaticPresenceSimulation", enabled=yes)

    @property
    def credentials(self) -> list[dict[str, Any]]:
        """All that it holds, private keys included."""
        return list(self._send("WebAuthn.getCredentials")["credentials"])

    def take(self, credentials: list[dict[str, Any]], *, counter: int | None = None) -> None:
        """Become a clone: the same keys, with their counters or with this one."""
        for one in credentials:
            changed = one if counter is None else {**one, "signCount": counter}
            self._send("WebAuthn.addCredential", credential=changed)

    def forget(self) -> None:
        """Lose all keys."""
        self._send("WebAuthn.clearCredentials")

    def _send(self, method: str, **more: object) -> dict[str, Any]:
        found: dict[str, Any] = self._cdp.send(method, {"authenticatorId": self._id, **more})
        return found
