"""Ingestion's addresses."""
