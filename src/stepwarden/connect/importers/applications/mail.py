"""Mail servers."""

from stepwarden.connect.importers.applications.messages import Message

MESSAGES: tuple[Message, ...] = ()
