"""Facts about an attempt, computed from the history before it. Pure."""
