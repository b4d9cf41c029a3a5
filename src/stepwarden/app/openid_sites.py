"""What is served of our own OpenID provider: one site for browsers, one for clients."""

from collections.abc import Callable
from typing import Final

from stepwarden.app.settings import Settings
from stepwarden.flow.service import Service
from stepwarden.gateway.openid import OpenIdSite
from stepwarden.gateway.visits import Site

KEY_BYTES: Final = 32


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
