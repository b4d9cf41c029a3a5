"""Calling addresses that somebody else named, without being sent into our own house (SSRF).

A webhook's address comes from the operator, an identity provider's from a document that the provider wrote. Either
may name, or lead to, what only this machine can reach: the cloud's metadata, a database, another tenant. The rules:

1. ``check_url``: one spelling, in the characters of RFC 3986; https; a host and perhaps a port; no user, no fragment.
   A host is a name of letters, digits and hyphens, or an address as ``ipaddress`` writes it. What a C library would
   also read as an address (``2130706433``, ``0x7f.1``, ``127.1``, ``0177.0.0.1``) is refused, as is every ``%``, every
   dot at the end, and everything beyond ASCII.
2. The name is resolved once per request. *Every* address it has must be one that may be called; one that may not
   refuses the name. The connection then goes to the very address that was checked, never to the name, so a second
   answer of the name server (DNS rebinding) is not asked for. The certificate, SNI and ``Host`` are those of the name.
3. May be called: what is public. With ``allow_private`` also this machine and private networks (RFC 1918, RFC 4193,
   RFC 6598). Never: link-local, multicast, reserved, IPv4 inside IPv6 (mapped, NAT64, 6to4, Teredo), metadata services.
4. Plain http, with ``allow_http``, never leaves the house: this machine only, with ``allow_private`` also private
   networks.
5. Redirects are not followed; if a caller does follow one, it passes all of the above again. No proxies, no settings
   from the environment, no connection is used twice.

The ranges are our own table, after the IANA registries of special-purpose addresses (RFC 6890), because the
properties of ``ipaddress`` differ between versions of Python.

>>> check_url("https://sms.example/send", allow_private=False, allow_http=False).host
'sms.example'
>>> check_url("https://[::ffff:127.0.0.1]/", allow_private=True, allow_http=True)
Traceback (most recent call last):
    ...
stepwarden.errors.SettingsError: the address leads to a host that is never called

Not here: what an answer says. It is somebody else's text; ``ask`` reads it within limits of size and time.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx

from stepwarden.errors import SettingsError

MAX_URL: Final = 2048
"""Characters of an address at most."""
MAX_ADDRESSES: Final = 16
"""Addresses of one name that are looked at; a name with more is refused."""
MAX_TRIES: Final = 4
"""Addresses of one name that are tried, in the order of the resolver."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses as text. Raises OSError where there are none."""

_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+", re.ASCII)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

# May only be called where private addresses are allowed.
_LOOPBACK = tuple(map(ip_network, ("127.0.0.0/8", "::1/128")))
_PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
# Metadata services that live outside link-local: they hand out credentials to whoever asks from this machine.
_METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16")))
# IPv4: everything but these is public. IPv6: only 2000::/3 is, without these.
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            *(
                "0.0.0.0/8",
                "169.254.0.0/16",
                "192.0.0.0/24",
                "192.0.2.0/24",
                "192.88.99.0/24",
                "198.18.0.0/15",
            ),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        ),
    )
)
_PUBLIC_6 = ip_network("2000::/3")

_Address = IPv4Address | IPv6Address
_Reach = Literal["loopback", "private", "public", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedUrl:
    """An address that may be called as far as its text goes; ``host`` without brackets, in lower case."""

    text: str
    scheme: Literal["https", "http"]
    host: str
    port: int

    @property
    def literal(self) -> bool:
        """Whether the host is an address rather than a name."""
        return _literal(self.host) is not None


class AddressRefusedError(httpx.ConnectError):
    """The address, or one that its name leads to, is not one that may be called. Nothing was sent."""


def check_url(url: str, *, allow_private: bool, allow_http: bool) -> CheckedUrl:
    """Check the text of an address; where its host is a name, what that leads to is checked at each request.

    The error says why and does not repeat the address: there may be a key in it.

    Raises:
        SettingsError: it is not one that may be called.
    """
    if len(url) > MAX_URL or not _CHARACTERS.fullmatch(url):
        raise SettingsError(
            f"the address must have at most {MAX_URL} characters, of those that RFC 3986 allows, and no fragment"
        )
    try:
        parts = urlsplit(url)
        host, given = parts.hostname or "", parts.port
    except ValueError as exc:
        raise SettingsError("the address cannot be read: it must be https://host[:port][/path]") from exc
    scheme = parts.scheme
    if scheme not in ("https", "http") or (scheme == "http" and not allow_http):
        raise SettingsError("the address must begin with https://")
    literal = _literal(host)
    if literal is None and not _is_name(host):
        raise SettingsError("the address has no host in the one spelling that is accepted")
    if literal is not None:
        why = _refusal(literal, scheme == "http", allow_private=allow_private)
        if why:
            raise SettingsError(f"the address leads to {why}")
    # One value, one spelling: a user, an empty or padded port, or another writing of an address shows here.
    spelled = host if literal is None else str(literal)
    bracketed = f"[{spelled}]" if ":" in host else spelled
    if parts.netloc.lower() != (bracketed if given is None else f"{bracketed}:{given}") or given == 0:
        raise SettingsError("the address must name host and port only, in their one spelling, without a user")
    kind: Literal["https", "http"] = "http" if scheme == "http" else "https"
    port = given if given is not None else 80 if kind == "http" else 443
    return CheckedUrl(text=url, scheme=kind, host=host, port=port)


def _literal(host: str) -> _Address | None:
    """The address that a host is, in whatever spelling ``ipaddress`` reads; None for all else, zone ids included."""
    try:
        return None if "%" in host else ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    labels = host.split(".")
    # A last label that is a number makes the whole an IPv4 address to other readers (WHATWG URL, "ends in a number").
    return len(host) <= 253 and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])


