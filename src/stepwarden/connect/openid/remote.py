"""Asking a provider: its discovery document, its keys, and the two requests that we make as its client.

Everything that comes back is somebody else's text: bounded in bytes and in time, of the content type that was asked
for, never a redirect. Both documents are kept for an hour. After a failure the provider is left alone for five seconds,
and those who waited for the same document fail with it: a provider that hangs holds nobody up one after the other.

A token that names a key which is not there has the keys fetched again, at most once a minute: so a new key is found,
and made-up key ids do not turn us into a flood.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeVar
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec

from stepwarden.connect.openid.keys import Jwk, choose, read_keys
from stepwarden.connect.openid.metadata import Metadata, discovery_url, read_metadata
from stepwarden.connect.openid.settings import ProviderSettings
from stepwarden.connect.urls import AddressRefusedError, Reply, ask
from stepwarden.errors import ProviderError

MAX_DOCUMENT: Final = 262_144
"""Bytes of a discovery document or a key set."""
MAX_ANSWER: Final = 131_072
"""Bytes of an answer to our own requests."""
KEPT: Final = 3_600_000_000
AGAIN: Final = 60_000_000
ALONE: Final = 5_000_000
"""Microseconds: a document is kept; between two fetches for an unknown key; after a failure."""

_JSON: Final = "application/json"
_KEYS: Final = "application/jwk-set+json"
_T = TypeVar("_T")


class Remote:
    """One provider. Calls may overlap."""

    def __init__(
        self, settings: ProviderSettings, *, clock: Callable[[], int], http: httpx.AsyncClient
    ) -> None:
        """``clock``: microseconds since 1970 UTC; ``http``: guarded, it follows no redirects."""
        self._settings = settings
        self._clock = clock
        self._http = http
        self._metadata = _Kept(self._fetch_metadata, clock)
        self._keys = _Kept(self._fetch_keys, clock)

    async def metadata(self) -> Metadata:
        """The discovery document.

        Raises:
            ProviderError: it cannot be had, or not be used.
        """
        return await self._metadata.get(KEPT)

    async def key(self, kid: str, algorithm: str) -> Jwk:
        """The key that may have signed.

        Raises:
            ProviderError: there is none, or the keys cannot be had.
        """
        found = choose(await self._keys.get(KEPT), kid, algorithm)
        if found is None:
            found = choose(await self._keys.get(AGAIN), kid, algorithm)
        if found is None:
            raise ProviderError("the provider has no such key")
        return found

    async def post(self, url: str, form: Mapping[str, str], *, status: int) -> dict[str, object]:
        """Make a request as its client; the members of the answer.

        Raises:
            ProviderError: it cannot be asked, or does not answer as it should.
        """
        metadata = await self.metadata()
        fields, headers = dict(form), {"content-type": "application/x-www-form-urlencoded", "accept": _JSON}
        settings = self._settings
        if metadata.authentication == "client_secret_basic":
            # RFC 6749 (2.3.1): each part is form-encoded before it is joined.
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            headers["authorization"] = "Basic " + b64encode(pair.encode()).decode()
        else:
            fields |= {"client_id": settings.client_id, "client_secret": settings.client_secret}
        reply = await self._ask(
            "POST", url, most=MAX_ANSWER, headers=headers, content=urlencode(fields).encode()
        )
        _check(reply, status, _JSON)
        try:
            return msgspec.json.decode(reply.body, type=dict[str, object])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ProviderError("the provider's answer cannot be read") from None

    async def _fetch_metadata(self) -> Metadata:
        url = discovery_url(self._settings.issuer)
        reply = await self._ask("GET", url, most=MAX_DOCUMENT, headers={"accept": _JSON})
        _check(reply, 200, _JSON)
        return read_metadata(reply.body, self._settings)

    async def _fetch_keys(self) -> tuple[Jwk, ...]:
        url = (await self.metadata()).jwks_uri
        reply = await self._ask("GET", url, most=MAX_DOCUMENT, headers={"accept": f"{_KEYS}, {_JSON}"})
        _check(reply, 200, _JSON, _KEYS)
        return read_keys(reply.body)

    async def _ask(
        self, method: str, url: str, *, most: int, headers: Mapping[str, str], content: bytes | None = None
    ) -> Reply:
        try:
            return await ask(
                self._http,
                "POST" if method == "POST" else "GET",
                url,
                seconds=self._settings.seconds,
                most=most,
                headers=headers,
                content=content,
            )
        except AddressRefusedError as exc:
            raise ProviderError(f"the provider may not be called: {exc}") from None
        except httpx.HTTPError as exc:
            raise ProviderError(f"the provider cannot be asked: {type(exc).__name__}") from None


def _check(reply: Reply, status: int, *types: str) -> None:
    if reply.status != status:
        raise ProviderError(f"the provider answered with status {reply.status}")
    if reply.headers.get("content-type", "").partition(";")[0].strip().lower() not in types:
        raise ProviderError("the provider answered with another content type")


class _Kept(Generic[_T]):
    """One document that is fetched when it is needed and too old: by one at a time, for all who wait."""

    def __init__(self, fetch: Callable[[], Awaitable[_T]], clock: Callable[[], int]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value: _T | None = None
        self._fetched = 0
        self._failed: int | None = None
        self._why = ""

    async def get(self, age: int) -> _T:
        """The document, not older than ``age`` microseconds. Raises: ProviderError: it cannot be had."""
        async with self._lock:
            now = self._clock()
            if self._value is not None and 0 <= now - self._fetched < age:
                return self._value
            if self._failed is not None and 0 <= now - self._failed < ALONE:
                raise ProviderError(self._why)
            try:
                self._value = await self._fetch()
            except ProviderError as exc:
                self._value, self._failed, self._why = None, self._clock(), str(exc)
                raise
            self._fetched, self._failed = self._clock(), None
            return self._value
