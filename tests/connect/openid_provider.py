"""A small OpenID provider on this machine: Authlib does the protocol, a test may make it lie.

Authlib checks what a client sends: the client's secret, the redirect URI, PKCE, codes that are good once. So a client
that gets an identity token here has done its part as another implementation understands it. What Authlib lacks is
written here: pushed requests (RFC 9126), discovery, and a person who signs in again when they are asked to.

The lies are the fields of ``Provider``: ``saying`` gets the claims before they are signed, ``signing`` makes the token
in another way, ``answers`` replaces what a path answers. ``openid_house`` puts a client of ours beside it.
"""

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

# Authlib ships no types.
from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    AuthorizationServer,
    ClientMixin,
    OAuth2Error,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]
from authlib.oauth2.rfc9207 import IssuerParameter  # type: ignore[import-untyped]
from authlib.oidc.core.grants import OpenIDCode  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

CLIENT = "stepwarden"
SECRET = "s3cr:t/100%+"  # what form-encoding changes
CALLBACK = "https://step.bank.example/provider/callback"
DISCOVERY = "/.well-known/openid-configuration"

Claims = dict[str, Any]
Raw = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def make_key(algorithm: str, kid: str) -> Key:
    """A new key for one algorithm."""
    named: Any = {"kid": kid, "use": "sig"}
    match algorithm:
        case "ES256":
            return ECKey.generate_key("P-256", named)
        case "EdDSA":
            return OKPKey.generate_key("Ed25519", named)
        case _:
            return RSAKey.generate_key(2048, named)


