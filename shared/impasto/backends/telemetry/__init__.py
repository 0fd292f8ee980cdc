"""What a process says of itself beside its metrics: log lines, and spans if somebody collects them."""
