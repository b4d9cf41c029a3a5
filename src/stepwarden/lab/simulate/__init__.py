"""Simulated people and attackers: what they do, and what would have been answered."""
