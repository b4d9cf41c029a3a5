"""The log in PostgreSQL: for those who run one already, and for several nodes that stand by for each other."""
