"""PostgreSQL, the truth: one file a use case's SQL."""
