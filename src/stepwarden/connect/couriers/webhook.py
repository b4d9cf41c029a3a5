"""Text messages and pushes by one generic, signed webhook to a provider of the operator's choice, and its answers.

Out, one POST per message, signed as ``signing`` says, with a body such as

    {"type":"code","timestamp":"2026-01-01T00:00:00Z","data":{"challenge":"...","to":"+15550100","code":"123456",
     "words":"Transfer 20 EUR to ACME","language":"en","expires":"2026-01-01T00:05:00Z"}}

``push`` has ``callback`` in place of ``code``, ``notice`` neither, nor ``challenge`` and ``expires``. Any status from
200 to 299 says that the provider took it; the rest of the answer is not used. One call is one try: a second is a
new message, which the person asks for.

The number of a push is *not* sent. The person reads it on the page and types it into the app; what they typed comes
back and is compared here. So neither the provider nor a notification on a locked screen can give it away, and an
approval out of habit lacks it.

Back, signed with the same secret: ``{"challenge":"...","answer":"approve","number":"42"}`` (``read_push_answer``).
A message of ours, sent back to us, is no answer: it has another shape.

Addresses are guarded by ``connect.urls``. Plain http goes to this machine or a private network, and only with
``allow_private``. No error holds the address, the body or the provider's words: each may hold a secret.
"""

import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import httpx
import msgspec

from stepwarden.connect.couriers.signing import MAX_SECRET, MIN_SECRET, sign, verify_callback
from stepwarden.connect.couriers.texts import one_line
from stepwarden.connect.urls import (
    AddressRefusedError,
    Resolve,
    ask,
    check_url,
    guarded_client,
    resolve_by_system,
)
from stepwarden.errors import CourierError, InputError, MalformedBodyError, SettingsError
from stepwarden.flow.couriers import Message

MAX_ANSWER: Final = 65_536
"""Bytes of a provider's answer that are waited for; one with more counts as failed."""
MAX_TO: Final = 256


class WebhookCourier:
    """A ``flow.couriers.Courier`` for every kind of message. Calls may overlap; close it when it is done with."""

    def __init__(
        self,
        url: str,
        *,
        secret: bytes,
        timeout: float,
        allow_private: bool,
        clock: Callable[[], int],
        verify: ssl.SSLContext | Literal[True] = True,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        """Send to this address.

        Args:
            secret: what ``signing.read_secret`` gave.
            timeout: seconds for one message, from the name's resolution to the end of the answer.
            allow_private: let the address lead to this machine or a private network, then also by plain http.
            clock: microseconds since 1970 UTC.
            verify: True for this machine's roots, or a context that verifies.

        Raises:
            SettingsError: an address or a secret that cannot be used.
        """
        if not MIN_SECRET <= len(secret) <= MAX_SECRET:
            raise SettingsError(f"a webhook's secret has {MIN_SECRET} to {MAX_SECRET} bytes")
        self._host = check_url(url, allow_private=allow_private, allow_http=allow_private).host
        self._url = url
        self._secret = secret
        self._timeout = timeout
        self._clock = clock
        self._http = guarded_client(
            timeout=timeout,
            allow_private=allow_private,
            allow_http=allow_private,
            verify=verify,
            resolve=resolve,
        )

    async def send(self, message: Message) -> None:
        """Have the provider take one message.

        Raises:
            CourierError: it did not, or may not be asked; or the message has expired, or nobody it could go to.
        """
        now = self._clock()
        body = _format(message, now)
        headers = sign(self._secret, id=f"msg_{secrets.token_hex(16)}", seconds=now // 1_000_000, body=body)
        headers["content-type"] = "application/json"
        try:
            reply = await ask(
                self._http,
                "POST",
                self._url,
                seconds=self._timeout,
                most=MAX_ANSWER,
                headers=headers,
                content=body,
            )
        except AddressRefusedError as exc:
            raise CourierError(f"the provider {self._host} may not be called: {exc}") from None
        except httpx.HTTPError as exc:
            raise CourierError(f"the provider {self._host} cannot be used: {type(exc).__name__}") from None
        if not 200 <= reply.status <= 299:
            raise CourierError(f"the provider {self._host} did not take the message: status {reply.status}")

    async def aclose(self) -> None:
        """Let go of what the client holds."""
        await self._http.aclose()


def _format(message: Message, now: int) -> bytes:
    """The body of a message. Raises: CourierError: it cannot be sent."""
    if not 0 < len(message.to) <= MAX_TO or not message.to.isprintable():
        raise CourierError("the recipient is nothing that a provider could be told")
    data = {"to": message.to, "words": one_line(message.words), "language": message.language}
    if message.kind != "notice":
        if message.expires <= now:
            raise CourierError(f"the {message.kind} had expired before it was sent")
        data |= {"challenge": message.challenge, "expires": _iso(message.expires)}
    if message.kind == "code":
        data["code"] = message.code
    if message.kind == "push":
        data["callback"] = message.callback
    return msgspec.json.encode({"type": message.kind, "timestamp": _iso(now), "data": data})


def _iso(time: int) -> str:
    """RFC 3339, to the second, rounded down: nothing seems valid for longer than it is."""
    return datetime.fromtimestamp(time // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class PushAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider reports of a person: whether they approved, and the number that they typed ("" for none)."""

    challenge: str
    approved: bool
    number: str


class _PushAnswerShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    challenge: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    answer: Literal["approve", "deny"]
    number: Annotated[str, msgspec.Meta(pattern=r"\A([0-9]{2,8})?\Z")] = ""


def read_push_answer(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> PushAnswer:
    """Read what a provider reports: first the signature, then one strict JSON text.

    An approval without a number is read as what it is; the gate refuses it as it refuses a wrong one.

    Args:
        headers: names in any case.
        now: seconds since 1970 UTC.

    Raises:
        UnauthenticatedError: not signed, or not now.
        MalformedBodyError: no JSON text, or a key twice in one object.
        InputError: JSON of another shape.
    """
    text = verify_callback(secret, headers, body, now)
    try:
        found = msgspec.json.decode(text, type=_PushAnswerShape)
        # msgspec takes the last of two equal keys in silence: two readers would see two answers.
        json.loads(text, object_pairs_hook=_each_once)
    except msgspec.ValidationError:
        raise InputError("not an answer to a push", field="$") from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedBodyError("not a JSON text, or one with a key twice", field="$") from None
    return PushAnswer(challenge=found.challenge, approved=found.answer == "approve", number=found.number)


def _each_once(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in one object")
