"""Carrying codes, pushes and notices to people: by mail, and by a signed webhook to a provider."""
