"""Authorization requests: what a client may ask our OpenID provider for, read strictly.

>>> clients = {"k1": Client("k1", ("https://shop.example.com/cb",))}
>>> given = {
...     "client_id": "k1", "redirect_uri": "https://shop.example.com/cb", "response_type": "code",
...     "scope": "openid", "code_challenge": "A" * 43, "code_challenge_method": "S256", "login_hint": "alice",
... }
>>> read_request(given, clients["k1"], pushed=False).actor
'alice'
>>> find_client(given | {"redirect_uri": "https://shop.example.com/cb/../x"}, clients)
Traceback (most recent call last):
  ...
stepwarden.flow.openid_request.UntrustedError: this address is not registered for this application

Two steps, for they fail differently. ``find_client`` says where answers may go; before it has succeeded nobody is
redirected anywhere. ``read_request`` then reads the rest, and what is wrong is told to the client, at that address.

Rules: Authorization Code with PKCE by S256 and nothing else (RFC 6749, 7636, 9700); each parameter once; addresses
compared character by character; no request objects; ``session`` and ``proved``, our own parameters, only where the
client has authenticated itself (pushed, RFC 9126), for with them it vouches for somebody.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

import msgspec

from stepwarden.errors import InputError, SettingsError
from stepwarden.events.attempt import NO_CONTROL, Method
from stepwarden.events.levels import level_of
from stepwarden.stepup.assurance import classes

MAX_QUERY: Final = 8_192
MAX_FIELDS: Final = 32
MAX_STATE: Final = 1_024
MAX_NONCE: Final = 512
MAX_AGE: Final = 31_536_000
PAR_PREFIX: Final = "urn:ietf:params:oauth:request_uri:"
VOUCHING: Final = ("session", "proved")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS = re.compile(r"0|[1-9][0-9]{0,9}")
_ADDRESS = re.compile(r"https?://[!-\[\]-~]{1,2000}")
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
_CONTROL = re.compile(NO_CONTROL)
ErrorCode = Literal[
    "access_denied",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_request_uri",
    "invalid_scope",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unmet_authentication_requirements",
    "unsupported_grant_type",
    "unsupported_response_type",
]
"""Of RFC 6749, RFC 9126, RFC 9470 and OpenID Connect Core, those that we give."""


class RefusedRequestError(Exception):
    """A request that is refused: what the client is told, in the words of OAuth. Never leaves unconverted."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(description)
        self.code = code


class UntrustedError(RefusedRequestError):
    """The same, where no address is known to which it could be told: the person is, on a page of ours."""


