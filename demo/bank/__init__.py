"""Acme Bank: a small web application that lets Stepwarden decide, through ``stepwarden.sdk`` alone."""
