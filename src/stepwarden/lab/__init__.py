"""Replay of logs that somebody already has, and reports."""
