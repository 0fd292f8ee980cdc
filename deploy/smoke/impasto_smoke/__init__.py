"""Builds the compose stack without pulling anything, runs it, looks at it, and takes it down."""
