"""What the flow hands to those who carry it to a person: one message, one small protocol.

A *courier* takes a code, a push or a notice to somebody by mail, by text message or through an app. It promises
little: a message that was accepted may still never arrive, and one that was refused may have. So nothing is ever
decided by what a courier says; what counts is the answer that comes back, against the challenge.

The code is a secret until the challenge ends. No courier puts it into a log, an error or the title of a message.

Implementations: ``connect.couriers``.
"""

from typing import Literal, Protocol

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person.

    Args:
        kind: ``code`` asks for the code to be typed, ``push`` for a decision in an app, ``notice`` for nothing.
        challenge: id of the challenge, "" for a notice.
        to: mail address, phone number or the provider's id of the person.
        code: the one-time code, "" for push and notice.
        number: push: the six digits that the page shows and that the person must type into the app; else "".
        words: what is being approved, or what happened, in the person's language, one line, no control characters.
        language: ``en`` or ``de``.
        expires: microseconds since 1970 UTC.
        callback: push: the URL to which the provider reports the person's answer.
    """

    kind: Literal["code", "push", "notice"]
    challenge: str
    to: str
    code: str
    number: str
    words: str
    language: str
    expires: int
    callback: str = ""


class Courier(Protocol):
    """Carries messages of the kinds it knows; one call, one try."""

    async def send(self, message: Message) -> None:
        """Hand the message over for delivery.

        Raises:
            CourierError: not accepted for delivery.
        """
        ...