class Client(msgspec.Struct, frozen=True):
    """``id`` is that of an API key; ``redirect_uris`` where answers may go."""

    id: str
    redirect_uris: tuple[str, ...]


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. ``max_age`` in seconds, None: however old. ``silent``: nothing may be shown (``prompt=none``).

    ``proved`` is what the client vouches for, at ``vouched`` (microseconds; 0: nothing was pushed).
    """

    client: Client
    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    actor: str
    acr_values: str
    max_age: int | None
    silent: bool
    session: str = ""
    proved: tuple[Method, ...] = ()
    vouched: int = 0

    @property
    def blind(self) -> bool:
        """Nobody vouches for the person: whoever holds the browser may have named anybody."""
        return not classes(self.proved)


def check_redirect_uri(address: str) -> str:
    """An address that may be registered: https, or http on the loopback interface; no fragment, no user.

    Raises:
        SettingsError: it is none.
    """
    wrong = SettingsError(f"openid.clients: not an address to send people to: {address!r}")
    if not _ADDRESS.fullmatch(address) or "\\" in address:
        raise wrong
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.fragment or "#" in address or "@" in parts.netloc:
        raise wrong
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise wrong
    return address


def read_parameters(data: bytes) -> dict[str, str]:
    """The parameters of a query or of a form. Empty ones are as good as left out (RFC 6749, section 3.1).

    Raises:
        UntrustedError: no such thing, too long, or a parameter twice.
    """
    refused = UntrustedError("invalid_request", "the parameters cannot be read, or one stands there twice")
    if len(data) > MAX_QUERY:
        raise refused
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(data),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise refused from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise refused
    return {name: value for name, value in found.items() if value}


def find_client(given: Mapping[str, str], clients: Mapping[str, Client]) -> tuple[Client, str]:
    """Who asks, and where the answer goes.

    Raises:
        UntrustedError: no such client, or not an address of its own, to the letter.
    """
    client = clients.get(given.get("client_id", ""))
    if client is None:
        raise UntrustedError("invalid_request", "this application is not known here")
    address = given.get("redirect_uri", "")
    if address not in client.redirect_uris:
        raise UntrustedError("invalid_request", "this address is not registered for this application")
    return client, address


def read_request(
    given: Mapping[str, str], client: Client, *, pushed: bool, hinted: str = "", now: int = 0
) -> AuthorizationRequest:
    """The request, once its client and address are known.

    Args:
        pushed: the client itself sends it, authenticated.
        hinted: whom a valid ``id_token_hint`` names; "" where there is none.
        now: microseconds.

    Raises:
        RefusedRequestError: something in it cannot be done.
    """
    _check_shape(given)
    if not pushed and any(name in given for name in VOUCHING):
        raise _invalid("session and proved are taken from pushed requests only")
    silent, fresh = _prompt(given.get("prompt", ""))
    return AuthorizationRequest(
        client=client,
        redirect_uri=given.get("redirect_uri", ""),
        state=_plain(given, "state", MAX_STATE),
        nonce=_plain(given, "nonce", MAX_NONCE),
        code_challenge=_code_challenge(given),
        actor=_actor(given, hinted),
        acr_values=_acr_values(given),
        max_age=0 if fresh else _max_age(given),
        silent=silent,
        session=_text(given, "session", 256),
        proved=_proved(given.get("proved", "")),
        vouched=now if pushed else 0,
    )


def read_state(given: Mapping[str, str]) -> str:
    """The state to be told with whatever is wrong; "" for one that could not be told."""
    try:
        return _plain(given, "state", MAX_STATE)
    except RefusedRequestError:
        return ""


def _check_shape(given: Mapping[str, str]) -> None:
    if "request" in given:
        raise RefusedRequestError("request_not_supported", "request objects are not read")
    if "request_uri" in given:
        raise RefusedRequestError("request_uri_not_supported", "only addresses of pushed requests are read")
    if "registration" in given:
        raise RefusedRequestError("registration_not_supported", "clients are registered by the operator")
    if "response_type" not in given:
        raise _invalid("response_type is missing")
    if given["response_type"] != "code":
        raise RefusedRequestError("unsupported_response_type", "the one response_type is code")
    if given.get("response_mode", "query") != "query":
        raise _invalid("the one response_mode is query")
    if "openid" not in given.get("scope", "").split(" "):
        raise RefusedRequestError("invalid_scope", "the scope has to contain openid")


def _code_challenge(given: Mapping[str, str]) -> str:
    # The default of RFC 7636 is "plain", which protects from nobody who can read the request.
    if given.get("code_challenge_method") != "S256":
        raise _invalid("code_challenge_method has to be S256")
    found = given.get("code_challenge", "")
    if not _CHALLENGE.fullmatch(found):
        raise _invalid("code_challenge has to be a SHA-256 in base64url")
    return found


def _actor(given: Mapping[str, str], hinted: str) -> str:
    named = _text(given, "login_hint", 256)
    if named and hinted and named != hinted:
        raise _invalid("login_hint and id_token_hint name different people")
    if not named and not hinted:
        raise _invalid("login_hint or id_token_hint has to say who is to step up")
    return named or hinted


def _acr_values(given: Mapping[str, str]) -> str:
    asked = _text(given, "acr_values", 256)
    if asked:
        try:
            level_of(asked)
        except InputError:
            # RFC 9470, section 5: what cannot be met is said, and less must not pass for it.
            raise RefusedRequestError(
                "unmet_authentication_requirements", "none of these acr_values is known"
            ) from None
    return asked


def _max_age(given: Mapping[str, str]) -> int | None:
    asked = given.get("max_age")
    if asked is None:
        return None
    if not _SECONDS.fullmatch(asked):
        raise _invalid("max_age is a number of seconds")
    return min(int(asked), MAX_AGE)


def _prompt(text: str) -> tuple[bool, bool]:
    """Whether nothing may be shown, and whether a fresh proof is wanted."""
    asked = set(text.split(" ")) - {""}
    if asked - _PROMPTS or ("none" in asked and len(asked) > 1):
        raise _invalid("prompt is none, or one or more of login, consent and select_account")
    return "none" in asked, "login" in asked


def _proved(text: str) -> tuple[Method, ...]:
    try:
        return msgspec.convert(tuple(sorted({*text.split(" ")} - {""})), tuple[Method, ...])[:8]
    except msgspec.ValidationError:
        raise _invalid("proved are methods of RFC 8176, separated by blanks") from None


def _text(given: Mapping[str, str], name: str, most: int) -> str:
    found = given.get(name, "")
    if len(found) > most or not _CONTROL.match(found):
        raise _invalid(f"{name} has at most {most} characters and no control characters")
    return found


def _plain(given: Mapping[str, str], name: str, most: int) -> str:
    """A text that is handed back as it came: visible ASCII and blanks (RFC 6749, appendix A.5)."""
    found = given.get(name, "")
    if len(found) > most or not (found.isascii() and found.isprintable()):
        raise _invalid(f"{name} has at most {most} visible characters")
    return found


def _invalid(description: str) -> RefusedRequestError:
    return RefusedRequestError("invalid_request", description)
