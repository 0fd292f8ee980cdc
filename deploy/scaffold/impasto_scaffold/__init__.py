"""Writes the first files of a job kind or of a model family, and puts their lines where they are registered."""
