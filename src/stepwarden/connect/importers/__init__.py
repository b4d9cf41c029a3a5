"""Importers: other systems' logs, read as attempts. ``connect.detect.open_log`` is the way in."""
