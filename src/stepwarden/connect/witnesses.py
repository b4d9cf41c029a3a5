"""Asking witnesses over HTTP: the log's side of c2sp.org/tlog-witness.

    POST <address>/add-checkpoint                   our head, and the proof that it continues what they signed last
    GET  <address>/<sha256 of origin>/checkpoint    what they signed last

A witness's answer is somebody else's text. It is read within limits of size and time, redirects are not followed, and a
cosignature is one only if the witness's key in the policy verifies it over the very checkpoint that was sent.
Connections are https; plain http only to this machine, or where the operator says so.

What a witness remembers comes back as 409 with a size, and is tried again from there:

    smaller than ours     we had forgotten how far it was: the proof starts there
    larger than ours      our log was longer once: a finding, ``ahead``
    our size, refused     it signed another root for it: a finding, ``fork``

422 (the proof does not hold, though it is computed from our own tree) is a ``fork`` as well. A finding is told with the
note that the witness serves, if it serves one: a number alone proves nothing. Not here: what follows from a finding
(``flow.doubt``), and when to ask (``flow.publishing``).
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import urlsplit

import httpx

from stepwarden.errors import MalformedNoteError, SettingsError, WitnessError
from stepwarden.flow.publishing import Prove, WitnessFinding
from stepwarden.ledger.checkpoint import Checkpoint, parse_size
from stepwarden.ledger.cosignature import cosigned_at
from stepwarden.ledger.note import MAX_SIGNATURES, Signature, SignedNote, Verifier
from stepwarden.ledger.witness import SIZE, AddCheckpoint, origin_hash

MAX_ANSWER: Final = 256 * 1024
"""Bytes of an answer that are read; a witness with many post-quantum keys stays far below."""
TRIES: Final = 3
"""How often one head is offered: a witness may move on once while it is asked."""
CONNECTIONS: Final = 64
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "stepwarden"}


def check_address(url: str, *, plain: bool) -> str:
    """A witness's address, without a slash at its end.

    Args:
        plain: allow http to other machines, too.

    Raises:
        SettingsError: it is no address that may be asked.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as exc:
        raise SettingsError(f"the witness's address {url!r} cannot be read: {exc}") from exc
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        raise SettingsError(
            f"the witness's address {url!r} must read https://host[:port][/path], without a user"
        )
    if parts.query or parts.fragment or not url.isascii() or not url.isprintable() or " " in url:
        raise SettingsError(f"the witness's address {url!r} must end with its path, in printable ASCII")
    if parts.scheme == "http" and not plain and not _is_loopback(host):
        raise SettingsError(
            f"the witness's address {url!r} is not encrypted: use https, or set witnesses.plain_http"
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def make_http(seconds: float) -> httpx.AsyncClient:
    """The client that all witnesses are asked with: no proxies from the environment, no redirects, no compression."""
    return httpx.AsyncClient(
        timeout=seconds,
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context(),
        headers=_HEADERS,
        limits=httpx.Limits(max_connections=CONNECTIONS),
    )


class HttpWitness:
    """One witness: a ``flow.publishing.Witness``. One request at a time."""

    def __init__(
        self,
        name: str,
        verifier: Verifier,
        address: str,
        http: httpx.AsyncClient,
        *,
        seconds: float,
        findings: Callable[[WitnessFinding], None],
    ) -> None:
        """Ask the witness at this address.

        Args:
            name: the witness's in the policy.
            address: what ``check_address`` gave.
            seconds: that one head may take, with all its tries.
            findings: told of every answer that our log cannot be whole beside; on the loop's thread.
        """
        self._name = name
        self._verifier = verifier
        self._address = address
        self._http = http
        self._seconds = seconds
        self._findings = findings
        self._size = 0

    @property
    def name(self) -> str:
        """The witness's name in the policy."""
        return self._name

    async def cosign(self, note: str, claim: Checkpoint, prove: Prove) -> Signature:
        """Have a head signed; the cosignature is verified.

        Raises:
            WitnessError: it did not sign; ``size`` is what it says it has seen, -1 where it says nothing.
            CorruptLogError: from ``prove``.
        """
        try:
            async with asyncio.timeout(self._seconds):
                return await self._cosign(note, claim, prove)
        except TimeoutError:
            raise WitnessError(
                f"the witness {self._name} did not answer within {self._seconds:g} s"
            ) from None

    async def _cosign(self, note: str, claim: Checkpoint, prove: Prove) -> Signature:
        # What is remembered may be beyond a head that is older than the last one asked about: never a proof backwards.
        old = min(self._size, claim.size)
        for _ in range(TRIES):
            body = AddCheckpoint(old=old, proof=tuple(prove(old, claim.size)), note=note).format()
            status, media, answer = await self._ask("POST", "/add-checkpoint", body.encode())
            if status == 200:
                line = self._cosignature(claim, note, answer)
                self._size = claim.size
                return line
            if status == 422 and 0 < old < claim.size:
                raise await self._found(
                    "fork", claim, old, f"our proof from {old} entries on does not hold there"
                )
            if status != 409 or media != SIZE:
                raise WitnessError(f"the witness {self._name} did not sign: status {status}")
            told = self._told(answer)
            if told > claim.size:
                raise await self._found("ahead", claim, told, f"it has signed {told} entries of this log")
            if told == old == claim.size:
                raise await self._found(
                    "fork", claim, told, f"it has signed another root over {told} entries"
                )
            old = self._size = told
        raise WitnessError(f"the witness {self._name} names another size each time", size=old)

    async def _found(
        self, kind: Literal["ahead", "fork"], claim: Checkpoint, size: int, what: str
    ) -> WitnessError:
        """Tell of a finding, with the note that the witness serves if it does; the error to raise."""
        try:
            served = await self.newest(claim.origin)
        except WitnessError:
            served = ""
        detail = f"{what}; ours holds {claim.size} entries"
        self._findings(WitnessFinding(source=self._name, kind=kind, size=size, note=served, detail=detail))
        return WitnessError(f"the witness {self._name} knows another log: {detail}", size=size)

    async def newest(self, origin: str) -> str:
        """The newest checkpoint of a log that the witness serves, unverified; "" for none.

        Raises:
            WitnessError: out of reach, or no sensible answer.
        """
        status, _, answer = await self._ask("GET", f"/{origin_hash(origin)}/checkpoint", b"")
        return _served(self._name, status, answer)

    def _told(self, answer: bytes) -> int:
        try:
            text = answer.decode("ascii")
            if not text.endswith("\n"):
                raise MalformedNoteError("no newline at the end")
            return parse_size(text[:-1])
        except (UnicodeDecodeError, MalformedNoteError) as exc:
            raise WitnessError(f"the witness {self._name} answered 409 without a size: {exc}") from exc

    def _cosignature(self, claim: Checkpoint, note: str, answer: bytes) -> Signature:
        """The line by the witness's key; lines by other keys are ignored, one that does not verify is none."""
        text = SignedNote.parse(note).text.encode()
        key = (self._verifier.name, self._verifier.key_id)
        try:
            lines = answer.decode().splitlines(keepends=True)[:MAX_SIGNATURES]
            known = [line for line in map(Signature.parse, lines) if (line.name, line.key_id) == key]
            for line in known:
                # Time 0 says nothing of when, and does not count as a witness's word (``witness_policy``).
                if self._verifier.verify(text, line.signature) and cosigned_at(line) > 0:
                    return line
        except (UnicodeDecodeError, MalformedNoteError) as exc:
            raise WitnessError(f"the witness {self._name} answered no signature lines: {exc}") from exc
        what = "its signature does not verify" if known else "its key in the policy did not sign"
        raise WitnessError(f"the witness {self._name} did not sign {claim.size} entries: {what}")

    async def _ask(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, content type and body of the answer."""
        try:
            async with self._http.stream(method, self._address + path, content=body or None) as reply:
                found = bytearray()
                async for piece in reply.aiter_raw():
                    found += piece
                    if len(found) > MAX_ANSWER:
                        raise WitnessError(f"the witness {self._name} answers more than {MAX_ANSWER} bytes")
                return reply.status_code, _media(reply), bytes(found)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError) as exc:
            raise WitnessError(
                f"the witness {self._name} is out of reach: {exc or type(exc).__name__}"
            ) from exc


def _media(reply: httpx.Response) -> str:
    """The content type without its parameters."""
    return str(reply.headers.get("content-type", "")).partition(";")[0].strip().lower()


def _served(name: str, status: int, answer: bytes) -> str:
    """The note in the answer to a request for the newest one, "" where there is none.

    Raises:
        WitnessError: another answer.
    """
    if status == 404:
        return ""
    if status != 200:
        raise WitnessError(f"the witness {name} does not serve what it signed: status {status}")
    try:
        return answer.decode()
    except UnicodeDecodeError as exc:
        raise WitnessError(f"the witness {name} does not serve text") from exc
