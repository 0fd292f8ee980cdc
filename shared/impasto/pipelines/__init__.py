"""Pipelines: several jobs in one submission that feed one another, checked whole before the first one starts."""
