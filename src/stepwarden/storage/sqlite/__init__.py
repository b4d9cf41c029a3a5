"""The embedded default: a log in one SQLite file (``log.SqliteLogStore``), its query index in another
(``index``)."""
