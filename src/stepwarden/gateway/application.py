"""Build the gateway: ``build(service, settings)`` is the site that ``server.run`` serves."""

from collections.abc import Sequence

from stepwarden.gateway.exchange import Settings
from stepwarden.gateway.front import Gateway
from stepwarden.gateway.pages import page_operations
from stepwarden.gateway.service import Service
from stepwarden.gateway.visits import Site, visit_operations


def build(service: Service, settings: Settings, sites: Sequence[Site] = ()) -> Gateway:
    """The gateway with all its routes, the pages about them included, and the people's pages of ``sites``."""
    visits = [operation for site in sites for operation in visit_operations(site)]
    return Gateway(service, settings, extra=(*page_operations(settings), *visits))
