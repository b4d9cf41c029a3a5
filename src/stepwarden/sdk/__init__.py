"""What an application imports. Stands alone."""
