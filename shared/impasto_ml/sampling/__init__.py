"""Drawing with any family: several pictures at once, as one sheet."""
