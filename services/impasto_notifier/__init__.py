"""The notifier: webhooks out, nothing else."""
