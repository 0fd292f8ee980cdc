"""The public API, a file for each noun."""
