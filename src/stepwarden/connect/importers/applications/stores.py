"""File transfer, databases, telephony."""

from stepwarden.connect.importers.applications.messages import Message

MESSAGES: tuple[Message, ...] = ()