def _reach(address: _Address) -> _Reach:
    if address in _METADATA:
        return "never"
    if any(address in net for net in _LOOPBACK):
        return "loopback"
    if any(address in net for net in _PRIVATE):
        return "private"
    if any(address in net for net in _NOT_PUBLIC):
        return "never"
    return "public" if address.version == 4 or address in _PUBLIC_6 else "never"


def _refusal(address: _Address, plain: bool, *, allow_private: bool) -> str:
    """Why an address may not be called, "" if it may; ``plain``: by http, which was allowed."""
    match _reach(address):
        case "never":
            return "a host that is never called"
        case "public":
            return "a public host without encryption" if plain else ""
        case "loopback":
            return "" if allow_private or plain else "this machine, which is not allowed"
        case "private":
            return "" if allow_private else "a private network, which is not allowed"


async def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as this machine's resolver gives them.

    Raises:
        OSError: there are none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def guarded_client(
    *,
    timeout: float,
    allow_private: bool,
    allow_http: bool,
    verify: ssl.SSLContext | Literal[True] = True,
    resolve: Resolve = resolve_by_system,
) -> httpx.AsyncClient:
    """A client that calls only what the rules above let it call.

    What is refused raises ``AddressRefusedError``, a kind of ``httpx.ConnectError``, before anything is sent.

    Args:
        timeout: seconds for each step (resolving, connecting, one read); bound the whole with ``ask``.
        verify: True for this machine's roots, or a context that verifies certificate and host name.

    Raises:
        ValueError: a context that does not verify.
    """
    context = ssl.create_default_context() if verify is True else verify
    if (
        not isinstance(context, ssl.SSLContext)
        or not context.check_hostname
        or context.verify_mode is not ssl.CERT_REQUIRED
    ):
        raise ValueError("a guarded client verifies certificates and host names")
    # No connection is kept: one that was opened under one name would be found again by address under another.
    inner = httpx.AsyncHTTPTransport(
        verify=context, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
    )
    transport = _Guarded(inner, resolve, seconds=timeout, allow_private=allow_private, allow_http=allow_http)
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "stepwarden"},
    )


class _Guarded(httpx.AsyncBaseTransport):
    """Sends each request to an address that was checked a moment before."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        resolve: Resolve,
        *,
        seconds: float,
        allow_private: bool,
        allow_http: bool,
    ) -> None:
        self._inner = inner
        self._resolve = resolve
        self._seconds = seconds
        self._private = allow_private
        self._http = allow_http

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            target = check_url(str(request.url), allow_private=self._private, allow_http=self._http)
        except SettingsError as exc:
            raise AddressRefusedError(str(exc), request=request) from None
        addresses = await self._addresses(target, request)
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_pinned(request, target, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_pinned(request, target, addresses[-1]))

    async def _addresses(self, target: CheckedUrl, request: httpx.Request) -> list[str]:
        if target.literal:
            return [target.host]
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._resolve(target.host, target.port)
        except TimeoutError:
            raise httpx.ConnectTimeout("the name was not resolved in time", request=request) from None
        except (OSError, UnicodeError):
            raise httpx.ConnectError("the name cannot be resolved", request=request) from None
        if not 0 < len(found) <= MAX_ADDRESSES:
            raise AddressRefusedError(f"the name must have one to {MAX_ADDRESSES} addresses", request=request)
        checked: list[str] = []
        for address in map(_literal, found):
            plain = target.scheme == "http"
            why = "none" if address is None else _refusal(address, plain, allow_private=self._private)
            if why:
                raise AddressRefusedError(f"the name leads to {why}", request=request)
            checked.append(str(address))
        return checked[:MAX_TRIES]

    async def aclose(self) -> None:
        await self._inner.aclose()


def _pinned(request: httpx.Request, target: CheckedUrl, address: str) -> httpx.Request:
    """The request as it goes to one address, still under the name: ``Host``, SNI and certificate."""
    headers = request.headers.copy()
    headers["Host"] = request.url.netloc.decode("ascii")
    extensions = dict(request.extensions)
    if not target.literal:
        extensions["sni_hostname"] = target.host
    url = request.url.copy_with(host=address)
    return httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=extensions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it came: somebody else's text."""

    status: int
    headers: httpx.Headers
    body: bytes


class ReplyTooLongError(httpx.RequestError):
    """The answer is longer than was asked for; the rest was not read."""


async def ask(
    client: httpx.AsyncClient,
    method: Literal["GET", "POST"],
    url: str,
    *,
    seconds: float,
    most: int,
    headers: Mapping[str, str],
    content: bytes | None = None,
) -> Reply:
    """Send one request and read its answer: in ``seconds`` for all of it, and at most ``most`` bytes.

    Raises:
        httpx.HTTPError: whatever went wrong, time (``httpx.TimeoutException``) and size included.
    """
    try:
        async with (
            asyncio.timeout(seconds),
            client.stream(
                method, url, content=content, headers=dict(headers), follow_redirects=False
            ) as found,
        ):
            body = bytearray()
            async for piece in found.aiter_raw():
                body += piece
                if len(body) > most:
                    raise ReplyTooLongError(f"the answer has more than {most} bytes", request=found.request)
            return Reply(status=found.status_code, headers=found.headers, body=bytes(body))
    except TimeoutError:
        raise httpx.ReadTimeout("no whole answer in time") from None
    except (httpx.InvalidURL, httpx.StreamError, UnicodeError, OSError) as exc:
        raise httpx.RequestError(f"the request could not be made: {type(exc).__name__}") from None
