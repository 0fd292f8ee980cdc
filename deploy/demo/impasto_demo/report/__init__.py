"""The page about a run: one file that needs nothing else."""
