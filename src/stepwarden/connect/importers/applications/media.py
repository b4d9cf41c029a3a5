"""Media servers, and what runs beside them at home."""

from stepwarden.connect.importers.applications.messages import Message

MESSAGES: tuple[Message, ...] = ()
