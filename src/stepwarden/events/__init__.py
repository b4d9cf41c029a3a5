"""Frozen event types, their catalogue and their one canonical encoding. Pure."""
