"""Step-up at an upstream OpenID provider: send the browser there, and check what it brings back.

    begin    discovery -> (pushed request, RFC 9126) -> the URL with ``acr_values``, ``max_age``, PKCE, state, nonce
    finish   state, once -> ``iss`` (RFC 9207) -> code + PKCE verifier, once -> identity token -> ``idtoken``

Authorization code flow with PKCE (S256, RFC 7636) and a client secret. Where the provider takes pushed requests, the
browser carries none of the parameters, so there is nothing on its way that could be stripped. Where it does not, they
can be, and it makes no difference: the level and the time of the answer are checked, whatever was asked for.

``max_age`` 0 is sent together with ``prompt=login``: the same by OpenID Connect Core (3.1.2.1), and more widely obeyed.

A state is good once, for ten minutes, for one challenge of one provider. It is used up whatever comes with it:
right, wrong, or from another issuer. There is one refusal for everything that may be wrong (``ProviderError``); its
message is for our own log and repeats nothing that came from outside.

Not here: whether the browser that comes back is the one that was sent, and whether the proof's subject is the
challenge's actor. Whoever calls ``finish`` checks both.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

import httpx
import msgspec

from stepwarden.connect.openid.idtoken import Expected, read_head, verify
from stepwarden.connect.openid.metadata import Metadata
from stepwarden.connect.openid.pending import Pending, Sent
from stepwarden.connect.openid.remote import Remote
from stepwarden.connect.openid.settings import ProviderSettings, check_settings
from stepwarden.connect.urls import guarded_client
from stepwarden.errors import ProviderError
from stepwarden.flow.provider_proof import Begun, ProviderProof

SECRET_BYTES: Final = 32
"""Of a state, a nonce and a PKCE verifier each."""
MAX_AGE: Final = 86_400
"""Seconds, the most that ``begin`` takes."""
MAX_CODE: Final = 4_096
MAX_HINT: Final = 256
_KNOWN_ERRORS: Final = frozenset(
    (
        *("access_denied", "login_required", "interaction_required", "consent_required", "server_error"),
        *("account_selection_required", "unmet_authentication_requirements", "temporarily_unavailable"),
        *("invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope"),
    )
)


def provider_http(settings: ProviderSettings) -> httpx.AsyncClient:
    """The guarded client for one provider; close it when it is done with."""
    private = settings.allow_private
    return guarded_client(timeout=settings.seconds, allow_private=private, allow_http=private)


class ProviderClient:
    """One provider. Calls may overlap."""

    def __init__(
        self,
        settings: ProviderSettings,
        *,
        redirect_uri: str,
        entropy: Callable[[int], bytes],
        clock: Callable[[], int],
        http: httpx.AsyncClient,
    ) -> None:
        """Be the client of this provider.

        Args:
            redirect_uri: our own page that the browser comes back to, as it is registered there.
            entropy: that many random bytes.
            clock: microseconds since 1970 UTC.
            http: what ``provider_http`` gave.

        Raises:
            SettingsError: settings that cannot be used.
        """
        check_settings(settings)
        self.settings = settings
        self._redirect_uri = redirect_uri
        self._entropy = entropy
        self._clock = clock
        self._pending = Pending()
        self._remote = Remote(settings, clock=clock, http=http)

    @property
    def name(self) -> str:
        """What people call the provider."""
        return self.settings.name

    async def begin(self, *, challenge: str, login_hint: str, max_age: int) -> Begun:
        """Where to send the browser for a challenge.

        Args:
            login_hint: whom the provider should ask, as it knows them; "" for nobody in particular.
            max_age: seconds before now at which the person may have proved themselves, 0 for not before now.

        Raises:
            ProviderError: the provider cannot be asked, or too many step-ups are under way.
        """
        if not 0 <= max_age <= MAX_AGE:
            raise ValueError("max_age is out of range")
        self._pending.check_room(self._clock())
        metadata = await self._remote.metadata()
        state, nonce, verifier = (_text(self._entropy(SECRET_BYTES)) for _ in range(3))
        parameters = self._parameters(state, nonce, verifier, login_hint, max_age)
        if metadata.pushed_authorization_request_endpoint:
            parameters = await self._push(metadata, parameters)
        sent = Sent(
            challenge=challenge,
            nonce=nonce,
            verifier=verifier,
            token_endpoint=metadata.token_endpoint,
            requires_issuer=metadata.authorization_response_iss_parameter_supported,
            begun=self._clock(),
            max_age=max_age,
        )
        self._pending.add(state, sent)
        endpoint = metadata.authorization_endpoint
        # RFC 6749 (3.1): a query that the endpoint has is kept.
        url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"
        return Begun(url=url, state=state)

    async def finish(self, *, state: str, code: str, error: str, issuer: str) -> ProviderProof:
        """Check what a browser brought back: the query parameters, "" for one that is not there.

        Raises:
            ProviderError: there is no proof, whatever the reason.
        """
        sent = self._pending.take(state, now=self._clock())
        if sent is None:
            raise ProviderError("no step-up was begun with this state, or it took too long")
        if issuer != self.settings.issuer and (issuer or sent.requires_issuer):
            raise ProviderError("the answer is from another issuer: iss")
        if error:
            raise ProviderError(
                f"the provider refused: {error if error in _KNOWN_ERRORS else 'another error'}"
            )
        if not 0 < len(code) <= MAX_CODE or not code.isascii() or not code.isprintable():
            raise ProviderError("the answer holds no code")
        token = await self._redeem(sent, code)
        head = read_head(token)
        key = await self._remote.key(head.kid, head.alg)
        expected = Expected(nonce=sent.nonce, begun=sent.begun, max_age=sent.max_age, now=self._clock())
        proved = verify(token, head, key, self.settings, expected)
        return ProviderProof(
            challenge=sent.challenge,
            issuer=self.settings.issuer,
            subject=proved.subject,
            aal=proved.aal,
            amr=proved.amr,
            auth_time=proved.auth_time,
        )

    def _parameters(self, state: str, nonce: str, verifier: str, hint: str, max_age: int) -> dict[str, str]:
        settings = self.settings
        found = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _text(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "max_age": str(max_age),
        }
        if settings.level_claim == "acr":
            found["acr_values"] = settings.acr_values
        else:
            asked = {settings.level_claim: {"essential": True, "value": settings.acr_values}}
            found["claims"] = msgspec.json.encode({"id_token": asked}).decode()
        if max_age == 0:
            found["prompt"] = "login"
        if 0 < len(hint) <= MAX_HINT:
            found["login_hint"] = hint
        return found

    async def _push(self, metadata: Metadata, parameters: dict[str, str]) -> dict[str, str]:
        """Leave the parameters with the provider; what the browser carries in their place."""
        url = metadata.pushed_authorization_request_endpoint
        answer = await self._remote.post(url, parameters, status=201)
        reference = answer.get("request_uri")
        if not isinstance(reference, str) or not 0 < len(reference) <= 512 or not reference.isascii():
            raise ProviderError("the provider gave no reference to the request")
        return {"client_id": self.settings.client_id, "request_uri": reference}

    async def _redeem(self, sent: Sent, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": sent.verifier,
        }
        answer = await self._remote.post(sent.token_endpoint, form, status=200)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderError("the provider gave no identity token")
        return token


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
