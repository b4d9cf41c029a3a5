"""Signals and rules in; allow, step up or deny out, with reasons. Pure."""
