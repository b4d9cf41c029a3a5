"""Settings and wiring: the only place that builds things."""
