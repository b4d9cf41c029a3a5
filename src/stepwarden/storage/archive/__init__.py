"""Homes for the archive of a log: a directory, an S3-compatible object store."""
