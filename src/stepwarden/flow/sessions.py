"""Ending sessions and forgetting devices on an operator's, or the application's, word.

A person ends their own on their own page (``account``), which takes their strongest factor. An application needs none:
this only ever takes rights away. Both are entries that say who did it and why.
"""

from collections.abc import Callable
from typing import Final

from stepwarden.errors import InputError, NotFoundError
from stepwarden.events.entries import DeviceForgotten, SessionRevoked
from stepwarden.flow.audited import check_reason
from stepwarden.flow.recorder import Recorder

MAX_DEVICE: Final = 64


class Sessions:
    """All calls on the loop's thread."""

    def __init__(self, recorder: Recorder, *, token_of: Callable[[str], str]) -> None:
        """``token_of`` gives the token of a session."""
        self._recorder = recorder
        self._token_of = token_of

    async def revoke(self, actor: str, *, session: str, reason: str, by: str) -> None:
        """End a session of this person's: nothing is allowed in it any more.

        Args:
            session: the application's id of it, in clear; "": all that hold something.

        Raises:
            NotFoundError: nobody is known by this id.
            InputError: no reason, or one that names the person.
        """
        reason = check_reason(reason, actor)
        recorder = self._recorder
        entry = SessionRevoked(
            time=recorder.now(),
            id=recorder.new_id(),
            by=by,
            actor=self._known(actor),
            session=self._token_of(session),
            reason=reason,
        )
        await recorder.append(entry).durable

    async def forget_device(self, actor: str, *, device: str, by: str) -> None:
        """Forget a remembered device, or ("") all of this person's.

        Raises:
            NotFoundError: nobody is known by this id.
            InputError: it cannot be the id of a device.
        """
        plain = device.isascii() and device.replace("-", "").replace("_", "").isalnum()
        if device and not (plain and len(device) <= MAX_DEVICE):
            raise InputError("not the id of a device", field="device")
        recorder = self._recorder
        entry = DeviceForgotten(
            time=recorder.now(),
            id=recorder.new_id(),
            by=by,
            actor=self._known(actor),
            device=device,
        )
        await recorder.append(entry).durable

    def _known(self, actor: str) -> str:
        person = self._recorder.people.find(actor)
        if person is None:
            raise NotFoundError("nobody is known by this id")
        return person.token
