"""Time stamps by an authority (RFC 3161): somebody else's word that a checkpoint existed at a time.

What is stamped is exactly the text of a checkpoint, as ``ledger.checkpoint`` formats it: origin, size and root, each on
its line, UTF-8, without the signatures. The authority sees its SHA-256 and nothing else. So a stamp can be checked by
anybody who has origin, size and root, whatever keys sign the log by then.

``request_stamp`` asks an authority over HTTP and believes nothing that it cannot check (``check_stamp``):

1. the response is granted, and one whole RFC 3161 response;
2. the imprint is SHA-256 of our text, and the nonce the one that we sent (so it was made now, for this request);
3. the token is signed by a certificate that is for time stamping only, and was issued, then, under one of the
   configured roots: nothing that comes along in the response is trusted by itself;
4. the policy is the configured one, where one is;
5. the time is ours, give or take an hour. Old certificates are good for old stamps: without this, whoever finds the
   key of an expired one could stamp today with its time.

Later, ``check_stamp`` is asked again without nonce and clock; certificates are looked at as of the time of the stamp.
Whether one was revoked is *not* asked: that takes lists that an auditor would have to have kept.

Answers are read up to 32 KiB and within ``SECONDS`` in all; redirects are not followed.
"""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

import httpx
from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from stepwarden.errors import AnchorError, MalformedNoteError, SettingsError
from stepwarden.events.entries import LogAnchored
from stepwarden.ledger.checkpoint import Checkpoint
from stepwarden.ledger.note import decode_base64

MAX_RESPONSE: Final = 32_768
"""Bytes of a response at most: in base64 it must fit into an entry. Real ones have two to six thousand."""

SECONDS: Final = 8.0
"""What one request may take in all."""

CLOCKS_APART: Final = 3_600_000_000
"""Microseconds by which an authority's time may differ from ours."""

_SHA256: Final = x509.ObjectIdentifier("2.16.840.1.101.3.4.2.1")
_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Who stamps. ``roots`` are the only certificates that are trusted; ``policy`` an OID, "" for any."""

    url: str
    roots: Sequence[x509.Certificate]
    policy: str = ""

    @property
    def name(self) -> str:
        """The address without what may be secret in it: no user, password or query."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A stamp that holds: its time in microseconds, the policy it is under, and the response itself (DER)."""

    time: int
    policy: str
    response: bytes


def read_roots(pem: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file.

    Raises:
        SettingsError: there is none in it, or one that cannot be read.
    """
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as exc:
        raise SettingsError(f"anchors.roots holds no certificates in PEM: {exc}") from exc


def make_authority(url: str, pem: bytes, policy: str) -> Authority:
    """Raises: SettingsError: an address that is not HTTP, no certificates, or a policy that is no OID."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        if policy:
            x509.ObjectIdentifier(policy)
    except ValueError as exc:
        raise SettingsError(f"anchors: {exc}") from exc
    if not usable:
        raise SettingsError("anchors.url is no http:// or https:// address")
    return Authority(url=url, roots=read_roots(pem), policy=policy)


async def request_stamp(authority: Authority, text: str, *, now: int) -> Stamp:
    """Have the text of a checkpoint stamped. ``now`` in microseconds, by our clock.

    Raises:
        AnchorError: out of reach, too slow, refused, or a response that does not hold.
    """
    request = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        async with asyncio.timeout(SECONDS):
            answer = await _ask(authority, request)
    except TimeoutError as exc:
        raise AnchorError(f"{authority.name} did not answer within {SECONDS:.0f} seconds") from exc
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as exc:
        raise AnchorError(f"{authority.name} cannot be asked: {exc or type(exc).__name__}") from exc
    stamp = check_stamp(answer, text, authority, nonce=request.nonce)
    if abs(stamp.time - now) > CLOCKS_APART:
        raise AnchorError(
            f"{authority.name} stamped a time that is more than an hour from ours: check this machine's clock"
        )
    return stamp


async def _ask(authority: Authority, request: TimeStampRequest) -> bytes:
    headers = {"content-type": _QUERY, "accept": _REPLY, "accept-encoding": "identity"}
    async with (
        httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client,
        client.stream("POST", authority.url, content=request.as_bytes(), headers=headers) as answer,
    ):
        if answer.status_code != 200:
            raise AnchorError(f"{authority.name} answers with status {answer.status_code}, not with a stamp")
        if answer.headers.get("content-type", "").split(";")[0].strip().lower() != _REPLY:
            raise AnchorError(
                f"{authority.name} answers with something else than a stamp: is the address right?"
            )
        data = b""
        async for part in answer.aiter_raw():
            data += part
            if len(data) > MAX_RESPONSE:
                raise AnchorError(f"{authority.name} answers with more than {MAX_RESPONSE} bytes")
        return data


def check_stamp(response: bytes, text: str, authority: Authority, *, nonce: int | None) -> Stamp:
    """Check a response over the text of a checkpoint; ``nonce`` None where nobody remembers it any more.

    Raises:
        AnchorError: whatever is wrong with it.
    """
    if len(response) > MAX_RESPONSE:
        raise AnchorError(f"a stamp of more than {MAX_RESPONSE} bytes")
    try:
        return _check(response, text, authority, nonce)
    except (VerificationError, ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise AnchorError(f"the stamp does not hold: {exc or type(exc).__name__}") from exc


def _check(response: bytes, text: str, authority: Authority, nonce: int | None) -> Stamp:
    found: TimeStampResponse = decode_timestamp_response(response)
    if found.as_bytes() != response:
        raise AnchorError("the stamp is not one whole response in its one spelling")
    if found.status != 0:
        said = ", ".join(found.status_string)[:200]
        raise AnchorError(f"{authority.name} refused to stamp: status {found.status} {said}".rstrip())
    info = found.tst_info
    if info.message_imprint.hash_algorithm != _SHA256:
        raise AnchorError("the stamp is over another hash than SHA-256")
    builder = VerifierBuilder(
        policy_id=x509.ObjectIdentifier(authority.policy) if authority.policy else None,
        nonce=nonce,
        roots=list(authority.roots),
    )
    builder.build().verify(found, sha256(text.encode()).digest())
    return Stamp(time=_microseconds(info.gen_time), policy=info.policy.dotted_string, response=response)


def _microseconds(time: datetime) -> int:
    return int(time.timestamp()) * 1_000_000 + time.microsecond


def check_anchor(entry: LogAnchored, origin: str, authority: Authority) -> Stamp:
    """Check what a ``log.anchored`` entry says: the stamp is over that checkpoint, and of that time.

    Raises:
        AnchorError: it is not.
    """
    try:
        root, response = bytes.fromhex(entry.root), decode_base64(entry.token)
    except (ValueError, MalformedNoteError) as exc:
        raise AnchorError(f"the entry holds no stamp: {exc}") from exc
    text = Checkpoint(origin=origin, size=entry.size, root=root).format()
    stamp = check_stamp(response, text, authority, nonce=None)
    if stamp.time != entry.stamped:
        raise AnchorError("the entry names another time than its stamp")
    return stamp
