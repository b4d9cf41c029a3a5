"""Formats in and out: other systems' logs, look-ups of addresses and agents."""
