"""`checkpoint.import`: the handler in the worker's slot, and what its runner does with files that nobody trusts yet."""