def answer(status: int, body: object, *headers: str, kind: str = "application/json") -> bytes:
    """A whole HTTP answer; what is not bytes goes as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} -", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + data


@dataclass
class Code:
    """A code that was given out, and what it stands for."""

    client_id: str
    asked: dict[str, str]
    user: str
    auth_time: int
    acr: str | None
    amr: list[str]

    @property
    def code_challenge(self) -> str | None:
        return self.asked.get("code_challenge")

    @property
    def code_challenge_method(self) -> str | None:
        return self.asked.get("code_challenge_method")

    def get_redirect_uri(self) -> str | None:
        return self.asked.get("redirect_uri")

    def get_scope(self) -> str:
        return self.asked.get("scope", "")

    def get_nonce(self) -> str | None:
        return self.asked.get("nonce")

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> str | None:
        return self.acr

    def get_amr(self) -> list[str]:
        return self.amr


class _Client(ClientMixin):  # type: ignore[misc]
    def __init__(self, provider: "Provider") -> None:
        self.client_id, self._provider = CLIENT, provider

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return CALLBACK

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == CALLBACK

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in self._provider.methods

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


class _Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    def save_authorization_code(self, code: str, request: Any) -> None:
        self.server.provider.codes[code] = self.server.provider.signed_in(request)

    def query_authorization_code(self, code: str, client: _Client) -> Code | None:
        found: Code | None = self.server.provider.codes.get(code)
        return found if found is not None and found.client_id == client.client_id else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        codes = self.server.provider.codes
        self.server.provider.codes = {key: one for key, one in codes.items() if one is not authorization_code}

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.user


class _Tokens(OpenIDCode):  # type: ignore[misc]
    def __init__(self, provider: "Provider") -> None:
        super().__init__(require_nonce=True)
        self._provider = provider

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return any(one.get_nonce() == nonce for one in self._provider.codes.values())

    def encode_id_token(self, token: Claims, request: Any) -> str:
        code, now = request.authorization_code, self._provider.clock() // 1_000_000
        claims: Claims = {
            "iss": self._provider.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "sub": code.user,
            **self.get_authorization_code_claims(code),
        }
        if "claims" in code.asked:  # as Entra ID answers it
            wanted = json.loads(code.asked["claims"])["id_token"]["acrs"]["value"]
            claims["acrs"] = [wanted, *self._provider.also]
        return self._provider.sign(self._provider.saying(claims))


class _Issuer(IssuerParameter):  # type: ignore[misc]
    def __init__(self, provider: "Provider") -> None:
        self._provider = provider

    def get_issuer(self) -> str | None:
        return self._provider.issuer if self._provider.names_itself else None


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, provider: "Provider") -> None:
        super().__init__()
        self.provider = provider
        self.register_grant(_Grant, [CodeChallenge(required=True), _Tokens(provider)])
        self.register_token_generator("default", self._token)
        self.register_extension(lambda server: _Issuer(provider)(server))

    def _token(self, scope: str | None = None, **_: object) -> Claims:
        return {"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "scope": scope}

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(self.provider) if client_id == CLIENT else None

    def save_token(self, token: Claims, request: object) -> None:
        """No token of these is ever used."""

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Any) -> Any:
        return request

    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]) -> "_Response":
        return _Response(status, body, dict(headers))


@dataclass
class _Response:
    status: int
    body: object
    headers: dict[str, str]

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    @location.setter
    def location(self, url: str) -> None:
        self.headers["Location"] = url


class _Request(OAuth2Request):  # type: ignore[misc]
    """As Authlib sees a request; it is told that there was TLS in front."""

    def __init__(self, method: str, target: str, headers: dict[str, str], form: dict[str, str]) -> None:
        super().__init__(method, "https://provider.example" + target, headers=headers)
        self.payload = BasicOAuth2Payload(dict(parse_qsl(urlsplit(target).query)) | form)
        self._form = form

    @property
    def form(self) -> dict[str, str]:
        return self._form

    @property
    def args(self) -> dict[str, str]:
        return dict(self.payload.data)


@dataclass
class Provider:
    """What it is, what it knows, and how it lies.

    Args:
        clock: microseconds since 1970 UTC.
        levels: values of ``acr`` that it can prove, by what a person uses for it.
        session: seconds since 1970 when the person last proved themselves; None: not signed in.
        also: values of ``acrs`` that the person is entitled to besides.
        heeds_age: whether it asks a person again who proved themselves too long ago.
    """

    clock: Callable[[], int]
    issuer: str = ""
    pushes: bool = True
    names_itself: bool = True
    methods: tuple[str, ...] = ("client_secret_basic",)
    levels: dict[str, list[str]] = field(default_factory=lambda: {"silver": ["pwd"], "gold": ["pwd", "otp"]})
    person: str = "ann"
    session: int | None = None
    also: tuple[str, ...] = ()
    heeds_age: bool = True
    consents: bool = True
    algorithm: str = "ES256"
    keys: list[Key] = field(default_factory=lambda: [make_key("ES256", "k1")])
    saying: Callable[[Claims], Claims] = lambda claims: claims
    signing: Callable[[Claims], str] | None = None
    answers: dict[str, Raw] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    pushed: dict[str, dict[str, str]] = field(default_factory=dict)

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(one == path for one, _ in self.heard)

    def metadata(self) -> Claims:
        """Its discovery document."""
        found: Claims = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=bank",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": list(self.methods),
            "authorization_response_iss_parameter_supported": self.names_itself,
        }
        if self.pushes:
            found["pushed_authorization_request_endpoint"] = f"{self.issuer}/push"
        return found

    def sign(self, claims: Claims) -> str:
        """An identity token, by the newest key."""
        if self.signing is not None:
            return self.signing(claims)
        key = self.keys[-1]
        return jwt.encode({"alg": self.algorithm, "kid": key.kid}, claims, key, [self.algorithm])

    def signed_in(self, request: Any) -> Code:
        """The person signs in, again where that is asked for and heeded, and proves what is asked for."""
        asked, now = request.payload.data, self.clock() // 1_000_000
        old = self.session is None or (
            self.heeds_age
            and (asked.get("prompt") == "login" or now - self.session > int(asked.get("max_age", 10**9)))
        )
        self.session = now if self.session is None or old else self.session
        acr = next((one for one in asked.get("acr_values", "").split() if one in self.levels), None)
        amr = self.levels[acr] if acr else ["pwd"]
        return Code(CLIENT, dict(asked), request.user, self.session, acr, amr)

    def handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Raw:
        """Answer one request."""
        path = urlsplit(target).path
        form = dict(parse_qsl(body.decode()))
        self.heard.append((path, dict(parse_qsl(urlsplit(target).query)) | form))
        if path in self.answers:
            return self.answers[path]
        request = _Request(method, target, headers, form)
        match path:
            case "/.well-known/openid-configuration":
                return answer(200, self.metadata())
            case "/keys":
                return answer(200, {"keys": [key.as_dict(private=False) for key in self.keys]})
            case "/push":
                return self._push(request)
            case "/authorize":
                return self._authorize(request)
            case "/token":
                return _sent(_Server(self).create_token_response(request))
        return answer(404, {})

    def _push(self, request: _Request) -> bytes:
        try:
            _Server(self).authenticate_client(request, self.methods, "pushed")
        except OAuth2Error as error:
            return answer(401, {"error": error.error})
        name = f"urn:ietf:params:oauth:request_uri:{secrets.token_urlsafe()}"
        self.pushed[name] = request.form
        return answer(201, {"request_uri": name, "expires_in": 60})

    def _authorize(self, request: _Request) -> bytes:
        name = request.payload.data.get("request_uri")
        if name:  # RFC 9126: what was pushed counts, not what the browser brings along
            request = _Request("GET", "/authorize?" + urlencode(self.pushed.pop(name)), {}, {})
        server = _Server(self)
        try:
            grant = server.get_consent_grant(request, self.person)
        except OAuth2Error as error:
            return _sent(server.handle_error_response(request, error))
        user = self.person if self.consents else None
        return _sent(server.create_authorization_response(request, user, grant))


def _sent(found: _Response) -> bytes:
    headers = [f"{name}: {value}" for name, value in found.headers.items() if name != "Content-Type"]
    return answer(found.status, found.body, *headers)


@asynccontextmanager
async def provider_at_work(
    clock: Callable[[], int], *, tls: ssl.SSLContext | None = None, **lies: Any
) -> AsyncIterator[Provider]:
    """A provider on a socket of this machine; ``tls``: on https://localhost."""
    provider = Provider(clock, **lies)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = {
                name.title(): value for name, _, value in (line.partition(": ") for line in lines if line)
            }
            body = await reader.readexactly(int(headers.get("Content-Length", "0")))
            found = provider.handle(method, target, headers, body)
            if callable(found):
                await found(writer)
            else:
                writer.write(found)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went away, which some tests are about
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    provider.issuer = provider.issuer or (f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}")
    async with server:
        yield provider
