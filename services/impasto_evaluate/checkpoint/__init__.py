"""`evaluate.checkpoint`: accuracy, calibration and stability of a checkpoint."""
