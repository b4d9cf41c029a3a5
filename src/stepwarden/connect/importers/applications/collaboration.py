"""Where people work together: forges, boards, wikis, documents, house books."""

from stepwarden.connect.importers.applications.messages import Message

MESSAGES: tuple[Message, ...] = ()
