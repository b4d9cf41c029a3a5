"""JSON that applications write: one function for each application, which knows its records by their keys.

>>> convert({"some": "record"}) is None
True
"""

from typing import Final

from stepwarden.connect.importers.applications.records_identity import authentik, teleport
from stepwarden.connect.importers.applications.records_portals import authelia, opensearch_dashboards
from stepwarden.connect.importers.applications.records_servers import caddy, mongodb, sftpgo
from stepwarden.connect.importers.applications.records_services import (
    audiobookshelf,
    gitlab,
    gitlab_message,
    nextcloud,
    ntfy,
)
from stepwarden.connect.importers.clean import Folded
from stepwarden.connect.importers.jsonlog import Converted, Converter

CONVERTERS: Final[tuple[Converter, ...]] = (
    audiobookshelf,
    authelia,
    authentik,
    caddy,
    gitlab,
    gitlab_message,
    mongodb,
    nextcloud,
    ntfy,
    opensearch_dashboards,
    sftpgo,
    teleport,
)


def convert(record: Folded) -> Converted:
    """What the first application that knows the record makes of it; ``None`` where none does."""
    for one in CONVERTERS:
        found = one(record)
        if found is not None:
            return found
    return None
