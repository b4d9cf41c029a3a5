"""Build the gateway: ``build(service, settings)`` is the ASGI application that ``server.run`` serves."""

from stepwarden.gateway.exchange import Settings
from stepwarden.gateway.front import App, Gateway
from stepwarden.gateway.pages import page_operations
from stepwarden.gateway.service import Service


def build(service: Service, settings: Settings, *, fallback: App | None = None) -> Gateway:
    """The application.

    Args:
        fallback: answers the paths that are not the API's, such as the console's pages. Without it they are 404.
    """
    return Gateway(service, settings, extra=page_operations(settings), fallback=fallback)
