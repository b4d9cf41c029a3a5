"""An attempt: who wants to do what, on what, from where, as the application tells it.

This is the public shape of ``POST /v1/attempts`` and of our own JSON lines. It is decoded straight into these
frozen structs, so the limits stand here once: an actor or a session has at most 256 characters, a user agent
2,048, a resource 512, and none of them a control character.

Not here: what we derive from it (``facts``) and what is recorded (``entries``).
"""

from typing import Annotated, Literal

import msgspec

END = r"(?![\s\S])"
"""The end of a text. Not ``$``, which Python also finds before a last newline: "transfer\\n" is another action."""
NO_CONTROL = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*{END}"
"""No C0/C1 control character and no line separator: what a log viewer could be tricked with."""

ACTION = rf"^[a-z][a-z0-9_.:-]*{END}"

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=NO_CONTROL)]
ShortText = Annotated[str, msgspec.Meta(max_length=64, pattern=NO_CONTROL)]
ActionName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=ACTION)]
Outcome = Literal["success", "failure", "unknown"]
Method = Literal[
    "pwd", "otp", "sms", "hwk", "swk", "pop", "user", "pin", "fpt", "face", "mfa", "mca", "geo", "rba"
]
"""Authentication method references, RFC 8176."""

ParameterValue = (
    Annotated[str, msgspec.Meta(max_length=512, pattern=NO_CONTROL)]
    | Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1)]
    | bool
)


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where an address is, as the record's own vendor says; used before any lookup of ours.

    ``latitude`` -90..90 and ``longitude`` -180..180 in degrees, ``radius_km`` the accuracy radius.
    """

    country: Annotated[str, msgspec.Meta(pattern=rf"^([A-Za-z]{{2}})?{END}")] = ""
    region: ShortText = ""
    city: ShortText = ""
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    radius_km: Annotated[int, msgspec.Meta(ge=0, le=20_000)] | None = None
    asn: ShortText = ""


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the application or the vendor knows of the device. ``id`` is an identifier it gave the device.

    ``token`` is the cookie that a remembered device was given; it says something only together with the same agent.
    """

    id: Annotated[str, msgspec.Meta(max_length=256, pattern=NO_CONTROL)] = ""
    browser: ShortText = ""
    os: ShortText = ""
    type: ShortText = ""
    token: Annotated[str, msgspec.Meta(max_length=512, pattern=NO_CONTROL)] = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One attempt, before anything is derived from it.

    ``ip`` is the client's address when the caller has worked it out itself; otherwise ``peer`` (the address of
    the socket) and ``forwarded_for`` (the header, as it came; None where there was none) let our list of trusted
    proxies decide. An address
    that cannot be parsed is accepted, and counts as the highest risk.
    ``proved`` are the methods that the application has verified for this very attempt (normally ``pwd``).
    ``parameters`` are the details that an approval is bound to (amount, payee); at most 32.
    ``grant`` is what a passed challenge gave, to be used up by this attempt.
    ``acr_values`` (the levels that would do, as in OpenID Connect: ``nist-aal1`` to ``nist-aal3``) and ``max_age``
    (seconds) ask for more than the policy does; they never ask for less.
    """

    action: ActionName
    actor: Annotated[str, msgspec.Meta(max_length=256, pattern=NO_CONTROL)] = ""
    resource: Annotated[str, msgspec.Meta(max_length=512, pattern=NO_CONTROL)] = ""
    session: Annotated[str, msgspec.Meta(max_length=256, pattern=NO_CONTROL)] = ""
    ip: Annotated[str, msgspec.Meta(max_length=256)] = ""
    peer: Annotated[str, msgspec.Meta(max_length=256)] = ""
    forwarded_for: Annotated[str, msgspec.Meta(max_length=16_384)] | None = None
    user_agent: Annotated[str, msgspec.Meta(max_length=2048, pattern=NO_CONTROL)] = ""
    device: Device | None = None
    place: Place | None = None
    parameters: Annotated[dict[Identifier, ParameterValue], msgspec.Meta(max_length=32)] | None = None
    outcome: Outcome = "unknown"
    proved: Annotated[tuple[Method, ...], msgspec.Meta(max_length=8)] = ()
    grant: Annotated[str, msgspec.Meta(max_length=2048, pattern=NO_CONTROL)] = ""
    acr_values: Annotated[str, msgspec.Meta(max_length=256, pattern=NO_CONTROL)] = ""
    max_age: Annotated[int, msgspec.Meta(ge=0, le=31_536_000)] | None = None
