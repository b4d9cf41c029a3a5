"""People's and operators' pages."""
