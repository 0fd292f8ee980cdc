"""Ingestion: uploads in, each file checked, made harmless, content-addressed and stored, with a verdict for each."""
