"""Address and agent look-ups from the settings."""
