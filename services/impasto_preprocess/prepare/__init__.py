"""`dataset.prepare`: artworks in, an immutable dataset version out."""
