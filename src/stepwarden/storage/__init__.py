"""Adapters of the rooms' storage protocols."""
