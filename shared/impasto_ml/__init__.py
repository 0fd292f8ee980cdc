"""The plain learning library: data, encoders, model families, training and evaluation. Knows no job and no queue."""
