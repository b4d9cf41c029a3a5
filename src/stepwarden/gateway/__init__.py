"""Where other software meets us: the HTTP API. Translates, never decides."""
