"""Our own OpenID provider, built where ``openid.clients`` names any. What is served of it: ``openid_sites``."""

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
