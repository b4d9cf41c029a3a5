"""Stepwarden: the audit log that decides who gets through the door."""

__version__ = "0.1.0"
