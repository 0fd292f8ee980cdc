"""The gateway: the public API and its one origin."""
