"""Build the gateway: ``build(service, settings)`` is the site that ``server.run`` serves."""

from stepwarden.gateway.exchange import Settings
from stepwarden.gateway.front import Gateway
from stepwarden.gateway.pages import page_operations
from stepwarden.gateway.service import Service


def build(service: Service, settings: Settings) -> Gateway:
    """The gateway with all its routes, the pages about them included."""
    return Gateway(service, settings, extra=page_operations(settings))
