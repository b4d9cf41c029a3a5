"""Firewalls, gateways, hypervisors, control panels."""

from stepwarden.connect.importers.applications.messages import Message

MESSAGES: tuple[Message, ...] = ()
