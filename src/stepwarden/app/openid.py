"""Our own OpenID provider, built where ``openid.clients`` names any: the provider, and its two sites."""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from stepwarden.app.settings import Settings
from stepwarden.flow.attempts import Attempts
from stepwarden.flow.jose import Jose
from stepwarden.flow.openid import BACK, OpenIdProvider
from stepwarden.flow.openid_request import Client, check_redirect_uri
from stepwarden.flow.pages import Pages
from stepwarden.flow.recorder import Recorder
from stepwarden.flow.service import Service
from stepwarden.gateway.openid import OpenIdSite
from stepwarden.gateway.visits import Site

KEY_BYTES: Final = 32
_PORTS: Final = {"http": 80, "https": 443}


def make_openid(
    settings: Settings,
    recorder: Recorder,
    attempts: Attempts,
    pages: Pages,
    jose: Jose,
    *,
    live: Callable[[str], bool],
    entropy: Callable[[int], bytes],
) -> OpenIdProvider | None:
    """The provider; None without clients. ``live``: whether there is an API key of this id.

    Raises:
        SettingsError: an address that nobody may be sent to.
    """
    clients = {
        name: Client(name, tuple(map(check_redirect_uri, client.redirect_uris)))
        for name, client in settings.openid.clients.items()
    }
    if not clients:
        return None
    return OpenIdProvider(recorder, attempts, pages, jose, clients=clients, live=live, entropy=entropy)


def origins(settings: Settings, url: str) -> tuple[str, ...]:
    """Where our pages lead back to for it: to ourselves (``BACK``), and from there to the clients."""
    if not settings.openid.clients:
        return ()
    addresses = [one for client in settings.openid.clients.values() for one in client.redirect_uris]
    return tuple(sorted({_origin(one) for one in (url + BACK, *addresses)}))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def make_openid_sites(
    service: Service,
    settings: Settings,
    url: str,
    *,
    clock: Callable[[], int],
    entropy: Callable[[int], bytes],
) -> tuple[Site, ...]:
    """What browsers and what clients ask of it."""
    provider = service.proving.openid
    if provider is None:
        return ()
    # Loaded here: templates are for whoever serves, not for every command.
    from stepwarden.console.authorize import AuthorizeSite

    browsers = AuthorizeSite(
        provider,
        public_url=url,
        issuer=settings.issuer,
        key=entropy(KEY_BYTES),
        clock=clock,
        entropy=entropy,
    )
    return browsers, OpenIdSite(provider, service.authenticate)
