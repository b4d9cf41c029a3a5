"""A provider's discovery document (OpenID Connect Discovery 1.0, RFC 8414), as far as we believe it.

Its ``issuer`` is, letter for letter, the one that the operator named: that is what ties everything in it to the name.
Every address in it must be one that may be called. No redirect leads elsewhere.

    pushed_authorization_request_endpoint       there: it is used (RFC 9126), and never done without when it fails
    authorization_response_iss_parameter_...    true: an answer without ``iss`` is refused (RFC 9207)
    code_challenge_methods_supported            there: it holds S256, or the provider cannot be used (RFC 7636)
    token_endpoint_auth_methods_supported       client_secret_basic where it is offered (the default), else _post
"""

from typing import Annotated, Literal

import msgspec

from stepwarden.connect.openid.settings import ProviderSettings, check_endpoint
from stepwarden.errors import ProviderError, SettingsError

_Names = Annotated[tuple[str, ...], msgspec.Meta(max_length=256)]


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What is read; all else in the document is passed over."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    response_types_supported: _Names = ("code",)
    code_challenge_methods_supported: _Names = ("S256",)
    token_endpoint_auth_methods_supported: _Names = ("client_secret_basic",)
    pushed_authorization_request_endpoint: str = ""
    require_pushed_authorization_requests: bool = False
    authorization_response_iss_parameter_supported: bool = False

    @property
    def authentication(self) -> Literal["client_secret_basic", "client_secret_post"]:
        """How we say who we are."""
        offered = self.token_endpoint_auth_methods_supported
        return "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"


def discovery_url(issuer: str) -> str:
    """Where the document is.

    >>> discovery_url("https://id.example/realms/bank/")
    'https://id.example/realms/bank/.well-known/openid-configuration'
    """
    return issuer.removesuffix("/") + "/.well-known/openid-configuration"


def read_metadata(body: bytes, settings: ProviderSettings) -> Metadata:
    """Read the document of this provider.

    Raises:
        ProviderError: it is not one, is another provider's, or names what cannot be used.
    """
    try:
        found = msgspec.json.decode(body, type=Metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ProviderError("the discovery document cannot be read") from None
    if found.issuer != settings.issuer:
        raise ProviderError("the discovery document is another issuer's")
    pushed = found.pushed_authorization_request_endpoint
    endpoints = [
        found.authorization_endpoint,
        found.token_endpoint,
        found.jwks_uri,
        *([pushed] if pushed else ()),
    ]
    try:
        for one in endpoints:
            check_endpoint(one, allow_private=settings.allow_private)
    except SettingsError as exc:
        raise ProviderError(f"the discovery document names what may not be called: {exc}") from None
    if found.require_pushed_authorization_requests and not pushed:
        raise ProviderError("the provider wants requests to be pushed, and does not say where")
    if "code" not in found.response_types_supported:
        raise ProviderError("the provider does not offer the authorization code flow")
    if "S256" not in found.code_challenge_methods_supported:
        raise ProviderError("the provider does not offer PKCE with S256")
    offered = found.token_endpoint_auth_methods_supported
    if not {"client_secret_basic", "client_secret_post"} & set(offered):
        raise ProviderError("the provider takes no client secret")
    return found
